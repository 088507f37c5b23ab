# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of subjects, hosts and addresses."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.identity import (
    build_name,
    subject_of,
    subject_pairs,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.names import (
    Identity,
    parse_dns_name,
    parse_identity,
    parse_ip_address,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("given_name", "normal"),
    [
        ("raxus.swgalaxy", "raxus.swgalaxy"),
        ("Raxus.SWGalaxy", "raxus.swgalaxy"),
        ("localhost", "localhost"),
        ("*.swgalaxy", "*.swgalaxy"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("1.example", "1.example"),
        ("a--b.example", "a--b.example"),
    ],
)
def test_dns_name_is_normalised(given_name, normal):
    assert parse_dns_name(given_name) == normal


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "not a host name"),
        ("*", "not a host name"),
        ("*.*.example", "not a host name"),
        ("a.*.example", "not a host name"),
        ("f*.example", "not a host name"),
        ("-a.example", "not a host name"),
        ("a-.example", "not a host name"),
        ("a..example", "not a host name"),
        ("a.example.", "not a host name"),
        ("under_score.example", "not a host name"),
        ("a b", "not a host name"),
        ("a\n", "not a host name"),
        ("a" * 64, "not a host name"),
        (".".join(["a" * 49] * 6), "not a host name"),
        ("münchen.example", "IDNA A-label"),
        ("10.0.0.1", "belongs in ip_addresses"),
    ],
)
def test_dns_name_is_refused(name, said):
    with pytest.raises(PkiError, match=said):
        parse_dns_name(name)


@pytest.mark.parametrize(
    ("address", "normal"),
    [("10.0.0.1", "10.0.0.1"), ("2001:DB8:0::0001", "2001:db8::1"), ("::", "::")],
)
def test_ip_address_is_normalised(address, normal):
    assert parse_ip_address(address) == normal


@pytest.mark.parametrize("address", ["", "10.0.0.0/8", "fe80::1%eth0", "host", "10.0.0.256", "010.0.0.1.2"])
def test_ip_address_is_refused(address):
    with pytest.raises(PkiError, match="not an IPv4 or IPv6 address"):
        parse_ip_address(address, "web1")


@pytest.mark.parametrize(
    ("common_name", "subject", "said"),
    [
        ("x" * 65, {}, "common_name has 65 bytes, but at most 64"),
        ("a\nb", {}, "common_name is 'a\\\\nb'"),
        (" a", {}, "starts or ends with a blank"),
        ("ä" * 33, {}, "common_name has 66 bytes"),
        ("\udc80", {}, "common_name is"),
        ("a", {"C": "DEU"}, "subject.C has 3 bytes"),
        ("a", {"C": "de"}, "two capital letters"),
        ("a", {"O": ""}, "subject.O is ''"),
        ("a", {"CN": "b"}, "belongs in common_name"),
        ("a", {"XX": "b"}, "not one of DC, C, ST"),
        ("a", {"emailAddress": "ä@example"}, "subject.emailAddress"),
        ("a", {"serialNumber": "a_b"}, "subject.serialNumber"),
    ],
)
def test_subject_is_refused(common_name, subject, said):
    with pytest.raises(PkiError, match=said):
        parse_identity(common_name, subject, whose="the certificate x")


def test_subject_has_one_order_whatever_the_order_of_the_options():
    one = parse_identity("app", {"O": "Example", "C": "DE", "OU": ["b", "a"], "DC": ["example", "com"]})
    other = parse_identity("app", {"OU": ["b", "a"], "DC": ["example", "com"], "C": "DE", "O": "Example"})
    assert one == other
    assert one.subject_text == "CN=app,OU=a,OU=b,O=Example,C=DE,DC=com,DC=example"
    assert subject_of(build_name(one)) == one


def test_names_are_kept_once_in_their_order():
    identity = parse_identity("a", None, ["b.example", "A.example", "B.EXAMPLE"], ["::1", "0::1", "10.0.0.1"])
    assert identity.dns_names == ("b.example", "a.example")
    assert identity.ip_addresses == ("::1", "10.0.0.1")


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ('a,b+c"d\\e<f>g;h', "\\,"),
        ("#a", "\\#a"),
        (" a ", "\\ a\\ "),
    ],
)
def test_subject_text_is_escaped(value, escaped):
    assert escaped in Identity((("CN", value),)).subject_text


@given(
    st.text(
        st.characters(min_codepoint=33, max_codepoint=0x2FFF, blacklist_categories=["Cc", "Cs", "Zs"]),
        min_size=1,
        max_size=21,
    )
)
def test_any_common_name_survives_the_certificate_form(name):
    if name == name.strip():
        identity = parse_identity(name)
        assert subject_pairs(build_name(identity)) == (("CN", name),)
