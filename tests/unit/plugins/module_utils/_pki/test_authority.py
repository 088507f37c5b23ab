# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CAs and what they sign."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.authority import (
    assemble_authority,
    create_intermediate,
    create_root,
    load_authority,
    sign_leaf,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.certificates import describe, links, render_pem
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.compat import not_after, not_before
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import generate_key
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.names import parse_identity
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.validity import Lifetime
from openssl_judge import openssl, text_of, verdict


def leaf(authority, now, usages=("client",), lifetime=None, identity=None):
    key = generate_key("ecdsa-p256")
    return sign_leaf(
        authority, identity or parse_identity("app1"), usages, key.public_key(), lifetime or Lifetime(100), now
    )


def test_root_is_what_rfc5280_asks_of_a_ca(root):
    text = text_of(render_pem(root.chain))
    assert "X509v3 Basic Constraints: critical CA:TRUE X509v3 Key Usage: critical Certificate Sign, CRL Sign" in text
    assert "X509v3 Subject Key Identifier" in text
    assert "X509v3 Authority Key Identifier" in text


def test_leaf_ends_with_its_ca_at_the_latest(root, now):
    end = not_after(root.certificate)
    assert not_after(leaf(root, now, lifetime=Lifetime(1, None, end))) == end
    with pytest.raises(PkiError) as refused:
        leaf(root, now + timedelta(days=5), lifetime=Lifetime(3650))
    assert str(refused.value) == (
        "the certificate app1 would expire on 2038-03-03T12:00:00Z, after its CA CN=Test Root, "
        "which expires on 2038-02-26T12:00:00Z: lifetime_days of at most 3645 fits"
    )
    fits = leaf(root, now + timedelta(days=5), lifetime=Lifetime(3645))
    assert not_after(fits) == end


def test_ca_that_has_ended_signs_nothing_more(root, now):
    with pytest.raises(PkiError, match="renew the CA first"):
        leaf(root, now + timedelta(days=4000))


def test_leaf_is_not_older_than_its_ca_unless_asked(root, now):
    assert not_before(leaf(root, now)) == not_before(root.certificate)
    early = now - timedelta(days=100)
    assert not_before(leaf(root, now, lifetime=Lifetime(1, early, now - timedelta(days=10)))) == early


def test_san_is_critical_only_where_the_subject_is_empty(root, now, tmp_path):
    nameless = leaf(root, now, ("server",), identity=parse_identity("", None, ["a.example"]))
    assert "X509v3 Subject Alternative Name: critical DNS:a.example" in text_of(render_pem([nameless]))
    named = leaf(root, now, ("server",), identity=parse_identity("x", None, ["a.example"]))
    assert "X509v3 Subject Alternative Name: DNS:a.example" in text_of(render_pem([named]))
    at = ("-attime", str(int(now.timestamp())))
    assert verdict(tmp_path, render_pem([named]), render_pem(root.chain), "server", *at) == "OK"


def test_client_gets_no_san_from_its_common_name(root, now):
    assert "Alternative Name" not in text_of(render_pem([leaf(root, now)]))


def test_both_usages_only_when_asked(root, now):
    both = leaf(root, now, ("server", "client"), identity=parse_identity("x", None, ["a.example"]))
    assert "TLS Web Server Authentication, TLS Web Client Authentication" in text_of(render_pem([both]))


def test_serial_numbers_are_random_positive_and_short(root, now):
    serials = {leaf(root, now).serial_number for _number in range(20)}
    assert len(serials) == 20
    assert all(0 < serial < 2**159 for serial in serials)
    assert max(serials).bit_length() > 64


def test_strings_have_the_types_of_rfc5280(now):
    identity = parse_identity("Bären CA", {"C": "DE", "DC": "example", "serialNumber": "7"})
    made = create_root(identity, generate_key("ecdsa-p256"), Lifetime(10).starting(now), None)
    parsed = openssl("asn1parse", stdin=render_pem(made.chain))
    for value in (
        "PRINTABLESTRING   :DE",
        "IA5STRING         :example",
        "PRINTABLESTRING   :7",
        "UTF8STRING        :B",
    ):
        assert value in parsed


