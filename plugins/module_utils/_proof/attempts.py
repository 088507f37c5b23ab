# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection attempts as values: what was tried, what came of it, and whether that is what was expected.

A refusal proves something only when it is refused for the stated reason: a server that is down, or a client file
that is missing, refuses everybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .errors import ProofError

ACCEPTED = "accepted"
REFUSED = "refused"
UNREACHABLE = "unreachable"
IMPOSSIBLE = "impossible"
NOT_ATTEMPTED = "not attempted"

# Words of libpq and of the C library for "nobody decided anything": no server, no route, no name, no time left.
_NOBODY_THERE = re.compile(
    r"connection refused|could not translate host name|could not connect to server|timeout expired|timed out"
    r"|no route to host|is unreachable|no such file or directory|name or service not known"
    r"|the database system is (?:starting up|shutting down|in recovery mode|not yet accepting connections)"
    r"|too many clients already",
    re.IGNORECASE,
)
# Words of libpq about the client's own files; such an attempt says nothing about the server.
_OWN_FILES = re.compile(
    r"private key file|root certificate file|could not (?:open|read|load) certificate file|certificate revocation list",
    re.IGNORECASE,
)
# An alert can be lost when the server closes first (libpq then reports the dead socket instead of the alert).
_WITHOUT_WORDS = re.compile(
    r"server closed the connection unexpectedly|connection reset by peer|broken pipe|unexpected eof|eof detected",
    re.IGNORECASE,
)
# What drivers and libpq say before and after the point. psycopg 3 begins with words of its own, and 3.1 cuts at the first colon what libpq
# says next, in an IPv6 address too; 3.2 counts up all addresses of a name at the end.
_DRIVERS_WORDS = re.compile(r"^connection (?:failed|is bad): ")
_WHERE = re.compile(
    r"connection to server (?:at|on socket) \"[^\"]*\"(?: \([^)]*\))?(?:, port \d+)? failed:\s*", re.IGNORECASE
)
_CUT_ADDRESS = re.compile(r"^[0-9a-f:.]*(?:%\w+)?[\")], port \d+ failed: ", re.IGNORECASE)
_HANDSHAKE = re.compile(r"^the server at \S+ refused the TLS handshake:\s*")
_ALL_ADDRESSES = "Multiple connection attempts failed."


@dataclass(frozen=True)
class Attempt:
    """One connection to try: libpq keywords without any secret, and what is expected of it.

    expect: ACCEPTED or REFUSED. reason: regular expression (case does not matter) that a refusal must match.
    server: which one it is about, where there are several.
    """

    name: str
    conninfo: Mapping[str, str]
    expect: str = ACCEPTED
    reason: str | None = None
    claim: str | None = None
    server: str | None = None

    @property
    def label(self) -> str:
        """The name with what tells it from its likes: the same thing is often tried in several modes, by several names."""
        details = [self.server, *(self.conninfo.get(key) for key in ("sslmode", "host"))]
        told = [detail for detail in details if detail]
        return f"{self.name} ({', '.join(told)})" if told else self.name


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt, and how long it took; evidence is the server's own account of an accepted connection."""

    result: str
    error: str | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)
    seconds: float | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether an outcome is as expected, and the sentence that says why."""

    as_expected: bool
    because: str


def check_attempts(attempts: Sequence[Attempt]) -> None:
    """Refuse attempts that could prove nothing.

    :raises ProofError: for an attempt listed twice, a reason that is not a regular expression, and a reason for an acceptance.
    """
    seen: set[str] = set()
    for attempt in attempts:
        if attempt.label in seen:
            raise ProofError(f"attempts: {attempt.label!r} is listed twice; give one of them another name")
        seen.add(attempt.label)
        if attempt.reason is None:
            continue
        if attempt.expect == ACCEPTED:
            raise ProofError(f"attempt {attempt.name!r}: reason is for refusals; remove it or set expect=refused")
        try:
            re.compile(attempt.reason)
        except re.error as error:
            raise ProofError(
                f"attempt {attempt.name!r}: reason {attempt.reason!r} is not a regular expression ({error}); fix it"
            ) from error


def classify_refusal(error: str) -> str:
    """Return what an error text means: IMPOSSIBLE (the client's files), UNREACHABLE (no server decided) or REFUSED."""
    if _OWN_FILES.search(error):
        return IMPOSSIBLE
    return UNREACHABLE if _NOBODY_THERE.search(error) else REFUSED


def refusal_words(error: str) -> str:
    """Return what an error text says beside where and by which driver: whoever shows it says that elsewhere."""
    text = _CUT_ADDRESS.sub("", _DRIVERS_WORDS.sub("", error.strip()))
    text = _HANDSHAKE.sub("", text.partition(_ALL_ADDRESSES)[0])
    said = [part.strip() for part in _WHERE.split(text)]
    return "; ".join(dict.fromkeys(part for part in said if part)) or error


def is_wordless(error: str) -> bool:
    """Return whether an error text is a dead socket without the peer's own words, so that asking again may help."""
    return bool(_WITHOUT_WORDS.search(error))


def judge(attempt: Attempt, outcome: Outcome) -> Verdict:
    """Compare an outcome with what was expected of the attempt."""
    text = outcome.error or ""
    words = refusal_words(text)
    if outcome.result in (NOT_ATTEMPTED, IMPOSSIBLE):
        return Verdict(False, words or "it was not attempted")
    if attempt.expect == ACCEPTED:
        if outcome.result == ACCEPTED:
            return Verdict(True, "accepted as expected")
        return Verdict(False, f"expected to be accepted, was {outcome.result}: {words}")
    if outcome.result == ACCEPTED:
        return Verdict(False, "expected to be refused, was accepted")
    if attempt.reason is None:
        if outcome.result == UNREACHABLE:
            return Verdict(False, f"expected to be refused, but no server answered: {words}")
        return Verdict(True, "refused as expected")
    if re.search(attempt.reason, text, re.IGNORECASE):
        return Verdict(True, "refused for the stated reason")
    return Verdict(False, f"refused for another reason than {attempt.reason!r}: {words}")
