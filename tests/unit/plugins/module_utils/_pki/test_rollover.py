# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollover as a state machine: forwards only, and never a moment at which a good client is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.rollover import (
    STEPS,
    Rollover,
    advance,
    complete,
    first_name,
    parse_rollover,
    remaining_phases,
    render_rollover,
    successor_name,
)
from hypothesis import given
from hypothesis import strategies as st

STATES = st.builds(Rollover, st.integers(1, 50), st.sampled_from(STEPS))


def completed(state):
    """The state once every host has been through its phase."""
    return replace(state, completed=True)


@pytest.mark.parametrize(
    ("phase", "issuing", "trusted", "remaining"),
    [
        ("stable", 3, (3,), ()),
        ("introduce", 3, (3, 4), ("reissue", "retire", "stable")),
        ("reissue", 4, (4, 3), ("retire", "stable")),
        ("retire", 4, (4,), ("stable",)),
    ],
)
def test_a_phase_says_who_issues_and_who_is_trusted(phase, issuing, trusted, remaining):
    state = Rollover(3, phase)
    assert (state.issuing, state.trusted, state.remaining) == (issuing, trusted, remaining)


def test_the_way_to_the_next_generation_has_four_steps():
    state, seen = Rollover(), []
    for _step in range(5):
        state = advance(completed(state), 2, "stable")
        seen.append((state.generation, state.phase))
    assert seen == [(1, "introduce"), (1, "reissue"), (1, "retire"), (2, "stable"), (2, "stable")]


@given(STATES, st.sampled_from(STEPS))
def test_one_step_keeps_one_trusted_ca_and_what_issued_is_trusted_after_it(state, phase):
    after = advance(completed(state), state.generation + 1, phase)
    assert after in (completed(state), state.following)
    assert after.issuing in after.trusted
    assert state.issuing in after.trusted or state.phase == "reissue"  # by then nobody presents the old one
    assert after.issuing in state.trusted or state.phase == "stable"
    assert set(after.trusted) & set(state.trusted)


@given(STATES, st.sampled_from(STEPS))
def test_a_phase_that_was_reached_changes_nothing(state, phase):
    after = advance(completed(state), state.generation + 1, phase)
    for _call in range(5):
        after = advance(completed(after), state.generation + 1, phase)
    reached = STEPS.index(after.phase) if after.generation == state.generation and after.is_under_way else 3
    assert reached >= STEPS.index(phase)
    for passed in STEPS[: reached + 1]:
        assert advance(after, state.generation + 1, passed) == after


@given(STATES, st.sampled_from(STEPS))
def test_a_phase_that_was_not_completed_is_not_left(state, phase):
    state = replace(state, completed=False)
    try:
        after = advance(state, state.generation + 1, phase)
    except PkiError as refused:
        assert state.is_under_way and f"phase {state.phase} was not completed" in str(refused)
    else:
        assert after == state or state.phase == "stable"
    if state.is_under_way:
        assert complete(state, state.generation + 1, state.phase) == replace(state, completed=True)


@given(STATES)
def test_the_issuing_generation_leaves_all_as_it_is(state):
    if not state.is_under_way or state.issuing == state.generation:
        assert advance(state, state.issuing, "stable") == state


@given(STATES, st.integers(-5, 60))
def test_every_other_generation_is_refused(state, generation):
    if generation in (state.issuing, state.generation + 1):
        return
    with pytest.raises(PkiError, match=f"generation is {generation}, but the CA is"):
        advance(state, generation, "introduce")


def test_a_refusal_says_what_to_do():
    with pytest.raises(PkiError) as refused:
        advance(Rollover(), 3, "introduce")
    assert str(refused.value) == (
        "generation is 3, but the CA is in generation 1; give 2 to roll it over, or 1 to leave it"
    )
    with pytest.raises(PkiError) as refused:
        advance(Rollover(1, "reissue"), 1, "introduce")
    assert str(refused.value) == (
        "generation is 1, but the CA is being rolled over from generation 1 to 2 (phase reissue), and a rollover only goes "
        "forwards; finish it with generation 2"
    )


def test_what_remains_is_known_before_the_first_step():
    assert remaining_phases(Rollover(), 2) == STEPS
    assert remaining_phases(Rollover(), 1) == ()
    assert remaining_phases(Rollover(1, "introduce"), 2) == ("reissue", "retire", "stable")


@given(STATES)
def test_a_state_is_read_back(state):
    assert parse_rollover(render_rollover(state)) == state


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ([], "is not a record"),
        ({"generation": 1}, "is not a record"),
        ({"generation": 1, "phase": "stable", "more": 1}, "is not a record"),
        ({"generation": 1, "phase": "reissue", "completed": 1}, "has 1 for completed"),
        ({"generation": 0, "phase": "stable"}, "has the generation 0"),
        ({"generation": True, "phase": "stable"}, "has the generation True"),
        ({"generation": "1", "phase": "stable"}, "has the generation '1'"),
        ({"generation": 1, "phase": "paused"}, "has the phase 'paused', which is not one of introduce, reissue"),
    ],
)
def test_another_record_is_refused(record, said):
    with pytest.raises(PkiError, match=said):
        parse_rollover(record)


def test_the_name_tells_the_generation():
    assert successor_name("Root CA", 1) == "Root CA"
    assert successor_name("Root CA", 3) == "Root CA G3"
    assert first_name("Root CA G3", 3) == "Root CA"
    assert first_name("Root CA G3", 1) == "Root CA G3"  # adopted under this name
