# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the house as functions: each takes the folder of a checkout and returns sentences about violations."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PURE_ROOMS = ("_pki", "_pgconf", "_trust", "_proof")
ROOMS = ("_module", *PURE_ROOMS)
OUTSIDE_WORLD = frozenset(
    {
        "asyncio",
        "fileinput",
        "fcntl",
        "getpass",
        "glob",
        "grp",
        "http",
        "io",
        "logging",
        "mmap",
        "multiprocessing",
        "os",
    }
    | {"pathlib", "pickle", "pty", "pwd", "random", "sched", "select", "selectors", "shelve", "shutil", "signal"}
    | {
        "socket",
        "socketserver",
        "sqlite3",
        "ssl",
        "subprocess",
        "syslog",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
    }
)
# The one door of a room to a library.
DOORS = {"cryptography": "plugins/module_utils/_pki/compat.py"}
CLOCKS = frozenset({"now", "utcnow", "today"})
VAGUE_NAMES = frozenset({"common", "helper", "helpers", "misc", "tools", "util", "utils"})
DOCUMENTATION = frozenset({"DOCUMENTATION", "EXAMPLES", "RETURN"})

MODULE_LINES, FILE_LINES, FUNCTION_LINES = 80, 450, 40


def python_files(root: Path, *folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(level, dotted name) of every import; ``from . import x`` is (1, "x")."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.level, node.module
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.level, alias.name) for alias in node.names)


def pure_rooms_import_only_themselves_and_harmless_libraries(root: Path) -> list[str]:
    found = []
    for room in PURE_ROOMS:
        for path in python_files(root, f"plugins/module_utils/{room}"):
            name = str(path.relative_to(root))
            for level, module in imports(parsed(path)):
                top = module.split(".")[0]
                if level == 1 or DOORS.get(top) == name:
                    continue
                if level > 1:
                    found.append(f"{name} leaves its room for {module}")
                elif top in OUTSIDE_WORLD or top not in sys.stdlib_module_names:
                    found.append(f"{name} imports {module}")
    return found


def pure_rooms_read_neither_clock_nor_files(root: Path) -> list[str]:
    found = []
    for path in python_files(root, *(f"plugins/module_utils/{room}" for room in PURE_ROOMS)):
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            if isinstance(called, ast.Name) and called.id in {"open", "input", "print", "__import__"}:
                found.append(f"{path.relative_to(root)}:{node.lineno} calls {called.id}")
            if isinstance(called, ast.Attribute) and called.attr in CLOCKS:
                found.append(f"{path.relative_to(root)}:{node.lineno} reads the clock by {called.attr}")
    return found


def only_the_entrance_and_the_glue_import_ansible(root: Path) -> list[str]:
    controller = (root / "plugins/filter", root / "plugins/plugin_utils")
    allowed = (root / "plugins/modules", *controller, root / "plugins/module_utils/_module")
    return [
        f"{path.relative_to(root)} imports {module}"
        for path in python_files(root, "plugins")
        if not any(folder in path.parents for folder in allowed)
        for level, module in imports(parsed(path))
        if level == 0 and module.split(".")[0] == "ansible"
    ]


def nothing_imports_against_the_arrows(root: Path) -> list[str]:
    """Modules use rooms, the glue uses pure rooms; inside plugins/ imports are relative."""
    found = []
    for path in python_files(root, "plugins"):
        name = path.relative_to(root)
        for level, module in imports(parsed(path)):
            if module.split(".")[0] == "ansible_collections":
                found.append(f"{name} imports {module} by its absolute name")
            elif name.parts[1] == "modules" and level == 1:
                found.append(f"{name} imports the module {module}")
            elif name.parts[1] == "modules" and level == 2 and not module.startswith("module_utils._"):
                found.append(f"{name} imports {module}, which is no room")
            elif name.parts[2] == "_module" and level == 2 and module.split(".")[0] not in PURE_ROOMS:
                found.append(f"{name} imports {module}, which is no pure room")
            elif name.parts[2] == "_module" and level > 2:
                found.append(f"{name} leaves module_utils for {module}")
    return found


def every_part_has_a_room_and_a_telling_name(root: Path) -> list[str]:
    found = []
    for path in python_files(root, "plugins"):
        name = path.relative_to(root)
        if name.parts[1] == "module_utils" and (len(name.parts) != 4 or name.parts[2] not in ROOMS):
            found.append(f"{name} is in no room")
        if path.stem.strip("_") in VAGUE_NAMES:
            found.append(f"{name} has a name that says nothing")
        if path.name == "__init__.py":
            found.append(f"{name} is not needed, and would be shipped with every task")
    return found


def the_ca_directory_knows_no_certificates(root: Path) -> list[str]:
    path = root / "plugins/module_utils/_module/ca_directory.py"
    return [f"ca_directory.py imports {module}" for level, module in imports(parsed(path)) if level == 2]


def code_lines(source: str) -> set[int]:
    """Numbers of the lines that hold code: no blanks, comments, docstrings and documentation of a module."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        is_text = (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
        is_documentation = isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id in DOCUMENTATION for target in node.targets
        )
        if is_text or is_documentation:
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return {line for line in lines if source.splitlines()[line - 1 : line] not in ([], [""])}


def modules_keep_their_budget(root: Path) -> list[str]:
    found = []
    for path in python_files(root, "plugins/modules"):
        count = len(code_lines(path.read_text(encoding="utf-8")))
        if count > MODULE_LINES:
            found.append(f"{path.relative_to(root)} has {count} lines of code, more than {MODULE_LINES}")
    return found


def files_keep_their_budget(root: Path) -> list[str]:
    found = []
    for path in python_files(root, "plugins/module_utils"):
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count > FILE_LINES:
            found.append(f"{path.relative_to(root)} has {count} lines, more than {FILE_LINES}")
    return found


def functions_keep_their_budget(root: Path) -> list[str]:
    found = []
    for path in python_files(root, "plugins"):
        source = path.read_text(encoding="utf-8")
        lines = code_lines(source)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                count = len(lines.intersection(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
                if count > FUNCTION_LINES:
                    found.append(f"{path.relative_to(root)}: {node.name} has {count} lines, more than {FUNCTION_LINES}")
    return found


def plays_decide_nothing_and_hide_nothing(root: Path) -> list[str]:
    """No set_fact chains, and no failure that is looked away from."""
    found = []
    for folder in ("roles", "playbooks"):
        for path in sorted((root / folder).rglob("*.yml")):
            for mapping in mappings(yaml.safe_load(path.read_text(encoding="utf-8"))):
                name = path.relative_to(root)
                if {"set_fact", "ansible.builtin.set_fact"} & mapping.keys():
                    found.append(f"{name} uses set_fact")
                if mapping.get("ignore_errors") or mapping.get("ignore_unreachable"):
                    found.append(f"{name} ignores errors")
                if mapping.get("failed_when") is False:
                    found.append(f"{name} never fails")
    return found


def mappings(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping inside a YAML document."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from mappings(child)


RULES = (
    pure_rooms_import_only_themselves_and_harmless_libraries,
    pure_rooms_read_neither_clock_nor_files,
    only_the_entrance_and_the_glue_import_ansible,
    nothing_imports_against_the_arrows,
    every_part_has_a_room_and_a_telling_name,
    the_ca_directory_knows_no_certificates,
    modules_keep_their_budget,
    files_keep_their_budget,
    functions_keep_their_budget,
    plays_decide_nothing_and_hide_nothing,
)
