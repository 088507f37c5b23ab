# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One piece of work on a pg_hba.conf with many rules, in a process of its own: ``rules_work.py WORK COUNT DIRECTORY``.

It prints CPU seconds and the peak of the process's memory as JSON. The module runs as on a host, with what it checks and
reports; the functions are those that the modules use. What prepares the file is not counted as time.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.access.comparison import compare_access
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.authentication import ServerContext
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.explain import explain, read_attempt
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import judge_hba
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.hba import Rule, parse_hba
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules.included_rules import (
    find_dead_rules,
    nothing_known,
)
from ansible_collections.pgtls.postgresql.plugins.modules import pg_hba
from module_runner import module_arguments

VERSION = 19


def fields(number: int) -> dict[str, Any]:
    """A rule as a task lists it."""
    network = f"10.{number >> 8 & 255}.{number & 255}.0/24"
    return {"type": "hostssl", "database": ["all"], "user": [f"app{number}"], "address": network, "method": "cert"}


def line(number: int) -> str:
    """The same rule as a line of the file."""
    rule = fields(number)
    return f"hostssl all {rule['user'][0]} {rule['address']} cert\n"


def text(count: int) -> str:
    """A file of so many rules."""
    return "".join(map(line, range(count)))


def rules(content: str) -> list[Rule]:
    """The rules of a file."""
    return [entry for entry in parse_hba(content, VERSION).entries() if isinstance(entry, Rule)]


def module(directory: Path, content: str, wanted: Iterator[dict[str, Any]]) -> Callable[[], None]:
    """The work of pg_hba on a file."""
    path = directory / "pg_hba.conf"
    path.write_text(content)
    arguments = {"path": str(path), "server_version": VERSION, "validate": "syntax", "rules": list(wanted)}

    def work() -> None:
        """As a process of its own: its result goes out as text, and nobody here reads it again."""
        with (
            (directory / "result.json").open("w+") as result,
            contextlib.redirect_stdout(result),
            module_arguments(arguments),
        ):
            try:
                pg_hba.main()
            except SystemExit as end:
                if end.code not in (None, 0):
                    result.seek(0)
                    raise SystemExit(result.read()[-2000:]) from end

    return work


def unreachable(content: str) -> Callable[[], None]:
    """The search for rules that are never met."""
    return lambda: print(len(find_dead_rules(parse_hba(content, VERSION), nothing_known)), file=sys.stderr)


def explained(content: str, count: int) -> Callable[[], None]:
    """The answer to what becomes of the user of the last rule."""
    wanted = fields(count - 1)
    address = str(wanted["address"]).replace("0/24", "7")
    attempt = read_attempt(
        {
            "user": wanted["user"][0],
            "database": "shop",
            "tls": True,
            "address": address,
            "certificate_common_name": "app",
        }
    )
    server = ServerContext(has_ca_file=True)
    return lambda: print(explain(judge_hba(content, VERSION).entries, attempt, server).outcome, file=sys.stderr)


def access(content: str, count: int) -> Callable[[], None]:
    """Who gains and loses by one more rule."""
    return lambda: print(compare_access(rules(content), rules(content + line(count))).is_complete, file=sys.stderr)


def prepare(name: str, count: int, directory: Path) -> Callable[[], object]:
    """Return a piece of work by its name."""
    works: dict[str, Callable[[], Callable[[], object]]] = {
        "edit": lambda: module(directory, text(count), map(fields, [count])),
        "bulk": lambda: module(directory, line(count), map(fields, range(count))),
        "no-op": lambda: module(directory, text(count), map(fields, range(count))),
        "explain": lambda: explained(text(count), count),
        "unreachable": lambda: unreachable(text(count)),
        "access": lambda: access(text(count), count),
    }
    return works[name]()


def peak_mib() -> float:
    """The peak of this program's memory; getrusage would count that of the process that started it too."""
    (kib,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(kib) / 1024


def main() -> None:
    work = prepare(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
    start = time.process_time()
    work()
    cpu = time.process_time() - start
    print(json.dumps({"cpu_seconds": cpu, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
