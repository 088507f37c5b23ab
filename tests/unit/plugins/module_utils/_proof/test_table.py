# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table that a person reads."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._proof import attempts as proof
from ansible_collections.pgtls.postgresql.plugins.module_utils._proof import results, table
from hypothesis import given
from hypothesis import strategies as st

EVIDENCE = {"tls_version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "client_dn": "/CN=client1", "role": "app1"}
PAIRS = [
    (
        proof.Attempt("app1 by certificate", {"host": "raxus", "sslmode": "verify-full", "user": "app1"}),
        proof.Outcome(proof.ACCEPTED, None, EVIDENCE),
    ),
    (
        proof.Attempt("without TLS", {"hostaddr": "10.0.0.1", "sslmode": "disable", "user": "app1"}, proof.REFUSED),
        proof.Outcome(
            proof.REFUSED, 'connection to server at "10.0.0.1", port 5432 failed: FATAL:  no pg_hba.conf entry for host'
        ),
    ),
]


def rendered(pairs):
    return table.render_table([results.row_of(*pair) for pair in pairs])


def test_table_reads_like_this():
    assert rendered(PAIRS) == [
        "attempt              sslmode      name used  role  expected  outcome   TLS version  cipher"
        "                  client DN",
        "-------------------  -----------  ---------  ----  --------  --------  -----------  ----------------------"
        "  -----------",
        "app1 by certificate  verify-full  raxus      app1  accepted  accepted  TLSv1.3      TLS_AES_256_GCM_SHA384"
        "  /CN=client1  ok",
        "without TLS          disable      10.0.0.1   app1  refused   refused   FATAL:  no pg_hba.conf entry for host"
        "             ok",
        "",
        "2 attempts, 2 as expected",
    ]


def test_difference_is_marked_and_counted():
    pairs = [*PAIRS, (proof.Attempt("third", {}), proof.Outcome(proof.REFUSED, "FATAL: no"))]
    lines = rendered(pairs)
    assert lines[2].startswith("third ") and lines[2].endswith("DIFFERS")
    assert lines[3] == "    expected to be accepted, was refused: FATAL: no"
    assert lines[4].startswith("app1 by certificate ") and lines[5].startswith("without TLS ")
    assert lines[-1] == "3 attempts, 2 as expected, 1 DIFFERS"
    assert results.differing_names(pairs) == ["third"]
    assert results.explain_difference(pairs) == (
        "1 of 3 attempts ended differently than expected: third (expected to be accepted, was refused: FATAL: no)"
    )


def test_many_differences_are_named_up_to_a_few():
    pairs = [(proof.Attempt(f"a{n}", {}), proof.Outcome(proof.REFUSED, "no")) for n in range(8)]
    assert results.explain_difference(pairs).endswith("a4 (expected to be accepted, was refused: no); and 3 more")


def test_attempts_that_were_not_made_are_neither_right_nor_wrong():
    pairs = [(proof.Attempt("one", {}), proof.Outcome(proof.NOT_ATTEMPTED, "check mode"))]
    assert rendered(pairs) == ["1 attempt was not made"]
    assert rendered([*pairs, *pairs]) == ["2 attempts were not made"]
    assert results.differing_names(pairs) == []
    assert results.describe_result(*pairs[0])["as_expected"] is None


def test_the_table_of_several_hosts_says_which_of_them_tried():
    found = [results.describe_result(*pair) for pair in PAIRS]
    rows = [results.row_of_result(result, host) for host in ("web1", "web2") for result in found]
    lines = table.render_table(rows)
    assert [line.split()[3 if line.startswith("app1") else 2] for line in lines[2:6]] == [
        "web1",
        "web1",
        "web2",
        "web2",
    ]
    assert table.render_table(rows[:2]) == rendered(PAIRS)


@pytest.mark.parametrize(
    "seen", [None, 7, "x", [], {"conninfo": 3, "evidence": [1], "as_expected": "yes", "error": {}}]
)
def test_a_host_that_returns_nonsense_gets_a_line_and_no_traceback(seen):
    result = {"name": seen, **(seen if isinstance(seen, dict) else {"expect": seen, "conninfo": seen, "server": seen})}
    assert len(table.render_table([results.row_of_result(result, "web1")])) in (1, 5)


FATAL = 'FATAL: password authentication failed for user "x"'


@pytest.mark.parametrize(
    ("said", "words"),
    [
        # psycopg 3.1 cuts at the first colon, 3.2 and newer do not, psycopg2 adds nothing
        (f"connection failed: {FATAL}", FATAL),
        (f'connection failed: :1", port 5501 failed: {FATAL}', FATAL),
        (f'connection failed: db8::a:1%eth0", port 5501 failed: {FATAL}', FATAL),
        (f"connection failed: :1), port 5501 failed: {FATAL}", FATAL),
        (f'connection failed: connection to server at "127.0.0.1", port 5501 failed: {FATAL}', FATAL),
        (f'connection to server at "::1", port 5501 failed: {FATAL}', FATAL),
        (f'connection to server at "raxus" (127.0.0.1), port 5501 failed: {FATAL}', FATAL),
        (f'connection to server on socket "/run/.s.PGSQL.5501" failed: {FATAL}', FATAL),
        ("connection failed: fe_sendauth: no password supplied", "fe_sendauth: no password supplied"),
        ("connection is bad: Name or service not known", "Name or service not known"),
        # both addresses of a name, and the second try of sslmode=prefer
        (
            'connection failed: connection to server at "::1", port 1 failed: refused Multiple connection attempts failed. '
            "All failures were: - host: 'x', port: 1, hostaddr: '::1': connection failed: refused",
            "refused",
        ),
        (
            'connection to server at "x" (::1), port 1 failed: one connection to server at "x" (127.0.0.1), port 1 failed: two',
            "one; two",
        ),
        (
            "the server at 127.0.0.1:5501 refused the TLS handshake: tlsv1 alert protocol version",
            "tlsv1 alert protocol version",
        ),
        ("connection failed: ", "connection failed:"),
        ("", ""),
    ],
)
def test_a_refusal_is_shown_without_what_the_driver_says_around_it(said, words):
    assert proof.refusal_words(said) == words
    attempt = proof.Attempt("app1", {}, proof.REFUSED, "expired")
    outcome = proof.Outcome(proof.REFUSED, said)
    assert results.row_of(attempt, outcome).error == words
    assert proof.judge(attempt, outcome).because == f"refused for another reason than 'expired': {words}"
    assert results.describe_result(attempt, outcome)["error"] == said


def test_empty_table_has_headings_and_a_summary():
    assert rendered([])[-1] == "0 attempts, 0 as expected"


def test_the_time_of_all_is_in_the_summary():
    lines = table.render_table([results.row_of(*pair) for pair in PAIRS], 1.26)
    assert lines[-1] == "2 attempts in 1.3 seconds, 2 as expected"
    assert lines[:-1] == rendered(PAIRS)[:-1]


def test_the_time_of_each_is_in_its_result_and_nothing_where_nothing_was_tried():
    attempt, accepted = PAIRS[0]
    timed = proof.Outcome(accepted.result, None, EVIDENCE, 0.01234)
    assert results.describe_result(attempt, timed)["seconds"] == 0.012
    assert results.describe_result(attempt, accepted)["seconds"] is None


cells = st.one_of(st.none(), st.text(max_size=200))


@given(st.lists(st.tuples(st.text(max_size=200), cells, cells, cells, cells), max_size=5))
def test_lines_never_end_in_blanks_nor_break_nor_grow_without_end(given_cells):
    rows = [
        table.Row(name, mode, host, role, "refused", "accepted", None, None, dn, table.OK)
        for name, mode, host, role, dn in given_cells
    ]
    lines = table.render_table(rows)
    assert len(lines) == len(rows) + 4
    for line in lines:
        assert line == line.rstrip()
        assert "\n" not in line
        assert len(line) < 300
