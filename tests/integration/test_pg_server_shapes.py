# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pg_server in all shapes of a call: check mode says what the run says, a CA that waits, a second cluster, raw bytes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clusters import free_port
from module_runner import run_module
from server_world import World


@pytest.fixture
def world(fresh_cluster, tmp_path):
    return World(fresh_cluster, tmp_path)


PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from module_runner import run_module
print(json.dumps(run_module("pg_server", json.load(open(sys.argv[2])))))
"""
SAID = (
    "changed",
    "diff",
    "reloaded",
    "restarted",
    "restart_settings",
    "access_changes",
    "roles_created",
    "roles_altered",
)
ONE_MORE = {
    "roles": ["app1", "app2"],
    "mapping_blocks": [
        {
            "block": "clients",
            "mappings": [{"map": "m", "system_user": name, "database_user": name} for name in ("app1", "app2")],
        }
    ],
    "rule_blocks": [
        {
            "block": "clients",
            "placement": "first",
            "rules": [{"type": "hostssl", "user": "app2", "address": "all", "method": "cert", "options": {"map": "m"}}],
        }
    ],
}


def shape(world: World, name: str) -> dict[str, Any]:
    """What a call of this shape changes in the options of the world."""
    settings = world.options["settings"]
    return {
        "nothing": {},
        "rules": ONE_MORE,
        "a role alone": {"roles": ["app1", "app3"]},
        "a setting": {"settings": {**settings, "work_mem": "9MB"}},
        "a restart": {"settings": {**settings, "max_connections": 33}, "restart": "if_pending"},
        "always": {"settings": {**settings, "work_mem": "9MB"}, "restart": "always"},
        "rules, always": {**ONE_MORE, "restart": "always"},
        "a port": {"settings": {**settings, "port": free_port()}, "restart": "if_pending"},
        "addresses": {"settings": {**settings, "listen_addresses": "localhost, 127.0.0.2"}, "restart": "if_pending"},
        "no certificate": {"certificates": [], "settings": {}, "roles": []},
    }[name]


def promise_and_run(world: World, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A call in check mode and the same for real, which must say the same."""
    before = world.state()
    promised = world.call(check=True, **options)
    assert not promised["failed"], promised
    assert world.state() == before and world.leftovers() == []
    done = world.call(**options)
    assert not done["failed"], done
    for name in SAID:
        assert promised[name] == done[name], name
    assert promised["summary"].replace("would be ", "") == done["summary"]
    return promised, done


@pytest.mark.parametrize(
    "name",
    [
        "nothing",
        "rules",
        "a role alone",
        "a setting",
        "a restart",
        "always",
        "rules, always",
        "a port",
        "addresses",
        "no certificate",
    ],
)
def test_check_mode_says_what_the_run_says(world, name):
    world.settle()
    change = shape(world, name)
    _promised, done = promise_and_run(world, **change)
    assert done["restarted"] == ("restart" in change)
    assert ("would be" in _promised["summary"]) == (name not in ("nothing", "no certificate"))
    again = world.call(**{**change, "data_directory": world.cluster.data_directory})
    assert (again["failed"], again["changed"]) == (False, False), again


@pytest.mark.parametrize(
    "setting", [{"port": 0}, {"listen_addresses": "localhost, 127.0.0.3"}], ids=["port", "addresses"]
)
def test_check_mode_of_a_first_run_says_that_it_restarts(world, setting):
    if "port" in setting:
        setting = {"port": free_port()}
    options = {"settings": {**world.options["settings"], **setting}, "restart": "if_pending"}
    first = world.call(**options)
    promised, done = promise_and_run(world, signed=world.sign(first["requests"]), **options)
    assert done["restarted"] and done["restart_settings"] == list(setting)
    assert f"would be restarted for {next(iter(setting))}" in promised["summary"]
    assert done["port"] == setting.get("port", world.cluster.port)
    moved = replace(world.cluster, port=done["port"])
    assert moved.sql("SHOW ssl") == [("on",)]


def test_check_mode_of_a_renewal_says_what_the_run_says(world):
    world.settle()
    options = {"certificates": [{**world.entry, "key_type": "ecdsa-p384"}]}
    first = world.call(**options)
    promised, done = promise_and_run(world, signed=world.sign(first["requests"]), **options)
    assert "certificate db1 would be installed, serial" in promised["summary"]
    assert done["served_fingerprint"] == done["certificates"][0]["fingerprint_sha256"] != promised["served_fingerprint"]