def test_dates_after_2049_are_generalized_times(now):
    made = create_root(parse_identity("Long"), generate_key("ecdsa-p256"), Lifetime(36500).starting(now), None)
    assert "GENERALIZEDTIME" in openssl("asn1parse", stdin=render_pem(made.chain))


@pytest.mark.parametrize(
    ("identity", "usages", "said"),
    [
        (parse_identity("db1"), ("server",), "a server certificate needs dns_names or ip_addresses"),
        (parse_identity("", None, ["a.example"]), ("client",), "a client certificate needs a common_name"),
    ],
)
def test_names_that_could_not_work_are_refused(root, now, identity, usages, said):
    with pytest.raises(PkiError, match=said):
        leaf(root, now, usages, identity=identity)


def test_intermediate_stays_inside_its_parent(root, between, now):
    assert links(between.chain)
    with pytest.raises(PkiError, match="may not have CAs below it"):
        create_intermediate(between, parse_identity("C"), generate_key("ed25519"), Lifetime(10), 0, now)
    with pytest.raises(PkiError, match=r"the CA C would expire on .* lifetime_days of at most 3650 fits"):
        create_intermediate(root, parse_identity("C"), generate_key("ed25519"), Lifetime(3651), 0, now)
    deep = create_intermediate(root, parse_identity("D"), generate_key("ed25519"), Lifetime(10), 2, now)
    with pytest.raises(PkiError, match=r"path_length is 2, but the parent CA CN=D allows at most 1"):
        create_intermediate(deep, parse_identity("C"), generate_key("ed25519"), Lifetime(5), 2, now)


def test_what_does_not_belong_together_is_no_authority(root, between, now):
    with pytest.raises(PkiError, match="does not belong to the CA's private key"):
        assemble_authority(between.key, root.chain, "ca.crt")
    with pytest.raises(PkiError, match="does not lead to a root"):
        assemble_authority(between.key, between.chain[:1], "ca.crt")
    key = generate_key("ecdsa-p256")
    certificate = sign_leaf(root, parse_identity("x"), ("client",), key.public_key(), Lifetime(10), now)
    with pytest.raises(PkiError, match="is not the certificate of a CA"):
        assemble_authority(key, (certificate, *root.chain), "ca.crt")
    with pytest.raises(PkiError, match="chain.crt does not start with the certificate in ca.crt"):
        load_authority(root.key, render_pem(root.chain).encode(), render_pem(between.chain).encode(), "/ca")
    assert load_authority(between.key, render_pem(between.chain).encode(), render_pem(between.chain).encode(), "/ca")


def test_openssl_says_what_describe_says(between, now):
    certificate = leaf(
        between, now, ("server",), identity=parse_identity("db é", {"O": "X, Y"}, ["a.example"], ["::1"])
    )
    facts, pem = describe(certificate, now), render_pem([certificate])

    def say(*options):
        return openssl("x509", "-noout", *options, stdin=pem).strip().split("=", 1)[1]

    text = text_of(pem)
    assert say("-serial") == facts["serial_number"]
    assert say("-fingerprint", "-sha256") == facts["fingerprint_sha256"]
    assert say("-subject", "-nameopt", "RFC2253,-esc_msb,utf8") == facts["subject"]
    assert say("-issuer", "-nameopt", "RFC2253,-esc_msb,utf8") == facts["issuer"]
    assert f"X509v3 Subject Key Identifier: {facts['subject_key_identifier']} " in text
    assert f"X509v3 Authority Key Identifier: {facts['authority_key_identifier']} " in text
    assert f"Signature Algorithm: {facts['signature_algorithm']} " in text
    assert facts["signature_algorithm"] == "ecdsa-with-SHA384"
    assert facts["authority_key_identifier"] == describe(between.certificate, now)["subject_key_identifier"]
    assert (facts["days_left"], facts["dns_names"], facts["ip_addresses"]) == (100, ["a.example"], ["::1"])
    assert (facts["usages"], facts["is_ca"], facts["key_type"]) == (["server"], False, "ecdsa-p256")
    end = datetime.strptime(say("-enddate"), "%b %d %H:%M:%S %Y GMT")
    assert end.isoformat() + "Z" == facts["not_after"]
