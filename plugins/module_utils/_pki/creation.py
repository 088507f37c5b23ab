# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Founding a CA: how it is requested, how it is made, and how one that exists differs from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .acceptance import may_sign_lists, strictness
from .authority import Authority, IssuingLimits, create_intermediate, create_root
from .compat import is_issued_by, is_self_signed, not_after, x509
from .errors import PkiError
from .identity import render_name, subject_pairs
from .keys import DEFAULT_KEY_TYPE, KEY_TYPES, generate_key, key_type_of
from .name_constraints import parse_domains, permitted_domains
from .names import parse_identity
from .profiles import parse_usages, path_length_of, usages_of
from .rollover import first_name, successor_name
from .validity import Lifetime, render_time, whole_days

if TYPE_CHECKING:
    from .compat import PrivateKey

WARN_BEFORE_DAYS = 365


@dataclass(frozen=True)
class WantedAuthority:
    """A CA as it is requested; what is None or empty is no wish (a new CA gets a default, an existing one is not compared)."""

    lifetime: Lifetime
    common_name: str | None = None
    subject: Mapping[str, Any] | None = None
    key_type: str | None = None
    scope: IssuingLimits = IssuingLimits()

    def of_generation(self, generation: int) -> WantedAuthority:
        """The same request for another generation: its common name tells which."""
        return replace(self, common_name=self.common_name and successor_name(self.common_name, generation))


def parse_scope(path_length: int | None, usages: Sequence[str] | None, domains: Sequence[str] | None) -> IssuingLimits:
    """Read the options that limit a CA.

    :raises PkiError: for one that is no limit.
    """
    if path_length is not None and path_length < 0:
        raise PkiError(f"path_length is {path_length}, but must not be negative")
    return IssuingLimits(path_length, parse_usages(usages, "the CA") if usages else (), parse_domains(domains or ()))


def found_authority(
    wanted: WantedAuthority, parent: Authority | None, key: PrivateKey | None, now: datetime
) -> Authority:
    """Make a root, or a CA below ``parent``; a key that exists already is used.

    :raises PkiError: when the wish cannot be fulfilled.
    """
    if not wanted.common_name:
        raise PkiError("common_name is needed to make a new CA")
    identity = parse_identity(wanted.common_name, wanted.subject, whose="the CA")
    if parent is None:
        if wanted.scope.usages:
            raise PkiError("usages limit a CA below another one, not a root; leave them out, or name intermediate")
        key = key or generate_key(wanted.key_type or DEFAULT_KEY_TYPE)
        return create_root(identity, key, wanted.lifetime.starting(now), wanted.scope)
    if identity.subject_text == parent.name:
        raise PkiError(f"the CA {parent.name} cannot be below a CA of the same name; choose another common_name")
    key = key or generate_key(wanted.key_type or DEFAULT_KEY_TYPE)
    return create_intermediate(parent, identity, key, wanted.lifetime, wanted.scope, now)


def wanted_successor(wanted: WantedAuthority, present: Authority, generation: int) -> WantedAuthority:
    """The successor of a root: as requested, and in everything else as the present one.

    :param generation: that of the successor.
    :raises PkiError: when the present CA is not a root.
    """
    certificate = present.certificate
    if not is_self_signed(certificate):
        raise PkiError(f"the CA {present.name} is not a root; roll over the root above it")
    subject: dict[str, list[str]] = {}
    for short, value in subject_pairs(certificate.subject):
        subject.setdefault(short, []).append(value)
    names, key_type = subject.pop("CN", [""]), key_type_of(certificate.public_key())
    return replace(
        wanted,
        common_name=wanted.common_name or first_name(names[-1], generation - 1),
        subject=wanted.subject or subject,
        key_type=wanted.key_type or (key_type if key_type in KEY_TYPES else DEFAULT_KEY_TYPE),
        scope=IssuingLimits(path_length_of(certificate), (), permitted_domains(certificate)),
    ).of_generation(generation)


def authority_differences(
    authority: Authority, wanted: WantedAuthority, parents: Sequence[x509.Certificate]
) -> list[str]:
    """What an existing CA is that was not requested; its lifetime is not compared.

    :param parents: the CAs of which one should have signed it; none is no wish.
    """
    certificate = authority.certificate
    found = {
        "common_name": [value for short, value in subject_pairs(certificate.subject) if short == "CN"],
        "subject": sorted(pair for pair in subject_pairs(certificate.subject) if pair[0] != "CN"),
        "key_type": key_type_of(certificate.public_key()),
        "path_length": path_length_of(certificate),
        "usages": list(usages_of(certificate)),
        "permitted_dns_domains": list(permitted_domains(certificate)),
    }
    wishes = {
        "common_name": None if wanted.common_name is None else [wanted.common_name],
        "subject": sorted(parse_identity("", wanted.subject).subject) if wanted.subject else None,
        "key_type": wanted.key_type,
        "path_length": wanted.scope.path_length,
        "usages": list(wanted.scope.usages) or None,
        "permitted_dns_domains": sorted(wanted.scope.dns_domains) or None,
    }
    different = [
        f"its {option} is {_say(found[option])} and not {_say(wish)}"
        for option, wish in wishes.items()
        if wish is not None and wish != found[option]
    ]
    if parents and not any(is_issued_by(certificate, parent) for parent in parents):
        different.append(f"it was not signed by the parent CA {render_name(parents[0].subject)}")
    return different


def _say(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join("=".join(each) if isinstance(each, tuple) else each for each in value) or "empty"
    return "unlimited" if value is None else str(value)


def summarise_authority(certificate: x509.Certificate) -> str:
    """What a diff shows of a CA: the facts that were requested, and nothing random."""
    limits = {
        "path_length": path_length_of(certificate),
        "usages": ", ".join(usages_of(certificate)) or None,
        "permitted_dns_domains": ", ".join(permitted_domains(certificate)) or None,
    }
    facts = {
        "CA": render_name(certificate.subject),
        "issuer": render_name(certificate.issuer),
        "key_type": key_type_of(certificate.public_key()),
        **{limit: value for limit, value in limits.items() if value is not None},
    }
    return "".join(f"{fact}: {value}\n" for fact, value in facts.items())


def stand_in(wanted: WantedAuthority, now: datetime) -> Authority:
    """A CA in place of a parent that check mode only promised to make; what it signs is shown and thrown away."""
    identity = parse_identity("a CA that does not exist yet")
    return create_root(identity, generate_key(DEFAULT_KEY_TYPE), wanted.lifetime.starting(now), None)


def authority_warnings(authority: Authority, now: datetime) -> list[str]:
    """What the operator of a CA should know: its chain ends within a year, or strict clients refuse it."""
    warnings = []
    first = min(authority.chain, key=not_after)
    left = whole_days(not_after(first) - now)
    if left < WARN_BEFORE_DAYS:
        name, end = render_name(first.subject), render_time(not_after(first))
        warnings.append(
            f"the CA {name} expired on {end}; nothing it signed is valid any more"
            if left < 0
            else f"the CA {name} expires on {end}, in {left} days; plan its successor"
        )
    for certificate in authority.chain:
        found = strictness(certificate)
        if found:
            warnings.append(
                f"the certificate of the CA {render_name(certificate.subject)} {' and '.join(found)}, so strict verification "
                "refuses it (openssl -x509_strict, Python 3.13 and newer by default)"
            )
    if not may_sign_lists(authority.certificate):
        warnings.append(
            f"the certificate of the CA {authority.name} has a keyUsage without cRLSign, so it can sign certificates, but "
            "cannot revoke them; have it made with both"
        )
    return warnings
