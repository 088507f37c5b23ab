# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The CRLs of all CAs of a home: read them, change them as requested, sign those that are due.

The files are the state; there is nothing beside them. Callers hold the home's lock from reading to writing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..._pki.certificates import render_serial
from ..._pki.policy import Reason
from ..._pki.revocation import (
    CrlSchedule,
    Ledger,
    RevocationList,
    list_is_due,
    parse_serial,
    release,
    revoke,
    revoked_at,
    sign_revocation_list,
    summarise_list,
)
from ..._pki.validity import render_time
from ..errors import ModuleError
from ..files.writer import DesiredFile, FileAttributes, Writer, Written, write_files
from .directory import crl_path
from .foreign_crls import stored_above
from .open_or_create import open_authority
from .records import Records, read_records
from .revocation_targets import find_targets, is_issued, is_valid


@dataclass(frozen=True)
class WantedCrls:
    """What the options of the fragment ``crls`` request of a home.

    create: whether its CAs get CRLs although nothing is revoked; those that exist are kept current whatever it says.
    revocations: what to revoke or release, with the keys name, common_name, host, serial_number, reason and state.
    above: the CRLs of the CAs above (PEM), which are published with those of the home; None for those that are stored.
    """

    create: bool
    timing: CrlSchedule
    revocations: Sequence[Mapping[str, Any]] = ()
    above: str | None = None


def wanted_crls(params: Mapping[str, Any], create: bool) -> WantedCrls:
    """Read the options of the fragment ``crls``.

    :raises PkiError: for a lifetime that does not fit, and for a serial number that is none.
    """
    for item in params["revocations"]:
        if item["serial_number"] is not None:
            parse_serial(item["serial_number"])
    timing = CrlSchedule(params["crl_lifetime_days"], params["crl_renew_before_days"]).check()
    return WantedCrls(create, timing, params["revocations"])


@dataclass(frozen=True)
class NextList:
    """The list of one CA as it shall be; reason is None where it stays as it is."""

    records: Records
    after: RevocationList
    reason: Reason | None

    def file(self) -> DesiredFile:
        """The list's file; its diff shows neither times nor numbers."""
        names, before = self.records.issued.names, self.records.current
        is_renewed = self.reason is not None and before is not None and before.entries == self.after.entries
        state = "to be signed again" if is_renewed else "signed"
        shown = None if before is None else summarise_list(before.issuer, before.entries, names, state)
        return DesiredFile(
            crl_path(self.records.directory),
            self.after.pem.encode(),
            FileAttributes(mode=0o644),
            shown=(shown, summarise_list(self.after.issuer, self.after.entries, names, "signed")),
        )


@dataclass(frozen=True)
class Changes:
    """What the elements of the option ``revocations`` change.

    ledger: everything that is revoked then, by directory and serial. counts: for each element, what it stands for.
    """

    ledger: Ledger
    counts: Sequence[Mapping[str, Any]]
    warnings: Sequence[str]


def plan_changes(home: str, records: Sequence[Records], items: Sequence[Mapping[str, Any]], now: datetime) -> Changes:
    """What is revoked once the items are done.

    :raises PkiError: for a change that a revocation does not allow.
    :raises ModuleError: for somebody to whom nothing was issued.
    """
    ledger: Ledger = {
        (each.directory, entry.serial): entry for each in records if each.current for entry in each.current.entries
    }
    warnings: list[str] = []
    counts = []
    for item in items:
        targets = find_targets(home, records, ledger, item, now)
        before = ledger
        if item["state"] == "released":
            ledger = release(ledger, targets.keys, targets.whose)
        else:
            ledger, kept = revoke(ledger, targets.keys, item["reason"], revoked_at(now), targets.whose)
            warnings += kept
        warnings += [f"{targets.whose}: {sentence}" for sentence in targets.warnings]
        changed = sum(before.get(key) != ledger.get(key) for key in targets.keys)
        counts.append({**item, "count": len(targets.keys), "changed_count": changed})
    return Changes(ledger, counts, warnings)


