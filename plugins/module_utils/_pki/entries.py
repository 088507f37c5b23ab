# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of the inventory: who shall have a certificate, what it is for, how long it is valid, when it is renewed.

The holder asks by its entry and the signer decides by the same one, so what a host says about itself counts for nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .authority import check_names
from .errors import PkiError
from .names import Identity, parse_identity
from .profiles import parse_usages
from .requests import check_file_name
from .validity import Lifetime, lifetime_of

RENEW_BEFORE_DAYS = 30
_START_IS_SET_BACK = timedelta(hours=1)  # at most: other CAs take more than our minutes


@dataclass(frozen=True)
class Entry:
    """One certificate of the inventory, normalised; host is empty where one host alone is spoken of.

    renew_before_percent: how much of the whole life is left when a renewal is due (1 to 99); it stands before
    renew_before_days.
    """

    name: str
    identity: Identity
    usages: tuple[str, ...]
    lifetime: Lifetime
    renew_before_days: int = RENEW_BEFORE_DAYS
    renew_before_percent: int | None = None
    host: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """By what a request finds its entry."""
        return self.host, self.name

    def renewal_from(self, start: datetime, end: datetime) -> datetime | None:
        """From when on a certificate with these dates is renewed; None for an exact end, which the operator wants.

        A window as long as the whole life would renew at every run; then the last third of life is the window. A start is
        set back by minutes, for clocks that differ, and that makes no difference here.
        """
        if self.lifetime.is_exact:
            return None
        life, window = end - start, timedelta(days=self.renew_before_days)
        if self.renew_before_percent is not None:
            return end - life * self.renew_before_percent / 100
        return end - (window if window + _START_IS_SET_BACK < life else life / 3)

    @property
    def whose(self) -> str:
        """The certificate in messages."""
        return _whose(self.key)


def read_entry(item: Mapping[str, Any]) -> Entry:
    """Check one dict of the option ``certificates``.

    :raises PkiError: when it cannot become a certificate.
    """
    check_file_name(item["name"], "name of a certificate")
    host = item.get("host") or ""
    whose = _whose((host, item["name"]))
    usages = parse_usages(item["usages"], whose)
    identity = parse_identity(
        item["common_name"],
        item["subject"],
        item["dns_names"] or (),
        item["ip_addresses"] or (),
        whose,
        item["distinguished_name"],
    )
    check_names(identity, usages, whose)
    days, percent = _renewal_window(item, whose)
    return Entry(
        name=item["name"],
        identity=identity,
        usages=usages,
        lifetime=lifetime_of(item["lifetime_days"], item["not_before"], item["not_after"], whose),
        renew_before_days=days,
        renew_before_percent=percent,
        host=host,
    )


def entries_of(certificates: Sequence[Mapping[str, Any]], requests: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """The entry that each request is entitled to, in the order of the requests.

    :raises PkiError: for an entry that is wrong or given twice, and a request that has none or is made twice.
    """
    entries = [read_entry(item) for item in certificates]
    _refuse_twice("certificates", (entry.key for entry in entries))
    known = {entry.key: entry for entry in entries}
    wanted = [(request.get("host") or "", request["name"]) for request in requests]
    for key in wanted:
        if key not in known:
            raise PkiError(
                f"{_whose(key)} is requested, but the option certificates has no entry for it, so nothing is signed; "
                "add it to the inventory, or find out who asks"
            )
    _refuse_twice("requests", wanted)
    return [known[key] for key in wanted]


def _whose(key: tuple[str, str]) -> str:
    host, name = (word if re.fullmatch(r"[\w.:@\[\]-]{0,253}", word) else repr(word[:253]) for word in key)
    return f"the certificate {name} of the host {host}" if host else f"the certificate {name or repr(name)}"


def _refuse_twice(option: str, keys: Iterable[tuple[str, str]]) -> None:
    for key, times in Counter(keys).items():
        if times > 1:
            raise PkiError(f"{option} holds {_whose(key)} {times} times; give it once, by host and name")


def _renewal_window(item: Mapping[str, Any], whose: str) -> tuple[int, int | None]:
    """Days and percent; a renewal that is asked for both ways is refused, because one of them would count for nothing."""
    days, percent = item["renew_before_days"], item["renew_before_percent"]
    if days is not None and percent is not None:
        raise PkiError(f"{whose}: renew_before_days and renew_before_percent exclude each other; leave one out")
    if days is not None and days < 0:
        raise PkiError(f"{whose}: renew_before_days is {days}, but must not be negative")
    if percent is not None and not 1 <= percent <= 99:
        raise PkiError(f"{whose}: renew_before_percent is {percent}, but must be from 1 to 99")
    return RENEW_BEFORE_DAYS if days is None else days, percent
