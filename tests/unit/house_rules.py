# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the house as functions: each takes the directory of a checkout and returns sentences about violations."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PURE_PACKAGES = ("_pki", "_pgconf", "_trust", "_proof")
PACKAGES = ("_host", *PURE_PACKAGES)
# The wings of a package, with the wings that each may import. What lies beside the wings may be imported by all of them.
WINGS = {
    "_host": {
        "files": (),
        "server": ("files",),
        "certificates": ("files",),
        "authority": ("files",),
        "editing": ("files", "server"),
        "transaction": ("files", "server"),
        "applying": ("files", "server", "certificates", "editing", "transaction"),
    },
    "_pgconf": {
        "text": (),
        "settings": ("text",),
        "rules": ("text", "settings"),
        "maps": ("text", "settings", "rules"),
        "login": ("text", "settings", "rules", "maps"),
        "access": ("text", "settings", "rules", "maps", "login"),
    },
}
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
# The one file of a package that imports a library.
ENTRY_POINTS = {"cryptography": "plugins/module_utils/_pki/compat.py"}
# What of a module is AnsibleModule's. It stands above the wings, and only modules import it.
FRAME = "plugins/module_utils/_host/module_frame.py"
CLOCKS = frozenset({"now", "utcnow", "today"})
VAGUE_NAMES = frozenset({"common", "helper", "helpers", "misc", "tools", "util", "utils"})
DOCUMENTATION = frozenset({"DOCUMENTATION", "EXAMPLES", "RETURN"})

MODULE_LINES, FILE_LINES, FUNCTION_LINES = 70, 450, 40


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


def inner_imports(root: Path, path: Path) -> Iterator[tuple[str, ...]]:
    """Where the relative imports of a file lead, as the parts of a path below plugins/; above it is ("..",)."""
    here = path.relative_to(root / "plugins").parts[:-1]
    for level, module in imports(parsed(path)):
        if level > len(here) + 1:
            yield ("..",)
        elif level:
            yield (*here[: len(here) - level + 1], *module.split("."))


def pure_packages_import_only_themselves_and_harmless_libraries(root: Path) -> list[str]:
    found = []
    for package in PURE_PACKAGES:
        for path in python_files(root, f"plugins/module_utils/{package}"):
            name = str(path.relative_to(root))
            for parts in inner_imports(root, path):
                if parts[:2] != ("module_utils", package):
                    found.append(f"{name} leaves its package for {'.'.join(parts)}")
            for level, module in imports(parsed(path)):
                top = module.split(".")[0]
                is_harmless = top in sys.stdlib_module_names and top not in OUTSIDE_WORLD
                if level == 0 and not is_harmless and ENTRY_POINTS.get(top) != name:
                    found.append(f"{name} imports {module}")
    return found


def pure_packages_read_neither_clock_nor_files(root: Path) -> list[str]:
    found = []
    for path in python_files(root, *(f"plugins/module_utils/{package}" for package in PURE_PACKAGES)):
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            if isinstance(called, ast.Name) and called.id in {"open", "input", "print", "__import__"}:
                found.append(f"{path.relative_to(root)}:{node.lineno} calls {called.id}")
            if isinstance(called, ast.Attribute) and called.attr in CLOCKS:
                found.append(f"{path.relative_to(root)}:{node.lineno} reads the clock by {called.attr}")
    return found


def only_the_entrance_and_its_frame_import_ansible(root: Path) -> list[str]:
    entrances = ("modules", "action", "filter", "plugin_utils")
    allowed = [root / "plugins" / folder for folder in entrances]
    return [
        f"{path.relative_to(root)} imports {module}"
        for path in python_files(root, "plugins")
        if not any(folder in path.parents for folder in allowed) and path != root / FRAME
        for level, module in imports(parsed(path))
        if level == 0 and module.split(".")[0] == "ansible"
    ]


