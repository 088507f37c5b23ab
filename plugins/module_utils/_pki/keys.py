# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys: generate, load, serialise, and say what kind they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .compat import CRYPTOGRAPHY_VERSION, UnsupportedAlgorithm, ec, ed25519, hashes, rsa, serialization
from .errors import PkiError, UnreadableError

if TYPE_CHECKING:
    from .compat import PrivateKey

DEFAULT_KEY_TYPE = "ecdsa-p256"
KEY_TYPES = ("rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ed25519")
# Ansible hides a secret wherever its text occurs in a result; a short one occurs in a certificate by chance.
SHORTEST_KEY_PASSPHRASE = 8
_LONGEST_PASSPHRASE = 1023
# The library would test the primes of an RSA key at every load, which takes half as long as making the key. Files of
# keys are their owner's own, so it is enough that their numbers fit together.
_LOADING: dict[str, Any] = (
    {"unsafe_skip_rsa_key_validation": True} if int(CRYPTOGRAPHY_VERSION.split(".")[0] or 0) >= 39 else {}
)
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
    :param may_be_plain: a passphrase for a key that is not encrypted is not an error.
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
        key = serialization.load_pem_private_key(data, passphrase.encode() if passphrase else None, **_LOADING)
        _check_numbers(key)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if encrypted:
            raise UnreadableError(f"the private key {path} cannot be opened with the passphrase in {option}") from error
        raise UnreadableError(f"{path} holds no private key in PEM; restore it or choose another path") from error
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)):
        raise UnreadableError(f"the private key {path} is of a kind that is not supported; use RSA, ECDSA or Ed25519")
    return key


def _check_numbers(key: Any) -> None:
    """Refuse an RSA key whose parts do not belong together (RFC 8017 section 3.2).

    :raises ValueError: for such a key.
    """
    if not isinstance(key, rsa.RSAPrivateKey):
        return
    numbers = key.private_numbers()
    p, q, product = numbers.p, numbers.q, numbers.d * numbers.public_numbers.e
    fits = (
        min(p, q) > 2
        and p * q == numbers.public_numbers.n
        and product % (p - 1) == product % (q - 1) == 1
        and (numbers.dmp1, numbers.dmq1) == (numbers.d % (p - 1), numbers.d % (q - 1))
        and numbers.iqmp * q % p == 1
    )
    if not fits:
        raise ValueError("the numbers of the RSA key do not belong together")


def serialise_private_key(key: PrivateKey, passphrase: str | None = None) -> bytes:
    """PKCS#8 in PEM, encrypted when there is a passphrase."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        _encryption(passphrase),
    )


def is_protected(data: bytes) -> bool:
    """Whether a PEM key is PKCS#8 and encrypted; the older kind of encryption has a weak key derivation."""
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in data


def check_key_passphrase(passphrase: str | None, option: str) -> None:
    """Refuse a passphrase that protects little, or that a program could not read from a line.

    :raises PkiError: for one that is too short or too long, or holds a line break.
    """
    if passphrase is None:
        return
    if len(passphrase) < SHORTEST_KEY_PASSPHRASE:
        raise PkiError(
            f"{option} has {len(passphrase)} characters, but at least {SHORTEST_KEY_PASSPHRASE} are needed; "
            "choose a longer one"
        )
    size = len(passphrase.encode("utf-8", "surrogatepass"))
    if size > _LONGEST_PASSPHRASE:
        raise PkiError(
            f"{option} has {size} bytes, but OpenSSL takes at most {_LONGEST_PASSPHRASE}; choose a shorter one"
        )
    if not passphrase.isprintable():
        raise PkiError(f"{option} holds a line break or another control character; remove it")


def private_key_der(key: PrivateKey) -> bytes:
    """PKCS#8 in DER, never encrypted: no client library opens what the cryptography library would write then (PBES2)."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_private_key_der(data: bytes) -> PrivateKey:
    """A key from PKCS#8 in DER.

    :raises UnreadableError: when it is none, or is encrypted.
    """
    try:
        key = serialization.load_der_private_key(data, None, **_LOADING)
        _check_numbers(key)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnreadableError("this is not a private key in DER, or it is encrypted") from error
    return key  # type: ignore[return-value]


def _encryption(passphrase: str | None) -> serialization.KeySerializationEncryption:
    if passphrase:
        return serialization.BestAvailableEncryption(passphrase.encode())
    return serialization.NoEncryption()
