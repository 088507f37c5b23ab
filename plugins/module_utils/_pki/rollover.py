# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rolling a CA over to its successor as a state machine: it goes forwards only, one step at a time.

Everybody trusts the successor before it issues, and nobody presents what the old one issued before it is dropped;
so a good client is accepted at every moment. What stands between two steps (delivering roots, re-issuing, proving)
is the playbook's work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .errors import PkiError

STABLE = "stable"
INTRODUCE = "introduce"
REISSUE = "reissue"
RETIRE = "retire"

# The way from one stable generation to the next one.
STEPS = (INTRODUCE, REISSUE, RETIRE, STABLE)


@dataclass(frozen=True)
class Rollover:
    """Where a CA stands: the generation that was stable last, and how far the way to its successor has gone.

    completed: every server and client has been through the phase.
    """

    generation: int = 1
    phase: str = STABLE
    completed: bool = False

    @property
    def is_under_way(self) -> bool:
        """A rollover was begun and is not finished."""
        return self.phase != STABLE

    @property
    def issuing(self) -> int:
        """The generation that signs now."""
        return self.generation + 1 if self.phase in (REISSUE, RETIRE) else self.generation

    @property
    def trusted(self) -> tuple[int, ...]:
        """The generations that everybody shall trust now, the issuing one first."""
        if self.phase == INTRODUCE:
            return self.generation, self.generation + 1
        if self.phase == REISSUE:
            return self.generation + 1, self.generation
        return (self.issuing,)

    @property
    def remaining(self) -> tuple[str, ...]:
        """The phases that the rollover under way has still before it."""
        return STEPS[STEPS.index(self.phase) + 1 :] if self.is_under_way else ()

    @property
    def following(self) -> Rollover:
        """One step further."""
        if self.phase == RETIRE:
            return Rollover(self.generation + 1, STABLE)
        return Rollover(self.generation, STEPS[STEPS.index(self.phase) + 1] if self.is_under_way else INTRODUCE)


def parse_rollover(record: Any) -> Rollover:
    """Read what ``render_rollover`` made.

    :raises PkiError: when it is something else; the message is the end of a sentence about it.
    """
    if not isinstance(record, Mapping) or set(record) - {"completed"} != {"generation", "phase"}:
        raise PkiError('is not a record like {"generation": 1, "phase": "stable"}')
    generation, phase = record["generation"], record["phase"]
    if not isinstance(generation, int) or isinstance(generation, bool) or generation < 1:
        raise PkiError(f"has the generation {generation!r}, which is not a number from 1 on")
    if phase not in STEPS:
        raise PkiError(f"has the phase {phase!r}, which is not one of {', '.join(STEPS)}")
    completed = record.get("completed", False)
    if not isinstance(completed, bool):
        raise PkiError(f"has {completed!r} for completed, which is not true or false")
    return Rollover(generation, phase, completed)


def render_rollover(state: Rollover) -> dict[str, Any]:
    """The record of a state, ready for JSON."""
    completed = {"completed": True} if state.completed else {}
    return {"generation": state.generation, "phase": state.phase, **completed}


def advance(state: Rollover, generation: int, phase: str) -> Rollover:
    """The state after a call that asks for ``generation`` and may go as far as ``phase``: one step further, or the same.

    :raises PkiError: for a generation that is neither the present one nor the next, and for a phase that was not completed.
    """
    goal = state.generation + 1
    if generation == goal:
        if _reached(state) >= STEPS.index(phase):
            return state
        if state.is_under_way and not state.completed:
            raise PkiError(
                f"phase {state.phase} was not completed: no run has completed it for every server and client; "
                f"run it again for all of them before phase {state.following.phase}"
            )
        return state.following
    if generation == state.issuing:
        return state
    if state.is_under_way:
        raise PkiError(
            f"generation is {generation}, but the CA is being rolled over from generation {state.generation} to {goal} "
            f"(phase {state.phase}), and a rollover only goes forwards; finish it with generation {goal}"
        )
    raise PkiError(
        f"generation is {generation}, but the CA is in generation {state.generation}; "
        f"give {goal} to roll it over, or {state.generation} to leave it"
    )


def complete(state: Rollover, generation: int, phase: str, may_be_promised: bool = False) -> Rollover:
    """The state once every server and client has been through ``phase`` on the way to ``generation``.

    :param may_be_promised: a phase that the CA has not reached is not an error, and changes nothing.
    :raises PkiError: for a phase that the CA has not reached.
    """
    if generation == state.generation + 1 and _reached(state) < STEPS.index(phase) and not may_be_promised:
        raise PkiError(
            f"phase {phase} cannot be completed, because the CA is in phase {state.phase}; advance it there first"
        )
    is_present = state.is_under_way and generation == state.generation + 1 and phase == state.phase
    return replace(state, completed=True) if is_present else state


def _reached(state: Rollover) -> int:
    return STEPS.index(state.phase) if state.is_under_way else -1


def remaining_phases(state: Rollover, generation: int) -> tuple[str, ...]:
    """The phases between a state and ``generation`` being stable."""
    if not state.is_under_way and generation > state.generation:
        return STEPS
    return state.remaining


def successor_name(common_name: str, generation: int) -> str:
    """The common name of a CA in a generation: no two generations share one, so no issuer is ever ambiguous."""
    return common_name if generation < 2 else f"{common_name} G{generation}"


def first_name(common_name: str, generation: int) -> str:
    """The common name without the mark of its generation; the inverse of ``successor_name``."""
    mark = successor_name("", generation)
    return common_name[: -len(mark)] if mark and common_name.endswith(mark) else common_name
