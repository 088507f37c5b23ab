# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests, and what a CA agrees to sign."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.identity import identity_of, parse_identity
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import generate_key
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.limits import Limits
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.orders import read_orders
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.profiles import usages_of
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.requests import build_request
from openssl_judge import openssl

KEY = generate_key("ecdsa-p256")
CSR = build_request(parse_identity("db1", {"O": "X"}, ["evil.example"]), ("server", "client"), KEY)


def request(**more):
    return {
        "name": "db1",
        "csr_pem": CSR,
        "usages": ["server"],
        "dns_names": ["A.example"],
        "ip_addresses": [],
        "lifetime_days": 100,
        "not_before": None,
        "not_after": None,
        **more,
    }


def test_the_ca_decides_names_and_usages_and_keeps_the_subject(root, now):
    (order,) = read_orders([request()], root, Limits(3650), now)
    leaf = order.sign(root, now)
    assert identity_of(leaf) == parse_identity("db1", {"O": "X"}, ["a.example"])
    assert usages_of(leaf) == ("server",)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(99), "a life of 100 days is longer than max_lifetime_days \\(99\\)"),
        (Limits(3650, usages=("client",)), "the usage server is not in allowed_usages"),
        (Limits(3650, common_names=("app1",)), "the common name 'db1' is not in allowed_common_names"),
        (Limits(3650, dns_domains=("other.example",)), "the name a.example is not in allowed_dns_domains"),
        (Limits(1, usages=()), "the usage server .*; a life of 100 days"),
    ],
)
def test_the_ca_refuses_what_goes_beyond_its_limits(root, now, limits, said):
    with pytest.raises(PkiError, match=f"the certificate db1: the CA refuses to sign: .*{said}"):
        read_orders([request()], root, limits, now)


@pytest.mark.parametrize("name", ["example", "a.example"])
def test_names_in_a_permitted_domain_are_signed(root, now, name):
    assert read_orders([request()], root, Limits(3650, dns_domains=(name,)), now)


def test_domain_is_compared_by_labels(root, now):
    with pytest.raises(PkiError, match="not in allowed_dns_domains"):
        read_orders([request(dns_names=["eviltrusted.org"])], root, Limits(3650, dns_domains=("trusted.org",)), now)
    assert read_orders([request(dns_names=["*.trusted.org"])], root, Limits(3650, dns_domains=("trusted.org",)), now)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "../x"}, "the name of a request is '../x'"),
        ({"name": ".x"}, "the name of a request is '.x'"),
        ({"name": ""}, "the name of a request is ''"),
        ({"csr_pem": "nonsense"}, "csr_pem holds no certificate signing request"),
        ({"usages": []}, "usages is empty"),
        ({"usages": ["mail"]}, "usages holds 'mail'"),
        ({"dns_names": []}, "needs dns_names or ip_addresses"),
        ({"dns_names": ["a b"]}, "not a host name"),
        ({"lifetime_days": 99999}, "which ends 2038-02-26"),
    ],
)
def test_bad_request_is_refused(root, now, change, said):
    with pytest.raises(PkiError, match=said):
        read_orders([request(**change)], root, Limits(36500), now)


def test_request_with_a_wrong_signature_is_refused(root, now):
    lines = CSR.splitlines()
    der = bytearray(b64decode("".join(lines[1:-1])))
    der[der.index(b"db1")] ^= 1
    forged = "\n".join([lines[0], b64encode(bytes(der)).decode(), lines[-1], ""])
    with pytest.raises(PkiError, match="the signature of the request is wrong"):
        read_orders([request(csr_pem=forged)], root, Limits(3650), now)


def test_weak_key_is_refused(root, now):
    weak = openssl("req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=db1")
    with pytest.raises(PkiError, match="key of type rsa-1024"):
        read_orders([request(csr_pem=weak)], root, Limits(3650), now)


def test_request_of_openssl_is_signed(root, now):
    csr = openssl(
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        "/C=DE/O=X/CN=PostgreSQL server",
    )
    (order,) = read_orders([request(csr_pem=csr)], root, Limits(3650), now)
    assert identity_of(order.sign(root, now)).common_name == "PostgreSQL server"


def test_twice_the_same_name_is_refused(root, now):
    with pytest.raises(PkiError, match="holds the name db1 twice"):
        read_orders([request(), request()], root, Limits(3650), now)
