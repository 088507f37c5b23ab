# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys: generate, load, serialise, and say what kind they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .compat import UnsupportedAlgorithm, ec, ed25519, hashes, rsa, serialization
from .errors import PkiError, UnreadableError

if TYPE_CHECKING:
    from .compat import PrivateKey

DEFAULT_KEY_TYPE = "ecdsa-p256"
KEY_TYPES = ("rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ed25519")
_CURVES = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384"}


def generate_key(key_type: str) -> PrivateKey:
    """A new key of one of KEY_TYPES.

    :raises PkiError: for another type.
    """
    if key_type not in KEY_TYPES:
        raise PkiError(f"key_type is {key_type!r}, but must be one of {', '.join(KEY_TYPES)}")
    if key_type == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if key_type.startswith("ecdsa-"):
        return ec.generate_private_key(ec.SECP256R1() if key_type == "ecdsa-p256" else ec.SECP384R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(key_type.split("-")[1]))


def key_type_of(key: Any) -> str:
    """The type of a private or public key in our words; types we do not make get a name of the same style."""
    size = getattr(key, "key_size", 0)
    if hasattr(key, "curve"):
        return _CURVES.get(key.curve.name, f"ecdsa-{key.curve.name}")
    if isinstance(key, (rsa.RSAPrivateKey, rsa.RSAPublicKey)):
        return f"rsa-{size}"
    if isinstance(key, (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey)):
        return "ed25519"
    return type(key).__name__.lstrip("_").replace("PublicKey", "").replace("PrivateKey", "").lower()


def signing_hash(key: PrivateKey) -> hashes.HashAlgorithm | None:
    """The digest to sign with: as strong as the curve; none for Ed25519, which has its own."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384()
    return hashes.SHA256()


def load_private_key(
    data: bytes, passphrase: str | None, path: str, option: str = "passphrase", may_be_plain: bool = False
) -> PrivateKey:
    """A key from PEM: PKCS#8 or the traditional formats, encrypted or not.

    :param path: where the bytes come from, and ``option``: where the passphrase comes from; for messages alone.
    :param may_be_plain: a passphrase for a key that is not encrypted is no error.
    :raises UnreadableError: when the key, or the passphrase for it, is not right.
    """
    encrypted = b"ENCRYPTED" in data
    if encrypted and not passphrase:
        raise UnreadableError(f"the private key {path} is encrypted; give its passphrase in the option {option}")
    if passphrase and not encrypted:
        if not may_be_plain:
            raise UnreadableError(
                f"the private key {path} is not encrypted; encrypt it, or leave out the option {option}"
            )
        passphrase = None
    try:
        key = serialization.load_pem_private_key(data, passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if encrypted:
            raise UnreadableError(f"the private key {path} cannot be opened with the passphrase in {option}") from error
        raise UnreadableError(f"{path} holds no private key in PEM; restore it or choose another path") from error
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)):
        raise UnreadableError(f"the private key {path} is of a kind that is not supported; use RSA, ECDSA or Ed25519")
    return key


def serialise_private_key(key: PrivateKey, passphrase: str | None = None) -> bytes:
    """PKCS#8 in PEM, encrypted when there is a passphrase."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption(),
    )
