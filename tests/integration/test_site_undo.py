# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of site.yml that fails or is killed at any stage: the server is as before it, or the next run finishes the work.

The tests build on each other in the order they stand; each finds the server as the first left it.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from demo_site import CHECKOUT, Site, changed
from kept_state import state_of
from test_site_life import coming_all_the_time, conninfo

# The server's part alone: nothing of what fails there is reached by the clients' plays.
SERVER = ("--limit", "raxus:ca1")
OF_THE_SERVER_PROCESS = {"postmaster.pid", "postmaster.opts"}
CLIENTS = [
    {"name": name, "common_name": f"PostgreSQL client{number}", "database_role": name, "hosts": ["apps"]}
    for number, name in ((1, "app1"), (2, "app2"))
]
# Each run also wants a new certificate, which is in place, and in use, when a later stage fails.
NEW_NAMES = {"pgtls_server_dns_names": ["raxus.swgalaxy", "mobus.swgalaxy", "pgsql.swgalaxy", "kashyyyk.swgalaxy"]}
NEW_CLIENT = {"name": "app3", "common_name": "PostgreSQL client3", "database_role": "app3", "hosts": ["apps"]}
ALL_NEW = {
    **NEW_NAMES,
    "pgtls_server_settings": {"work_mem": "7MB"},
    "pgtls_clients": [*CLIENTS, NEW_CLIENT],
}
SEED = int(os.environ.get("PGTLS_FAULTS_SEED", "1"))


def server_files(site: Site) -> dict[str, tuple[bytes, int, int, int]]:
    """Content, owner, group and mode of every file that lies in the data directory itself, hidden ones too."""
    found = {}
    for path in (site.directory / "data").iterdir():
        if path.is_file() and path.name not in OF_THE_SERVER_PROCESS:
            status = path.stat()
            found[path.name] = (path.read_bytes(), status.st_uid, status.st_gid, status.st_mode)
    return found


def left_behind(site: Site) -> list[str]:
    """What a transaction has in the data directory while it is open."""
    return [path.name for path in (site.directory / "data").iterdir() if "pgtls" in path.name]


def journal(site: Site) -> Path:
    """What a run keeps about a change of the server while it is going on."""
    return Path(state_of(str(site.directory / "data"))) / "pgtls-transaction.json"


def begun_at(site: Site) -> float | None:
    """When the change began that is going on, or was cut off; None without one."""
    try:
        return float(json.loads(journal(site).read_text())["begun_at"])
    except FileNotFoundError:
        return None


def served_serial(site: Site) -> str:
    """The serial number of the certificate that the server serves, as openssl is told it."""
    where = f"127.0.0.1:{site.environment['PGTLS_DEMO_PORT']}"
    shown = subprocess.run(
        ["openssl", "s_client", "-starttls", "postgres", "-connect", where],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,  # the server ends a session that sends nothing
    )
    read = ["openssl", "x509", "-noout", "-serial"]
    return subprocess.run(read, input=shown.stdout, check=True, capture_output=True).stdout.decode().strip()


def sql(site: Site, query: str) -> list[str]:
    """What the superuser of a site's server is answered through the socket, line by line."""
    command = ["psql", "-X", "-At", "-h", str(site.directory / "run"), "-p", site.environment["PGTLS_DEMO_PORT"]]
    as_owner = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.geteuid() == 0 else []
    ask = [*as_owner, *command, "-d", "postgres", "-c", query]
    return subprocess.run(ask, check=True, capture_output=True, text=True, cwd="/").stdout.splitlines()


def settings_in_use(site: Site) -> list[str]:
    """What the running server uses."""
    return sql(site, "SELECT name || '=' || setting FROM pg_settings WHERE sourcefile IS NOT NULL ORDER BY 1")


def everybody_comes_in(site: Site) -> None:
    """Connect as every client of the good site."""
    for name in ("app1", "app2"):
        psycopg.connect(**conninfo(site, name)).close()
    by_password = {key: value for key, value in conninfo(site, "report").items() if key not in ("sslcert", "sslkey")}
    psycopg.connect(**by_password, password=site.environment["PGTLS_DEMO_PASSWORD"]).close()


@contextmanager
def port_in_use() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@contextmanager
def port_taken_when_free(port: int) -> Iterator[None]:
    """Listen on a port of ours as soon as its server does not any more."""
    over = threading.Event()

    def take() -> None:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            while not over.is_set():
                with suppress(OSError):
                    other.bind(("127.0.0.1", port))
                    other.listen()
                    over.wait()
                time.sleep(0.001)

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module", name="site")
def _site(converged: Site) -> Site:
    return converged


