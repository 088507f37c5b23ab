# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table that a person reads."""

from __future__ import annotations

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
    assert lines[-3].endswith("DIFFERS")
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
    assert rendered(pairs)[-1] == "1 attempt, 0 as expected, 1 not tried"
    assert results.differing_names(pairs) == []
    assert results.describe_result(*pairs[0])["as_expected"] is None


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
