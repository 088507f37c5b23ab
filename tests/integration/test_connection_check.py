# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attempts against a server with mutual TLS; every refusal is refused for its own reason and has a twin that gets in."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event
from time import monotonic

import pytest
from module_runner import run_module
from openssl_authority import new_authority, openssl

PASSWORD = "person-b7c1-word"
NAME = "db.pgtls.invalid"  # RFC 2606: no resolver knows it, so hostaddr is needed


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return new_authority(tmp_path_factory.mktemp("check") / "ca", "Check CA")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    return new_authority(tmp_path_factory.mktemp("foreign") / "ca", "Foreign CA")


@pytest.fixture(scope="module")
def server(make_cluster, authority):
    """A cluster that lets in app by certificate, and others by password over TLS."""
    made = make_cluster()
    served = authority.issue("server", "server", f"DNS:{NAME},IP:127.0.0.1")
    for name, path in (("server.crt", served.certificate), ("server.key", served.key)):
        with open(path, "rb") as stream:
            made.write(name, stream.read())
    with open(authority.pair.certificate, "rb") as stream:
        made.write("root.crt", stream.read())
    made.configure("ssl = on\nssl_ca_file = 'root.crt'\n")
    made.write("pg_hba.conf", "local all all peer\nhostssl all app all cert\nhostssl all all all scram-sha-256\n")
    made.sql(f"CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE ROLE person LOGIN PASSWORD '{PASSWORD}'")
    made.reload()
    yield made
    made.stop()


@pytest.fixture(params=[name for name in ("psycopg", "psycopg2") if importlib.util.find_spec(name)])
def driver(request, monkeypatch):
    """Each driver that this Python has, as if it were the only one."""
    for name in {"psycopg", "psycopg2"} - {request.param}:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture(scope="module")
def pairs(authority, foreign):
    """Client certificates: app's own one, and each with one fault."""
    return {
        "app": authority.issue("app", "app"),
        "foreign": foreign.issue("app", "app"),
        "expired": authority.issue("expired", "app", days=("20200101000000Z", "20201231000000Z")),
        "server_only": authority.issue("server-only", "app", "DNS:client.invalid"),
    }


def defaults(server, authority, **changes):
    return {
        "host": NAME,
        "hostaddr": "127.0.0.1",
        "port": server.port,
        "dbname": "postgres",
        "sslmode": "verify-full",
        "sslrootcert": authority.pair.certificate,
        **changes,
    }


def by(pair, user="app", **more):
    return {"user": user, "sslcert": pair.certificate, "sslkey": pair.key, **more}


def check(server, authority, attempts, check_mode=False, **options):
    settings = {"defaults": defaults(server, authority), "fail_on_difference": False, **options}
    return run_module("connection_check", {"attempts": attempts, **settings}, check=check_mode)


def refused(name, reason, conninfo, **more):
    return {"name": name, "expect": "refused", "reason": reason, "conninfo": conninfo, **more}


def test_every_case_ends_as_it_must(server, authority, foreign, pairs, driver):
    app = by(pairs["app"])
    person = {"user": "person"}
    attempts = [
        {"name": "app by certificate", "conninfo": app, "claim": "mutual TLS"},
        {"name": "app requires", "conninfo": {**app, "sslmode": "require", "sslrootcert": None}},
        {"name": "app verifies the authority", "conninfo": {**app, "sslmode": "verify-ca", "host": "other.invalid"}},
        {"name": "app by address", "conninfo": {**app, "host": "127.0.0.1", "hostaddr": None}},
        refused("wrong name", "does not match host name", {**app, "host": "other.invalid"}),
        refused("no certificate", "connection requires a valid client certificate", {"user": "app"}),
        refused("empty certificate", "requires a valid client", {**app, "sslcert": "", "sslkey": ""}),
        refused("server of another CA", "certificate verify failed", {**app, "sslrootcert": foreign.pair.certificate}),
        refused("client of another CA", "unknown ca", by(pairs["foreign"])),
        refused("expired", "certificate expired", by(pairs["expired"])),
        refused("server-only certificate", "unsupported certificate|unknown ca", by(pairs["server_only"])),
        refused("plaintext", "no pg_hba.conf entry .*no encryption", {**app, "sslmode": "disable"}),
        refused("TLS 1.1", "protocol version", {**app, "ssl_max_protocol_version": "TLSv1.1"}),
        {"name": "person by password", "conninfo": person, "password": PASSWORD},
        refused("wrong password", "password authentication failed", person, password="surely-not-this"),
        refused("no password", "no password supplied", person),
    ]
    result = check(server, authority, attempts)
    assert not result["failed"], result
    assert result["differing"] == [], result["attempts"]
    summary = rf"{len(attempts)} attempts in \d+\.\d seconds, {len(attempts)} as expected"
    assert re.fullmatch(summary, result["table"][-1])
    assert result["changed"] is False
    assert PASSWORD not in result["_output"]
    assert "PRIVATE KEY" not in result["_output"]
    first = result["attempts"][0]
    assert first["claim"] == "mutual TLS"
    evidence = first["evidence"]
    assert evidence["tls_version"] == "TLSv1.3"
    assert (evidence["role"], evidence["database"], evidence["client_dn"]) == ("app", "postgres", "/CN=app")
    assert evidence["client_address"] == "127.0.0.1"
    assert evidence["application_name"] == "pgtls.postgresql connection_check"
    assert evidence["state"] == "active"
    assert isinstance(evidence["pid"], int)
    tls11 = next(one for one in result["attempts"] if one["name"] == "TLS 1.1")
    assert "tlsv1 alert protocol version" in tls11["error"]


