# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One step of a CA's rollover: from the state on disk to the files as they shall be, and what is reported of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..._pki.authority import Authority
from ..._pki.certificates import render_pem
from ..._pki.creation import WantedAuthority, wanted_successor
from ..._pki.rollover import INTRODUCE, RETIRE, Rollover, advance, complete, remaining_phases
from ..._pki.validity import lifetime_of
from ..errors import ModuleError
from ..files.writer import DesiredFile, FileAttributes
from .directory import authority_directory, generation_directory, read_authority
from .open_or_create import AuthorityPlace, ensure_authority, open_authority, trusted_pem, wanted_files
from .retirement_check import check_nobody_is_left_behind
from .rollover_state import read_rollover, rollover_file


@dataclass(frozen=True)
class RolloverStep:
    """Where a call leads: the state after it, the CA that issues then, and what has to be written for it.

    successor: the directory of a CA that this step introduces; else None.
    """

    state: Rollover
    issuing: Authority
    successor: str | None = None
    files: tuple[DesiredFile, ...] = ()


def next_step(params: Mapping[str, Any], now: datetime, check_mode: bool) -> RolloverStep:
    """Read the state of a CA and decide; nothing is written.

    The state is written last: a step that was cut off before is taken again, with the successor's key that is there.

    :param params: those of the module ca_rollover.
    :raises PkiError: for a generation or a successor that cannot be.
    :raises ModuleError: when a CA is missing or damaged.
    """
    home, passphrase = params["directory"], params["passphrase"]
    before = read_rollover(home)
    present = _open(authority_directory(home), passphrase)
    if params["completed"]:
        return RolloverStep(before, present, None, _record(home, before, params, check_mode))
    # check mode has not recorded what an earlier call said that it would
    after = advance(replace(before, completed=before.completed or check_mode), params["generation"], params["phase"])
    if (after.generation, after.phase) == (before.generation, before.phase):
        return RolloverStep(before, present)
    state_file = rollover_file(home, after, FileAttributes())
    if after.phase == RETIRE:
        check_nobody_is_left_behind(home, before, params["abandoned"], now)
    if after.phase != INTRODUCE:
        issuing = _open(generation_directory(home, after.issuing), passphrase)
        return RolloverStep(after, issuing, None, (state_file,))
    directory = generation_directory(home, after.generation + 1)
    stored, place = read_authority(directory), AuthorityPlace(home, directory, passphrase)
    wanted = wanted_successor(_wish(params), present, after.generation + 1)
    successor, _reason = ensure_authority(place, stored, wanted, now)
    return RolloverStep(after, present, directory, (*wanted_files(place, stored, successor), state_file))


def _record(home: str, before: Rollover, params: Mapping[str, Any], check_mode: bool) -> tuple[DesiredFile, ...]:
    """The file that says that a phase was completed; nothing for one that was passed before, or is only promised."""
    after = complete(before, params["generation"], params["phase"], may_be_promised=check_mode)
    return () if after == before else (rollover_file(home, after, FileAttributes()),)


def describe_step(step: RolloverStep, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """What the module reports after (in check mode: instead of) the writing."""
    home, state = params["directory"], step.state
    trusted = [generation_directory(home, generation) for generation in state.trusted]
    return {
        "generation": state.issuing,
        "phase": state.phase,
        "remaining_phases": list(remaining_phases(state, params["generation"])),
        "directory": generation_directory(home, state.issuing),
        "chain_pem": render_pem(step.issuing.chain),
        "trusted_pem": trusted_pem(trusted, may_be_missing=check_mode and step.successor is not None),
    }


def _open(directory: str, passphrase: str | None) -> Authority:
    authority = open_authority(directory, passphrase)
    if authority is None:
        raise ModuleError(f"there is no CA in {directory}; make one with the module ca")
    return authority


def _wish(params: Mapping[str, Any]) -> WantedAuthority:
    lifetime = lifetime_of(params["lifetime_days"], None, None, "the successor")
    return WantedAuthority(lifetime, params["common_name"], params["subject"], params["key_type"])
