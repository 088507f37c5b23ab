# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nobody is locked out: the login of the task, the first superuser, standbys and clients as the server tells of them."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from clusters import identity_of
from module_runner import run_module
from openssl_authority import Authority, new_authority

RULES = """\
local   all             postgres                                peer
local   replication     all                                     peer
local   all             app3                                    peer map=ours
hostssl all             app1            127.0.0.1/32            cert map=m
host    all             all             127.0.0.1/32            scram-sha-256
host    replication     all             127.0.0.1/32            scram-sha-256
"""
MAPS = 'm "PostgreSQL client1" app1\nours joe app3\n'


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("guard") / "ca", "Guard CA")


@pytest.fixture(scope="module")
def served(make_cluster: Callable[[], Any], authority: Authority) -> Any:
    """A cluster with TLS, a superuser with a password, and clients of all kinds."""
    cluster = make_cluster()
    pair = authority.issue("server", "server", "DNS:localhost,IP:127.0.0.1")
    for name, path in (
        ("server.crt", pair.certificate),
        ("server.key", pair.key),
        ("root.crt", authority.pair.certificate),
    ):
        cluster.write(name, Path(path).read_bytes())
    cluster.configure("ssl = on\nssl_ca_file = 'root.crt'\n")
    cluster.sql("CREATE ROLE admin SUPERUSER LOGIN PASSWORD 'secret'")
    cluster.sql("CREATE ROLE app1 LOGIN; CREATE ROLE staff; CREATE ROLE app2 LOGIN PASSWORD 'secret' IN ROLE staff")
    cluster.sql("CREATE ROLE app3 LOGIN")
    cluster.write("pg_hba.conf", RULES)
    cluster.write("pg_ident.conf", MAPS)
    cluster.reload()
    return cluster


@pytest.fixture
def kept(served: Any) -> Iterator[Any]:
    yield served
    served.write("pg_hba.conf", RULES)
    served.write("pg_ident.conf", MAPS)