def test_certificate_of_one_role_does_not_open_another(server, authority, pairs):
    server.write("pg_hba.conf", "local all all peer\nhostssl all all all cert\n")
    server.reload()
    attempts = [
        {"name": "own role", "conninfo": by(pairs["app"])},
        refused("another role", 'certificate authentication failed for user "other"', by(pairs["app"], user="other")),
    ]
    result = check(server, authority, attempts)
    server.write("pg_hba.conf", "local all all peer\nhostssl all app all cert\nhostssl all all all scram-sha-256\n")
    server.reload()
    assert result["differing"] == [], result["attempts"]


def test_difference_fails_the_task_and_is_explained(server, authority, pairs):
    attempts = [
        {"name": "should be let in", "conninfo": {"user": "app"}},
        refused("should be refused", None, by(pairs["app"])),
        refused("refused otherwise", "password authentication failed", {"user": "app"}),
    ]
    result = check(server, authority, attempts, fail_on_difference=True)
    assert result["failed"] is True
    assert result["msg"].startswith("3 of 3 attempts ended differently than expected: should be let in (verify-full, ")
    assert f"should be refused (verify-full, {NAME}) (expected to be refused, was accepted)" in result["msg"]
    assert "refused for another reason than 'password" in result["msg"]
    # each is followed by its reason
    assert [number for number, line in enumerate(result["table"]) if line.endswith("DIFFERS")] == [2, 4, 6]
    assert re.fullmatch(r"3 attempts in \d+\.\d seconds, 0 as expected, 3 DIFFER", result["table"][-1])


def test_server_that_is_down_proves_nothing(server, authority):
    attempts = [refused("down", None, {"user": "app", "port": 1}), {"name": "also down", "conninfo": {"port": 1}}]
    result = check(server, authority, attempts)
    assert [one["outcome"] for one in result["attempts"]] == ["unreachable", "unreachable"]
    assert result["differing"] == [f"{name} (verify-full, {NAME})" for name in ("down", "also down")]
    assert "no server answered" in result["attempts"][0]["because"]


def test_missing_client_file_is_no_refusal(server, authority, pairs, tmp_path):
    gone = str(tmp_path / "gone.key")
    attempts = [refused("gone", "does not exist", {**by(pairs["app"]), "sslkey": gone})]
    result = check(server, authority, attempts)
    assert result["differing"] == [f"gone (verify-full, {NAME})"]
    assert result["attempts"][0]["outcome"] == "impossible"
    assert result["attempts"][0]["error"].startswith(f"client file {gone} of sslkey does not exist")


def test_key_with_an_open_mode_is_no_refusal(server, authority, pairs, tmp_path):
    key = tmp_path / "open.key"
    with open(pairs["app"].key, "rb") as stream:
        key.write_bytes(stream.read())
    key.chmod(0o644)
    result = check(server, authority, [refused("open key", None, {**by(pairs["app"]), "sslkey": str(key)})])
    assert result["attempts"][0]["outcome"] == "impossible"
    assert "private key file" in result["attempts"][0]["error"]


def test_nothing_comes_from_the_environment_or_the_home(server, authority, pairs, monkeypatch, tmp_path):
    monkeypatch.setenv("PGSSLCERT", pairs["app"].certificate)
    monkeypatch.setenv("PGSSLKEY", pairs["app"].key)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("HOME", str(tmp_path))
    home = tmp_path / ".postgresql"
    home.mkdir()
    for name, path in (("postgresql.crt", pairs["app"].certificate), ("postgresql.key", pairs["app"].key)):
        with open(path, "rb") as stream:
            (home / name).write_bytes(stream.read())
        (home / name).chmod(0o600)
    attempts = [
        refused("no certificate", "requires a valid client certificate", {"user": "app"}),
        refused("no password", "no password supplied", {"user": "person"}),
    ]
    assert check(server, authority, attempts)["differing"] == []


