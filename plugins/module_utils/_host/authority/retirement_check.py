# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who would be refused if the old CA were dropped now: the CA's own copies tell, also of holders that no playbook knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from ..._pki.compat import not_after
from ..._pki.profiles import is_authority
from ..._pki.rollover import Rollover
from ..errors import ModuleError
from .directory import generation_directory, with_those_below
from .records import Records, read_records

_NAMED = 10


def check_nobody_is_left_behind(home: str, state: Rollover, abandoned: Collection[str], now: datetime) -> None:
    """Refuse to drop the old CA while somebody holds nothing but its certificates.

    :param state: still in the phase reissue.
    :raises PkiError: for a damaged copy of a certificate.
    :raises ModuleError: with the names that were issued nothing by the successor.
    """
    successors = with_those_below(generation_directory(home, state.issuing))
    records = read_records(home)
    new = {name for each in records if each.directory in successors for name in each.issued.serials}.union(abandoned)
    old = [each for each in records if each.directory not in successors]
    left = sorted({name for each in old for name in _living(each, new, now)})
    if left:
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        raise ModuleError(
            f"generation {state.generation} of the CA in {home} cannot be retired, because these hold no certificate of generation "
            f"{state.issuing} yet: {', '.join(left[:_NAMED])}{more}; issue them again, revoke what they hold, or name them in abandoned"
        )


def _living(records: Records, known: Collection[str], now: datetime) -> Sequence[str]:
    """The names beyond ``known`` with a certificate that a server would still accept."""
    revoked = {entry.serial for entry in records.current.entries} if records.current else set()
    return [
        name
        for name in records.issued.serials
        if name not in known
        and any(
            not_after(leaf) >= now and leaf.serial_number not in revoked and not is_authority(leaf)
            for leaf in records.issued.read(name)
        )
    ]
