# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests, and what a CA agrees to sign."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.compat import same_public_key
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.identity import identity_of
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import generate_key
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.limits import SigningPolicy
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.names import parse_identity
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.orders import read_orders
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.profiles import usages_of
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.requests import build_request
from inventory import OF_THE_INVENTORY
from openssl_judge import openssl

KEY = generate_key("ecdsa-p256")
CSR = build_request(parse_identity("evil", {"O": "Y"}, ["evil.example"]), ("server", "client"), KEY)


def orders(authority, limits, now, csr_pem=CSR, **more):
    """What becomes of one request whose entry is changed so."""
    known = {"name": "db1", "common_name": "db1", "subject": {"O": "X"}, "usages": ["server"], "lifetime_days": 100}
    entry = {**dict.fromkeys(OF_THE_INVENTORY), **known, "dns_names": ["A.example"], "ip_addresses": [], **more}
    return read_orders([entry], [{"name": entry["name"], "csr_pem": csr_pem}], authority, limits, now)


def test_of_a_request_the_key_alone_counts(root, now):
    (order,) = orders(root, SigningPolicy(3650), now)
    leaf = order.sign(root, now)
    assert identity_of(leaf) == parse_identity("db1", {"O": "X"}, ["a.example"])
    assert usages_of(leaf) == ("server",)
    assert same_public_key(leaf.public_key(), KEY.public_key())


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (SigningPolicy(99), "a validity period of 100 days is longer than max_lifetime_days \\(99\\)"),
        (SigningPolicy(3650, usages=("client",)), "the usage server is not in allowed_usages"),
        (SigningPolicy(3650, dns_domains=("other.example",)), "the name a.example is not in allowed_dns_domains"),
        (SigningPolicy(1, usages=()), "the usage server .*; a validity period of 100 days"),
    ],
)
def test_the_ca_refuses_what_goes_beyond_its_limits(root, now, limits, said):
    with pytest.raises(PkiError, match=f"the certificate db1: the CA refuses to sign: .*{said}"):
        orders(root, limits, now)


@pytest.mark.parametrize("name", ["example", "a.example"])
def test_names_in_a_permitted_domain_are_signed(root, now, name):
    assert orders(root, SigningPolicy(3650, dns_domains=(name,)), now)


def test_domain_is_compared_by_labels(root, now):
    with pytest.raises(PkiError, match="not in allowed_dns_domains"):
        orders(root, SigningPolicy(3650, dns_domains=("trusted.org",)), now, dns_names=["eviltrusted.org"])
    assert orders(root, SigningPolicy(3650, dns_domains=("trusted.org",)), now, dns_names=["*.trusted.org"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "../x"}, "the name of a certificate is '../x'"),
        ({"name": ".x"}, "the name of a certificate is '.x'"),
        ({"name": ""}, "the name of a certificate is ''"),
        ({"csr_pem": "nonsense"}, "csr_pem holds no certificate signing request"),
        ({"usages": []}, "usages is empty"),
        ({"usages": ["mail"]}, "usages holds 'mail'"),
        ({"dns_names": []}, "needs dns_names or ip_addresses"),
        ({"dns_names": ["a b"]}, "not a host name"),
        ({"lifetime_days": 99999}, "which expires on 2038-02-26"),
    ],
)
def test_bad_request_is_refused(root, now, change, said):
    with pytest.raises(PkiError, match=said):
        orders(root, SigningPolicy(36500), now, **change)


def test_request_with_a_wrong_signature_is_refused(root, now):
    lines = CSR.splitlines()
    der = bytearray(b64decode("".join(lines[1:-1])))
    der[der.index(b"evil")] ^= 1
    forged = "\n".join([lines[0], b64encode(bytes(der)).decode(), lines[-1], ""])
    with pytest.raises(PkiError, match="the signature of the request is wrong"):
        orders(root, SigningPolicy(3650), now, csr_pem=forged)


def test_weak_key_is_refused(root, now):
    weak = openssl("req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=db1")
    with pytest.raises(PkiError, match="key of type rsa-1024"):
        orders(root, SigningPolicy(3650), now, csr_pem=weak)


def test_a_request_of_openssl_is_signed_by_its_entry(root, now):
    made = ("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null")
    csr = openssl(*made, "-subj", "/C=DE/O=X/CN=PostgreSQL server")
    (order,) = orders(root, SigningPolicy(3650), now, csr_pem=csr)
    assert identity_of(order.sign(root, now)).common_name == "db1"


KNOWN = {
    **dict.fromkeys(OF_THE_INVENTORY),
    "common_name": "db1",
    "usages": ["client"],
    "dns_names": [],
    "ip_addresses": [],
}
KNOWN["lifetime_days"] = 100


@pytest.mark.parametrize(
    ("entries", "requests", "said"),
    [
        ([], [("h1", "a")], "the certificate a of the host h1 is requested, but the option certificates has no entry"),
        ([("h2", "a")], [("h1", "a")], "the certificate a of the host h1 is requested, but .* no entry"),
        ([("h1", "b")], [("h1", "a")], "the certificate a of the host h1 is requested, but .* no entry"),
        ([("h1", "a")], [("", "a")], "the certificate a is requested, but .* no entry"),
        ([("", "a")], [("h1", "a")], "the certificate a of the host h1 is requested, but .* no entry"),
        ([("h1", "a")] * 2, [("h1", "a")], "certificates holds the certificate a of the host h1 2 times"),
        ([("h1", "a")], [("h1", "a")] * 3, "requests holds the certificate a of the host h1 3 times"),
        ([("h1", "a")], [("h1", "{{ x }}")], "the certificate '{{ x }}' of the host h1 is requested"),
    ],
)
def test_every_request_has_the_one_entry_of_its_host_and_name(root, now, entries, requests, said):
    listed = [{**KNOWN, "host": host, "name": name} for host, name in entries]
    asked = [{"host": host, "name": name, "csr_pem": CSR} for host, name in requests]
    with pytest.raises(PkiError, match=f"^{said}"):
        read_orders(listed, asked, root, SigningPolicy(3650), now)


def test_one_name_on_two_hosts_is_two_certificates(root, now):
    listed = [{**KNOWN, "host": host, "name": "a", "common_name": host} for host in ("h1", "h2")]
    asked = [{"host": host, "name": "a", "csr_pem": CSR} for host in ("h2", "h1")]
    found = read_orders(listed, asked, root, SigningPolicy(3650), now)
    assert [order.identity.common_name for order in found] == ["h2", "h1"]


def test_an_entry_that_would_be_due_at_once_is_refused(root, now):
    old = {"not_before": "2027-12-01T00:00:00Z"}
    with pytest.raises(
        PkiError, match="db1 would be due for renewal at once, because it would expire on 2028-03-10T00:00:00Z"
    ):
        orders(root, SigningPolicy(3650), now, **old)
    assert orders(root, SigningPolicy(3650), now, renew_before_days=5, **old)
    assert orders(root, SigningPolicy(3650), now, not_before="2020-01-01T00:00:00Z", not_after="2020-12-31T00:00:00Z")
