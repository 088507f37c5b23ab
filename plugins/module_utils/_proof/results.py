# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an attempt and its outcome look like: as a result for machines, as a row for people, as a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .attempts import NOT_ATTEMPTED, Attempt, Outcome, judge, refusal_words
from .table import DIFFERS, NOT_TRIED, OK, Row

Pair = tuple[Attempt, Outcome]
_DEFAULT_SSLMODE = "prefer"
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
    return row_of_result(describe_result(attempt, outcome))


def row_of_result(result: Mapping[str, Any], origin: str | None = None) -> Row:
    """Return the line of the table for what describe_result returned. origin: the host that made the attempt."""
    conninfo = _words(result.get("conninfo"))
    evidence = _words(result.get("evidence"))
    error, as_expected = result.get("error"), result.get("as_expected")
    return Row(
        attempt=str(result.get("name") or ""),
        sslmode=conninfo.get("sslmode", _DEFAULT_SSLMODE),
        name_used=conninfo.get("host") or conninfo.get("hostaddr"),
        role=evidence.get("role") or conninfo.get("user"),
        expected=str(result.get("expect") or ""),
        outcome=str(result.get("outcome") or ""),
        tls_version=evidence.get("tls_version"),
        cipher=evidence.get("cipher"),
        client_dn=evidence.get("client_dn"),
        mark=NOT_TRIED if as_expected is None else OK if as_expected else DIFFERS,
        error=None if error is None else refusal_words(str(error)),
        server=_word(result.get("server")),
        origin=origin,
        because=_word(result.get("because")),
    )


def _words(found: Any) -> dict[str, str]:
    pairs = found.items() if isinstance(found, Mapping) else ()
    return {str(name): str(value) for name, value in pairs if value is not None}


def _word(found: Any) -> str | None:
    return None if found is None else str(found)


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


def _differing(pairs: Sequence[Pair]) -> list[Pair]:
    return [
        (attempt, outcome)
        for attempt, outcome in pairs
        if outcome.result != NOT_ATTEMPTED and not judge(attempt, outcome).as_expected
    ]