def yet_unissued(records: Sequence[Records], items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The items to whom nothing was issued: in check mode an earlier task may only have said that it would."""
    return [item for item in items if not is_issued(records, item)]


def next_lists(
    records: Sequence[Records], ledger: Ledger, timing: CrlSchedule, keys: CaKeys, now: datetime
) -> list[NextList]:
    """The list of every CA; only those that change or are due need the CA's key.

    :raises PkiError: when a key cannot be opened.
    """
    return [_next_list(each, ledger, timing, keys, now) for each in records]


def _next_list(records: Records, ledger: Ledger, timing: CrlSchedule, keys: CaKeys, now: datetime) -> NextList:
    entries = tuple(entry for (directory, _serial), entry in ledger.items() if directory == records.directory)
    reason = list_is_due(records.current, timing.renew_before_days, now)
    if records.current is not None and entries != records.current.entries:
        reason = Reason("revocations_changed", "certificates were revoked or released")
    if records.current is not None and reason is None:
        return NextList(records, records.current, None)
    authority = keys.open(records.directory)
    return NextList(
        records, sign_revocation_list(authority, entries, records.current, timing.lifetime_days, now), reason
    )


@dataclass(frozen=True)
class CaKeys:
    """The passphrases of a home: one for the roots, and one for each name of a CA below them."""

    home: str
    passphrase: str | None
    intermediate_passphrases: Mapping[str, str | None]
    option: str = "intermediate_passphrases"  # where those come from, in messages

    def open(self, directory: str) -> Any:
        """The CA of a directory, ready to sign."""
        parts = os.path.relpath(directory, self.home).split(os.sep)
        if "below" not in parts:
            return open_authority(directory, self.passphrase)
        return open_authority(
            directory,
            self.intermediate_passphrases.get(parts[-1]),
            option=f"{self.option}.{parts[-1]}",
        )


@dataclass(frozen=True)
class CrlsOfHome:
    """What became of the CRLs of a home: the files, whether anything changed or would, the report, and what to warn of."""

    written: Sequence[Written]
    changed: bool
    report: Mapping[str, Any]
    warnings: Sequence[str] = ()


# Nobody has looked after them.
NO_CRLS = CrlsOfHome([], False, {"crl_pem": "", "crls": [], "revoked": [], "revocations": []})


def ensure_crls(writer: Writer, keys: CaKeys, wanted: WantedCrls, now: datetime) -> CrlsOfHome:
    """Revoke and release what is requested, and sign every CRL of a home that is due.

    In check mode the CRLs are signed in memory, and a home without a CA, or a name that nothing was issued under, is only
    promised by an earlier task.

    :raises PkiError: for a file that is not what it should be, a change that a revocation does not allow, a key that does not open.
    :raises ModuleError: for a CA or a name that does not exist.
    """
    records, check_mode = read_records(keys.home), writer.check_mode
    revocations = [item for item in wanted.revocations if not item.get("only_if_valid") or is_valid(records, item, now)]
    is_wanted = wanted.create or bool(revocations)
    if not any(each.current or is_wanted for each in records) and (records or check_mode):
        return CrlsOfHome([], is_wanted, NO_CRLS.report)
    if not records:
        raise ModuleError(f"there is no CA in {keys.home}; make one with the module ca, or name its directory")
    promised = yet_unissued(records, revocations) if check_mode else []
    items = [item for item in revocations if item not in promised]
    changes = plan_changes(keys.home, records, items, now)
    lists = next_lists(records, changes.ledger, wanted.timing, keys, now)
    above = stored_above(keys.home) if wanted.above is None else wanted.above
    written = write_files(writer, [each.file() for each in lists if each.reason is not None])
    changed = bool(promised) or any(each.changed for each in written)
    report = {**report_lists(lists, above), "revocations": changes.counts}
    return CrlsOfHome(written, changed, report, changes.warnings)


def report_lists(lists: Sequence[NextList], above: str) -> dict[str, Any]:
    """What the module reports: the lists, and everything that is revoked (a name of None is of what is not kept here)."""
    return {
        "crl_pem": "".join(each.after.pem for each in lists) + above,
        "crls": [_report_list(each.after) for each in lists],
        "revoked": [
            {
                "serial_number": render_serial(entry.serial),
                "name": each.records.issued.names.get(entry.serial),
                "reason": entry.reason,
                "date": render_time(entry.date),
            }
            for each in lists
            for entry in each.after.entries
        ],
    }


def _report_list(crl: RevocationList) -> dict[str, Any]:
    return {
        "issuer": crl.issuer,
        "number": crl.number,
        "this_update": render_time(crl.this_update),
        "next_update": None if crl.next_update is None else render_time(crl.next_update),
        "revoked_count": len(crl.entries),
    }
