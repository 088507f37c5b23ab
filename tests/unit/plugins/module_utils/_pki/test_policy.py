# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each reason to issue again, at the minute where it begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.authority import (
    create_intermediate,
    create_root,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.compat import (
    not_after,
    not_before,
    split_crls,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.installation import check_signed
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import generate_key
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.names import parse_identity
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.policy import (
    Authorities,
    InstalledCertificate,
    WantedCertificate,
    reissue_reasons,
    revocation_of,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.revocation import CrlEntry, sign_revocation_list
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.validity import Lifetime

KEY = generate_key("ecdsa-p256")
IDENTITY = parse_identity("db1", {"O": "X"}, ["a.example", "b.example"], ["10.0.0.1"])
WANTED = WantedCertificate("db1", IDENTITY, ("server",), Lifetime(100))


@pytest.fixture
def current(between, issue):
    leaf = issue(between, KEY, IDENTITY, ("server",))
    chain = (leaf, between.certificate)
    return InstalledCertificate(chain, fullchain=(*chain, between.chain[-1]), root=between.chain[-1:])


def codes(current, wanted=WANTED, issuer=(), key=KEY, now=None, trusted=(), revocations=()):
    authorities = Authorities(tuple(issuer), tuple(trusted), tuple(revocations))
    return [reason.code for reason in reissue_reasons(current, wanted, authorities, key, now)]


def test_nothing_is_due_when_all_is_as_wished(current, between, now):
    wanted = replace(WANTED, wants_fullchain=True, wants_root=True)
    assert codes(current, wanted, between.chain, now=now) == []
    assert codes(current, wanted, (), now=now) == []


def test_missing_and_unreadable_stand_alone(now):
    assert codes(InstalledCertificate(), now=now) == ["missing"]
    assert codes(InstalledCertificate(problem="x.crt is damaged"), now=now) == ["unreadable"]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"key_type": "rsa-2048"}, "key_type_changed", "the key is ecdsa-p256, but rsa-2048 is requested"),
        (
            {"identity": parse_identity("db1", {"O": "X"}, ["c.example", "b.example"], ["10.0.0.1"])},
            "names_changed",
            "the names differ: c.example joins; a.example leaves",
        ),
        (
            {"identity": IDENTITY.with_names(("b.example", "a.example"), ())},
            "names_changed",
            "the names differ: 10.0.0.1 leaves",
        ),
        (
            {"identity": parse_identity("db2", {"O": "X"}, ["a.example", "b.example"], ["10.0.0.1"])},
            "subject_changed",
            "the subject is CN=db1,O=X, but CN=db2,O=X is requested",
        ),
        ({"usages": ("server", "client")}, "usage_changed", "the usages differ: client joins"),
        ({"usages": ("client",)}, "usage_changed", "the usages differ: client joins; server leaves"),
    ],
)
def test_a_changed_wish_is_a_reason(current, now, change, code, said):
    reasons = reissue_reasons(current, replace(WANTED, **change), Authorities(), KEY, now)
    assert [(reason.code, reason.sentence) for reason in reasons] == [(code, said)]


def test_order_of_names_is_no_reason(current, now):
    wanted = replace(WANTED, identity=IDENTITY.with_names(("b.example", "a.example"), ("10.0.0.1",)))
    assert codes(current, wanted, now=now) == []


def test_another_key_is_a_reason(current, now):
    assert codes(current, key=generate_key("ecdsa-p256"), now=now) == ["key_changed"]


def test_renewal_is_due_exactly_when_the_window_opens(current, now):
    opens = not_after(current.certificates[0]) - timedelta(days=30)
    assert codes(current, now=opens - timedelta(seconds=1)) == []
    assert codes(current, now=opens) == ["renewal_due"]
    ended = not_after(current.certificates[0]) + timedelta(days=1)
    assert "it expired on 2028-06-08" in reissue_reasons(current, WANTED, Authorities(), KEY, ended)[0].sentence


