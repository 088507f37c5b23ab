# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes from the inventory and from a host to a signer: only that, in plain types, whatever the host returned."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.pgtls.postgresql.plugins.filter.ca_settings import ca_settings
from ansible_collections.pgtls.postgresql.plugins.filter.certificate_entries import certificate_entries
from ansible_collections.pgtls.postgresql.plugins.filter.certificate_requests import certificate_requests
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.certificates.signer_interface import REQUESTS
from hypothesis import given
from hypothesis import strategies as st

try:
    from ansible.template import trust_as_template as of_inventory
except ImportError:  # ansible-core 2.18 marks what a host said instead
    from ansible.utils.unsafe_proxy import wrap_var as of_host

    def of_inventory(value: str) -> str:
        return value
else:

    def of_host(value: str) -> str:
        return value


def entries_of(certificates: Any, host: Any, facts: Any = None) -> Any:
    """The entries of a host, whose facts claim nothing unless they are given."""
    return certificate_entries(certificates, host, facts or {})


def requests_of(requests: Any, host: Any, certificates: Any, facts: Any = None) -> Any:
    """The requests of a host likewise."""
    return certificate_requests(requests, host, certificates, facts or {})


CSR = "-----BEGIN CERTIFICATE REQUEST-----\nMIHvMIGXAgEA/+==\n-----END CERTIFICATE REQUEST-----\n"
CERTIFICATE = {"name": "app1", "common_name": "App 1", "usages": ["client"]}


class Marked(str):
    """A string as Ansible marks it; nothing of the mark may stay."""


def types_in(value: Any) -> set[type]:
    """Every type inside a value."""
    if isinstance(value, dict):
        return {type(value)}.union(*(types_in(each) for pair in value.items() for each in pair))
    if isinstance(value, list):
        return {type(value)}.union(*map(types_in, value))
    return {type(value)}


def test_an_entry_is_what_a_signer_takes():
    options = {
        "subject": {"O": "X", "OU": ("a", "b")},
        "dns_names": ["a.example"],
        "ip_addresses": ["10.0.0.1"],
        "lifetime_days": 90,
        "not_before": "2027-01-01T00:00:00Z",
        "not_after": datetime(2028, 1, 1, tzinfo=timezone.utc),
        "renew_before_days": 9,
        "renew_before_percent": None,
    }
    holder = {"private_key": "/k", "private_key_passphrase": "secret", "owner": "root", "key_type": "ed25519"}
    (entry,) = entries_of([{**CERTIFICATE, **options, **holder, "host": "evil"}], "apps1")
    assert set(entry) < set(REQUESTS["certificates"]["options"])
    assert entry == {
        **CERTIFICATE,
        **{option: value for option, value in options.items() if option != "renew_before_percent"},
        "subject": {"O": "X", "OU": ["a", "b"]},
        "not_after": "2028-01-01T00:00:00+00:00",
        "host": "apps1",
    }


def test_marks_and_templates_become_plain_strings():
    marked = {Marked(option): Marked("{{ x }}") for option in ("name", "common_name")}
    certificates = ({**marked, "usages": (Marked("client"),), "subject": {Marked("O"): Marked("X")}},)
    entries = entries_of(certificates, Marked("apps1"))
    assert types_in(entries) == {dict, list, str}
    assert entries[0]["common_name"] == "{{ x }}"
    requests = requests_of(({Marked("name"): Marked("a"), "csr_pem": Marked(CSR)},), Marked("h"), certificates)
    assert types_in(requests) == {dict, list, str}


def test_what_is_omitted_is_left_out():
    omitted = object()
    (entry,) = entries_of([{**CERTIFICATE, "not_after": omitted, "subject": {"O": omitted, "C": "DE"}}], "h")
    assert entry == {**CERTIFICATE, "subject": {"C": "DE"}, "host": "h"}


