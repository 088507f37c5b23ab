# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written twice says the same twice: role defaults and specs, spec pieces and documentation, lists of modules."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.pgtls.postgresql"
ROLES = sorted(path.parents[1].name for path in CHECKOUT.glob("roles/*/meta/argument_specs.yml"))
MODULES = sorted(path.stem for path in CHECKOUT.glob("plugins/modules/*.py"))


def load(path: str) -> Any:
    return yaml.safe_load((CHECKOUT / path).read_text(encoding="utf-8"))


def spec_pieces() -> list[tuple[str, str]]:
    """(module below _host, name) of every piece of an argument spec: a constant annotated with Spec."""
    found = []
    package = CHECKOUT / "plugins/module_utils/_host"
    for path in sorted(package.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if (
                isinstance(node, ast.AnnAssign)
                and isinstance(node.annotation, ast.Name)
                and node.annotation.id == "Spec"
                and isinstance(node.target, ast.Name)
            ):
                found.append((".".join(path.relative_to(package).with_suffix("").parts), node.target.id))
    return found


def comparable(options: dict[str, Any]) -> dict[str, Any]:
    """What a spec and its documentation must agree about, nested options too."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": list(option.get("choices", [])),
            "options": comparable(option.get("options") or option.get("suboptions") or {}),
        }
        for name, option in options.items()
    }


def role_differences(defaults: dict[str, Any], specs: dict[str, Any]) -> list[str]:
    """Sentences about a role whose defaults/main.yml and meta/argument_specs.yml disagree."""
    found, specified = [], set()
    for entry, spec in specs.items():
        for name, option in spec.get("options", {}).items():
            specified.add(name)
            if option.get("required"):
                if "default" in option or name in defaults:
                    found.append(f"{entry}: {name} is required and has a default")
            elif name not in defaults:
                found.append(f"{entry}: {name} is not required and has no default in defaults/main.yml")
            elif option.get("default") != defaults[name] or "default" not in option:
                found.append(
                    f"{entry}: {name} is {option.get('default')!r} here and {defaults[name]!r} in defaults/main.yml"
                )
    return found + [f"{name} is in no entry point" for name in defaults if name not in specified]


@pytest.mark.parametrize("role", ROLES)
def test_the_defaults_of_a_role_are_those_of_its_spec(role: str) -> None:
    specs = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    assert role_differences(load(f"roles/{role}/defaults/main.yml"), specs) == []


def test_roles_that_share_a_variable_have_the_same_default_for_it() -> None:
    values: dict[str, dict[str, Any]] = {}
    for role in ROLES:
        for name, default in load(f"roles/{role}/defaults/main.yml").items():
            values.setdefault(name, {})[role] = default
    assert {
        name: found
        for name, found in values.items()
        if any(one != next(iter(found.values())) for one in found.values())
    } == {}


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_point_of_a_role_is_a_file_of_tasks_and_the_reverse(role: str) -> None:
    specs = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    tasks = {path.stem for path in CHECKOUT.glob(f"roles/{role}/tasks/*.yml")}
    assert set(specs) == {name for name in tasks if not name.startswith("_")}


@pytest.mark.parametrize(
    ("defaults", "option", "sentence"),
    [
        ({"a": 1, "b": 2}, {"default": 1}, "b is in no entry point"),
        ({}, {"default": 1}, "has no default in defaults/main.yml"),
        ({"a": 2}, {"default": 1}, "is 1 here and 2"),
        ({"a": None}, {}, "is None here and None"),
        ({"a": 1}, {"required": True}, "is required and has a default"),
    ],
)
def test_a_difference_between_defaults_and_spec_is_found(
    defaults: dict[str, Any], option: dict[str, Any], sentence: str
) -> None:
    (found,) = role_differences(defaults, {"main": {"options": {"a": option}}})
    assert sentence in found


def test_role_readmes_are_fresh() -> None:
    tool = CHECKOUT / "tests/tools/role_readme.py"
    checked = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_a_stale_readme_is_found(tmp_path: Path) -> None:
    tool = CHECKOUT / "tests/tools/role_readme.py"
    meta = tmp_path / "ca/meta"
    meta.mkdir(parents=True)
    specs = {"argument_specs": {"main": {"short_description": "It is", "options": {"pgtls_ca_a": {"default": "x"}}}}}
    (meta / "argument_specs.yml").write_text(yaml.safe_dump(specs), encoding="utf-8")
    (meta / "main.yml").write_text(yaml.safe_dump({"galaxy_info": {"description": "A CA"}}), encoding="utf-8")

    def run(*arguments: str) -> int:
        return subprocess.run(
            [sys.executable, str(tool), "--roles", str(tmp_path), *arguments], check=False, capture_output=True
        ).returncode

    assert run("--check") == 1
    assert run() == 0
    assert run("--check") == 0
    assert "| `pgtls_ca_a` | str | `x` |" in (tmp_path / "ca/README.md").read_text(encoding="utf-8")
    (tmp_path / "ca/README.md").write_text("old", encoding="utf-8")
    assert run("--check") == 1


def argument_spec(monkeypatch: pytest.MonkeyPatch, module: str) -> dict[str, Any]:
    """The options that a module really declares to ansible."""

    class Declared(Exception):
        pass

    def declare(_self: object, argument_spec: dict[str, Any], **_more: object) -> None:
        raise Declared(argument_spec)

    monkeypatch.setattr(basic.AnsibleModule, "__init__", declare)
    with pytest.raises(Declared) as declared:
        importlib.import_module(f"{COLLECTION}.plugins.modules.{module}").main()
    (spec,) = declared.value.args
    return spec


def test_the_members_of_the_action_group_are_the_modules_that_have_all_its_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One default for the group must be an option of every member, and a module with a part of it is confusing."""
    promised = importlib.import_module(f"{COLLECTION}.plugins.module_utils._host.option_specs").LOGIN
    having_some, differing = [], []
    for module in MODULES:
        own = comparable(argument_spec(monkeypatch, module))
        shared = {name: option for name, option in own.items() if name in promised or name.startswith("login_")}
        having_some += [module] if shared else []
        differing += [module] if shared and shared != comparable(promised) else []
    assert load("meta/runtime.yml")["action_groups"] == {"login": having_some}
    assert not differing


@pytest.mark.parametrize(("module", "piece"), spec_pieces())
def test_a_spec_piece_and_its_documentation_agree(module: str, piece: str) -> None:
    spec = getattr(importlib.import_module(f"{COLLECTION}.plugins.module_utils._host.{module}"), piece)
    fragment = importlib.import_module(f"{COLLECTION}.plugins.doc_fragments.{piece.lower()}").ModuleDocFragment
    assert comparable(yaml.safe_load(fragment.DOCUMENTATION)["options"]) == comparable(spec)


def test_every_documentation_fragment_has_its_piece() -> None:
    fragments = {path.stem for path in CHECKOUT.glob("plugins/doc_fragments/*.py")}
    assert fragments == {piece.lower() for _module, piece in spec_pieces()} | {"attributes"}
