# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What certificates may be used for: a table from our words to the extensions of RFC 5280."""

from __future__ import annotations

from collections.abc import Sequence

from .compat import find_extension, x509
from .errors import PkiError
from .identity import render_name

SERVER = "server"
CLIENT = "client"

# RFC 5280 section 4.2.1.12: id-kp-serverAuth, id-kp-clientAuth.
PURPOSES = {SERVER: "1.3.6.1.5.5.7.3.1", CLIENT: "1.3.6.1.5.5.7.3.2"}
_USAGES = {oid: usage for usage, oid in PURPOSES.items()}


def parse_usages(usages: Sequence[str], whose: str) -> tuple[str, ...]:
    """The usages in the order of the table, each once.

    :raises PkiError: for an unknown one, or none at all (a certificate without purpose would fit every purpose).
    """
    for usage in usages:
        if usage not in PURPOSES:
            raise PkiError(f"{whose}: usages holds {usage!r}, but only {' and '.join(PURPOSES)} are known")
    if not usages:
        raise PkiError(f"{whose}: usages is empty; give server, client, or both")
    return tuple(usage for usage in PURPOSES if usage in usages)


def build_extended_key_usage(usages: Sequence[str]) -> x509.ExtendedKeyUsage:
    """The purposes of a leaf."""
    return x509.ExtendedKeyUsage([x509.ObjectIdentifier(PURPOSES[usage]) for usage in usages])


def build_leaf_key_usage(usages: Sequence[str], key_type: str) -> x509.KeyUsage:
    """A leaf signs handshakes; only an RSA server may also be sent a key (TLS 1.2 RSA key exchange)."""
    return _key_usage(digital_signature=True, key_encipherment=SERVER in usages and key_type.startswith("rsa-"))


def build_authority_key_usage() -> x509.KeyUsage:
    """A CA signs certificates and CRLs, and nothing else."""
    return _key_usage(key_cert_sign=True, crl_sign=True)


def _key_usage(
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def usages_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The purposes a certificate names, in our words or else as dotted numbers; empty when it names none."""
    purposes = find_extension(certificate, x509.ExtendedKeyUsage) or ()
    found = [_USAGES.get(purpose.dotted_string, purpose.dotted_string) for purpose in purposes]
    return tuple(sorted(found, key=lambda usage: (usage not in PURPOSES, usage != SERVER, usage)))


def check_usages_permitted(chain: Sequence[x509.Certificate], usages: Sequence[str], whose: str) -> None:
    """Refuse a usage that a CA above does not have: OpenSSL wants it in every CA that names any.

    :param chain: the issuing CA and those above it.
    :raises PkiError: with the first such usage.
    """
    for certificate in chain:
        granted = usages_of(certificate)
        for usage in usages:
            if granted and usage not in granted:
                name = render_name(certificate.subject)
                raise PkiError(f"{whose}: the CA {name} is for {' and '.join(granted)} alone, not for {usage}")


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether basicConstraints say CA, and keyUsage (where present) lets it sign certificates."""
    constraints = find_extension(certificate, x509.BasicConstraints)
    key_usage = find_extension(certificate, x509.KeyUsage)
    return constraints is not None and constraints.ca and (key_usage is None or key_usage.key_cert_sign)


def path_length_of(certificate: x509.Certificate) -> int | None:
    """How many CAs may stand below this one; None is no limit."""
    constraints = find_extension(certificate, x509.BasicConstraints)
    return None if constraints is None else constraints.path_length