def edit(cluster: Any, *rules: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
    login = more.pop("login", cluster.login)
    args = {"path": f"{cluster.data_directory}/pg_hba.conf", "placement": "first", "rules": list(rules)}
    return run_module("pg_hba", {**args, **login, **more}, check=check)


def edit_maps(cluster: Any, *mappings: dict[str, Any], **more: Any) -> dict[str, Any]:
    args = {"path": f"{cluster.data_directory}/pg_ident.conf", "mappings": list(mappings), **cluster.login}
    return run_module("pg_ident", {**args, **more})


def content(cluster: Any, name: str = "pg_hba.conf") -> str:
    return Path(cluster.data_directory, name).read_text(encoding="utf-8")


def over_tcp(cluster: Any, user: str = "admin") -> dict[str, Any]:
    return {"login_host": "127.0.0.1", "login_port": cluster.port, "login_user": user, "login_password": "secret"}


def connect(cluster: Any, user: str, **more: Any) -> Any:
    given = {"host": "127.0.0.1", "port": cluster.port, "user": user, "dbname": "postgres", "password": "secret"}
    return closing(psycopg.connect(**{**given, **more}))


def test_the_tasks_own_login_is_guarded_and_force_overrides(kept: Any) -> None:
    reject = {"type": "local", "method": "reject"}
    refused = edit(kept, reject)
    assert "would lock out the guarded local connection of user postgres to database postgres" in refused["msg"]
    assert '"local all all reject" (line 1 of' in refused["msg"]
    assert "set force to true" in refused["msg"]
    assert content(kept) == RULES
    predicted = edit(kept, reject, force=True, check=True)
    forced = edit(kept, reject, force=True)
    assert forced["changed"], forced
    assert forced["locked_out"] == predicted["locked_out"]
    assert any("the login of this very task" in sentence for sentence in forced["locked_out"])
    assert any("force is true" in warning for warning in forced["warnings"])
    assert forced["access_changes"] == predicted["access_changes"]
    assert {(one["change"], one["who"]) for one in forced["access_changes"]} == {
        ("loses", "app3"),
        ("loses", "postgres"),
    }


def test_a_login_through_peer_is_lost_when_a_password_is_asked_for(kept: Any) -> None:
    scram = {"type": "local", "user": ["postgres"], "method": "scram-sha-256"}
    assert "there is no password to give" in edit(kept, scram)["msg"]
    assert edit(kept, scram, login_password="one")["changed"]


def test_the_first_superuser_is_guarded_when_the_task_comes_another_way(kept: Any) -> None:
    refused = edit(kept, {"type": "local", "user": ["postgres"], "method": "reject"}, login=over_tcp(kept))
    assert "that of the first superuser of the cluster" in refused["msg"]
    refused = edit(
        kept, {"type": "host", "user": ["admin"], "address": "all", "method": "reject"}, login=over_tcp(kept)
    )
    assert "guarded hostssl connection of user admin to database postgres from 127.0.0.1" in refused["msg"]
    assert content(kept) == RULES


def test_whoever_replicates_now_is_guarded(kept: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)
    program = os.path.join(kept.bin_directory, "pg_receivewal")
    where = ["-h", kept.socket_directory, "-p", str(kept.port), "-U", kept.owner, "-D", str(tmp_path)]
    receiver = subprocess.Popen([program, *where], cwd="/", **identity_of(kept.owner))  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + 20
        while not kept.sql("SELECT 1 FROM pg_stat_replication") and time.monotonic() < deadline:
            time.sleep(0.1)
        refused = edit(kept, {"type": "local", "database": ["replication"], "method": "reject"})
        assert "user postgres for physical replication" in refused["msg"]
        assert "it replicates now" in refused["msg"]
    finally:
        receiver.terminate()
        receiver.wait()
    assert content(kept) == RULES


def test_connected_clients_are_guarded_when_asked(kept: Any) -> None:
    reject = {"type": "host", "user": ["+staff"], "address": "127.0.0.1/32", "method": "reject"}
    with connect(kept, "app2", sslmode="disable"):
        refused = edit(kept, reject, guard_connected=True)
        assert "guarded hostnossl connection of user app2 to database postgres from 127.0.0.1" in refused["msg"]
        assert '"host all +staff 127.0.0.1/32 reject"' in refused["msg"]  # the membership is the server's word
        tls_only = {"type": "hostnossl", "address": "all", "method": "reject"}
        assert "user app2" in edit(kept, tls_only, guard_connected=True)["msg"]
        other = {**reject, "user": ["app9"]}
        assert edit(kept, other, guard_connected=True)["changed"]
    with connect(kept, "app2", sslmode="require"):
        assert edit(kept, tls_only, guard_connected=True)["changed"]
    assert edit(kept, reject)["changed"]


def test_the_name_in_the_certificate_of_a_connected_client_counts(kept: Any, authority: Authority) -> None:
    pair = authority.issue("client1", "PostgreSQL client1")
    with connect(kept, "app1", sslmode="require", sslcert=pair.certificate, sslkey=pair.key, password=None):
        map_gone = {"map": "m", "system_user": "PostgreSQL client1", "database_user": "app1", "state": "absent"}
        refused = edit_maps(kept, map_gone, guard_connected=True)
        assert "there is no map m" in refused["msg"], refused
        assert content(kept, "pg_ident.conf") == MAPS
        no_map = {"type": "hostssl", "user": ["app1"], "address": "127.0.0.1/32", "method": "cert"}
        refused = edit(kept, no_map, guard_connected=True)
        assert '"PostgreSQL client1" is not the name of the role' in refused["msg"]
    done = edit_maps(kept, map_gone, guard_connected=True)
    assert [one["sentence"] for one in done["access_changes"]] == [
        "PostgreSQL client1 may no longer log in as app1 where a rule names the map m"
    ]


def test_a_guarded_connection_may_need_a_map(kept: Any) -> None:
    joe = {"type": "local", "database": "postgres", "user": "app3", "system_user": "joe"}
    gone = {"map": "ours", "system_user": "joe", "database_user": "app3", "state": "absent"}
    refused = edit_maps(kept, gone, guard=[joe])
    assert "guarded local connection of user app3" in refused["msg"]
    assert "(line 3 of" in refused["msg"]
    more = {"map": "ours", "system_user": "/^j", "database_user": "app3"}
    assert edit_maps(kept, gone, more, guard=[joe])["changed"]
    already = edit_maps(kept, {**gone, "state": "present"}, guard=[{**joe, "system_user": "eve"}])
    assert any("is already impossible" in warning for warning in already["warnings"])


def test_a_client_that_is_told_to_gain_or_lose_does(kept: Any) -> None:
    """The words against the server itself."""
    done = edit(
        kept,
        {"type": "hostnossl", "user": ["app2"], "address": "127.0.0.1/32", "method": "reject"},
        {"type": "hostssl", "user": ["app1"], "address": "127.0.0.1/32", "method": "trust"},
    )
    assert [one["sentence"] for one in done["access_changes"]] == [
        "app2 from 127.0.0.1/32 over TCP without TLS: loses access (scram-sha-256 -> refused)",
        "app1 from 127.0.0.1/32 over TLS: certificate (map m) -> trust",
    ]
    with pytest.raises(psycopg.OperationalError, match="certificate"):
        connect(kept, "app1", sslmode="require", password=None)
    with connect(kept, "app2", sslmode="disable"):
        kept.reload()
    deadline = time.monotonic() + 10
    while True:
        try:
            with connect(kept, "app1", sslmode="require", password=None):
                break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
    with pytest.raises(psycopg.OperationalError, match="pg_hba.conf rejects connection"):
        connect(kept, "app2", sslmode="disable")


def test_a_file_whose_last_rule_vanishes_is_undone(kept: Any) -> None:
    """The view of a file without rules has no row, so none with an error."""
    kept.write("nothing", "")
    text = "@nothing @nothing @nothing @nothing\nlocal all postgres peer\n"
    kept.write("pg_hba.conf", text)
    gone = {"type": "local", "user": ["postgres"], "state": "absent"}
    refused = edit(kept, gone, force=True)
    assert "PostgreSQL refuses the new" in refused["msg"]
    assert "the file holds no rule" in refused["msg"]
    assert content(kept) == text


def test_a_file_inside_itself_never_reaches_the_server(kept: Any) -> None:
    kept.write("people", "app2\n@people\n")
    rule = {"type": "host", "user": ["@people"], "address": "all", "method": "md5"}
    refused = edit(kept, rule, server_version=15)
    assert "is read inside itself" in refused["msg"]
    assert content(kept) == RULES


def test_a_server_without_a_file_of_maps_is_edited_all_the_same(kept: Any) -> None:
    Path(kept.data_directory, "pg_ident.conf").unlink()
    done = edit(kept, {"type": "host", "user": ["app9"], "address": "all", "method": "reject"})
    assert done["changed"], done
