# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each reason to issue again, at the minute where it begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.authority import create_root
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.compat import not_after
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.identity import parse_identity
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.installation import check_signed
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import generate_key
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.policy import (
    InstalledCertificate,
    WantedCertificate,
    reissue_reasons,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.validity import Lifetime

KEY = generate_key("ecdsa-p256")
IDENTITY = parse_identity("db1", {"O": "X"}, ["a.example", "b.example"], ["10.0.0.1"])
WANTED = WantedCertificate("db1", IDENTITY, ("server",), "ecdsa-p256", Lifetime(100))


@pytest.fixture
def current(between, issue):
    leaf = issue(between, KEY, IDENTITY, ("server",))
    chain = (leaf, between.certificate)
    return InstalledCertificate(chain, fullchain=(*chain, between.chain[-1]), root=between.chain[-1:])


def codes(current, wanted=WANTED, issuer=(), key=KEY, now=None):
    return [reason.code for reason in reissue_reasons(current, wanted, issuer, key, now)]


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
        ({"key_type": "rsa-2048"}, "key_type_changed", "the key is ecdsa-p256, but rsa-2048 is wanted"),
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
            "the subject is CN=db1,O=X, but CN=db2,O=X is wanted",
        ),
        ({"usages": ("server", "client")}, "usage_changed", "the usages differ: client joins"),
        ({"usages": ("client",)}, "usage_changed", "the usages differ: client joins; server leaves"),
    ],
)
def test_a_changed_wish_is_a_reason(current, now, change, code, said):
    reasons = reissue_reasons(current, replace(WANTED, **change), (), KEY, now)
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
    assert "it ended 2028-06-08" in reissue_reasons(current, WANTED, (), KEY, ended)[0].sentence


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
    reasons = reissue_reasons(current, WANTED, remade.chain, KEY, now)
    assert ("issuer_changed", "the CA CN=Between has another key now than the one that signed") in [
        (reason.code, reason.sentence) for reason in reasons
    ]
    reasons = reissue_reasons(current, WANTED, root.chain, KEY, now)
    assert reasons[0].sentence == "it was signed by CN=Between, but CN=Test Root is wanted"


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
    check_signed(leaf, between.chain, WANTED, KEY, now)
    with pytest.raises(PkiError, match="does not belong to the private key on this host"):
        check_signed(leaf, between.chain, WANTED, None, now)
    with pytest.raises(PkiError, match="does not lead from the certificate to a root"):
        check_signed(leaf, root.chain, WANTED, KEY, now)
    with pytest.raises(PkiError, match="does not lead from the certificate to a root"):
        check_signed(leaf, between.chain[:1], WANTED, KEY, now)
    with pytest.raises(PkiError, match="not as wished: the usages differ: client joins; server leaves"):
        check_signed(leaf, between.chain, replace(WANTED, usages=("client",)), KEY, now)
