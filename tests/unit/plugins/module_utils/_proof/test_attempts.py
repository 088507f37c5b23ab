# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When an outcome proves what was claimed, and when it proves nothing."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._proof import attempts as proof
from ansible_collections.pgtls.postgresql.plugins.module_utils._proof.errors import ProofError

ACCEPTED = proof.Outcome(proof.ACCEPTED)


def attempt(expect=proof.ACCEPTED, reason=None, name="one"):
    return proof.Attempt(name, {"user": "app"}, expect, reason)


def refusal(error, result=proof.REFUSED):
    return proof.Outcome(result, error)


@pytest.mark.parametrize(
    ("tried", "outcome", "as_expected"),
    [
        (attempt(), ACCEPTED, True),
        (attempt(), refusal("FATAL: no"), False),
        (attempt(proof.REFUSED), ACCEPTED, False),
        (attempt(proof.REFUSED), refusal("FATAL: no"), True),
        (attempt(proof.REFUSED, "password"), refusal("FATAL: Password authentication failed"), True),
        (attempt(proof.REFUSED, "password"), refusal("FATAL: no pg_hba.conf entry"), False),
        (attempt(proof.REFUSED), refusal("connection refused", proof.UNREACHABLE), False),
        (attempt(proof.REFUSED, "connection refused"), refusal("Connection refused", proof.UNREACHABLE), True),
        (attempt(proof.REFUSED, ".*"), refusal("client file x does not exist", proof.IMPOSSIBLE), False),
        (attempt(proof.REFUSED, ".*"), refusal("check mode", proof.NOT_ATTEMPTED), False),
    ],
)
def test_verdict_of_an_outcome(tried, outcome, as_expected):
    verdict = proof.judge(tried, outcome)
    assert verdict.as_expected is as_expected
    assert verdict.because


def test_verdict_quotes_the_words_of_a_refusal():
    verdict = proof.judge(attempt(proof.REFUSED, "expired"), refusal("FATAL: something else"))
    assert verdict.because == "refused for another reason than 'expired': FATAL: something else"


@pytest.mark.parametrize(
    ("error", "result"),
    [
        ('connection to server at "127.0.0.1", port 1 failed: Connection refused', proof.UNREACHABLE),
        ('could not translate host name "x" to address: Name or service not known', proof.UNREACHABLE),
        ("connection timeout expired", proof.UNREACHABLE),
        ("FATAL: the database system is starting up", proof.UNREACHABLE),
        ('FATAL: no pg_hba.conf entry for host "1.2.3.4", user "app", no encryption', proof.REFUSED),
        ('server certificate for "a" does not match host name "b"', proof.REFUSED),
        ("SSL error: certificate verify failed", proof.REFUSED),
        ('private key file "/k" has group or world access', proof.IMPOSSIBLE),
        ('root certificate file "/r" does not exist', proof.IMPOSSIBLE),
    ],
)
def test_words_of_an_error_tell_who_refused(error, result):
    assert proof.classify_refusal(error) == result


def test_dead_socket_is_wordless_and_an_alert_is_not():
    assert proof.is_wordless("server closed the connection unexpectedly")
    assert not proof.is_wordless("SSL error: tlsv1 alert unknown ca")


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        ([attempt(), attempt()], "is listed twice"),
        ([attempt(proof.REFUSED, "(")], "not a regular expression"),
        ([attempt(proof.ACCEPTED, "x")], "reason is for refusals"),
    ],
)
def test_attempts_that_prove_nothing_are_refused(tried, words):
    with pytest.raises(ProofError, match=words):
        proof.check_attempts(tried)
