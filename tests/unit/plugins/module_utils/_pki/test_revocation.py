# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Revocation lists: openssl reads and checks what this room signs, and this room reads what openssl signs."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.authority import (
    Authority,
    assemble_authority,
    create_root,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.certificates import load_certificates, render_pem
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.compat import x509
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import (
    KEY_TYPES,
    generate_key,
    load_private_key,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.names import parse_identity
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.revocation import (
    HOLD,
    REASONS,
    CrlEntry,
    CrlSchedule,
    list_is_due,
    load_revocation_list,
    parse_serial,
    release,
    render_serial,
    revoke,
    revoked_at,
    sign_revocation_list,
    summarise_list,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.validity import Lifetime
from openssl_judge import openssl, text_of, verdict

TEXT_OF_REASON = {
    "keyCompromise": "Key Compromise",
    "affiliationChanged": "Affiliation Changed",
    "superseded": "Superseded",
    "cessationOfOperation": "Cessation Of Operation",
    "certificateHold": "Certificate Hold",
    "privilegeWithdrawn": "Privilege Withdrawn",
}


def crl_text(pem: str) -> str:
    return re.sub(r"\s+", " ", openssl("crl", "-noout", "-text", stdin=pem))


def checked_by_openssl(folder, pem: str, ca_pem: str) -> str:
    """What ``openssl crl -CAfile`` says of a list's signature."""
    (folder / "ca.pem").write_text(ca_pem)
    done = subprocess.run(
        ["openssl", "crl", "-noout", "-CAfile", str(folder / "ca.pem")],
        input=pem,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("key_type", [one for one in KEY_TYPES if one != "rsa-4096"])
def test_openssl_accepts_the_list_of_every_kind_of_ca(tmp_path, now, key_type):
    ca = create_root(parse_identity("CA", {"O": "Grün"}), generate_key(key_type), Lifetime(3650).starting(now), None)
    entries = [CrlEntry(1000 + number, now, reason) for number, reason in enumerate(REASONS)]
    signed = sign_revocation_list(ca, entries, None, 30, now)

    assert checked_by_openssl(tmp_path, signed.pem, render_pem([ca.certificate])) == "verify OK\n"
    text = crl_text(signed.pem)
    assert "Version 2 (0x1)" in text
    assert "Last Update: Feb 29 11:55:00 2028 GMT Next Update: Mar 30 12:00:00 2028 GMT" in text
    own = re.search(r"X509v3 Subject Key Identifier: (\S+)", text_of(render_pem([ca.certificate])))
    identifier = re.search(r"X509v3 Authority Key Identifier: (?:keyid:)?(\S+)", text)
    assert own and identifier and own[1] == identifier[1]
    assert "X509v3 CRL Number: 1 " in text
    assert "critical" not in text
    found = re.findall(
        r"Serial Number: (\w+) Revocation Date: (.*? GMT)(?: CRL entry extensions: X509v3 CRL Reason Code: (.*?) (?=Serial|Signature))?",
        text,
    )
    assert [(int(serial, 16), reason) for serial, _date, reason in found] == [
        (entry.serial, TEXT_OF_REASON.get(entry.reason, "")) for entry in entries
    ]
    assert load_revocation_list(signed.pem.encode(), ca.certificate, "ca.crl") == signed


def test_the_issuer_is_the_very_bytes_of_the_ca_certificate(tmp_path, now):
    """Kinds of strings and the order of names must survive, or verifiers that compare bytes find no list."""
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", tmp_path / "key")
    config = tmp_path / "cnf"
    config.write_text("[req]\ndistinguished_name=d\nstring_mask=default\n[d]\n")
    subject = "/C=DE/O=Big  Company/OU=a+CN=By Hand/CN=last"
    made = ["req", "-x509", "-new", "-key", tmp_path / "key", "-config", config, "-multivalue-rdn", "-subj", subject]
    (ca,) = load_certificates(openssl(*made, "-addext", "basicConstraints=critical,CA:TRUE").encode(), "ca")

    authority = assemble_authority(load_private_key((tmp_path / "key").read_bytes(), None, "key"), [ca], "ca")
    pem = sign_revocation_list(authority, [], None, 30, now).pem
    names = [
        openssl("asn1parse", "-inform", "PEM", "-strparse", offset, "-out", tmp_path / f"name{offset}", stdin=text)
        and (tmp_path / f"name{offset}").read_bytes()
        for text, offset in ((render_pem([ca]), _offset_of_name(render_pem([ca]))), (pem, _offset_of_name(pem)))
    ]
    assert names[0] == names[1]


def _offset_of_name(pem: str) -> str:
    """Where the first name of a DER text stands: the sequence right before its first SET."""
    lines = openssl("asn1parse", stdin=pem).splitlines()
    first_set = next(number for number, line in enumerate(lines) if "cons: SET" in line)
    return lines[first_set - 1].split(":")[0].strip()


def test_numbers_grow_and_dates_of_entries_stay(root, now):
    first = sign_revocation_list(root, [CrlEntry(7, now - timedelta(days=40), HOLD)], None, 30, now)
    later = now + timedelta(days=25)
    second = sign_revocation_list(root, [*first.entries, CrlEntry(8, revoked_at(later))], first, 30, later)
    assert (first.number, second.number) == (1, 2)
    assert second.entries[0] == first.entries[0]
    assert second.entries[1].date <= second.this_update
    assert second.next_update == later + timedelta(days=30)


def test_a_list_beyond_2050_is_read_back(root, now):
    far = now.replace(year=2056)
    signed = sign_revocation_list(root, [CrlEntry(9, far)], None, 400, far)
    assert "Next Update: Apr 4 12:00:00 2057 GMT" in crl_text(signed.pem)  # GeneralizedTime
    assert load_revocation_list(signed.pem.encode(), root.certificate, "x") == signed


def test_due(root, now):
    def code(current, days=10, at=now):
        reason = list_is_due(current, days, at)
        return reason and reason.code

    signed = sign_revocation_list(root, [], None, 30, now)
    assert code(None) == "missing"
    assert code(signed) is None
    assert code(signed, at=now + timedelta(days=20)) is None
    assert code(signed, at=now + timedelta(days=20, seconds=1)) == "renewal_due"
    assert code(signed, at=now + timedelta(days=31)) == "renewal_due"
    assert code(signed, days=0, at=now + timedelta(days=30)) is None
    for lack in ({"number": None}, {"next_update": None}, {"names_key": False}):
        assert code(replace(signed, **lack)) == "incomplete"


@pytest.mark.parametrize(
    ("timing", "said"),
    [
        (CrlSchedule(0, 0), "crl_lifetime_days is 0, but must be from 1 to 36500"),
        (CrlSchedule(36501, 0), "crl_lifetime_days is 36501"),
        (
            CrlSchedule(30, 30),
            "crl_renew_before_days is 30, but must be from 0 to less than crl_lifetime_days \\(30\\)",
        ),
        (CrlSchedule(30, -1), "crl_renew_before_days is -1"),
    ],
)
def test_times_that_make_no_sense_are_refused(timing, said):
    with pytest.raises(PkiError, match=said):
        timing.check()
    assert CrlSchedule(30, 29).check() == CrlSchedule(30, 29)


def test_openssl_verifies_with_the_lists(tmp_path, root, between, issue, now):
    moment = ["-attime", str(int(now.timestamp()))]
    good, bad = (issue(between, generate_key("ed25519")) for _number in range(2))
    chain = render_pem(between.chain)
    empty = sign_revocation_list(root, [], None, 30, now).pem
    lists = (
        empty + sign_revocation_list(between, [CrlEntry(bad.serial_number, now, "keyCompromise")], None, 30, now).pem
    )
    crls = tmp_path / "crls.pem"

    def judged(leaf, text, *more):
        crls.write_text(text)
        check = ["-CRLfile", str(crls), "-crl_check", "-crl_check_all", *(more or moment)]
        return verdict(tmp_path, render_pem([leaf]), chain, "client", *check)

    assert judged(good, lists) == "OK"
    assert "certificate revoked" in judged(bad, lists)
    assert "unable to get certificate CRL" in judged(good, empty)
    assert "CRL has expired" in judged(good, lists, "-attime", str(int((now + timedelta(days=31)).timestamp())))
    revoked_ca = sign_revocation_list(root, [CrlEntry(between.certificate.serial_number, now)], None, 30, now).pem
    assert "certificate revoked" in judged(good, revoked_ca + lists[len(empty) :])


def by_openssl(folder, *sections: str, extensions: str = "", v1: bool = False) -> tuple[x509.Certificate, str]:
    """A CA and the list of ``openssl ca -gencrl``; sections are lines of its index."""
    openssl("genpkey", "-algorithm", "rsa", "-out", folder / "key")
    openssl("req", "-x509", "-new", "-key", folder / "key", "-subj", "/CN=By Hand", "-out", folder / "crt")
    (folder / "index").write_text("".join(f"{line}\n" for line in sections))
    (folder / "number").write_text("0A\n")
    number = "" if v1 else f"crlnumber={folder}/number\ncrl_extensions=e\n"
    (folder / "cnf").write_text(
        f"[ca]\ndefault_ca=a\n[a]\ndatabase={folder}/index\ndefault_md=sha256\n{number}[e]\n{extensions}\n"
    )
    made = ["ca", "-gencrl", "-config", folder / "cnf", "-keyfile", folder / "key", "-cert", folder / "crt"]
    pem = openssl(*made, "-crldays", "30")
    return load_certificates((folder / "crt").read_bytes(), "crt")[0], pem


def test_a_list_made_by_openssl_is_read_and_carried_on(tmp_path):
    until, since = "350101000000Z", "200101000000Z"
    ca, pem = by_openssl(
        tmp_path,
        f"R\t{until}\t{since},keyCompromise\t0B\tunknown\t/CN=a",
        f"R\t{until}\t{since},keyTime,20190101000000Z\t0C\tunknown\t/CN=b",
        f"R\t{until}\t{since}\t0D\tunknown\t/CN=c",
        extensions="authorityKeyIdentifier=keyid",
    )
    read = load_revocation_list(pem.encode(), ca, "ca.crl")
    assert [(entry.serial, entry.reason) for entry in read.entries] == [
        (11, "keyCompromise"),
        (12, "keyCompromise"),
        (13, "unspecified"),
    ]
    assert read.entries[0].date == datetime(2020, 1, 1, tzinfo=timezone.utc)
    assert (read.number, read.names_key) == (10, True)

    authority = Authority(load_private_key((tmp_path / "key").read_bytes(), None, "key"), (ca,))
    carried = sign_revocation_list(authority, read.entries, read, 30, read.this_update)
    assert carried.number == 11
    assert "Invalidity Date: Jan 1 00:00:00 2019 GMT" in crl_text(carried.pem)
    assert load_revocation_list(carried.pem.encode(), ca, "ca.crl").entries == read.entries


def test_a_list_without_number_is_due(tmp_path):
    ca, pem = by_openssl(tmp_path, v1=True)
    read = load_revocation_list(pem.encode(), ca, "ca.crl")
    assert read.number is None
    reason = list_is_due(read, 0, read.this_update)
    assert reason and reason.code == "incomplete"


def test_what_is_not_the_complete_list_of_the_ca_is_refused(tmp_path, root, between, now):
    pem = sign_revocation_list(root, [], None, 30, now).pem

    def refusal(text, issuer=root.certificate):
        with pytest.raises(PkiError) as caught:
            load_revocation_list(text.encode(), issuer, "x/ca.crl")
        return str(caught.value)

    assert refusal("nonsense") == "x/ca.crl is not readable (it holds 0 CRLs in PEM, not one); restore it"
    assert "it holds 2 CRLs" in refusal(pem * 2)
    lines = pem.splitlines(keepends=True)
    assert "CRL 1 is damaged" in refusal("".join([lines[0], "AAAA\n", lines[-1]]))
    assert "was not signed by the CA CN=Between; restore the CRL" in refusal(pem, between.certificate)
    remade = create_root(parse_identity("Test Root"), generate_key("ecdsa-p256"), Lifetime(10).starting(now), None)
    assert "was not signed by the CA CN=Test Root" in refusal(pem, remade.certificate)
    part = "issuingDistributionPoint=critical,@i\n[i]\nonlyuser=TRUE"
    ca, partial = by_openssl(tmp_path, extensions=part)
    assert "is not a complete CRL (critical extension 2.5.29.28)" in refusal(partial, ca)


@pytest.mark.parametrize("text", ["0A1B", "0a:1b", " A1B ", "0x0A1B"])
def test_serial_numbers_are_read_as_people_copy_them(text):
    assert parse_serial(text) == 0x0A1B
    assert render_serial(0x0A1B) == "0A1B"


@pytest.mark.parametrize("text", ["", "xyz", "0", "-1", "1.5", "F" * 40, "0x", "1" * 70])
def test_what_is_no_serial_number_is_refused(text):
    with pytest.raises(PkiError, match="serial_number is .* but must be hexadecimal digits"):
        parse_serial(text)


A, B = ("ca", 1), ("ca", 2)


def test_revoking(now):
    before, later = now - timedelta(days=3), now
    ledger, kept = revoke({}, [A, B], "superseded", before, "app1")
    assert (list(ledger), kept) == ([A, B], [])
    assert ledger[A] == CrlEntry(1, before, "superseded")
    again, kept = revoke(ledger, [A, B], "superseded", later, "app1")
    assert (again, kept) == (ledger, [])
    same, kept = revoke(ledger, [A], "keyCompromise", later, "app1")
    assert same == ledger, "it is revoked, which is what counts; the reason of a list is never changed"
    assert kept == ["app1: serial number 01 is revoked for superseded already, and stays so"]
    with pytest.raises(PkiError, match="01 is revoked for superseded and serial number 02 is"):
        revoke(ledger, [A, B], HOLD, later, "app1")
    more, kept = revoke({A: ledger[A]}, [A, B], "keyCompromise", later, "app1")
    assert more == {A: ledger[A], B: CrlEntry(2, later, "keyCompromise")}
    assert kept == ["app1: serial number 01 is revoked for superseded already, and stays so"]


def test_a_hold_becomes_final_since_its_own_date_or_is_released(now):
    before = now - timedelta(days=3)
    held, _kept = revoke({}, [A, B], HOLD, before, "app1")
    final, kept = revoke(held, [A], "keyCompromise", now, "app1")
    assert (final[A], kept) == (CrlEntry(1, before, "keyCompromise"), [])
    assert release(held, [A], "app1") == {B: held[B]}
    assert release({}, [A], "app1") == {}
    assert release(final, [A, B], "app1") == {A: final[A]}
    assert release({A: final[A]}, [A, B], "app1") == {A: final[A]}
    with pytest.raises(PkiError) as caught:
        release(final, [A], "app1")
    assert str(caught.value) == (
        "app1: serial number 01 is revoked for keyCompromise, and only certificateHold can be released; "
        "issue a new certificate"
    )


def test_the_same_serial_of_two_cas_are_two_certificates(now):
    ledger, _kept = revoke({}, [A, ("other", 1)], HOLD, now, "app1")
    assert release(ledger, [A], "app1") == {("other", 1): CrlEntry(1, now, HOLD)}


def test_the_summary_has_no_times_and_is_sorted(now):
    text = summarise_list("CN=X", [CrlEntry(300, now, HOLD), CrlEntry(2, now)], {2: "app1"}, "signed")
    assert text == "issuer: CN=X\nCRL: signed\nrevoked: 012C certificateHold\nrevoked: 02 unspecified app1\n"