def test_a_window_as_long_as_the_life_does_not_renew_at_every_run(current, now):
    wanted = replace(WANTED, renew_before_days=400)
    assert codes(current, wanted, now=now + timedelta(days=66)) == []
    assert codes(current, wanted, now=now + timedelta(days=67)) == ["renewal_due"]


def test_an_exact_end_is_never_due_but_may_change(current, now):
    end = not_after(current.certificates[0])
    exact = replace(WANTED, lifetime=Lifetime(1, None, end))
    assert codes(current, exact, now=end + timedelta(days=100)) == []
    other = replace(WANTED, lifetime=Lifetime(1, None, end + timedelta(seconds=1)))
    assert codes(current, other, now=now) == ["validity_changed"]
    start = replace(WANTED, lifetime=Lifetime(1, now - timedelta(days=9), end))
    assert codes(current, start, now=now) == ["validity_changed"]


def test_issuer_is_compared_by_key(current, between, root, now):
    remade = create_root(parse_identity("Between"), generate_key("ecdsa-p384"), Lifetime(900).starting(now), 0)
    reasons = reissue_reasons(current, WANTED, Authorities(remade.chain), KEY, now)
    assert ("issuer_changed", "the CA CN=Between has a key that differs from the one that signed") in [
        (reason.code, reason.sentence) for reason in reasons
    ]
    reasons = reissue_reasons(current, WANTED, Authorities(root.chain), KEY, now)
    assert reasons[0].sentence == "it was signed by CN=Between, but CN=Test Root is requested"


def test_a_leaf_that_outlives_its_issuer_is_due(root, issue, now):
    leaf = issue(root, KEY, IDENTITY, ("server",))
    shorter = create_root(parse_identity("Test Root"), root.key, Lifetime(50).starting(now), None)
    assert codes(InstalledCertificate((leaf,)), issuer=shorter.chain, now=now) == ["outlives_issuer"]


def test_a_broken_chain_is_a_reason(current, between, root, now):
    leaf, middle = current.certificates
    both = replace(WANTED, wants_fullchain=True, wants_root=True)
    broken = [
        (replace(current, certificates=(leaf,)), WANTED, between.chain),
        (replace(current, certificates=(leaf, middle, leaf)), WANTED, ()),
        (replace(current, fullchain=()), both, ()),
        (replace(current, fullchain=current.fullchain[:2]), both, ()),
        (replace(current, root=()), both, ()),
        (replace(current, root=(middle,)), both, ()),
    ]
    for installed, wanted, issuer in broken:
        assert codes(installed, wanted, issuer, now=now) == ["chain_changed"]


def test_a_root_renewed_with_the_same_key_is_a_reason(root, issue, now):
    leaf = issue(root, KEY, IDENTITY, ("server",))
    renewed = create_root(parse_identity("Test Root"), root.key, Lifetime(5000).starting(now), None)
    installed = InstalledCertificate((leaf,), root=root.chain)
    assert codes(installed, replace(WANTED, wants_root=True), renewed.chain, now=now) == ["chain_changed"]


def test_signed_certificate_is_installed_only_as_wished(current, between, root, issue, now):
    leaf = current.certificates[0]
    check_signed((leaf, *between.chain), WANTED, KEY, Authorities(), now)
    with pytest.raises(PkiError, match="does not belong to the private key on this host"):
        check_signed((leaf, *between.chain), WANTED, None, Authorities(), now)
    with pytest.raises(PkiError, match="does not lead from the certificate to a root"):
        check_signed((leaf, *root.chain), WANTED, KEY, Authorities(), now)
    with pytest.raises(PkiError, match="does not lead from the certificate to a root"):
        check_signed((leaf, *between.chain[:1]), WANTED, KEY, Authorities(), now)
    with pytest.raises(PkiError, match="not as requested: the usages differ: client joins; server leaves"):
        check_signed((leaf, *between.chain), replace(WANTED, usages=("client",)), KEY, Authorities(), now)


