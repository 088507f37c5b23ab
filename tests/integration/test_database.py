# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logging in: peer through the owner's identity, the environment kept out, and one sentence for each refusal."""

from __future__ import annotations

import importlib.util
import os
import sys
import time

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.server import database


def login_to(cluster, **changes):
    options = {"port": cluster.port, "unix_socket": cluster.socket_directory, **changes}
    return database.Login(**options)


def test_peer_lets_in_the_owner_without_become(cluster):
    before = (os.geteuid(), os.getegid())
    connection = database.connect(login_to(cluster))
    try:
        rows = database.fetch(connection, "SELECT current_user AS who, %s::int AS number", (7,))
    finally:
        connection.close()
    assert rows == [{"who": cluster.owner, "number": 7}]
    assert (os.geteuid(), os.getegid()) == before


def test_percent_signs_are_data_in_a_query_without_parameters(cluster):
    connection = database.connect(login_to(cluster))
    assert database.fetch(connection, "SELECT 'a%' AS text") == [{"text": "a%"}]
    connection.close()


def test_identity_returns_after_a_refused_login(cluster):
    before = (os.geteuid(), os.getegid())
    with pytest.raises(database.LoginRefused, match="(?s)refused role 'nobody'.*login_user"):
        database.connect(login_to(cluster, user="nobody"))
    assert (os.geteuid(), os.getegid()) == before


def test_environment_does_not_leak_in(cluster, monkeypatch):
    for name, value in {"PGHOST": "203.0.113.1", "PGDATABASE": "nowhere", "PGUSER": "x", "PGSSLMODE": "bad"}.items():
        monkeypatch.setenv(name, value)
    connection = database.connect(login_to(cluster))
    assert database.fetch(connection, "SELECT current_database() AS name") == [{"name": "postgres"}]
    connection.close()
    assert os.environ["PGHOST"] == "203.0.113.1"


def test_missing_socket_is_named(cluster):
    with pytest.raises(database.ServerUnreachable, match=r"no socket \.s\.PGSQL\.1 in .*start the server"):
        database.connect(login_to(cluster, port=1))


def test_wrong_password_is_refused_with_host_and_port(cluster):
    login = database.Login(host="127.0.0.1", port=cluster.port, password="not the password")
    with pytest.raises(database.LoginRefused, match=f"127.0.0.1:{cluster.port} .*password authentication failed"):
        database.connect(login)
    assert "not the password" not in repr(login)


def test_server_that_is_down_is_unreachable():
    with pytest.raises(database.ServerUnreachable, match="127.0.0.1:1 .*refused"):
        database.connect(database.Login(host="127.0.0.1", port=1))


def test_statement_error_carries_the_words_of_the_server(cluster):
    connection = database.connect(login_to(cluster))
    with pytest.raises(database.DatabaseError, match="division by zero"):
        database.fetch(connection, "SELECT 1/0")
    with pytest.raises(database.DatabaseError, match="syntax error"):
        database.execute(connection, "CREATE NONSENSE")
    connection.close()


def test_identifiers_are_quoted_as_sql_wants():
    assert database.quote_identifier('we"ird') == '"we""ird"'


@pytest.fixture(params=[name for name in ("psycopg", "psycopg2") if importlib.util.find_spec(name)])
def driver(request, monkeypatch):
    """Each driver that this Python has, as if it were the only one."""
    for name in {"psycopg", "psycopg2"} - {request.param}:
        monkeypatch.setitem(sys.modules, name, None)
    return request.param


def test_each_driver_logs_in_queries_and_reports(cluster, driver):
    assert database.load_driver().__name__ == driver
    connection = database.connect(login_to(cluster))
    database.execute(connection, "CREATE TEMPORARY TABLE kept (name text)")
    database.execute(connection, "INSERT INTO kept VALUES (%s)", ("50%",))
    assert database.fetch(connection, "SELECT name FROM kept") == [{"name": "50%"}]
    with pytest.raises(database.DatabaseError, match="division by zero"):
        database.fetch(connection, "SELECT 1/0")
    assert database.fetch(connection, "SELECT 1 AS still_alive") == [{"still_alive": 1}]
    connection.close()


def test_no_driver_is_one_sentence_with_package_names(monkeypatch):
    for name in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(database.DatabaseError, match=r"python3-psycopg.*python3-psycopg2.*psycopg\[binary\]"):
        database.connect(database.Login())


def test_a_server_that_does_not_answer_is_hung_up_on(cluster, driver, monkeypatch):
    assert database.load_driver().__name__ == driver
    monkeypatch.setattr(database, "ANSWER_TIMEOUT_SECONDS", 1)
    connection = database.connect(login_to(cluster))
    begun = time.monotonic()
    with pytest.raises(database.DatabaseError, match="did not answer a statement within 1 seconds; find out"):
        database.fetch(connection, "SELECT pg_sleep(60)")
    assert time.monotonic() - begun < 20
    connection.close()
