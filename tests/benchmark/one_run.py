# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One measurement in a process of its own: ``one_run.py MODULE CASE COUNT`` prints CPU seconds as JSON.

``edit`` is what parse, ensure and render take, ``wishes`` the reading of what the task lists. ``process`` is all that a
module's process takes for the same task, from the start of Python over ansible's own imports to the written file.
Cases: ``fill`` an empty file with COUNT entries, ask for the ``same`` COUNT entries that are there, add ``one`` to them.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

import module_runner

ROOM = "ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf"
PEER = "postgresql_pg_hba"
PEER_MODULES = "ansible_collections.community.postgresql.plugins.modules"
VERSION = 19

Items = Any


def rule(number: int) -> dict[str, Any]:
    network = f"10.{number >> 8 & 255}.{number & 255}.0/24"
    return {"type": "hostssl", "database": ["all"], "user": [f"app{number}"], "address": network, "method": "cert"}


def mapping(number: int) -> dict[str, Any]:
    return {"map": f"map{number % 100}", "system_user": f"client {number}", "database_user": f"app{number}"}


def host(number: int) -> dict[str, Any]:
    return {"host": [f"db{number}.example.com"], "cert": f"{number}.crt", "key": f"{number}.key", "ca": "root.crt"}


def peer_rule(number: int) -> dict[str, Any]:
    names = {"type": "contype", "database": "databases", "user": "users"}
    return {
        names.get(name, name): value[0] if isinstance(value, list) else value for name, value in rule(number).items()
    }


def settings(numbers: range) -> dict[str, str]:
    return {f"app.setting_{number}": f"value {number}" for number in numbers}


def listed(make: Callable[[int], dict[str, Any]]) -> Callable[[range], Items]:
    return lambda numbers: [make(number) for number in numbers]


@dataclass(frozen=True)
class Kind:
    """One kind of file: its entries, and the names of the functions that read and edit it."""

    option: str
    items: Callable[[range], Items]
    parser: str
    editor: str

    def parse(self, text: str) -> Any:
        return _function(self.parser)(text, VERSION)

    def wishes(self, items: Items) -> Any:
        params = {self.option: items}
        if self.option == "settings":
            return _function("conf.read_settings")(params)
        return _function(self.editor.split(".")[0] + ".read_wishes")(params, VERSION)

    def text(self, items: Items) -> str:
        return str(_function(self.editor)(self.parse(""), self.wishes(items)).render())


def _function(name: str) -> Callable[..., Any]:
    module, _dot, function = name.partition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"{ROOM}.{module}"), function)
    return found


KINDS = {
    "pg_hba": Kind("rules", listed(rule), "hba.parse_hba", "hba_edit.ensure_rules"),
    "pg_ident": Kind("mappings", listed(mapping), "ident.parse_ident", "ident.ensure_mappings"),
    "pg_hosts": Kind("hosts", listed(host), "hosts.parse_hosts", "hosts.ensure_hosts"),
    "pg_conf": Kind("settings", settings, "conf.parse_conf", "conf.ensure_settings"),
    PEER: Kind("rules", listed(rule), "hba.parse_hba", "hba_edit.ensure_rules"),
}


def measure(name: str, case: str, count: int) -> dict[str, float]:
    kind = KINDS[name]
    present = kind.items(range(0 if case == "fill" else count))
    numbers = range(count, count + 1) if case == "one" else range(count)
    text = kind.text(present)
    found = {} if name == PEER else measure_room(kind, text, kind.items(numbers))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "file.conf"
        path.write_text(text, encoding="utf-8")
        if name == PEER:
            arguments = {"dest": str(path), "rules": listed(peer_rule)(numbers), "create": True}
        else:
            arguments = {
                "path": str(path),
                "server_version": VERSION,
                "validate": "syntax",
                kind.option: kind.items(numbers),
            }
        return {**found, "process": measure_process(name, arguments, Path(directory) / "arguments.json")}


def measure_room(kind: Kind, text: str, items: Items) -> dict[str, float]:
    started = time.process_time()
    wishes = kind.wishes(items)
    read = time.process_time()
    _function(kind.editor)(kind.parse(text), wishes).render()
    return {"edit": time.process_time() - read, "wishes": read - started}


def measure_process(name: str, arguments: dict[str, Any], file: Path) -> float:
    file.write_text(json.dumps(arguments), encoding="utf-8")
    child = os.posix_spawn(sys.executable, [sys.executable, __file__, name, str(file)], os.environ)
    _pid, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{name} failed")
    return usage.ru_utime + usage.ru_stime


def run_task(name: str, file: str) -> None:
    if name == PEER:
        module_runner.MODULES = PEER_MODULES
    done = module_runner.run_module(name, json.loads(Path(file).read_text(encoding="utf-8")))
    if done["failed"]:
        raise SystemExit(done["msg"])


if __name__ == "__main__":
    if len(sys.argv) == 3:
        run_task(sys.argv[1], sys.argv[2])
    else:
        print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
