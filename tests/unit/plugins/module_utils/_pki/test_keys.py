# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys, with openssl as the other party."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import (
    KEY_TYPES,
    generate_key,
    key_type_of,
    load_private_key,
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
