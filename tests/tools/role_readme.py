# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the README of every role from its meta/argument_specs.yml, meta/main.yml and defaults/main.yml.

role_readme.py            writes roles/*/README.md
role_readme.py --check    exits with 1 when one of them is not what would be written
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parents[2]
COLLECTION = "pgtls.postgresql"
REQUIRED = object()

# What Ansible's documentation markup becomes in Markdown: semantic markup, code, emphasis, links.
_MARKUP = (
    (re.compile(r"\b[OV]\(([^)]*?)\)"), lambda found: f"`{_plain(found[1])}`"),
    (re.compile(r"\b(?:C|RV|E|P)\(([^)]*?)\)"), lambda found: f"`{_plain(found[1])}`"),
    (re.compile(r"\bM\(([^)]*?)\)"), lambda found: f"`{found[1]}`"),
    (re.compile(r"\bB\(([^)]*?)\)"), lambda found: f"**{found[1]}**"),
    (re.compile(r"\bI\(([^)]*?)\)"), lambda found: f"*{found[1]}*"),
    (re.compile(r"\bL\(([^,)]*), *([^)]*)\)"), lambda found: f"[{found[1]}]({found[2]})"),
    (re.compile(r"\bU\(([^)]*?)\)"), lambda found: f"<{found[1]}>"),
)


def _plain(text: str) -> str:
    """``pgtls.postgresql.ca#module:directory`` as an option and whose it is."""
    return re.sub(r"^([\w.]+)#(?:module|role(?::\w+)?):(.*)$", r"\2` of `\1", text)


def markdown(text: str) -> str:
    """Turn documentation markup into Markdown."""
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return text


def sentences(description: str | list[str] | None) -> list[str]:
    """The paragraphs of a description, which YAML writes as a string or as a list."""
    if description is None:
        return []
    return [markdown(one) for one in ([description] if isinstance(description, str) else description)]


def cell(text: str) -> str:
    """A text that stays within one cell of a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def shown_default(value: Any) -> str:
    """A default as YAML writes it, in one line."""
    if value is REQUIRED:
        return "*required*"
    if value is None:
        return ""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True).strip()
    return f"`{text.removesuffix('...').strip()}`"


def kind(option: dict[str, Any]) -> str:
    """The type of an option, with that of its elements."""
    name = option.get("type", "str")
    return f"{name} of {option['elements']}" if "elements" in option else name


def rows(options: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The lines of a table of variables, those of nested options after their parent."""
    for name, option in options.items():
        default = REQUIRED if option.get("required") else option.get("default")
        choices = ", ".join(f"`{choice if choice != '' else '(empty)'}`" for choice in option.get("choices", []))
        description = cell(" ".join(sentences(option.get("description"))))
        path = f"{prefix}{name}"
        yield f"| `{path}` | {kind(option)} | {cell(shown_default(default))} | {choices} | {description} |"
        yield from rows(option.get("options", {}), f"{path}[]." if option.get("elements") == "dict" else f"{path}.")


def entry_point(role: str, name: str, spec: dict[str, Any]) -> Iterator[str]:
    """The section of one entry point."""
    yield f"## Entry point `{name}`"
    yield ""
    yield markdown(spec["short_description"]).rstrip(".") + "."
    for paragraph in sentences(spec.get("description")):
        yield ""
        yield paragraph
    yield ""
    if spec.get("options"):
        yield "| variable | type | default | choices | description |"
        yield "|---|---|---|---|---|"
        yield from rows(spec["options"])
    else:
        yield "It has no variables."
    yield ""


def example(role: str, specs: dict[str, Any]) -> Iterator[str]:
    """A play that uses the role, with the variables that must be given."""
    needed = {name: option for name, option in specs["main"].get("options", {}).items() if option.get("required")}
    yield "## Example"
    yield ""
    yield "```yaml"
    yield f"- name: {specs['main']['short_description'].rstrip('.')}"
    yield f"  hosts: {HOSTS[role]}"
    yield "  roles:"
    yield f"    - role: {COLLECTION}.{role}"
    if needed:
        yield "      vars:"
        yield from (f"        {name}: ..." for name in needed)
    yield "```"
    yield ""


HOSTS = {
    "ca": "ca",
    "server": "postgres_servers",
    "client": "postgres_clients",
    "trust_store": "postgres_servers:postgres_clients",
    "verify": "postgres_clients",
}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def render(folder: Path) -> str:
    """The README of one role."""
    role = folder.name
    specs = load(folder / "meta/argument_specs.yml")["argument_specs"]
    purpose = load(folder / "meta/main.yml")["galaxy_info"]["description"]
    lines = [
        "<!-- Generated by tests/tools/role_readme.py from meta/argument_specs.yml: change that, then run make readmes. -->",
        f"# Role `{COLLECTION}.{role}`",
        "",
        f"{purpose.rstrip('.')}.",
        "",
    ]
    for name, spec in specs.items():
        lines += entry_point(role, name, spec)
    lines += example(role, specs)
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a README is stale")
    parser.add_argument("--roles", type=Path, default=HERE / "roles", help="the directory of the roles")
    chosen = parser.parse_args()
    stale = []
    for spec in sorted(chosen.roles.glob("*/meta/argument_specs.yml")):
        folder = spec.parents[1]
        readme, text = folder / "README.md", render(folder)
        if readme.exists() and readme.read_text(encoding="utf-8") == text:
            continue
        stale.append(f"roles/{folder.name}/README.md")
        if not chosen.check:
            readme.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name}: {'stale; run make readmes' if chosen.check else 'written'}")
    return 1 if chosen.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
