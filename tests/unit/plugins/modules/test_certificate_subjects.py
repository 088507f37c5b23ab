# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subjects whose order and parts count: kept from the inventory to the certificate, and shown as PostgreSQL compares them."""

from __future__ import annotations

import re

import pytest
from inventory import asked
from module_runner import run_module
from openssl_judge import openssl

# The string of RFC 4514, and what openssl prints of a certificate with such a subject. DER orders what is joined (X.690 section 11.6).
SUBJECTS = [
    ("C=DE,O=Acme,OU=Ops,CN=app1", "C=DE,O=Acme,OU=Ops,CN=app1"),
    ("CN=app1+UID=4711,O=Acme", "UID=4711+CN=app1,O=Acme"),
    ("UID=4711+CN=app1,O=Acme", "UID=4711+CN=app1,O=Acme"),
    ("O=Acme,CN=app1+UID=4711+OU=x", "O=Acme,UID=4711+CN=app1+OU=x"),
    ("CN=app1,OU=b,OU=a,OU=b", "CN=app1,OU=b,OU=a,OU=b"),
    ("CN=app1, street=Am See 5 , DC=example , DC=com", "CN=app1,street=Am See 5,DC=example,DC=com"),
    (r"cn=app1,o=M\C3\BCller\, S\c3\B6hne \+ Co", r"CN=app1,O=M\C3\BCller\, S\C3\B6hne \+ Co"),
    ("CN=app1,O=Müller = Söhne", r"CN=app1,O=M\C3\BCller = S\C3\B6hne"),
    (r"CN=app1,O=\"a\" \<b\>\; \\c,OU=\#1", r"CN=app1,O=\"a\" \<b\>\; \\c,OU=\#1"),
    ("emailAddress=a@b.example,CN=app1,serialNumber=5", "emailAddress=a@b.example,CN=app1,serialNumber=5"),
]


@pytest.fixture
def holder(tmp_path):
    run_module("ca", {"directory": str(tmp_path / "ca"), "common_name": "Any"})
    return tmp_path


def item(folder, name, **more):
    files = {"private_key": "kite.key", "certificate": "kite.crt", "root": "root.crt"}
    return {
        "name": "kite",
        "common_name": "app1",
        "usages": ["client"],
        "distinguished_name": name,
        **{option: str(folder / file) for option, file in files.items()},
        **more,
    }


def request(one):
    return run_module("certificate_request", {"certificates": [one]})


def issue(folder, one):
    """Request, sign and install; the request is returned."""
    due = request(one)
    assert not due["failed"], due["msg"]
    (wanted,) = due["requests"]
    wish = asked({**one, "csr_pem": wanted["csr_pem"]})
    signed = run_module("certificate_sign", {"directory": str(folder / "ca"), **wish})
    assert not signed["failed"], signed["msg"]
    done = run_module("certificate_install", {"certificates": [one], "signed": signed["certificates"]})
    assert not done["failed"], done["msg"]
    return wanted["csr_pem"]


def subject(kind, pem):
    return openssl(kind, "-noout", "-subject", "-nameopt", "RFC2253", stdin=pem).strip().removeprefix("subject=")


@pytest.mark.parametrize(("name", "printed"), SUBJECTS)
def test_a_subject_is_kept_in_request_certificate_and_renewal(holder, name, printed):
    one = item(holder, name)
    assert subject("req", issue(holder, one)) == printed
    certificate = (holder / "kite.crt").read_text()
    assert subject("x509", certificate) == printed
    again = request(one)
    assert (again["changed"], again["requests"]) == (False, [])
    renewed = item(holder, name, not_after="2030-01-01T00:00:00Z")
    assert subject("req", issue(holder, renewed)) == printed
    assert (holder / "kite.crt").read_text() != certificate
    assert subject("x509", (holder / "kite.crt").read_text()) == printed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CN=app1,OU=Ops,O=Acme", "OU=Ops,CN=app1,O=Acme"),
        ("CN=app1+UID=4711,O=Acme", "CN=app1,UID=4711,O=Acme"),
        ("CN=app1,OU=a+UID=1", "CN=app1+UID=1,OU=a"),
    ],
)
def test_another_order_or_other_parts_are_another_subject(holder, before, after):
    issue(holder, item(holder, before))
    (due,) = request(item(holder, after))["requests"]
    (reason,) = due["reasons"]
    assert reason["sentence"] == f"the subject is {before}, but {after} is requested"


