# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any user may start a program named postgres and write a postmaster.pid: that is no server, and keeps nobody waiting.

Each test starts what it needs in a namespace of its own, with a real server inside, so that nothing else on the machine
meets the processes of an unprivileged user.
"""

from __future__ import annotations

import json
import os
import re

import pytest
from clusters import find_bin_directory
from hostile_users import ALONE, NOBODY, PYTHON, home_of_nobody, module, warnings_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and users are root's")

# Starts the real server (1: bin directory, 2: data directory, 3: owner), then what the unprivileged user runs (4: his
# directory, 5: a script), waits until that says that it is ready, and runs the rest.
STAGE = r"""
set -e
bin=$1 data=$2 owner=$3 home=$4 script=$5; shift 5
cd /
[ -z "$data" ] || setpriv --reuid "$owner" --regid "$owner" --init-groups "$bin/pg_ctl" -D "$data" -l "$data/log" -w start >&2
(cd "$home"; exec setpriv --reuid 65534 --regid 65534 --clear-groups "$PYTHON" "$script") >/dev/null 2>&1 &
turns=0
while [ ! -e "$home/ready" ] && [ $turns -lt 100 ]; do sleep 0.1; turns=$((turns + 1)); done
status=0
"$@" || status=$?
[ -z "$data" ] || setpriv --reuid "$owner" --regid "$owner" --init-groups "$bin/pg_ctl" -D "$data" -m immediate stop >&2
exit $status
"""
# What he writes and runs: PORT, REAL (the real socket directory) and HOW are put before it.
FAKE = r"""
import os, shutil, socket, subprocess, sys
os.chmod('.', 0o755)
home = os.getcwd()
def put(name, text):
    with open(name + '.new', 'w') as stream:
        stream.write(text)
    os.rename(name + '.new', name)
put('PG_VERSION', VERSION)
put('postgresql.conf', CONF)
sockets = {'real': REAL, 'own': home, 'none': ''}.get(SOCKET, SOCKET)
if SOCKET == 'own':
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f'{home}/.s.PGSQL.{PORT}')
    listener.listen()
if PROGRAM != '/bin/sleep':
    shutil.copy(PROGRAM, 'postgres')
else:
    shutil.copy('/bin/sleep', 'postgres')
child = subprocess.Popen(['/home/postgres', '600'], executable=f'{home}/postgres' if COPY else PROGRAM)
if PIPE:
    os.mkfifo(PIPE) if not os.path.exists(PIPE) else (os.unlink(PIPE), os.mkfifo(PIPE))
if PIPE != 'postmaster.pid':
    put('postmaster.pid', f'{child.pid}\n{home}\n0\n{PORT}\n{sockets}\n*\n  1 1\nready   \n')