def test_always_restarts_once_whenever_anything_is_loaded(world):
    started = world.cluster.sql("SELECT pg_postmaster_start_time()")
    world.settle(restart="always")
    once = world.cluster.sql("SELECT pg_postmaster_start_time()")
    assert once != started
    assert Path(world.cluster.log).read_text().count("database system is ready to accept connections") == 2, (
        "one restart"
    )
    assert world.call(restart="always")["changed"] is False
    assert world.cluster.sql("SELECT pg_postmaster_start_time()") == once


def test_a_converged_call_logs_in_once_and_shakes_hands_once(world):
    world.settle()
    world.call()
    known = world.connections()
    assert world.call()["changed"] is False
    assert world.connections() - known == 2


def test_a_certificate_on_hold_stays_and_is_warned_about(world):
    world.settle()
    held = run_module(
        "certificate_revoke",
        {"directory": str(world.home / "ca"), "revocations": [{"name": "db1", "reason": "certificateHold"}]},
    )
    assert not held["failed"], held
    on_hold = {"certificates": [{**world.entry, "key_type": "ecdsa-p384"}], "crl_pem": held["crl_pem"]}
    done = world.call(**on_hold)
    assert (done["failed"], done["requests"]) == (False, []), done
    assert done["warnings"] == ["the certificate db1 is on hold at its CA; it stays until the CA releases it"]


def test_a_ca_that_has_not_answered_is_waited_for_without_another_change(world):
    waits = [world.call(signing_pending=True) for _time in range(2)]
    assert [(one["failed"], one["waiting"], one["changed"]) for one in waits] == [
        (False, True, True),
        (False, True, False),
    ]
    assert waits[0]["keys_made"] and not waits[1]["keys_made"]
    assert waits[1]["requests"][0]["csr_pem"], "the request can be had again"
    assert world.cluster.sql("SHOW ssl") == [("off",)] and "waits for its CA" in waits[1]["summary"]
    world.settle()
    before = world.state()
    renewal = {"certificates": [{**world.entry, "key_type": "ecdsa-p384"}], "signing_pending": True}
    goes_on = world.call(**renewal, **ONE_MORE)
    assert (goes_on["failed"], goes_on["waiting"], goes_on["changed"]) == (False, False, True), goes_on
    assert goes_on["roles_created"] == ["app2"]
    assert {name: world.state()[name] for name in ("tls.crt", "tls.key")} == {
        name: before[name] for name in ("tls.crt", "tls.key")
    }
    again = world.call(**renewal, **ONE_MORE)
    assert (again["failed"], again["changed"], again["keys_made"]) == (False, False, []), again


def test_one_of_two_clusters_is_chosen_by_port_or_directory(world, make_cluster):
    other = make_cluster()
    untouched = World(other, world.home).state()
    unnamed = {name: value for name, value in world.options.items() if name != "data_directory"}

    def call(**options: Any) -> dict[str, Any]:
        return run_module("pg_server", {**unnamed, "certificates": [], "settings": {}, "roles": ["app1"], **options})

    unclear = call()
    assert unclear["failed"] and "set port or data_directory" in unclear["msg"], unclear
    assert str(world.cluster.port) in unclear["msg"] and str(other.port) in unclear["msg"]
    nobody = call(port=1)
    assert nobody["failed"] and "0 of them use port 1, set data_directory" in nobody["msg"]
    chosen = call(port=world.cluster.port)
    assert not chosen["failed"], chosen
    assert (chosen["data_directory"], chosen["port"]) == (world.cluster.data_directory, world.cluster.port)
    assert World(other, world.home).state() == untouched
    named = call(data_directory=other.data_directory, port=world.cluster.port)
    assert (named["failed"], named["data_directory"], named["port"]) == (False, other.data_directory, other.port), named
    other.stop()


def test_a_run_that_waited_for_another_one_finds_the_server_where_that_left_it(world):
    world.settle()
    port = free_port()
    orders = world.home / "orders.json"
    moved = {**world.options["settings"], "port": port}
    orders.write_text(json.dumps({**world.options, "settings": moved, "restart": "if_pending"}))
    tests = str(Path(__file__).parents[1] / "unit")
    first = subprocess.Popen([sys.executable, "-c", PROGRAM, tests, str(orders)], stdout=subprocess.PIPE, text=True)
    journal = Path(world.state_directory, "pgtls-transaction.json")
    while not journal.exists():
        assert first.poll() is None, "the first run ended without a journal"
        time.sleep(0.005)
    second = world.call(settings={**moved, "work_mem": "9MB"}, restart="if_pending")
    output, _errors = first.communicate(timeout=60)
    assert not json.loads(output)["failed"], output
    assert (second["failed"], second["undone"], second["port"]) == (False, False, port), second
    assert replace(world.cluster, port=port).sql("SHOW work_mem") == [("9MB",)]