def test_a_subject_without_order_is_the_same_as_before(holder):
    issue(holder, {**item(holder, None), "subject": {"O": "Acme", "C": "DE"}})
    assert request(item(holder, "CN=app1,O=Acme,C=DE"))["requests"] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "CN=other,O=Acme",
            "the common name in distinguished_name is 'other', but common_name is 'app1'; give the same to both",
        ),
        ("O=Acme", "the common name in distinguished_name is '', but common_name is 'app1'"),
        (
            "/CN=app1/O=Acme",
            "distinguished_name holds '/CN=app1/O=Acme', which does not start with one of DC, C, ST, L,",
        ),
        ("CN=app1,Acme", "distinguished_name holds 'Acme', which does not start with one of"),
        ("CN=app1,O=Acme, Inc", "escape a comma or a plus sign in a value by a backslash"),
        ("CN=app1,O=Acme\\", "distinguished_name ends with a backslash that escapes nothing; write it twice"),
        ('CN=app1,O="Acme"', 'distinguished_name has a O with one of " ; < > or a leading #; escape it by a backslash'),
        ("CN=app1,O=#0403", "or a leading #"),
        ("CN=app1,O=\\ff", "distinguished_name has a O that is not UTF-8"),
        ("CN=app1,C=Deutschland", "distinguished_name has a C that has 11 bytes, but at most 2 are allowed"),
        ("CN=app1,O=", "distinguished_name has a O that is '', but it must be not empty"),
        ("CN=app1,OU=a+OU=a", "distinguished_name joins an attribute to itself; give it once"),
        ("", "distinguished_name holds ''"),
    ],
)
def test_what_is_not_a_name_is_one_sentence(holder, name, said):
    done = request(item(holder, name))
    assert done["failed"] and said in done["msg"] and done["msg"].startswith("the certificate kite: ")
    assert not (holder / "kite.key").exists()


def test_a_whole_subject_and_a_part_of_one_exclude_each_other(holder):
    done = request({**item(holder, "CN=app1,O=Acme"), "subject": {"O": "Acme"}})
    assert "subject and distinguished_name exclude each other; leave one out" in done["msg"]


FOREIGN = [
    "/C=DE/O=Müller & Söhne/OU=Ops/CN=app1",
    "/CN=app1/street=Am See 5/postalCode=8000/L=Zürich/ST=ZH",
    "/CN=app1/SN=Ott/GN=Uli/title=Dr/initials=U/pseudonym=uo/dnQualifier=x/generationQualifier=III/name=n",
    "/CN=app1/description=a, b/businessCategory=x/telephoneNumber=+41 1/role=r/organizationIdentifier=VATDE-1",
    "/CN=app1/jurisdictionC=DE/jurisdictionL=B/jurisdictionST=BE/unstructuredName=u/unstructuredAddress=a/mail=m@b",
    "/CN=app1/x500UniqueIdentifier=1/postOfficeBox=2/physicalDeliveryOfficeName=3",
    "/CN=app1/1.3.6.1.4.1.55555.1.2=odd/2.999.5=more/OU=Ops",
    '/CN=app1/OU= a /OU=#b/OU=a#b/OU=a\\\\b"c;d<e>f=g/emailAddress=a@b/serialNumber=5',
    "/DC=com/DC=example/O=日本 𝄞/UID=u/CN=a.b.c+OU=x",
]


@pytest.mark.parametrize("mask", ["utf8only", "default", "MASK:0x1000", "pkix"])
@pytest.mark.parametrize("name", FOREIGN)
def test_the_dn_for_maps_is_what_openssl_prints(tmp_path, name, mask):
    (tmp_path / "c").write_text(f"[req]\nstring_mask={mask}\ndistinguished_name=dn\n[dn]\n")
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null"]
    try:
        pem = openssl(*made, "-config", tmp_path / "c", "-utf8", "-multivalue-rdn", "-subj", name)
    except AssertionError:
        assert mask == "MASK:0x1000" or "𝄞" in name  # types of strings that these attributes or letters cannot have
        return
    done = run_module("certificate_info", {"content": pem})
    if done["failed"]:
        assert re.search("T61|InvalidValue|cannot be read", done["msg"])  # the library reads no such string
        return
    assert done["certificates"][0]["postgresql_dn"] == subject("x509", pem)
