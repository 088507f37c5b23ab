# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The house keeps its rules, and each rule can fail: a small house is built right, then broken in one place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import house_rules
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

SOUND = {
    "plugins/modules/thing.py": '''
DOCUMENTATION = r"""
module: thing
"""
from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.files.writer import write
from ..module_utils._pki.keys import make


def main():
    write(AnsibleModule({}), make())
''',
    "plugins/module_utils/_host/files/writer.py": "import os\n\nfrom ..errors import ModuleError\nfrom ..._pki.keys import make\n",
    "plugins/module_utils/_host/authority/directory.py": "from ..files.writer import write\n",
    "plugins/module_utils/_host/errors.py": "class ModuleError(Exception):\n    pass\n",
    "plugins/module_utils/_pki/compat.py": "from cryptography import x509\n",
    "plugins/module_utils/_pki/keys.py": "from datetime import datetime\n\nfrom .compat import x509\n",
    "plugins/module_utils/_pgconf/rules/hba.py": "import re\n",
    "plugins/module_utils/_trust/stores.py": "import dataclasses\n",
    "plugins/module_utils/_proof/table.py": "import json\n",
    "plugins/doc_fragments/file.py": "class ModuleDocFragment:\n    pass\n",
    "roles/ca/tasks/main.yml": "- name: Have it\n  pgtls.postgresql.ca: {}\n  failed_when: result.rc != 0\n",
    "roles/ca/vars/main.yml": "pgtls_ca_result: '{{ __pgtls_ca_found }}'\n",
    "playbooks/site.yml": "- hosts: ca\n  roles: [ca]\n",
}

LONG_FUNCTION = "def long():\n" + "    x = 1\n" * house_rules.FUNCTION_LINES
LONG_MODULE = "x = 1\n" * (house_rules.MODULE_LINES + 1)
LONG_FILE = "# why\n" * (house_rules.FILE_LINES + 1)