LATIN_1 = '# Grüße\nlocal all all peer # Grüße\nhost all "rü" 10.0.0.0/8 md5\n'.encode("latin-1")


def test_files_with_bytes_that_are_no_utf_8_keep_them(world):
    cluster = world.cluster
    rules = Path(cluster.write("pg_hba.conf", LATIN_1))
    maps = Path(cluster.write("pg_ident.conf", "m ü ü # Grüße\n".encode("latin-1")))
    conf = Path(cluster.data_directory, "postgresql.conf")
    conf.write_bytes(conf.read_bytes() + "my.ü = 'ü'\n# Grüße\n".encode("latin-1"))
    first = world.call()
    assert not first["failed"], first
    _promised, done = promise_and_run(world, signed=world.sign(first["requests"]))
    assert rules.read_bytes().endswith(LATIN_1)
    assert maps.read_bytes().startswith(b"m \xfc \xfc # Gr\xfc\xdfe\n")
    assert b"my.\xfc = '\xfc'\n# Gr\xfc\xdfe\n" in conf.read_bytes()
    assert "Gr\\xfc\\xdfe" in json.dumps(done["diff"], ensure_ascii=False).replace("\\\\", "\\")
    before = world.state()
    failed = world.call(expected_settings={"server_version": "1"}, **ONE_MORE)
    assert failed["failed"] and "the server is as it was before" in failed["msg"], failed
    assert world.state() == before
    gone = world.call(rule_blocks=[{"block": "clients", "placement": "first", "rules": []}])
    assert not gone["failed"], gone
    again = world.call(rule_blocks=[{"block": "clients", "placement": "first", "rules": []}])
    assert (again["failed"], again["changed"]) == (False, False), again


def by_hand(world: World, line: str) -> None:
    conf = Path(world.cluster.data_directory, "postgresql.conf")
    conf.write_text(f"{conf.read_text()}{line}\n")


@pytest.mark.parametrize("check", [False, True], ids=["for real", "check mode"])
@pytest.mark.parametrize(
    "due",
    ["by this task", "by an edit", "by an included file", "since before", "since before, and a certificate too"],
)
def test_a_restart_that_another_call_makes_is_announced_and_nothing_else_is_done(world, due, check):
    world.settle()
    change = dict(ONE_MORE)
    if due == "by this task":
        change["settings"] = {**world.options["settings"], "max_connections": 33}
    elif due == "by an included file":
        by_hand(world, f"include '{world.cluster.write('later.conf', 'max_connections = 33')}'")
    else:
        by_hand(world, "max_connections = 33")
    if due.startswith("since before"):
        world.cluster.reload()
    if due.endswith("too"):
        change["certificates"] = [{**world.entry, "key_type": "ecdsa-p384"}]
    started, before = world.cluster.sql("SELECT pg_postmaster_start_time()"), world.state()
    announced = world.call(**change, restart="later", check=check)
    assert (announced["failed"], announced["restart_due"], announced["restarted"]) == (False, True, False), announced
    assert bool(announced["requests"]) == due.endswith("too")
    assert announced["summary"].endswith("; the server is as it was")
    assert (world.state(), world.leftovers()) == (before, [])
    signed = world.sign(announced["requests"]) if not check else []
    done = world.call(**change, restart="if_pending", signed=signed)
    assert (done["failed"], done["restart_due"]) == (False, False), done
    if not check or not due.endswith("too"):
        assert done["restarted"] and world.cluster.sql("SELECT pg_postmaster_start_time()") != started
        assert world.call(**change, restart="later")["changed"] is False


def test_where_no_restart_is_due_none_is_announced_and_all_is_done(world):
    done = world.settle(restart="later")
    assert (done["restart_due"], done["restarted"], done["reloaded"]) == (False, False, True)
    after = world.call(**ONE_MORE, restart="later")
    assert (after["failed"], after["restart_due"], after["roles_created"]) == (False, False, ["app2"]), after
