# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an attempt and its outcome look like: as a result for machines, as a row for people, as a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .attempts import NOT_ATTEMPTED, Attempt, Outcome, judge
from .table import DIFFERS, NOT_TRIED, OK, Row

Pair = tuple[Attempt, Outcome]
_DEFAULT_SSLMODE = "prefer"
# What libpq says before the point: the table has the address in a column of its own.
_WHERE = re.compile(
    r"^(?:connection failed: )?(?:connection to server at .*? failed:|the server at \S+ refused the TLS handshake:)\s*",
    re.DOTALL,
)
_NAMED_DIFFERENCES = 5


def describe_result(attempt: Attempt, outcome: Outcome) -> dict[str, object]:
    """Return one attempt and what came of it as plain data; as_expected is None when it was not attempted."""
    verdict = judge(attempt, outcome)
    return {
        "name": attempt.name,
        "server": attempt.server,
        "claim": attempt.claim,
        "conninfo": dict(attempt.conninfo),
        "expect": attempt.expect,
        "outcome": outcome.result,
        "as_expected": None if outcome.result == NOT_ATTEMPTED else verdict.as_expected,
        "because": verdict.because,
        "error": outcome.error,
        "seconds": rounded(outcome.seconds),
        "evidence": dict(outcome.evidence),
    }


def rounded(seconds: float | None) -> float | None:
    """Return seconds as results have them; None for what was not attempted."""
    return None if seconds is None else round(seconds, 3)


def row_of(attempt: Attempt, outcome: Outcome) -> Row:
    """Return the line of the table for one attempt."""
    evidence = {name: str(value) for name, value in outcome.evidence.items() if value is not None}
    return Row(
        attempt=attempt.name,
        sslmode=attempt.conninfo.get("sslmode", _DEFAULT_SSLMODE),
        name_used=attempt.conninfo.get("host") or attempt.conninfo.get("hostaddr"),
        role=evidence.get("role") or attempt.conninfo.get("user"),
        expected=attempt.expect,
        outcome=outcome.result,
        tls_version=evidence.get("tls_version"),
        cipher=evidence.get("cipher"),
        client_dn=evidence.get("client_dn"),
        mark=_mark(attempt, outcome),
        error=None if outcome.error is None else _WHERE.sub("", outcome.error),
        server=attempt.server,
    )


def differing_names(pairs: Sequence[Pair]) -> list[str]:
    """Return the labels of the attempts that were made and ended differently than expected."""
    return [attempt.label for attempt, _outcome in _differing(pairs)]


def explain_difference(pairs: Sequence[Pair]) -> str:
    """Return one sentence that names the first few attempts that differ, and why."""
    differing = _differing(pairs)
    named = [f"{attempt.label} ({judge(attempt, outcome).because})" for attempt, outcome in differing]
    rest = len(named) - _NAMED_DIFFERENCES
    more = f"; and {rest} more" if rest > 0 else ""
    first = "; ".join(named[:_NAMED_DIFFERENCES])
    return f"{len(differing)} of {len(pairs)} attempts ended differently than expected: {first}{more}"


def _mark(attempt: Attempt, outcome: Outcome) -> str:
    if outcome.result == NOT_ATTEMPTED:
        return NOT_TRIED
    return OK if judge(attempt, outcome).as_expected else DIFFERS


def _differing(pairs: Sequence[Pair]) -> list[Pair]:
    return [
        (attempt, outcome)
        for attempt, outcome in pairs
        if outcome.result != NOT_ATTEMPTED and not judge(attempt, outcome).as_expected
    ]