def test_encrypted_key_needs_its_passphrase(server, authority, pairs, tmp_path):
    key = tmp_path / "encrypted.key"
    openssl("pkey", "-in", pairs["app"].key, "-aes256", "-passout", "pass:key-5b1e-word", "-out", str(key))
    key.chmod(0o600)
    conninfo = {**by(pairs["app"]), "sslkey": str(key)}
    attempts = [
        {"name": "with", "conninfo": conninfo, "key_password": "key-5b1e-word"},
        {"name": "without", "conninfo": conninfo},
    ]
    result = check(server, authority, attempts)
    assert [one["outcome"] for one in result["attempts"]] == ["accepted", "impossible"]
    assert "key-5b1e-word" not in result["_output"]


def test_address_of_reaches_a_server_by_a_name_without_an_address(server, authority, pairs):
    conninfo = {**by(pairs["app"]), "hostaddr": None}
    attempts = [
        {"name": "by the address of another name", "conninfo": conninfo, "address_of": "127.0.0.1"},
        {"name": "nowhere", "conninfo": conninfo, "address_of": "nowhere.invalid"},
    ]
    result = check(server, authority, attempts)
    assert [one["outcome"] for one in result["attempts"]] == ["accepted", "unreachable"]


def test_report_is_json_and_no_change(server, authority, pairs, tmp_path):
    report = tmp_path / "report.json"
    result = check(server, authority, [{"name": "one", "conninfo": by(pairs["app"])}], report=str(report))
    assert result["changed"] is False
    written = json.loads(report.read_text())
    assert {key: written[key] for key in ("attempts", "seconds")} == {
        key: result[key] for key in ("attempts", "seconds")
    }
    (one,) = written["attempts"]
    assert 0 < one["seconds"] <= written["seconds"]
    assert report.stat().st_mode & 0o777 == 0o644


def test_check_mode_connects_to_nobody(server, authority, tmp_path):
    report = tmp_path / "report.json"
    attempts = [{"name": "one", "conninfo": {"user": "app", "port": 1}}]
    result = check(server, authority, attempts, check_mode=True, fail_on_difference=True, report=str(report))
    assert result["failed"] is False
    assert result["msg"] == "check mode: 1 attempts were not made"
    assert (result["attempts"][0]["outcome"], result["attempts"][0]["as_expected"]) == ("not attempted", None)
    assert (result["attempts"][0]["seconds"], result["seconds"]) == (None, None)
    assert not report.exists()


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        ({"conninfo": {"sslmod": "require"}}, 'invalid connection option "sslmod"'),
        ({"conninfo": {"password": "p4ssw0rd"}}, "must not hold password, it would be shown; use password"),
        ({"conninfo": {"sslpassword": "p4ssw0rd"}}, "must not hold sslpassword, it would be shown; use key_password"),
        ({"expect": "refused", "reason": "("}, "is not a regular expression"),
        ({"reason": "why"}, "reason is for refusals"),
    ],
)
def test_bad_attempts_are_one_sentence_and_nothing_is_tried(server, authority, attempt, words):
    result = check(server, authority, [{"name": "good", "conninfo": {"port": 1}}, {"name": "bad one", **attempt}])
    assert result["failed"] is True
    assert result["msg"].startswith("attempt 'bad one': ")
    assert words in result["msg"]
    assert "p4ssw0rd" not in result["_output"]


TIMEOUT_SECONDS = 2  # the least that libpq waits


