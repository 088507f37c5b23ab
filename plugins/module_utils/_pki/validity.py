# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times of certificates: aware UTC datetimes of whole seconds (RFC 5280 section 4.1.2.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .errors import PkiError

# Clocks of the hosts differ a little; a certificate that starts now would be "not yet valid" on some of them.
BACKDATE = timedelta(minutes=5)
_FIRST_YEAR = 1950  # RFC 5280 section 4.1.2.5.1
_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|\+00:00)")


@dataclass(frozen=True)
class Validity:
    """From not_before to not_after, both inclusive."""

    not_before: datetime
    not_after: datetime


@dataclass(frozen=True)
class Lifetime:
    """How long a certificate shall live: lifetime_days from now, unless an exact end (or start) is given."""

    lifetime_days: int
    not_before: datetime | None = None
    not_after: datetime | None = None

    @property
    def is_exact(self) -> bool:
        """An exact end is what the operator wants, so it is never due for renewal."""
        return self.not_after is not None

    def starting(self, now: datetime, earliest: datetime | None = None) -> Validity:
        """The validity of a certificate made now; a start that is not asked for is never before ``earliest``.

        :raises PkiError: for an end before the start, or beyond the year 9999.
        """
        now = now.replace(microsecond=0)
        start = self.not_before
        if start is None:
            start = now - BACKDATE
            if self.not_after is not None and self.not_after <= start:
                raise PkiError(
                    f"not_after {render_time(self.not_after)} is in the past; give a later one, or not_before as well"
                )
            start = start if earliest is None else max(start, earliest)
        try:
            end = self.not_after or (self.not_before or now) + timedelta(days=self.lifetime_days)
        except OverflowError as error:
            begin = "now" if self.not_before is None else f"not_before {render_time(self.not_before)}"
            raise PkiError(
                f"lifetime_days {self.lifetime_days} leads from {begin} beyond the year 9999; choose fewer"
            ) from error
        if end <= start:
            raise PkiError(
                f"not_after {render_time(end)} is not later than not_before {render_time(start)}; correct one of them"
            )
        return Validity(start, end)


def lifetime_of(lifetime_days: int, not_before: str | None, not_after: str | None, whose: str) -> Lifetime:
    """Read the three options that say how long; ``whose`` names the certificate in messages.

    :raises PkiError: for a time that is not RFC 3339 UTC, or fewer than one day.
    """
    if lifetime_days < 1:
        raise PkiError(f"{whose}: lifetime_days is {lifetime_days}, but it must be at least 1")
    start = None if not_before is None else parse_time(not_before, f"{whose}: not_before")
    end = None if not_after is None else parse_time(not_after, f"{whose}: not_after")
    if start is not None and end is not None and end <= start:
        raise PkiError(f"{whose}: not_after {not_after} is not later than not_before {not_before}; correct one of them")
    return Lifetime(lifetime_days, start, end)


def parse_time(text: str, option: str) -> datetime:
    """Read an RFC 3339 UTC time; fractions of a second are dropped, as X.509 has none.

    :raises PkiError: for anything else.
    """
    match = _RFC3339.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError(text)
        moment = datetime.strptime("".join(match.groups()), "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise PkiError(f"{option} is {text!r}, but must be a UTC time like 2027-01-31T12:00:00Z") from error
    if moment.year < _FIRST_YEAR:
        raise PkiError(f"{option} is {text!r}, but certificates hold no time before {_FIRST_YEAR}; choose a later one")
    return moment


def render_time(moment: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return moment.astimezone(timezone.utc).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def whole_days(span: timedelta) -> int:
    """Days of a time span, rounded down, so that the last day counts as 0 and the past is negative."""
    return span.days