@pytest.mark.parametrize(
    ("certificates", "host", "said"),
    [
        ("abc", "h", "the certificates of h are not a list of dictionaries"),
        ({"name": "x"}, "h", "the certificates of h are not a list of dictionaries"),
        ([CERTIFICATE, "app2"], "h", "the certificates of h are not a list of dictionaries"),
        ([CERTIFICATE], "", "give the name of the host"),
        ([CERTIFICATE], None, "give the name of the host"),
    ],
)
def test_what_is_no_list_of_certificates_is_refused(certificates, host, said):
    with pytest.raises(AnsibleFilterError, match=said):
        entries_of(certificates, host)


def test_of_a_request_name_and_csr_are_taken_and_the_host_is_the_inventory_s():
    lie = {
        "name": "app1",
        "csr_pem": CSR,
        "host": "db1",
        "usages": ["server"],
        "dns_names": ["db1"],
        "reasons": {"a": 1},
    }
    assert requests_of([lie], "apps1", [CERTIFICATE]) == [{"host": "apps1", "name": "app1", "csr_pem": CSR}]
    assert requests_of([], "apps1", []) == []
    spaced = CSR.replace("\n", "\r\n")
    assert requests_of([{"name": "app1", "csr_pem": spaced}], "h", [CERTIFICATE])[0]["csr_pem"] == spaced


@pytest.mark.parametrize(
    ("requests", "said"),
    [
        (None, "h returned requests that are not a list"),
        ("{{ lookup('pipe', 'id') }}", "h returned requests that are not a list"),
        ({"name": "a", "csr_pem": CSR}, "h returned requests that are not a list"),
        (7, "h returned requests that are not a list"),
        ([{"name": "a", "csr_pem": CSR}] * 5000, "h returned 5000 requests, but the inventory gives it 2 certificates"),
        ([None], "request 1 of h is not a dictionary"),
        ([{"name": "a", "csr_pem": CSR}, ["name"]], "request 2 of h is not a dictionary"),
        ([{}], "request 1 of h has no certificate name"),
        ([{"name": 7, "csr_pem": CSR}], "request 1 of h has no certificate name"),
        ([{"name": ["a"], "csr_pem": CSR}], "request 1 of h has no certificate name"),
        ([{"name": "{{ x }}", "csr_pem": CSR}], "request 1 of h has no certificate name"),
        ([{"name": "../a", "csr_pem": CSR}], "request 1 of h has no certificate name"),
        ([{"name": "a\n", "csr_pem": CSR}], "request 1 of h has no certificate name"),
        ([{"name": "a" * 256, "csr_pem": CSR}], "request 1 of h has no certificate name"),
        ([{"name": "a"}], "request 1 of h holds no certificate signing request in PEM"),
        ([{"name": "a", "csr_pem": {"a": CSR}}], "request 1 of h holds no certificate signing request in PEM"),
        ([{"name": "a", "csr_pem": CSR + "{{ x }}"}], "request 1 of h holds no certificate signing request in PEM"),
        ([{"name": "a", "csr_pem": "{% x %}" + CSR}], "request 1 of h holds no certificate signing request in PEM"),
        ([{"name": "a", "csr_pem": CSR + CSR}], "request 1 of h holds no certificate signing request in PEM"),
        ([{"name": "a", "csr_pem": CSR.replace("MIHv", "A" * 200_000)}], "request 1 of h holds no certificate signing"),
    ],
)
def test_what_no_honest_host_returns_is_refused_in_one_sentence(requests, said):
    with pytest.raises(AnsibleFilterError, match=f"^{said}.*; find out what answers there$"):
        requests_of(requests, "h", [CERTIFICATE] * 2)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(CSR),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "csr_pem", "host", "x"]), inner)
    ),
    max_leaves=12,
)


@given(anything)
def test_garbage_becomes_plain_strings_or_one_sentence(garbage):
    try:
        found = requests_of(garbage, "h", [CERTIFICATE] * 3)
    except AnsibleFilterError as error:
        assert "\n" not in str(error)
    else:
        assert types_in(found) <= {dict, list, str}
        assert all(one["host"] == "h" and set(one) == {"host", "name", "csr_pem"} for one in found)
        assert "{{" not in str(found)


CLAIMS = ["pgtls_ca_command", "__pgtls_ca_request", "inventory_hostname", "group_names", "omit", "delegated_vars"]