@contextmanager
def silent_server() -> Iterator[int]:
    """A port where the kernel takes connections, and nobody ever says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening.getsockname()[1]


def test_attempts_that_nobody_answers_wait_together(server, authority, driver):
    with silent_server() as port:
        conninfo = {"user": "app", "port": port, "connect_timeout": TIMEOUT_SECONDS}
        attempts = [{"name": f"attempt {number}", "conninfo": conninfo} for number in range(8)]
        attempts[-1]["conninfo"] = {**conninfo, "ssl_max_protocol_version": "TLSv1.1"}
        start = monotonic()
        result = check(server, authority, attempts, parallel=8)
    assert monotonic() - start < len(attempts) * TIMEOUT_SECONDS / 2
    assert [one["name"] for one in result["attempts"]] == [one["name"] for one in attempts]
    assert {one["outcome"] for one in result["attempts"]} == {"unreachable"}
    # libpq counts in whole seconds, so its two may be little more than one
    assert all(one["seconds"] > TIMEOUT_SECONDS / 4 for one in result["attempts"])
    assert max(one["seconds"] for one in result["attempts"]) <= result["seconds"]


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port where a thread gives each connection this answer, and closes it."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening, ThreadPoolExecutor(64) as threads:

        def answer_and_close(connection: socket.socket) -> None:
            with connection:
                answer(connection)

        def accept() -> None:
            with suppress(OSError):  # of the shutdown below
                while True:
                    threads.submit(answer_and_close, listening.accept()[0])

        threads.submit(accept)
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def test_a_server_that_does_not_answer_holds_up_no_other(server, authority, driver):
    """More attempts than there are threads are at a server that is silent until all those at another one are through."""
    answered, all_answered = itertools.count(1), Event()

    def decline_tls(connection: socket.socket) -> None:
        connection.recv(8)
        connection.sendall(b"N")
        if next(answered) == len(others):
            all_answered.set()

    def say_nothing(_connection: socket.socket) -> None:
        assert all_answered.wait(60)

    with serving(say_nothing) as silent, serving(decline_tls) as plain:
        waiting, others = (
            [
                {"name": f"{where} {number}", "server": where, "conninfo": {"port": port, "connect_timeout": 30}}
                for number in range(12)
            ]
            for where, port in (("silent", silent), ("plain", plain))
        )
        result = check(server, authority, [*waiting, *others], parallel=4)
    errors = [one["error"] for one in result["attempts"]]
    assert all("server does not support SSL" in error for error in errors[len(waiting) :]), errors
    assert not any("timeout" in error for error in errors), errors


def test_attempts_at_a_time_change_nothing_but_the_time(server, authority, pairs, driver, monkeypatch):
    """Every kind of attempt many times over, mixed, among variables that would let everybody in."""
    monkeypatch.setenv("PGSSLCERT", pairs["app"].certificate)
    monkeypatch.setenv("PGSSLKEY", pairs["app"].key)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    kinds = [
        {"name": "accepted", "conninfo": by(pairs["app"])},
        {"name": "person", "conninfo": {"user": "person"}, "password": PASSWORD},
        refused("no certificate", "requires a valid client certificate", {"user": "app"}),
        refused("no password", "no password supplied", {"user": "person"}),
        refused("expired", "certificate expired", by(pairs["expired"])),
        refused("TLS 1.1", "protocol version", {"user": "app", "ssl_max_protocol_version": "TLSv1.1"}),
    ]
    attempts = [{**kind, "name": f"{kind['name']} {number}"} for number in range(10) for kind in kinds]
    before = dict(os.environ)
    results = [check(server, authority, attempts, parallel=parallel) for parallel in (1, 16)]
    assert [result["differing"] for result in results] == [[], []]
    one, other = ([(one["name"], one["outcome"], one["because"]) for one in result["attempts"]] for result in results)
    assert one == other
    assert dict(os.environ) == before
    pids = [
        attempt["evidence"]["pid"]
        for result in results
        for attempt in result["attempts"]
        if attempt["evidence"].get("pid")
    ]
    assert len(pids) == len(set(pids)) == 40


def test_attempts_at_a_time_leave_the_filters_of_warnings_alone(server, authority):
    """An old protocol is offered with a warning off, which is off for the whole process."""
    nobody = {"port": 1, "ssl_max_protocol_version": "TLSv1.1", "sslmode": "require"}
    attempts = [{"name": f"TLS 1.1 {number}", "conninfo": nobody} for number in range(300)]
    filters, interval = list(warnings.filters), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        result = check(server, authority, attempts, parallel=16)
    finally:
        sys.setswitchinterval(interval)
    assert {one["outcome"] for one in result["attempts"]} == {"unreachable"}
    assert warnings.filters == filters


@pytest.mark.parametrize("parallel", [0, -1])
def test_no_attempt_at_a_time_is_refused(server, authority, parallel):
    for check_mode in (True, False):
        result = check(server, authority, [{"name": "one"}], check_mode=check_mode, parallel=parallel)
        assert (result["failed"], result["msg"]) == (True, f"parallel is {parallel}, but it must be at least 1")


def test_an_attempt_is_not_listed_twice(server, authority):
    result = check(server, authority, [{"name": "same"}, {"name": "same"}])
    assert f"'same (verify-full, {NAME})' is listed twice" in result["msg"]
