# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a CA is willing to sign: its own policy, which the inventory cannot widen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from .errors import PkiError
from .names import Identity
from .profiles import PURPOSES
from .validity import Validity


@dataclass(frozen=True)
class SigningPolicy:
    """An empty tuple of domains allows all of them; domains may have a dot in front or behind."""

    max_lifetime_days: int
    usages: tuple[str, ...] = tuple(PURPOSES)
    dns_domains: tuple[str, ...] = ()


def check_limits(
    limits: SigningPolicy, identity: Identity, usages: Sequence[str], validity: Validity, whose: str
) -> None:
    """Refuse what goes beyond the limits.

    :raises PkiError: with everything that does, in one sentence.
    """
    refused = [f"the usage {usage} is not in allowed_usages" for usage in usages if usage not in limits.usages]
    refused += [
        f"the name {name} is not in allowed_dns_domains" for name in identity.dns_names if not _inside(name, limits)
    ]
    days = (validity.not_after - validity.not_before) // timedelta(days=1)
    if days > limits.max_lifetime_days:
        refused.append(
            f"a validity period of {days} days is longer than max_lifetime_days ({limits.max_lifetime_days})"
        )
    if refused:
        raise PkiError(f"{whose}: the CA refuses to sign: {'; '.join(refused)}")


def _inside(name: str, limits: SigningPolicy) -> bool:
    """Whether a name is a permitted domain or below one (RFC 5280 section 4.2.1.10)."""
    if not limits.dns_domains:
        return True
    bare = name[2:] if name.startswith("*.") else name
    domains = (domain.lower().strip(".") for domain in limits.dns_domains)
    return any(bare == domain or bare.endswith(f".{domain}") for domain in domains)
