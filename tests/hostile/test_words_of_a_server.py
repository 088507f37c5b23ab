# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A running server says where its files are, and its owner may let it say what he likes; a login goes to the one that is meant."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hostile_users import NOBODY, PYTHON, home_of_nobody, module
from server_worlds import POSTGRES

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be fooled into what others may not do")
# What every statement of ours asks; the owner of a cluster may put his own in its place.
LIE = """
SET allow_system_table_mods = on;
ALTER FUNCTION pg_catalog.current_setting(text) RENAME TO honest_setting;
CREATE TABLE lie (name text PRIMARY KEY, words text);
CREATE FUNCTION pg_catalog.current_setting(asked text) RETURNS text LANGUAGE sql STABLE AS $$
SELECT coalesce((SELECT words FROM public.lie WHERE name = asked), pg_catalog.honest_setting(asked)) $$;
"""
HBA = "local all all trust\n"
CONTENTS = {"hba_file": HBA, "ident_file": "clients app1 app1\n", "config_file": "ssl_cert_file = 'roots.crt'\n"}
EDITS = {
    "pg_hba": {"rules": [{"type": "local", "database": "all", "user": "app1", "method": "reject"}]},
    "pg_ident": {"mappings": [{"map": "clients", "system_user": "app2", "database_user": "app2"}]},
    "pg_conf": {"settings": {"log_lock_waits": "on"}},
}
FILES = {"pg_hba": "pg_hba.conf", "pg_ident": "pg_ident.conf", "pg_conf": "postgresql.conf"}
# Leads to the secret, and to the file that is edited, so that the server seems to judge that one.
INCLUDES = {
    "hba_file": "local all @{file} reject\nlocal all @{edited} reject\n",
    "ident_file": "clients app1 @{file}\nclients @{edited} app1\n",
    "config_file": "include '{file}'\ninclude '{edited}'\n",
}
EDITED = {"hba_file": "pg_hba.conf", "ident_file": "pg_ident.conf", "config_file": "postgresql.conf"}


@pytest.fixture
def vault(treasury):
    yield treasury
    treasury.empty()


@pytest.fixture
def open_folder():
    """A directory of root where everybody may make files, like /tmp."""
    with home_of_nobody() as folder:
        os.chown(folder, 0, 0)
        os.chmod(folder, 0o1777)
        yield folder


@pytest.mark.parametrize("way", ["socket", "TCP"])
@pytest.mark.parametrize("setting", [*CONTENTS, "data_directory"])
def test_no_file_of_root_is_read_because_the_server_names_it(stage, vault, fresh_cluster, open_folder, setting, way):
    login = dict(fresh_cluster.login)
    if way == "TCP":
        fresh_cluster.write("pg_hba.conf", "local all all trust\nhost all all 127.0.0.1/32 trust\n")
        fresh_cluster.reload()
        login = {"login_host": "127.0.0.1", "login_port": fresh_cluster.port, "login_user": fresh_cluster.owner}
    content = CONTENTS.get(setting, HBA)
    secret = vault.file(content.encode())
    named = [secret]
    if setting == "data_directory":
        named = ["/root"]
    else:
        lead = Path(open_folder, "lead")
        lead.write_text(
            INCLUDES[setting].format(file=secret, edited=os.path.join(fresh_cluster.data_directory, EDITED[setting]))
        )
        os.chown(lead, POSTGRES, POSTGRES)
        named.append(str(lead))
    fresh_cluster.sql(LIE)
    for words in named:
        fresh_cluster.sql(f"DELETE FROM lie; INSERT INTO lie VALUES ('{setting}', '{words}')")
        for name, edit in EDITS.items():
            path = os.path.join(fresh_cluster.data_directory, FILES[name])
            with vault.guarded() as touched:
                result = stage.run(name, {"path": path, **edit, **login}).result
            assert touched == [], f"{name}: " + "\n".join(touched)
            assert "roots.crt" not in json.dumps(result)


# Whoever listens writes down what he is sent, after he asked for a password in clear text.
LISTENER = r"""
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
listener.listen()
while True:
    end, _ = listener.accept()
    end.settimeout(2)
    with open('heard', 'ab') as heard, end:
        try:
            while words := end.recv(4096):
                heard.write(words)
                heard.flush()
                end.sendall(b'N' if len(words) == 8 else b'R\0\0\0\x08\0\0\0\x03')
        except OSError:
            pass
"""
PORT = 54329
PASSWORD = "a password for the superuser"


@contextmanager
def listening(uid: int, folder: Path) -> Iterator[Path]:
    """Somebody who waits in a directory for whoever looks for a server there; what he hears goes into a file."""
    path = folder / f".s.PGSQL.{PORT}"
    with home_of_nobody() as own:
        os.chown(own, uid, uid)
        command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", PYTHON, "-c", LISTENER, str(path)]
        with subprocess.Popen(command, cwd=own) as process:
            try:
                deadline = time.monotonic() + 20
                while not path.exists() and time.monotonic() < deadline:
                    time.sleep(0.05)
                yield own / "heard"
            finally:
                process.kill()
                path.unlink(missing_ok=True)


def calls(cluster: Any) -> dict[str, dict[str, Any]]:
    """One call of every module that logs in, but those that are told no file and no data directory."""
    paths = {name: {"path": os.path.join(cluster.data_directory, FILES[name]), **EDITS[name]} for name in EDITS}
    return {
        **paths,
        "pg_reload": {"data_directory": cluster.data_directory, "timeout_seconds": 5},
        "login_role": {"name": ["app1"]},
    }


def test_a_login_does_not_go_to_whoever_listens_in_a_directory_of_everybody(fresh_cluster, open_folder):
    fresh_cluster.stop()
    login = {"login_unix_socket": str(open_folder), "login_port": PORT, "login_password": PASSWORD}
    with listening(NOBODY, open_folder) as heard:
        for name, arguments in calls(fresh_cluster).items():
            result = module(name, {**arguments, **login})
            assert not heard.exists(), f"{name}: {heard.read_bytes()!r}"
            assert "belongs to nobody" in json.dumps(result) or name == "pg_reload", result
        asked = module("login_role", {"name": ["app1"], **login, "login_require_peer": "nobody"})
        assert asked["failed"]
        assert PASSWORD.encode() in heard.read_bytes(), "who asks for that account gets it"


def test_the_account_that_a_task_demands_holds_everywhere(fresh_cluster, cluster):
    """Also where only the server may make a socket."""
    result = module("login_role", {"name": ["app1"], **cluster.login, "login_require_peer": "nobody"}, check=True)
    assert result["failed"]
    assert "belongs to postgres and not to nobody" in result["msg"]
    assert not module("login_role", {"name": ["app1"], **cluster.login, "login_require_peer": "postgres"}, check=True)[
        "failed"
    ]


def test_a_socket_that_is_exchanged_after_the_look_gets_no_password(open_folder):
    """It seems to be the server's, and another one answers."""
    with listening(NOBODY, open_folder) as heard:
        os.chown(open_folder / f".s.PGSQL.{PORT}", POSTGRES, POSTGRES)
        login = {"login_unix_socket": str(open_folder), "login_port": PORT, "login_password": PASSWORD}
        result = module("login_role", {"name": ["app1"], **login})
        assert not heard.exists() or not heard.read_bytes()
        assert "requirepeer" in result["msg"]