def test_a_good_site_is_there(site: Site) -> None:
    everybody_comes_in(site)
    assert left_behind(site) == []


# What is wrong, and the words that the message begins with.
NO_RESTART = [
    (
        {"pgtls_server_settings": {"work_mem": "much"}},
        'setting "work_mem" cannot be "much": write a number',
    ),
    (
        {"pgtls_server_settings": {"DateStyle": "no such style"}},
        r"PostgreSQL refuses the new \S+/postgresql.conf: datestyle: setting could not be applied \(line \d+ of ",
    ),
    (
        {"pgtls_server_ssl_ciphers": "NO-SUCH-CIPHER"},
        r"the server of \S+ read its files and did not load them all \(could not set the cipher list",
    ),
    (
        {"pgtls_clients": [*CLIENTS, {**NEW_CLIENT, "database_role": "pg_monitor"}]},
        "name: 'pg_monitor' starts with pg_",
    ),
    (
        {"pgtls_clients": [*CLIENTS, {**NEW_CLIENT, "common_name": "/("}]},
        r'mapping 3: system_user "/\(": invalid regular expression',
    ),
    ({"pgtls_clients": [*CLIENTS, {**NEW_CLIENT, "addresses": ["10.0.0.0/33"]}]}, 'rule 3: address "10.0.0.0/33"'),
    (
        {
            "pgtls_clients": [*CLIENTS, {**NEW_CLIENT, "database_role": "report"}],
            "pgtls_server_guard": [
                {
                    "type": "hostssl",
                    "database": "postgres",
                    "user": "report",
                    "address": "127.0.0.1",
                    "certificate_common_name": "report",
                },
            ],
        },
        "the change would lock out the guarded ",
    ),
    (
        {
            "pgtls_password_users": {"addresses": ["192.0.2.0/24"]},
            "pgtls_server_guard": [
                {"type": "hostssl", "database": "postgres", "user": "report", "address": "10.1.2.3"},
            ],
        },
        "the change would lock out the guarded ",
    ),
]


@pytest.mark.parametrize(("wish", "cause"), NO_RESTART)
def test_a_refused_change_leaves_the_server_and_its_clients_as_they_were(site: Site, wish: dict, cause: str) -> None:
    before = (server_files(site), served_serial(site), settings_in_use(site))
    with psycopg.connect(**conninfo(site, "app1")) as session, coming_all_the_time(site, "app2") as comings:
        (started,) = session.execute("SELECT pg_postmaster_start_time()").fetchone()
        output = site.play(*SERVER, "-e", json.dumps({**NEW_NAMES, **wish}), succeeds=False)
        assert session.execute("SELECT pg_postmaster_start_time()").fetchone() == (started,)
    assert comings.refused == [] and comings.accepted > 10
    assert (server_files(site), served_serial(site), settings_in_use(site)) == before
    assert re.match(cause, last_words(output)), last_words(output)
    everybody_comes_in(site)


def failures(output: str) -> list[str]:
    """The messages of the tasks that failed on the server."""
    begin = "fatal: [raxus]: FAILED! => "
    return [json.loads(line.removeprefix(begin))["msg"] for line in output.splitlines() if line.startswith(begin)]


def last_words(output: str) -> str:
    """The message with which the play of the server ends."""
    (message,) = failures(output)
    return message


def words_of_an_undo(output: str) -> str:
    """The same, after the server was brought back."""
    message = last_words(output)
    assert "the server is as it was before; put back: " in message and "it is down" not in message, output
    assert "data/postgres_server.crt" in message
    return message


def test_a_change_that_only_the_start_refuses_is_undone_and_the_server_is_up_again(site: Site) -> None:
    with port_in_use() as taken:
        for wish, words in (
            ({"pgtls_server_settings": {"shared_buffers": "7TB"}}, "could not (map|create).* shared memory"),
            ({"pgtls_server_settings": {"shared_preload_libraries": "nowhere"}}, 'could not access file "nowhere"'),
            ({"pgtls_server_port": taken, "pgtls_server_apply": "restart"}, "could not create any TCP/IP sockets"),
        ):
            restart_and_go_back(site, wish, f"did not restart .*{words}")


