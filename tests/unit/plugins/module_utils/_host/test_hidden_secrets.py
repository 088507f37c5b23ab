# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret of PostgreSQL's files leaves a module, wherever it stood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.parameters import PASS_VARS
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.hidden_secrets import without_secrets
from module_runner import run_module

# Older versions of ansible-core return it unasked, and know no such word.
WITH_INVOCATION = {"_ansible_inject_invocation": True} if "inject_invocation" in PASS_VARS else {}
LDAP = "host all all 10.0.0.0/8 ldap ldapserver=ldap.example ldapbasedn=dc=x "


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("ldapbindpasswd=hush ldapport=389 # note", "ldapbindpasswd=******** ldapport=389 # note"),
        ('"ldapbindpasswd=hush, hush" ldapport=389', '"ldapbindpasswd=********" ldapport=389'),
        ('ldapbindpasswd="hush # hush"\n', "ldapbindpasswd=********\n"),
        ('ldapbindpasswd="hush ""hush"" hush" a', "ldapbindpasswd=******** a"),
        ('"ldapbindpasswd=hush \\\nhush" a', '"ldapbindpasswd=********" a'),
        ('"ldapbindpasswd=hush', '"ldapbindpasswd=********'),
        ("ldapbindpasswd=\nnext", "ldapbindpasswd=\nnext"),
        ('"radiussecrets=""hush"",""hush""" a', '"radiussecrets=********" a'),
        ("radiussecrets=hush radiussecrets=hush", "radiussecrets=******** radiussecrets=********"),
        ("primary_conninfo = 'host=a password=hush user=b'", "primary_conninfo = 'host=a password=******** user=b'"),
        ("primary_conninfo = 'password=''hush hush'' user=b'", "primary_conninfo = 'password=******** user=b'"),
        ("[app]\npassword=hush hush\nuser=b\n", "[app]\npassword=********\nuser=b\n"),
        ("primary_conninfo = 'postgresql://b:hush@a/x'", "primary_conninfo = 'postgresql://b:********@a/x'"),
        ("see https://www.postgresql.org/docs and b@a", "see https://www.postgresql.org/docs and b@a"),
        ("#password_encryption = scram-sha-256", "#password_encryption = scram-sha-256"),
        ("host all all all password", "host all all all password"),
    ],
)
def test_the_value_of_a_secret_is_masked_and_nothing_else(line: str, shown: str) -> None:
    assert without_secrets(line) == shown
    assert without_secrets({"diff": [{"after": LDAP + line}]}) == {"diff": [{"after": LDAP + shown}]}


def test_what_holds_no_secret_is_not_copied() -> None:
    result = {"rules": [{"options": {"map": "m"}}, ("a", 1, None)], "password_encryption": True}
    assert without_secrets(result) is result


def secret_rule() -> dict[str, Any]:
    options = {"ldapserver": "ldap.example", "ldapbasedn": "dc=x", "ldapbindpasswd": "hush-task"}
    return {"type": "hostssl", "address": "10.0.0.0/8", "method": "ldap", "options": options}


@pytest.mark.parametrize("more", [{}, {"before": {"type": "local"}}], ids=["edited", "refused"])
def test_no_password_of_a_rule_leaves_the_editor(tmp_path: Path, more: dict[str, Any]) -> None:
    """In the file and in the task, in results, diff and invocation, and in the words of a refusal."""
    path = tmp_path / "pg_hba.conf"
    path.write_text(
        LDAP + '"ldapbindpasswd=hush file"\nhost all all 10.0.0.0/8 radius radiusservers=a radiussecrets=hush-radius\n'
    )
    arguments = {"path": str(path), "server_version": 16, "validate": "syntax", "rules": [secret_rule()], **more}
    done = run_module("pg_hba", {**arguments, **WITH_INVOCATION}, diff=True)
    assert done["failed"] == bool(more), done
    assert done["invocation"]["module_args"]["rules"] and "hush" not in json.dumps(done), done
    assert more or "ldapbindpasswd=********" in done["diff"]["after"]
    assert more or [rule["options"].get("ldapbindpasswd") for rule in done["rules"]] == ["********", "********", None]
    assert more or "ldapbindpasswd=hush-task" in path.read_text()


def test_no_password_of_a_rule_leaves_what_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "pg_hba.conf"
    path.write_text(LDAP + "ldapbindpasswd=hush\nhost all all 10.0.0.0/8 nonsense ldapbindpasswd=hush\n")
    done = run_module("pg_hba_info", {"path": str(path)})
    assert not done["failed"] and "hush" not in json.dumps(done), done


def test_no_password_of_a_connection_string_leaves_the_editor_of_settings(tmp_path: Path) -> None:
    path = tmp_path / "postgresql.conf"
    path.write_text("primary_conninfo = 'host=a password=hush-file'\n")
    settings = {"primary_conninfo": "host=b password=hush-task"}
    arguments = {"path": str(path), "server_version": 16, "validate": "syntax", "settings": settings}
    done = run_module("pg_conf", {**arguments, **WITH_INVOCATION}, diff=True)
    assert not done["failed"] and done["changed"] and done["invocation"]["module_args"]["settings"], done
    assert "hush" not in json.dumps(done), done
    assert "hush-task" in path.read_text()
