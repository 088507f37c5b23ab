# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chains in odd shapes, and answers that are CAs or come twice."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.answers import (
    complete_chain,
    facts_of,
    find_certificates,
    leaf_differences,
    read_answer,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.authority import (
    Authority,
    create_intermediate,
    create_root,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.certificates import render_pem
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError, UnreadableError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.exact_requests import exact_request
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import generate_key
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.limits import SigningPolicy
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.names import parse_identity
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.orders import read_orders
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.requests import build_request
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.validity import Lifetime
from inventory import OF_THE_INVENTORY

KEY, OTHER_KEY = generate_key("ecdsa-p256"), generate_key("ecdsa-p256")
ENTRY = {
    **dict.fromkeys(OF_THE_INVENTORY),
    "name": "app1",
    "common_name": "app1",
    "usages": ["client"],
    "dns_names": [],
    "ip_addresses": [],
}


def order_for(key, now, **more):
    entry = {**ENTRY, "lifetime_days": 100, **more}
    identity = parse_identity("app1", entry["subject"], entry["dns_names"], entry["ip_addresses"])
    request = {"name": "app1", "csr_pem": build_request(identity, entry["usages"], key)}
    (order,) = read_orders([entry], [request], None, SigningPolicy(3650), now)
    assert exact_request(request["csr_pem"], order) == request["csr_pem"]
    return order


def chain_of(leaf, known):
    return complete_chain(leaf, known, "app1", "give it")


def test_a_chain_is_found_in_any_order_among_others(root, between, issue, now):
    leaf = issue(between, KEY)
    stranger = create_root(parse_identity("Stranger"), OTHER_KEY, Lifetime(100).starting(now), None).certificate
    for known in permutations([leaf, root.certificate, between.certificate, stranger]):
        assert chain_of(leaf, known) == (between.certificate, root.certificate)


def test_of_the_certificates_of_a_renewed_ca_the_last_counts(issue, now):
    identity = parse_identity("Root")
    old = create_root(identity, OTHER_KEY, Lifetime(400).starting(now), None)
    new = create_root(identity, OTHER_KEY, Lifetime(800).starting(now), None)
    leaf = issue(old, KEY)
    for known in permutations([old.certificate, new.certificate]):
        assert chain_of(leaf, known) == (new.certificate,)


def test_of_a_cross_signed_ca_the_shortest_way_to_a_root_counts(root, issue, now):
    identity = parse_identity("Second Root")
    second = create_root(identity, OTHER_KEY, Lifetime(400).starting(now), None)
    crossed = create_intermediate(root, identity, OTHER_KEY, Lifetime(800), 0, now)
    leaf = issue(second, KEY)
    known = [crossed.certificate, root.certificate]
    assert chain_of(leaf, known) == (crossed.certificate, root.certificate)
    assert chain_of(leaf, [*known, second.certificate]) == (second.certificate,)


def test_cas_that_sign_each_other_and_no_root_end_with_a_sentence(issue, now):
    one = create_root(parse_identity("One"), KEY, Lifetime(900).starting(now), None)
    two = create_root(parse_identity("Two"), OTHER_KEY, Lifetime(900).starting(now), None)
    one_by_two = create_intermediate(two, parse_identity("One"), KEY, Lifetime(800), 0, now).certificate
    two_by_one = create_intermediate(one, parse_identity("Two"), OTHER_KEY, Lifetime(800), 0, now).certificate
    leaf = issue(one, generate_key("ecdsa-p256"))
    with pytest.raises(PkiError, match=r"^app1: the certificate of the CA CN=\w+ is missing from its chain; give it$"):
        chain_of(leaf, [one_by_two, two_by_one])


def test_an_issuer_that_is_no_ca_is_no_issuer(root, issue, now):
    false_ca = Authority(OTHER_KEY, (issue(root, OTHER_KEY), root.certificate))
    leaf = issue(false_ca, KEY)
    with pytest.raises(PkiError, match="the certificate of the CA CN=app1 is missing"):
        chain_of(leaf, false_ca.chain)


def test_a_signer_that_answers_with_a_ca_is_refused(root, now):
    order = order_for(KEY, now)
    made = create_intermediate(root, parse_identity("app1"), KEY, Lifetime(90), 0, now)
    assert "it is the certificate of a CA" in leaf_differences(made.certificate, order, now)
    with pytest.raises(PkiError, match="did not sign as requested: .*it is the certificate of a CA"):
        read_answer(order, render_pem(made.chain).encode(), (), now)


def test_of_two_certificates_for_the_key_the_younger_counts(root, issue, now):
    old, new = issue(root, KEY), issue(root, KEY, at=now + timedelta(days=50))
    for both in permutations([old, new]):
        answer = read_answer(order_for(KEY, now), render_pem(both).encode(), [root.certificate], now)
        assert (answer.leaf, answer.chain) == (new, (root.certificate,))


def test_a_certificate_that_is_due_or_has_expired_is_none(root, issue, now):
    order = order_for(KEY, now)
    leaf = issue(root, KEY)
    end = now + timedelta(days=100)
    assert leaf_differences(leaf, order, end - timedelta(days=30, seconds=1)) == []
    due = "its renewal is due: it expires on 2028-06-08T12:00:00Z, in 30 days"
    assert leaf_differences(leaf, order, end - timedelta(days=30)) == [due]
    assert leaf_differences(leaf, order, end) == ["it expired on 2028-06-08T12:00:00Z"]


def test_an_address_in_the_subject_stands_among_the_names_too(root, issue, now):
    order = order_for(KEY, now, subject={"emailAddress": "jane@doe.test"})
    plain, named = issue(root, KEY), issue(root, KEY, identity=order.identity)
    assert leaf_differences(named, order, now) == []
    assert leaf_differences(plain, order, now)[1] == "the names are none, not RFC822Name jane@doe.test"


def test_line_ends_of_json_count_and_damage_is_told(root, now):
    pem = render_pem([root.certificate])
    assert find_certificates(pem.replace("\n", "\\n").encode(), "x") == (root.certificate,)
    assert find_certificates(pem.replace("\n", "\\r\\n").encode(), "x") == (root.certificate,)
    assert find_certificates(pem.replace("\n", "\r\n").encode(), "x") == (root.certificate,)
    assert find_certificates(b"no certificate at all", "x") == ()
    with pytest.raises(UnreadableError, match="^x: a certificate is cut off; restore it$"):
        find_certificates(pem[:100].encode(), "x")
    assert facts_of(root.certificate, now, "x")["common_name"] == "Test Root"