def restart_and_go_back(site: Site, wish: dict, cause: str) -> None:
    """Run with a wish that the server restarts into and cannot serve with."""
    before = (server_files(site), served_serial(site), settings_in_use(site))
    output = site.play(*SERVER, "-e", json.dumps({**NEW_NAMES, **wish}), succeeds=False)
    assert re.match(rf"the cluster \S+ {cause}", words_of_an_undo(output)), output
    assert (server_files(site), served_serial(site), settings_in_use(site)) == before
    everybody_comes_in(site)


def test_a_server_that_comes_up_and_lets_nobody_in_is_restarted_back(site: Site) -> None:
    closed = {"pgtls_server_settings": {"unix_socket_directories": "", "max_connections": 33}}
    cause = "does not accept connections after 5 seconds"
    restart_and_go_back(site, {**closed, "pgtls_server_timeout_seconds": 5}, cause)


def test_what_cannot_be_undone_is_said_after_the_first_cause(site: Site) -> None:
    wish = {**NEW_NAMES, "pgtls_server_settings": {"shared_preload_libraries": "nowhere"}}
    with port_taken_when_free(int(site.environment["PGTLS_DEMO_PORT"])):
        output = site.play(*SERVER, "-e", json.dumps(wish), succeeds=False)
    message = last_words(output)
    first, _apart, second = message.partition(" (and that could not be undone: ")
    assert re.match(r'the cluster \S+ did not restart .*could not access file "nowhere"', first), message
    assert "could not create any TCP/IP sockets" in second, message
    site.server("start")
    site.play(*SERVER)
    assert left_behind(site) == []
    everybody_comes_in(site)


def kill_in_the_change(site: Site, wait_seconds: float, *options: str) -> None:
    """Begin a run, and kill it and all that it started some time after it began to change the server."""
    run = subprocess.Popen(
        site.command("site", *SERVER, *options),
        cwd=CHECKOUT,
        env=site.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    before = begun_at(site)
    while begun_at(site) in (None, before):  # undoing what an earlier run began is no change yet
        assert run.poll() is None, "the run ended before it began to change the server"
        time.sleep(0.01)
    time.sleep(wait_seconds)
    os.kill(run.pid, signal.SIGSTOP)
    for process in [run.pid, *descendants(run.pid)]:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    run.communicate()


def descendants(parent: int) -> list[int]:
    """The processes that a process started, and those that they did; a server that left for the init process is none."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    found = []
    for child in map(int, children):
        with suppress(FileNotFoundError):
            found += [child, *descendants(child)]
    return found


# Shorter than any change of the server takes, on a fast machine too.
LONGEST_WAIT_SECONDS = 0.2


def test_what_a_killed_run_began_a_failing_run_undoes_to_before_it(site: Site) -> None:
    before = (server_files(site), served_serial(site), settings_in_use(site))
    chance = random.Random(SEED)
    with coming_all_the_time(site, "app1", "app2") as comings:
        for _time in range(2):
            kill_in_the_change(site, chance.uniform(0, LONGEST_WAIT_SECONDS), "-e", json.dumps(ALL_NEW))
            assert journal(site).exists(), "the run was killed too late to leave anything undone"
        bad = {**ALL_NEW, "pgtls_server_ssl_ciphers": "NO-SUCH-CIPHER"}
        output = site.play(*SERVER, "-e", json.dumps(bad), succeeds=False)
    assert comings.refused == [] and comings.accepted > 10
    assert words_of_an_undo(output).startswith("the server of ")
    assert (server_files(site), served_serial(site), settings_in_use(site)) == before
    everybody_comes_in(site)


def test_what_killed_runs_began_the_next_run_finishes(site: Site) -> None:
    served = served_serial(site)
    chance = random.Random(SEED + 1)
    wish = ["-e", json.dumps(ALL_NEW)]
    with coming_all_the_time(site, "app1", "app2") as comings:
        for _time in range(3):
            kill_in_the_change(site, chance.uniform(0, LONGEST_WAIT_SECONDS), *wish)
            keys = [mode for content, *_owner, mode in server_files(site).values() if b"PRIVATE KEY" in content]
            assert keys and all(mode & 0o077 == 0 for mode in keys)
        site.play(*wish)
    assert comings.refused == [] and comings.accepted > 10
    assert left_behind(site) == []
    assert served_serial(site) != served
    everybody_comes_in(site)
    psycopg.connect(**conninfo(site, "app3")).close()
    assert changed(site.play(*wish)) == 0