def moment(text):
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize("percent", [1, 33, 50, 99])
def test_a_share_of_the_life_opens_the_window_at_its_second(current, percent):
    wanted = replace(WANTED, renew_before_percent=percent)
    leaf = current.certificates[0]
    opens = not_after(leaf) - (not_after(leaf) - not_before(leaf)) * percent / 100
    assert codes(current, wanted, now=opens - timedelta(seconds=1)) == []
    assert codes(current, wanted, now=opens) == ["renewal_due"]


def test_a_share_of_the_life_stands_before_days(current, now):
    wanted = replace(WANTED, renew_before_days=99, renew_before_percent=10)
    assert codes(current, wanted, now=now + timedelta(days=89)) == []
    assert codes(current, wanted, now=now + timedelta(days=91)) == ["renewal_due"]


@pytest.mark.parametrize(
    ("signed", "days", "opens", "end"),
    [
        ("2028-02-29T12:00:00", 365, "2029-01-29T12:00:00", "2029-02-28T12:00:00"),
        ("2027-03-31T12:00:00", 366, "2028-03-01T12:00:00", "2028-03-31T12:00:00"),  # over 29 February
        ("2028-01-30T00:00:00", 60, "2028-02-29T00:00:00", "2028-03-30T00:00:00"),
        ("2026-12-31T23:59:59", 790, "2029-01-29T23:59:59", "2029-02-28T23:59:59"),
        ("2099-03-02T00:00:00", 365, "2100-01-31T00:00:00", "2100-03-02T00:00:00"),  # 2100 has no 29 February
    ],
)
def test_days_are_counted_over_leap_days_too(issue, signed, days, opens, end):
    start = moment(signed)
    ca = create_root(parse_identity("Long"), generate_key("ecdsa-p256"), Lifetime(40000).starting(start), None)
    leaf = issue(ca, KEY, IDENTITY, ("server",), Lifetime(days), at=start)
    assert not_after(leaf) == moment(end)
    current = InstalledCertificate((leaf,))
    assert codes(current, now=moment(opens) - timedelta(seconds=1)) == []
    assert codes(current, now=moment(opens)) == ["renewal_due"]


def test_an_end_on_a_leap_day_is_kept_and_compared(issue, root, now):
    end = moment("2032-02-29T12:00:00")
    leaf = issue(root, KEY, IDENTITY, ("server",), Lifetime(1, None, end))
    assert codes(InstalledCertificate((leaf,)), replace(WANTED, lifetime=Lifetime(1, None, end)), now=now) == []


@pytest.mark.parametrize(
    ("after_the_end", "said"),
    [
        (timedelta(seconds=-1), "it expires on 2028-06-08T12:00:00Z, in 0 days"),
        (timedelta(0), "it expires on 2028-06-08T12:00:00Z, in 0 days"),
        (timedelta(seconds=1), "it expired on 2028-06-08T12:00:00Z"),
    ],
)
def test_expiry_is_said_to_the_second(current, after_the_end, said):
    now = not_after(current.certificates[0]) + after_the_end
    (reason,) = reissue_reasons(current, WANTED, Authorities(), KEY, now)
    assert (reason.code, reason.sentence) == ("renewal_due", said)


def test_several_reasons_come_in_one_order(current, root, now):
    wanted = replace(WANTED, identity=parse_identity("db2", {}, ["z"]), usages=("client",), key_type="rsa-2048")
    late = not_after(current.certificates[0])
    found = codes(replace(current, root=()), replace(wanted, wants_root=True), root.chain, now=late)
    assert found == [
        "key_type_changed",
        "names_changed",
        "subject_changed",
        "usage_changed",
        "issuer_changed",
        "renewal_due",
        "chain_changed",
    ]


def crl(authority, now, *entries):
    (signed,) = split_crls(sign_revocation_list(authority, entries, None, 30, now).pem.encode())
    return signed


def entry(current, now, reason="keyCompromise"):
    return CrlEntry(current.certificates[0].serial_number, now, reason)


