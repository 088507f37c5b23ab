# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Founding a CA: how it is wished, how it is made, and how one that exists differs from the wish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .authority import Authority, create_intermediate, create_root
from .compat import is_issued_by, not_after, x509
from .errors import PkiError
from .identity import parse_identity, render_subject, subject_pairs
from .keys import DEFAULT_KEY_TYPE, generate_key, key_type_of
from .profiles import has_key_usage, path_length_of
from .validity import Lifetime, render_time, whole_days

if TYPE_CHECKING:
    from .compat import PrivateKey

WARN_BEFORE_DAYS = 365
# Ansible hides a secret wherever its text occurs in a result; a short one occurs in a certificate by chance.
SHORTEST_PASSPHRASE = 8


@dataclass(frozen=True)
class WantedAuthority:
    """A CA as it is wished; None (or an empty subject) is no wish (a new CA gets a default, an existing one is not compared)."""

    lifetime: Lifetime
    common_name: str | None = None
    subject: Mapping[str, Any] | None = None
    key_type: str | None = None
    path_length: int | None = None


def found_authority(
    wanted: WantedAuthority, parent: Authority | None, key: PrivateKey | None, now: datetime
) -> Authority:
    """Make a root, or a CA below ``parent``; a key that exists already is used.

    :raises PkiError: when the wish cannot be fulfilled.
    """
    if not wanted.common_name:
        raise PkiError("common_name is needed to make a new CA")
    if wanted.path_length is not None and wanted.path_length < 0:
        raise PkiError(f"path_length is {wanted.path_length}, but must not be negative")
    identity = parse_identity(wanted.common_name, wanted.subject, whose="the CA")
    if parent is None:
        key = key or generate_key(wanted.key_type or DEFAULT_KEY_TYPE)
        return create_root(identity, key, wanted.lifetime.starting(now), wanted.path_length)
    if render_subject(identity.subject) == parent.name:
        raise PkiError(f"the CA {parent.name} cannot stand below a CA of the same name; choose another common_name")
    key = key or generate_key(wanted.key_type or DEFAULT_KEY_TYPE)
    return create_intermediate(parent, identity, key, wanted.lifetime, wanted.path_length or 0, now)


def authority_differences(authority: Authority, wanted: WantedAuthority, parent: x509.Certificate | None) -> list[str]:
    """What an existing CA is that was not wished; its lifetime is not compared."""
    certificate = authority.certificate
    found = {
        "common_name": [value for short, value in subject_pairs(certificate.subject) if short == "CN"],
        "subject": sorted(pair for pair in subject_pairs(certificate.subject) if pair[0] != "CN"),
        "key_type": key_type_of(certificate.public_key()),
        "path_length": path_length_of(certificate),
    }
    wishes = {
        "common_name": None if wanted.common_name is None else [wanted.common_name],
        "subject": sorted(parse_identity("", wanted.subject).subject) if wanted.subject else None,
        "key_type": wanted.key_type,
        "path_length": wanted.path_length,
    }
    different = [
        f"its {option} is {_say(found[option])} and not {_say(wish)}"
        for option, wish in wishes.items()
        if wish is not None and wish != found[option]
    ]
    if parent is not None and not is_issued_by(certificate, parent):
        different.append(f"it was not signed by the parent CA {render_subject(subject_pairs(parent.subject))}")
    return different


def _say(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join("=".join(each) if isinstance(each, tuple) else each for each in value) or "empty"
    return "unlimited" if value is None else str(value)


def authority_warnings(authority: Authority, now: datetime) -> list[str]:
    """What the operator of a CA should know: its chain ends within a year, or strict clients refuse it."""
    warnings = []
    first = min(authority.chain, key=not_after)
    left = whole_days(not_after(first) - now)
    if left < WARN_BEFORE_DAYS:
        name, end = render_subject(subject_pairs(first.subject)), render_time(not_after(first))
        warnings.append(
            f"the CA {name} ended on {end}; nothing it signed is valid any more"
            if left < 0
            else f"the CA {name} ends on {end}, in {left} days; plan its successor"
        )
    if not has_key_usage(authority.certificate):
        warnings.append(
            f"the certificate of the CA {authority.name} has no keyUsage (RFC 5280 section 4.2.1.3), so strict verification "
            "refuses it (openssl -x509_strict, Python 3.13 and newer by default)"
        )
    return warnings


def check_not_ended(authority: Authority, path: str, now: datetime) -> None:
    """Refuse to adopt a CA that is no longer valid.

    :raises PkiError: when it has ended.
    """
    if not_after(authority.certificate) < now:
        raise PkiError(
            f"{path} ended on {render_time(not_after(authority.certificate))}; adopt a CA that is still valid"
        )


def check_passphrase(passphrase: str | None) -> None:
    """Refuse to encrypt the key of a new CA with next to nothing.

    :raises PkiError: for a passphrase that is too short.
    """
    if passphrase is not None and len(passphrase) < SHORTEST_PASSPHRASE:
        raise PkiError(f"passphrase has {len(passphrase)} characters, but a CA needs at least {SHORTEST_PASSPHRASE}")
