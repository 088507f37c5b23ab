# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the servers' verdicts with ours over many files, and show each disagreement as small as it can be made.

python compare.py [--files N] [--versions "13 15"] [--kinds "hba ident conf"] [--seed WORD] [--show N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import psycopg
import servers
from generators import CONF, HBA, IDENT, MAIN, Case, Stock, make_case
from views import (
    CRASH,
    DIRECTORY,
    ERROR,
    IDENT_VIEW_SINCE,
    Row,
    forgive_conf,
    forgive_log,
    forgive_nul,
    server_says,
    we_say,
)

KINDS = (HBA, IDENT, CONF)
# The settings under which rules are read, in turns.
TURNS: tuple[dict[str, str], ...] = (
    {"ssl": "on", "oauth_validator_libraries": "one"},
    {"ssl": "off", "oauth_validator_libraries": ""},
    {"ssl": "on", "oauth_validator_libraries": "one,two"},
)
_IDENT_LOG_SHARE = 10  # without a view each ident file costs a reload, so only a share of the files is tried


@dataclass
class Tally:
    """One line of the closing table."""

    version: int
    kind: str
    files: int = 0
    lines: int = 0
    silent: int = 0
    seconds: float = 0.0
    disagreements: list[Disagreement] = field(default_factory=list)


@dataclass(frozen=True)
class Disagreement:
    """A file on which server and parser differ: what is left of it, and the rows that only one of them has."""

    version: int
    number: int
    turn: dict[str, str]
    case: Case
    theirs: list[Row]
    ours: list[Row]

    def __str__(self) -> str:
        turn = " ".join(f"{name}={value or '-'}" for name, value in self.turn.items())
        lines = [
            f"PostgreSQL {self.version} {self.case.kind} (file {self.number}, {turn})",
            f"  file    {self.case.text!r}",
        ]
        lines += [f"  beside  {name}: {text!r}" for name, text in sorted(self.case.side.items())]
        lines += [f"  server  {row}" for row in self.theirs] + [f"  ours    {row}" for row in self.ours]
        return "\n".join(lines)


class Judge:
    """A running server with what our parser has to know of it."""

    def __init__(self, server: servers.Server) -> None:
        self.server = server
        self.build = server.build
        self.stock = self._read_stock()
        self.turn: dict[str, str] = {}

    def _read_stock(self) -> Stock:
        data = self.server.directory / "data"
        lines = {kind: (data / MAIN[kind]).read_text("utf-8", "surrogateescape").splitlines() for kind in KINDS}
        rows = self.server.query("SELECT name, vartype, array_to_string(enumvals, ',') FROM pg_settings ORDER BY name")
        return Stock(lines, [(name, f"enum:{values}" if values else vartype) for name, vartype, values in rows])

    def take_turn(self, turn: dict[str, str]) -> None:
        """Let the server run under these settings."""
        known = {name: value for name, value in turn.items() if self.server.version >= 18 or name == "ssl"}
        self.lay_down(Case(HBA, "local all all trust\n"))
        self.lay_down(Case(IDENT, ""))
        self.server.configure(**known)
        self.build = replace(self.server.build, resolvable=frozenset())
        self.turn = known

    def lay_down(self, case: Case) -> None:
        """Put the files where the server reads them."""
        folder = self.server.directory / "conf"
        for name, text in case.side.items():
            (folder / name).parent.mkdir(exist_ok=True)
            self.server.write(name, text)
        self.server.write(MAIN[case.kind], case.text)

    def clear(self, case: Case) -> None:
        """Remove the files beside the main one."""
        folder = self.server.directory / "conf"
        for name in case.side:
            (folder / name).unlink()
        shutil.rmtree(folder / "side.d", ignore_errors=True)

    def difference(self, case: Case) -> tuple[list[Row], list[Row], int]:
        """The rows that only the server has, those that only we have, and how many the server has."""
        self.lay_down(case)
        try:
            try:
                theirs = server_says(self.server, case.kind)
            except psycopg.OperationalError:
                self.server.reconnect()  # the file brought it down
                theirs = [CRASH]
            ours = we_say(self.server, self.build, case.kind, case.text)
        finally:
            self.clear(case)
        count = len(theirs)
        if theirs in ([CRASH], [DIRECTORY]):
            return ([], [], 0) if any(row[2] == ERROR for row in ours) else (theirs, ours, 0)
        if case.kind == CONF:
            theirs, ours = forgive_conf(self.build, self.server.path(MAIN[CONF]), theirs, ours)
        elif case.kind == IDENT and self.server.version < IDENT_VIEW_SINCE:
            theirs, ours = forgive_log(theirs, ours)
        elif "\0" in case.text:
            theirs, ours = forgive_nul(theirs, ours)
        return (
            list((Counter(theirs) - Counter(ours)).elements()),
            list((Counter(ours) - Counter(theirs)).elements()),
            count,
        )

    def minimised(self, number: int, case: Case) -> Disagreement:
        """The smallest file found on which both still differ."""
        for shorter in _shorter(case):
            try:
                theirs, ours, _count = self.difference(shorter)
            except psycopg.errors.DatabaseError:
                continue
            if theirs or ours:
                return self.minimised(number, shorter)
        theirs, ours, _count = self.difference(case)
        return Disagreement(self.server.version, number, self.turn, case, theirs, ours)


def _shorter(case: Case) -> Iterator[Case]:
    """Cases with less in them, the largest steps first."""
    for name in sorted(case.side):
        yield replace(case, side={other: text for other, text in case.side.items() if other != name})
    size = len(case.text) // 2
    while size:
        for start in range(0, len(case.text), size):
            yield replace(case, text=case.text[:start] + case.text[start + size :])
        size //= 2
    for name, text in sorted(case.side.items()):
        for place in range(len(text)):
            yield replace(case, side={**case.side, name: text[:place] + text[place + 1 :]})


def compare(server: servers.Server, kinds: Sequence[str], files: int, seed: str, patience: int = 40) -> Iterator[Tally]:
    """Compare this many files of each kind; at most ``patience`` disagreements of a kind are kept."""
    judge = Judge(server)
    for kind in kinds:
        tally = Tally(server.version, kind)
        start = time.monotonic()
        count = files // _IDENT_LOG_SHARE if kind == IDENT and server.version < IDENT_VIEW_SINCE else files
        turns = TURNS if kind == HBA else TURNS[:1]
        for position, turn in enumerate(turns):
            judge.take_turn(turn)
            for number in range(position * count // len(turns), (position + 1) * count // len(turns)):
                case = make_case(kind, server.version, number, judge.stock, seed)
                try:
                    theirs, ours, lines = judge.difference(case)
                except psycopg.errors.DatabaseError:
                    tally.silent += 1  # the view itself fails: some texts of settings raise an error of their own
                    continue
                tally.files, tally.lines = tally.files + 1, tally.lines + lines
                if (theirs or ours) and len(tally.disagreements) < patience:
                    tally.disagreements.append(judge.minimised(number, case))
        judge.take_turn(TURNS[0])
        tally.seconds = time.monotonic() - start
        yield tally


HEADING = "version  kind     files     lines  no view  seconds  disagreements"


def row(tally: Tally) -> str:
    """The line of the closing table."""
    counts = f"{tally.version:>7}  {tally.kind:5}  {tally.files:>7}  {tally.lines:>8}  {tally.silent:>7}"
    return f"{counts}  {tally.seconds:>7.1f}  {len(tally.disagreements):>13}"


def main() -> int:
    """Compare as the command line says, print what differs and the table; 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    wanted = os.environ.get("PGTLS_DIFFERENTIAL_VERSIONS", "")
    parser.add_argument("--files", type=int, default=int(os.environ.get("PGTLS_DIFFERENTIAL_FILES", "300")))
    parser.add_argument("--versions", default=wanted)
    parser.add_argument("--kinds", default=" ".join(KINDS))
    parser.add_argument("--seed", default=os.environ.get("PGTLS_DIFFERENTIAL_SEED", "pgtls"))
    parser.add_argument("--show", type=int, default=40, help="so many disagreements of a kind are kept and shown")
    options = parser.parse_args()
    versions = [int(word) for word in options.versions.split()] or servers.available_versions()
    tallies: list[Tally] = []
    for version in versions:
        with servers.running(version) as server:
            for tally in compare(server, options.kinds.split(), options.files, options.seed, options.show):
                tallies.append(tally)
                for one in tally.disagreements:
                    print(one, end="\n\n")
                print(row(tally), file=sys.stderr, flush=True)
    print(HEADING, *map(row, tallies), sep="\n")
    return 1 if any(one.disagreements for one in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
