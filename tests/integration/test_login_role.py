# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles that can log in: made, given LOGIN, left alone; and names that are refused before any SQL."""

from __future__ import annotations

import pytest
from module_runner import run_module

LOGIN_OF = (
    "SELECT rolname, rolcanlogin, rolsuper, rolpassword IS NULL FROM pg_authid WHERE rolname LIKE 'lr%' ORDER BY 1"
)


@pytest.fixture
def server(cluster):
    yield cluster
    for (name,) in cluster.sql("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname LIKE 'lr%'"):
        cluster.sql(f"DROP ROLE {name.strip()}")


def make(server, names, **how):
    result = run_module("login_role", {**server.login, "name": names}, **how)
    assert not result["failed"], result
    return result


def test_roles_are_created_altered_and_then_left_alone(server):
    server.sql("CREATE ROLE lr_group NOLOGIN")
    names = ["lr_app", "lr_group", 'lr "quoted" Ünïcode; --']
    predicted = make(server, names, check=True, diff=True)
    assert len(server.sql(LOGIN_OF)) == 1
    result = make(server, names, diff=True)
    for key in ("changed", "created", "altered", "diff", "roles"):
        assert predicted[key] == result[key]
    assert result["created"] == [names[0], names[2]]
    assert result["altered"] == ["lr_group"]
    assert server.sql(LOGIN_OF) == [(name, "t", "f", "t") for name in sorted(names, key=lambda name: name.encode())]
    again = make(server, names, diff=True)
    assert (again["changed"], again["created"], again["altered"]) == (False, [], [])
    assert again["diff"]["before"] == again["diff"]["after"]


def test_names_are_not_folded_and_not_repeated(server):
    result = make(server, ["lrApp", "lrApp"])
    assert result["created"] == ["lrApp"]
    assert [row[0] for row in server.sql(LOGIN_OF)] == ["lrApp"]


def test_a_password_that_exists_stays(server):
    server.sql("CREATE ROLE lr_kept NOLOGIN PASSWORD 'secret'")
    make(server, ["lr_kept"])
    assert server.sql(LOGIN_OF) == [("lr_kept", "t", "f", "f")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "is empty"),
        ("lr\0x", "NUL"),
        ("pg_mine", "starts with pg_"),
        ("ü" * 32, "longer than 63 bytes"),
        ("public", "meaning of its own"),
    ],
)
def test_impossible_names_are_refused_before_any_sql(server, name, words):
    result = run_module("login_role", {**server.login, "name": ["lr_good", name]})
    assert result["failed"] is True
    assert words in result["msg"]
    assert server.sql(LOGIN_OF) == []


def test_all_roles_are_made_or_none(server):
    server.sql("CREATE ROLE lr_small LOGIN CREATEROLE PASSWORD 'lr-small-password'")
    login = {"login_host": "127.0.0.1", "login_user": "lr_small", "login_password": "lr-small-password"}
    server.sql("CREATE ROLE lr_super SUPERUSER NOLOGIN")
    result = run_module("login_role", {**server.login, **login, "name": ["lr_first", "lr_super"]})
    assert result["failed"] is True
    assert "must be superuser" in result["msg"]
    assert [row[0] for row in server.sql(LOGIN_OF)] == ["lr_small", "lr_super"]
    assert "lr-small-password" not in result["_output"]


@pytest.mark.parametrize("check", [False, True])
def test_server_that_is_down_is_one_sentence(tmp_path, check):
    result = run_module("login_role", {"login_unix_socket": str(tmp_path), "name": ["lr_x"]}, check=check)
    assert result["failed"] is True
    assert result["msg"].startswith(f"there is no socket .s.PGSQL.5432 in {tmp_path}; start the server")
