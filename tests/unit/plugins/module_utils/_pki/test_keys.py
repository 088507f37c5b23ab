# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys, with openssl as the other party."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import (
    KEY_TYPES,
    check_key_passphrase,
    generate_key,
    is_protected,
    key_type_of,
    load_private_key,
    load_private_key_der,
    private_key_der,
    serialise_private_key,
)
from openssl_judge import openssl

GENERATE = {
    "rsa-2048": ["genrsa", "2048"],
    "rsa-3072": ["genrsa", "3072"],
    "rsa-4096": ["genrsa", "4096"],
    "ecdsa-p256": ["ecparam", "-genkey", "-noout", "-name", "prime256v1"],
    "ecdsa-p384": ["ecparam", "-genkey", "-noout", "-name", "secp384r1"],
    "ed25519": ["genpkey", "-algorithm", "ed25519"],
}


@pytest.mark.parametrize("passphrase", [None, "a pass phrase"])
@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_key_of_each_type_is_pkcs8_that_openssl_reads(key_type, passphrase):
    key = generate_key(key_type)
    assert key_type_of(key) == key_type_of(key.public_key()) == key_type
    pem = serialise_private_key(key, passphrase)
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY" if passphrase else b"-----BEGIN PRIVATE KEY")
    openssl("pkey", "-check", "-noout", "-passin", f"pass:{passphrase}", stdin=pem.decode())


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_key_that_openssl_made_is_read(key_type):
    pem = openssl(*GENERATE[key_type])
    assert key_type_of(load_private_key(pem.encode(), None, "x.key")) == key_type


@pytest.mark.parametrize("form", [["rsa", "-traditional", "-aes256"], ["pkcs8", "-topk8"]])
def test_encrypted_key_that_openssl_made_is_read(form):
    pem = openssl(*form, "-passout", "pass:secret", stdin=openssl("genrsa", "2048")).encode()
    assert key_type_of(load_private_key(pem, "secret", "x.key")) == "rsa-2048"
    with pytest.raises(PkiError, match="x.key cannot be opened with the passphrase in passphrase"):
        load_private_key(pem, "wrong", "x.key")
    with pytest.raises(PkiError, match="x.key is encrypted; give its passphrase in the option parent_passphrase"):
        load_private_key(pem, None, "x.key", "parent_passphrase")


def test_passphrase_for_a_plain_key_is_refused_unless_allowed():
    pem = serialise_private_key(generate_key("ed25519"))
    with pytest.raises(PkiError, match="x.key is not encrypted"):
        load_private_key(pem, "secret", "x.key")
    assert load_private_key(pem, "secret", "x.key", may_be_plain=True)


def test_what_is_not_a_usable_key_is_refused():
    for data in (b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(PkiError, match="x.key holds no private key in PEM"):
            load_private_key(data, None, "x.key")
    with pytest.raises(PkiError, match="of a kind that is not supported"):
        load_private_key(openssl("genpkey", "-algorithm", "ed448").encode(), None, "x.key")
    with pytest.raises(PkiError, match="key_type is 'dsa'"):
        generate_key("dsa")


def test_other_types_have_a_name():
    assert key_type_of(load_private_key(openssl("genrsa", "1024").encode(), None, "x")) == "rsa-1024"
    pem = openssl("ecparam", "-genkey", "-noout", "-name", "secp521r1")
    assert key_type_of(load_private_key(pem.encode(), None, "x")) == "ecdsa-secp521r1"


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_der_is_pkcs8_that_openssl_reads_and_we_read_again(key_type, tmp_path):
    key = generate_key(key_type)
    (tmp_path / "a.pk8").write_bytes(private_key_der(key))
    pem = openssl("pkcs8", "-inform", "DER", "-in", tmp_path / "a.pk8", "-nocrypt")
    assert serialise_private_key(load_private_key(pem.encode(), None, "x")) == serialise_private_key(key)
    again = load_private_key_der(private_key_der(key))
    assert serialise_private_key(again) == serialise_private_key(key)
    encrypt = ["-topk8", "-inform", "DER", "-outform", "DER", "-passout", "pass:a pass phrase"]
    openssl("pkcs8", *encrypt, "-in", tmp_path / "a.pk8", "-out", tmp_path / "encrypted.pk8")
    with pytest.raises(PkiError, match="not a private key in DER, or it is encrypted"):
        load_private_key_der((tmp_path / "encrypted.pk8").read_bytes())


def test_an_rsa_key_whose_numbers_do_not_belong_together_is_refused():
    """The primes are not tested at every load, which would take as long as making a key; damage is still found."""
    der = private_key_der(generate_key("rsa-2048"))
    for tenth in range(1, 10):  # all of n, d, p, q and what follows from them
        place = len(der) * tenth // 10
        damaged = bytearray(der)
        damaged[place] ^= 0x10
        pem = b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(bytes(damaged)) + b"-----END PRIVATE KEY-----\n"
        with pytest.raises(PkiError, match="x.key holds no private key in PEM"):
            load_private_key(pem, None, "x.key")


def test_only_encrypted_pkcs8_counts_as_protected():
    key = generate_key("rsa-2048")
    assert is_protected(serialise_private_key(key, "a pass phrase"))
    assert not is_protected(serialise_private_key(key))
    old = openssl(
        "rsa", "-traditional", "-aes256", "-passout", "pass:secret", stdin=serialise_private_key(key).decode()
    )
    assert not is_protected(old.encode())


@pytest.mark.parametrize(
    ("passphrase", "said"),
    [("1234567", "x has 7 characters, but at least 8"), ("two\nlines", "x holds a line"), ("a\ttabulator", "x holds")],
)
def test_a_weak_or_unreadable_passphrase_is_refused(passphrase, said):
    with pytest.raises(PkiError, match=said):
        check_key_passphrase(passphrase, "x")
    check_key_passphrase(None, "x")
    check_key_passphrase("12345678 äöü", "x")