def nothing_imports_against_the_arrows(root: Path) -> list[str]:
    """Modules use packages, the glue uses pure packages, a wing those below it; inside plugins/ imports are relative."""
    found = []
    for path in python_files(root, "plugins"):
        name = path.relative_to(root)
        for level, module in imports(parsed(path)):
            if level == 0 and module.split(".")[0] == "ansible_collections":
                found.append(f"{name} imports {module} by its absolute name")
        for parts in inner_imports(root, path):
            sentence = against_the_arrows(name.parts[1:-1], parts)
            if parts[-1] == "module_frame" and name.parts[1] != "modules":
                sentence = "which is for modules alone"
            if sentence and str(name) != FRAME:
                found.append(f"{name} imports {'.'.join(parts)}, {sentence}")
    return found


def against_the_arrows(here: tuple[str, ...], target: tuple[str, ...]) -> str | None:
    """What is wrong with an import, from a folder below plugins/ to a file there; None when nothing is."""
    if here == ("modules",):
        allowed = target[0] == "module_utils" and target[1:2] and target[1] in PACKAGES
        return None if allowed else "which is in no package"
    if here[:1] != ("module_utils",):
        return None
    if target[0] != "module_utils":
        return "which is outside module_utils"
    if target[1] != here[1]:
        return None if target[1] in PURE_PACKAGES else "which is in no pure package"
    wing = here[2] if len(here) > 2 else None
    other = target[2] if len(target) > 3 else None
    if other in (None, wing):
        return None
    return None if other in WINGS[here[1]].get(wing or "", ()) else f"against the arrows: {wing or here[1]} -> {other}"


def is_a_place(*folders: str) -> bool:
    package, wing = (*folders, None, None)[:2]
    return len(folders) in (1, 2) and package in PACKAGES and (wing is None or wing in WINGS.get(package, {}))


def every_part_has_a_place_and_a_telling_name(root: Path) -> list[str]:
    found = []
    for path in python_files(root, "plugins"):
        name = path.relative_to(root)
        if name.parts[1] == "module_utils" and not is_a_place(*name.parts[2:-1]):
            found.append(f"{name} is in no package, or in no wing of it")
        if path.stem.strip("_") in VAGUE_NAMES:
            found.append(f"{name} has a name that says nothing")
        if path.name == "__init__.py":
            found.append(f"{name} is not needed, and would be shipped with every task")
    return found


def no_class_name_is_used_twice(root: Path) -> list[str]:
    """Beside the modules, whose private classes nobody else sees."""
    places: dict[str, list[str]] = {}
    for path in python_files(root, "plugins/module_utils", "plugins/plugin_utils"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(root)))
    return [f"{' and '.join(files)} have a class {name} each" for name, files in places.items() if len(files) > 1]


def the_ca_directory_knows_no_certificates(root: Path) -> list[str]:
    path = root / "plugins/module_utils/_host/authority/directory.py"
    return [
        f"{path.name} imports {'.'.join(parts[1:])}" for parts in inner_imports(root, path) if parts[1:2] == ("_pki",)
    ]


def code_lines(source: str) -> set[int]:
    """Numbers of the lines that hold code: no blanks, comments, imports, docstrings and documentation of a module."""
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
        if is_text or is_documentation or isinstance(node, (ast.Import, ast.ImportFrom)):
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


def no_role_reads_what_another_keeps_for_itself(root: Path) -> list[str]:
    """A variable with two underscores belongs to the role whose name follows; others read a documented result."""
    found = []
    for path in sorted(path for folder in ("roles", "playbooks") for path in (root / folder).rglob("*")):
        name = path.relative_to(root)
        own = f"__pgtls_{name.parts[1]}_" if name.parts[0] == "roles" else None
        if path.suffix in (".yml", ".j2"):
            names = dict.fromkeys(re.findall(r"__pgtls_\w+", path.read_text(encoding="utf-8")))
            found += [f"{name} names {each}" for each in names if own is None or not each.startswith(own)]
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
    pure_packages_import_only_themselves_and_harmless_libraries,
    pure_packages_read_neither_clock_nor_files,
    only_the_entrance_and_its_frame_import_ansible,
    nothing_imports_against_the_arrows,
    every_part_has_a_place_and_a_telling_name,
    no_class_name_is_used_twice,
    the_ca_directory_knows_no_certificates,
    modules_keep_their_budget,
    files_keep_their_budget,
    functions_keep_their_budget,
    plays_decide_nothing_and_hide_nothing,
    no_role_reads_what_another_keeps_for_itself,
)