open('ready', 'w').close()
child.wait()
"""

# A PostgreSQL of his own: nothing about it is false, but that anybody meant it.
GENUINE = r"""
import os, subprocess
os.chmod('.', 0o755)
run = {'check': True, 'stdout': subprocess.DEVNULL}
subprocess.run([f'{BIN}/initdb', '-D', 'data', '-U', 'me', '--no-sync', '--auth=trust'], **run)
os.chmod('data', 0o750)
options = f"-p {PORT} -k {os.getcwd()} -c listen_addresses=''"
subprocess.run([f'{BIN}/pg_ctl', '-D', 'data', '-o', options, '-l', 'log', '-w', 'start'], **run)
open('ready', 'w').close()
"""


@pytest.fixture
def home():
    with home_of_nobody() as directory:
        yield directory


@pytest.fixture
def real(make_cluster):
    cluster = make_cluster()
    cluster.stop()
    return cluster


def surveyed(home, real, arguments, what=FAKE, **how):
    """What pg_cluster_info says beside a false server."""
    claims = {"VERSION": "15\n", "CONF": "", "SOCKET": "real", "PROGRAM": "/bin/sleep", "COPY": True, "PIPE": ""}
    claims |= {"PORT": real.port if real else 5432, "REAL": real.socket_directory if real else "", **how}
    script = home / "script.py"
    script.write_text("".join(f"{name} = {value!r}\n" for name, value in claims.items()) + what)
    os.chown(script, NOBODY, NOBODY)
    server = (real.bin_directory, real.data_directory, real.owner) if real else ("", "", "")
    stage = (*ALONE, "env", f"PYTHON={PYTHON}", "sh", "-c", STAGE, "sh", *server, str(home), str(script))
    result = module("pg_cluster_info", arguments, before=stage)
    assert (home / "ready").exists()
    return result


LIES = {
    "a program of his own and the real socket": {},
    "a program of the system": {"COPY": False},
    "a program of his own and a socket of his own": {"SOCKET": "own"},
    "no socket": {"SOCKET": "none"},
    "a socket that is not there": {"SOCKET": "/nowhere"},
    "a pid file that is a pipe": {"PIPE": "postmaster.pid"},
    "a configuration that is a pipe": {"PIPE": "postgresql.conf", "SOCKET": "own"},
    "a version that is none": {"VERSION": "a lie\n"},
    "a version without an end": {"VERSION": "1e999\n", "SOCKET": "own"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_false_server_is_named_and_never_chosen(home, real, lie):
    result = surveyed(home, real, {"port": real.port, "exactly_one": True}, **LIES[lie])
    assert not result["failed"], result["msg"]
    assert result["cluster"]["data_directory"] == real.data_directory
    assert result["cluster"]["running"] is True
    assert str(home) not in [one["data_directory"] for one in result["clusters"]]
    assert [one["data_directory"] for one in result["ignored"]] == [str(home)]
    assert f"{home} is ignored" in warnings_of(result)
    json.dumps(result).encode()


def test_a_false_server_alone_is_no_cluster(home):
    """Where this machine has others, one of them is chosen or all are named; the false one is not even counted."""
    result = surveyed(home, None, {"port": 5432, "exactly_one": True})
    assert str(home) not in [one["data_directory"] for one in result.get("clusters", [])]
    assert str(home) not in result["msg"]
    assert not result["failed"] or re.search("no PostgreSQL cluster was found|clusters were found", result["msg"])


def test_a_false_server_beside_one_on_another_port(home, real):
    """The role asks for the port that is to be: the only cluster is meant, whatever its port."""
    result = surveyed(home, real, {"port": real.port + 1, "exactly_one": True}, PORT=real.port + 1)
    found = [one["data_directory"] for one in result.get("clusters", [])]
    assert str(home) not in found
    assert result["failed"] or result["cluster"]["data_directory"] == real.data_directory


def test_a_stopped_cluster_is_found_by_its_data_directory(home, real):
    result = module("pg_cluster_info", {"data_directory": real.data_directory, "exactly_one": True})
    assert (result["cluster"]["data_directory"], result["cluster"]["running"]) == (real.data_directory, False)
    assert str(home) not in json.dumps(result)


@pytest.mark.parametrize("off", [0, 1], ids=["on the port of the cluster", "on the port that is to be"])
def test_a_real_server_of_any_user_is_not_chosen_by_its_port(home, real, off):
    """The role chooses by the port, and gives what it chooses the certificate for the database's names."""
    port = real.port + off
    result = surveyed(home, real, {"port": port, "exactly_one": True}, what=GENUINE, BIN=real.bin_directory, PORT=port)
    if off == 0:
        assert not result["failed"], result["msg"]
        assert result["cluster"]["data_directory"] == real.data_directory
        found = {one["data_directory"]: one["in_usual_place"] for one in result["clusters"]}
        assert found[f"{home}/data"] is False, "it is a cluster, and is reported as one"
    else:  # where this machine has no other cluster, the host's only one is meant
        chosen = (result.get("cluster") or {}).get("data_directory")
        assert chosen == real.data_directory or f"{home}/data" in result["msg"].partition("does not count")[0]
        assert chosen != f"{home}/data"


def test_a_real_server_of_any_user_is_chosen_by_its_directory_alone(home):
    bin_directory = find_bin_directory()
    asked = {"port": 5432, "exactly_one": True}
    result = surveyed(home, None, asked, what=GENUINE, BIN=bin_directory)
    chosen = (result.get("cluster") or {}).get("data_directory")
    assert chosen != f"{home}/data"
    assert chosen is not None or f"{home}/data (version" in result["msg"]