@pytest.mark.parametrize("name", CLAIMS)
def test_a_host_whose_facts_say_who_it_is_gets_nothing(name: str):
    for ask in (
        lambda facts: entries_of([CERTIFICATE], "apps1", facts),
        lambda facts: requests_of([{"name": "app1", "csr_pem": CSR}], "apps1", [CERTIFICATE], facts),
        lambda facts: ca_settings("ca1", {}, HOSTVARS, {"ca": ["ca1"]}, "apps1", facts),
    ):
        assert ask({"hostname": "apps1", "distribution": "Debian"})
        with pytest.raises(AnsibleFilterError, match=f"the facts of apps1 set {name}, "):
            ask({"hostname": "apps1", name: "mine"})
        with pytest.raises(AnsibleFilterError, match=f"the facts of apps1 set {name}, "):
            ask({"ansible_facts": {"hostname": "apps1", name: "mine"}})  # as ansible-core has them in changed_when
        assert ask({"ansible_facts": {"hostname": "apps1"}})
        for nonsense in ("pgtls", ["pgtls"], {"ansible_facts": "pgtls"}):
            with pytest.raises(AnsibleFilterError, match="the facts of apps1 set ansible_facts, "):
                ask(nonsense)


HOSTVARS = {
    "ca1": {"pgtls_ca_directory": "/srv/ca", "pgtls_ca_passphrase": "secret", "ansible_facts": {}},
    "apps1": {"pgtls_ca_directory": "/mine", "ansible_facts": {}},
}


def test_facts_that_stand_beside_variables_of_the_inventory_are_no_claim():
    """Gathered facts have such names without their prefix: the fact ansible_domain is no variable domain."""
    known = {
        "pgtls_server_dns_names": ["db.{{ domain }}"],
        "ansible_domain": "swgalaxy",
        "ansible_facts": {"domain": "swgalaxy"},
    }
    for domain in (of_inventory("elsewhere.example"), of_inventory("swgalaxy")):
        hostvars = {**HOSTVARS, "apps1": {**known, "domain": domain}}
        assert ca_settings("ca1", {}, hostvars, {"ca": ["ca1"]}, "apps1", known["ansible_facts"])
    taken = {**HOSTVARS, "apps1": {**known, "domain": of_host("swgalaxy")}}
    for meant in (
        "{{ ansible_facts.domain }}",
        '{{ ansible_facts["domain"] }}',
        "{{ ansible_facts[ 'domain' ] | lower }}",
    ):
        named = {**HOSTVARS, "apps1": {**taken["apps1"], "pgtls_server_dns_names": [meant]}}
        assert ca_settings("ca1", {}, named, {"ca": ["ca1"]}, "apps1", known["ansible_facts"])
    with pytest.raises(AnsibleFilterError, match="the facts of apps1 set domain, but these variables come from"):
        ca_settings("ca1", {}, taken, {"ca": ["ca1"]}, "apps1", known["ansible_facts"])


def test_the_settings_of_a_ca_are_those_of_its_host():
    here = {"directory": "/here", "provider": "pgtls"}
    found = ca_settings("ca1", here, HOSTVARS, {"ca": ["ca1"]}, "apps1", {})
    assert found == {"directory": "/srv/ca", "provider": "pgtls"}


def test_a_ca_is_held_by_a_member_of_its_group_or_by_the_host_itself():
    assert ca_settings("apps1", {}, HOSTVARS, {}, "apps1", {})["directory"] == "/mine"
    with pytest.raises(AnsibleFilterError, match="ca1 for apps1, which is not a member of the group ca"):
        ca_settings("ca1", {}, HOSTVARS, {"ca": ["another"]}, "apps1", {})
    with pytest.raises(AnsibleFilterError, match="nowhere is not a host of the inventory"):
        ca_settings("nowhere", {}, HOSTVARS, {"ca": ["nowhere"]}, "apps1", {})
    lying = {**HOSTVARS, "ca1": {"ansible_facts": {"pgtls_ca_directory": "/x"}}}
    with pytest.raises(AnsibleFilterError, match="the facts of ca1 set pgtls_ca_directory"):
        ca_settings("ca1", {}, lying, {"ca": ["ca1"]}, "apps1", {})