def test_a_certificate_in_the_list_of_its_own_ca_is_revoked(current, between, root, now):
    listed = crl(between, now, entry(current, now))
    (reason,) = reissue_reasons(current, WANTED, Authorities(revocations=(crl(root, now), listed)), KEY, now)
    assert reason.code == "revoked"
    assert reason.sentence.startswith("its CA has revoked it on 2028-02-29T12:00:00Z (keyCompromise), serial number ")
    assert codes(current, now=now, revocations=[crl(between, now)]) == []
    assert codes(current, now=now, revocations=[crl(root, now, entry(current, now))]) == []
    without = revocation_of(current, Authorities(revocations=(crl(between, now, entry(current, now, "unspecified")),)))
    assert without.reason == "unspecified"


def test_a_certificate_on_hold_is_not_to_be_replaced(current, between, now):
    listed = crl(between, now, entry(current, now, "certificateHold"))
    assert codes(current, now=now, revocations=[listed]) == []
    assert revocation_of(current, Authorities(revocations=(listed,))).is_hold


def test_the_list_of_a_namesake_counts_only_for_what_the_namesake_signed(current, between, root, now):
    other = create_intermediate(root, parse_identity("Between"), generate_key("ecdsa-p384"), Lifetime(900), 0, now)
    forged = crl(other, now, entry(current, now))
    with pytest.raises(PkiError, match="crl_pem: the CRL of CN=Between was not signed by a CA of that name"):
        codes(current, now=now, revocations=[forged])
    assert codes(current, issuer=other.chain, now=now, revocations=[forged]) == ["issuer_changed"]
    assert codes(
        current, issuer=other.chain, now=now, revocations=[forged, crl(between, now, entry(current, now))]
    ) == [
        "issuer_changed",
        "revoked",
    ]


def test_a_list_whose_signer_is_not_known_is_an_error(root, issue, now):
    leaf = issue(root, KEY, IDENTITY, ("server",))
    with pytest.raises(PkiError, match="known here; give the crl_pem and the issuer_pem that the CA returns now"):
        codes(InstalledCertificate((leaf,)), now=now, revocations=[crl(root, now)])
    assert codes(InstalledCertificate((leaf,)), now=now, trusted=root.chain, revocations=[crl(root, now)]) == []


def test_a_root_file_of_two_roots_carries_the_chain_that_ends_in_one(current, between, root, now):
    other = create_root(parse_identity("Test Root G2"), generate_key("ecdsa-p256"), Lifetime(900).starting(now), None)
    both = replace(WANTED, wants_fullchain=True, wants_root=True)
    for roots in (root.chain + other.chain, other.chain + root.chain):
        assert codes(replace(current, root=roots), both, now=now) == []
        assert codes(replace(current, root=roots), both, between.chain, now=now, trusted=roots) == []
    assert codes(replace(current, root=other.chain), both, now=now) == ["chain_changed"]
    assert codes(current, both, between.chain, now=now, trusted=other.chain) == ["chain_changed"]


def test_a_root_file_that_differs_from_what_is_trusted_needs_no_certificate(current, between, root, now):
    both = replace(WANTED, wants_fullchain=True, wants_root=True)
    for roots in ((), between.chain[:1]):
        assert codes(replace(current, root=roots), both, between.chain, now=now, trusted=root.chain) == []


def test_what_is_trusted_must_hold_the_root_of_a_signed_certificate(current, between, root, now):
    leaf = current.certificates[0]
    other = create_root(parse_identity("Test Root G2"), generate_key("ecdsa-p256"), Lifetime(900).starting(now), None)
    check_signed((leaf, *between.chain), WANTED, KEY, Authorities(trusted=other.chain + root.chain), now)
    with pytest.raises(PkiError, match="the certificate db1 ends in the root CN=Test Root, which trusted_pem does not"):
        check_signed((leaf, *between.chain), WANTED, KEY, Authorities(trusted=other.chain), now)
    revoked = Authorities(revocations=(crl(between, now, entry(current, now)),))
    with pytest.raises(PkiError, match="not as requested: its CA has revoked it on"):
        check_signed((leaf, *between.chain), WANTED, KEY, revoked, now)