# rule, the file that is changed (or new), what is put at its end, what the sentence must say
BREAKS = [
    ("pure_packages_import_only_themselves_and_harmless_libraries", "_pki/keys.py", "import os", "imports os"),
    (
        "pure_packages_import_only_themselves_and_harmless_libraries",
        "_pki/keys.py",
        "from os import path",
        "imports os",
    ),
    ("pure_packages_import_only_themselves_and_harmless_libraries", "_pki/keys.py", "import time", "imports time"),
    (
        "pure_packages_import_only_themselves_and_harmless_libraries",
        "_pgconf/rules/hba.py",
        "import subprocess",
        "subprocess",
    ),
    ("pure_packages_import_only_themselves_and_harmless_libraries", "_proof/table.py", "import psycopg", "psycopg"),
    ("pure_packages_import_only_themselves_and_harmless_libraries", "_trust/stores.py", "import socket", "socket"),
    (
        "pure_packages_import_only_themselves_and_harmless_libraries",
        "_pki/keys.py",
        "from cryptography import x509",
        "imports cryptography",
    ),
    (
        "pure_packages_import_only_themselves_and_harmless_libraries",
        "_pki/keys.py",
        "from .._pgconf.rules.hba import parse",
        "leaves its package for module_utils._pgconf.rules.hba",
    ),
    (
        "pure_packages_import_only_themselves_and_harmless_libraries",
        "_trust/stores.py",
        "def late():\n    from .._host.files import writer",
        "leaves its package",
    ),
    ("pure_packages_read_neither_clock_nor_files", "_pki/keys.py", "t = datetime.now()", "reads the clock by now"),
    ("pure_packages_read_neither_clock_nor_files", "_pki/keys.py", "t = datetime.utcnow()", "reads the clock"),
    ("pure_packages_read_neither_clock_nor_files", "_pgconf/rules/hba.py", "text = open('x').read()", "calls open"),
    (
        "only_the_entrance_and_its_frame_import_ansible",
        "_pki/keys.py",
        "from ansible.module_utils import basic",
        "keys.py imports ansible",
    ),
    (
        "only_the_entrance_and_its_frame_import_ansible",
        "plugins/doc_fragments/file.py",
        "import ansible",
        "file.py imports ansible",
    ),
    (
        "nothing_imports_against_the_arrows",
        "plugins/modules/thing.py",
        "from .other import main",
        "modules.other, which is in no package",
    ),
    (
        "nothing_imports_against_the_arrows",
        "plugins/modules/thing.py",
        "from ..doc_fragments.file import x",
        "which is in no package",
    ),
    (
        "nothing_imports_against_the_arrows",
        "_pki/keys.py",
        "from ansible_collections.pgtls.postgresql.plugins.module_utils._pki import compat",
        "absolute name",
    ),
    (
        "nothing_imports_against_the_arrows",
        "_host/files/writer.py",
        "from ....modules.thing import main",
        "outside module_utils",
    ),
    ("nothing_imports_against_the_arrows", "_host/files/writer.py", "from ..._shed.x import y", "in no pure package"),
    ("every_part_has_a_place_and_a_telling_name", "_shed/x.py", "", "is in no package"),
    ("every_part_has_a_place_and_a_telling_name", "plugins/module_utils/loose.py", "", "is in no package"),
    ("every_part_has_a_place_and_a_telling_name", "_pki/utils.py", "", "says nothing"),
    ("every_part_has_a_place_and_a_telling_name", "_pki/__init__.py", "", "is not needed"),
    ("every_part_has_a_place_and_a_telling_name", "_pgconf/attic/x.py", "", "in no wing"),
    ("every_part_has_a_place_and_a_telling_name", "_pki/text/x.py", "", "in no wing"),
    ("nothing_imports_against_the_arrows", "_pgconf/rules/hba.py", "from ..login.x import y", "rules -> login"),
    ("nothing_imports_against_the_arrows", "_host/files/writer.py", "from ..server.x import y", "files -> server"),
    ("nothing_imports_against_the_arrows", "_host/errors.py", "from .files.writer import y", "_host -> files"),
    (
        "no_class_name_is_used_twice",
        "_pki/keys.py",
        "class ModuleError(Exception):\n    pass",
        "_pki/keys.py have a class",
    ),
    (
        "the_ca_directory_knows_no_certificates",
        "_host/authority/directory.py",
        "from ..._pki.keys import make",
        "imports _pki.keys",
    ),
    ("modules_keep_their_budget", "plugins/modules/thing.py", LONG_MODULE, "more than 70"),
    ("files_keep_their_budget", "_pki/keys.py", LONG_FILE, "more than 450"),
    ("functions_keep_their_budget", "_pki/keys.py", LONG_FUNCTION, "long has 41 lines"),
    ("functions_keep_their_budget", "plugins/modules/thing.py", LONG_FUNCTION, "long has 41 lines"),
    ("plays_decide_nothing_and_hide_nothing", "roles/ca/tasks/main.yml", "- set_fact: {a: 1}", "uses set_fact"),
    (
        "plays_decide_nothing_and_hide_nothing",
        "roles/ca/handlers/main.yml",
        "- block:\n    - ansible.builtin.set_fact: {a: 1}",
        "uses set_fact",
    ),
    (
        "plays_decide_nothing_and_hide_nothing",
        "roles/ca/tasks/main.yml",
        "- pgtls.postgresql.ca: {}\n  ignore_errors: true",  # a text for the rule to find, never run
        "ignores errors",
    ),
    (
        "plays_decide_nothing_and_hide_nothing",
        "playbooks/site.yml",
        "- hosts: ca\n  tasks:\n    - pgtls.postgresql.ca: {}\n      failed_when: false",  # the same
        "never fails",
    ),
    (
        "no_role_reads_what_another_keeps_for_itself",
        "roles/server/vars/main.yml",
        "crl: \"{{ hostvars[ca]['__pgtls_ca_lists'] }}\"",
        "names __pgtls_ca_lists",
    ),
    (
        "no_role_reads_what_another_keeps_for_itself",
        "roles/ca/templates/x.j2",
        "{{ __pgtls_server_found }}",
        "names __pgtls_server_found",
    ),
    (
        "no_role_reads_what_another_keeps_for_itself",
        "playbooks/site.yml",
        "- hosts: ca\n  vars: {a: '{{ __pgtls_ca_authority }}'}",
        "names __pgtls_ca_authority",
    ),
]


def build(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def each_rule() -> list[pytest.ParameterSet]:
    return [pytest.param(rule, id=rule.__name__) for rule in house_rules.RULES]


Rule = Callable[[Path], list[str]]


@pytest.mark.parametrize("rule", each_rule())
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    assert rule(CHECKOUT) == []


@pytest.mark.parametrize("rule", each_rule())
def test_a_sound_small_house_keeps_the_rule(rule: Rule, tmp_path: Path) -> None:
    assert rule(build(tmp_path, SOUND)) == []


@pytest.mark.parametrize(("rule", "name", "text", "sentence"), BREAKS)
def test_the_rule_can_fail(rule: str, name: str, text: str, sentence: str, tmp_path: Path) -> None:
    path = name if name.startswith(("plugins/", "roles/", "playbooks/")) else f"plugins/module_utils/{name}"
    build(tmp_path, {**SOUND, path: f"{SOUND.get(path, '')}{text}\n"})
    found = getattr(house_rules, rule)(tmp_path)
    assert len(found) == 1, found
    assert sentence in found[0]


def test_every_rule_was_seen_to_fail() -> None:
    assert {rule for rule, _name, _text, _sentence in BREAKS} == {rule.__name__ for rule in house_rules.RULES}
