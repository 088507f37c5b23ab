# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When must a certificate be issued again? Each small check answers with a sentence, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Callable

from .certificates import is_self_signed, links, without_root
from .compat import is_issued_by, not_after, not_before, same_public_key, x509
from .identity import Identity, identity_of, render_subject, subject_pairs
from .keys import key_type_of
from .profiles import usages_of
from .validity import Lifetime, render_time, whole_days

if TYPE_CHECKING:
    from .compat import PrivateKey


@dataclass(frozen=True)
class Reason:
    """Why a certificate is due: a code for programs and a sentence for people."""

    code: str
    sentence: str


@dataclass(frozen=True)
class WantedCertificate:
    """A certificate as its holder wishes it; names and usages are normalised."""

    name: str
    identity: Identity
    usages: tuple[str, ...]
    key_type: str
    lifetime: Lifetime
    renew_before_days: int = 30
    wants_fullchain: bool = False
    wants_root: bool = False


@dataclass(frozen=True)
class InstalledCertificate:
    """What the holder's files hold: the leaf with its intermediates, the full chain file, and the root file.

    problem: why the certificate file cannot be read; fullchain and root are empty where missing or unreadable.
    """

    certificates: tuple[x509.Certificate, ...] = ()
    problem: str | None = None
    fullchain: tuple[x509.Certificate, ...] = ()
    root: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True)
class _Case:
    leaf: x509.Certificate
    current: InstalledCertificate
    wanted: WantedCertificate
    issuer: tuple[x509.Certificate, ...]
    key: PrivateKey
    now: datetime


def reissue_reasons(
    current: InstalledCertificate,
    wanted: WantedCertificate,
    issuer: Sequence[x509.Certificate],
    key: PrivateKey,
    now: datetime,
) -> list[Reason]:
    """All reasons to issue a certificate again; none means that it stays.

    :param issuer: the CA that should have signed, then its issuers; empty when unknown.
    :param key: the private key that the certificate must belong to.
    :param now: an aware UTC time.
    """
    if current.problem is not None:
        return [Reason("unreadable", current.problem)]
    if not current.certificates:
        return [Reason("missing", "there is no certificate yet")]
    case = _Case(current.certificates[0], current, wanted, tuple(issuer), key, now)
    found = ((code, check(case)) for code, check in _CHECKS)
    return [Reason(code, sentence) for code, sentence in found if sentence is not None]


def _key_type_changed(case: _Case) -> str | None:
    found = key_type_of(case.leaf.public_key())
    if found == case.wanted.key_type:
        return None
    return f"the key is {found}, but {case.wanted.key_type} is wanted"


def _key_changed(case: _Case) -> str | None:
    same_type = key_type_of(case.leaf.public_key()) == key_type_of(case.key)
    if not same_type or same_public_key(case.leaf.public_key(), case.key.public_key()):
        return None
    return "the certificate belongs to another private key"


def _names_changed(case: _Case) -> str | None:
    found, wanted = identity_of(case.leaf), case.wanted.identity
    before = {*found.dns_names, *found.ip_addresses}
    after = {*wanted.dns_names, *wanted.ip_addresses}
    return _difference("the names differ", before, after)


def _subject_changed(case: _Case) -> str | None:
    found = subject_pairs(case.leaf.subject)
    if found == case.wanted.identity.subject:
        return None
    return f"the subject is {render_subject(found)}, but {render_subject(case.wanted.identity.subject)} is wanted"


def _usage_changed(case: _Case) -> str | None:
    return _difference("the usages differ", usages_of(case.leaf), case.wanted.usages)


def _difference(what: str, before: Iterable[str], after: Iterable[str]) -> str | None:
    added, removed = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    if not added and not removed:
        return None
    parts = [f"{', '.join(names)} {verb}" for names, verb in ((added, "joins"), (removed, "leaves")) if names]
    return f"{what}: {'; '.join(parts)}"


def _issuer_changed(case: _Case) -> str | None:
    if not case.issuer or is_issued_by(case.leaf, case.issuer[0]):
        return None
    found = render_subject(subject_pairs(case.leaf.issuer))
    if case.leaf.issuer == case.issuer[0].subject:
        return f"the CA {found} has another key now than the one that signed"
    return f"it was signed by {found}, but {render_subject(subject_pairs(case.issuer[0].subject))} is wanted"


def _validity_changed(case: _Case) -> str | None:
    lifetime = case.wanted.lifetime
    if lifetime.not_after is not None and lifetime.not_after != not_after(case.leaf):
        return f"it ends {render_time(not_after(case.leaf))}, but {render_time(lifetime.not_after)} is wanted"
    if lifetime.not_before is not None and lifetime.not_before != not_before(case.leaf):
        return f"it begins {render_time(not_before(case.leaf))}, but {render_time(lifetime.not_before)} is wanted"
    return None


def _renewal_due(case: _Case) -> str | None:
    if case.wanted.lifetime.is_exact:
        return None
    end = not_after(case.leaf)
    if case.now < end - _renewal_window(case):
        return None
    left = whole_days(end - case.now)
    return f"it ends {render_time(end)}, in {left} days" if left >= 0 else f"it ended {render_time(end)}"


def _renewal_window(case: _Case) -> timedelta:
    """A window as long as the whole life would renew at every run; then the last third of life is the window."""
    window = timedelta(days=case.wanted.renew_before_days)
    life = not_after(case.leaf) - not_before(case.leaf)
    return window if window < life else life / 3


def _outlives_issuer(case: _Case) -> str | None:
    if not case.issuer or not_after(case.leaf) <= not_after(case.issuer[0]):
        return None
    end = render_time(not_after(case.issuer[0]))
    return f"it ends {render_time(not_after(case.leaf))}, after its CA, which ends {end}"


def _chain_changed(case: _Case) -> str | None:
    current, wanted = case.current, case.wanted
    chain = current.certificates[1:]
    if not links(current.certificates):
        return "the certificates in the file are not a chain"
    if case.issuer and is_issued_by(case.leaf, case.issuer[0]) and chain != without_root(case.issuer):
        return "the intermediate certificates are not those of the CA"
    root = current.root or current.fullchain[-1:]
    if wanted.wants_root and (len(current.root) != 1 or not is_self_signed(current.root[0])):
        return "the file of the root certificate is missing or does not hold one root"
    if root and not links((current.certificates[-1], *root)):
        return "the root certificate is not the one that the chain ends in"
    if wanted.wants_fullchain and current.fullchain != (*current.certificates, *root):
        return "the full chain file is missing or does not hold certificate, intermediates and root"
    if case.issuer and is_self_signed(case.issuer[-1]) and root and root[0] != case.issuer[-1]:
        return "the root certificate is not the one of the CA"
    return None


_CHECKS: tuple[tuple[str, Callable[[_Case], str | None]], ...] = (
    ("key_type_changed", _key_type_changed),
    ("key_changed", _key_changed),
    ("names_changed", _names_changed),
    ("subject_changed", _subject_changed),
    ("usage_changed", _usage_changed),
    ("issuer_changed", _issuer_changed),
    ("validity_changed", _validity_changed),
    ("renewal_due", _renewal_due),
    ("outlives_issuer", _outlives_issuer),
    ("chain_changed", _chain_changed),
)
