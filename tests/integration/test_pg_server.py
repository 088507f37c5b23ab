# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pg_server against a real server: everything at once and proven, or the server stays as it was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.applying import server_change
from clusters import free_port
from server_world import World


@pytest.fixture
def world(fresh_cluster, tmp_path):
    return World(fresh_cluster, tmp_path)


def test_two_calls_bring_a_stock_server_to_proven_mutual_tls(world):
    before = world.state()
    first = world.call()
    assert not first["failed"], first
    assert [one["name"] for one in first["requests"]] == ["db1"]
    assert "db1 must be signed; the server is as it was" in first["summary"]
    assert {**world.state(), "tls.key": ""} == {**before, "tls.key": ""}, "only the key is there"
    done = world.call(signed=world.sign(first["requests"]))
    assert not done["failed"], done
    assert (done["changed"], done["reloaded"], done["restarted"], done["requests"]) == (True, True, False, [])
    assert done["roles_created"] == ["app1"]
    assert done["served_fingerprint"] == done["certificates"][0]["fingerprint_sha256"]
    assert any("app1" in one["sentence"] for one in done["access_changes"])
    assert "access changed (everybody " in done["summary"] and "CRLs" not in done["summary"]
    assert world.login(sslmode="verify-full", **world.client()) == "app1"
    assert "no pg_hba.conf entry" in world.login(sslmode="disable") or "rejects" in world.login(sslmode="disable")
    again = world.call()
    assert (again["failed"], again["changed"], again["diff"]) == (False, False, []), again
    assert again["requests"] == [] and again["certificates"][0]["installed"] is False
    assert world.leftovers() == []


def test_check_mode_says_the_same_and_writes_nothing(world):
    first = world.call()
    signed = world.sign(first["requests"])
    before = world.state()
    options = {"signed": signed, "settings": {**world.options["settings"], "max_connections": 33}}
    promised = world.call(check=True, restart="if_pending", **options)
    assert not promised["failed"], promised
    assert world.state() == before and world.leftovers() == []
    done = world.call(restart="if_pending", **options)
    assert not done["failed"], done
    for name in ("changed", "diff", "access_changes", "restarted", "roles_created", "restart_settings"):
        assert promised[name] == done[name], name
    assert (done["restarted"], done["restart_settings"]) == (True, ["max_connections"])
    assert "would be restarted for max_connections" in promised["summary"]
    assert "restarted for max_connections" in done["summary"] and "would" not in done["summary"]


def test_rules_are_judged_by_a_server_that_has_moved_to_another_port(world):
    port = free_port()
    done = world.settle(restart="if_pending", settings={**world.options["settings"], "port": port})
    world.cluster = replace(world.cluster, port=port)
    assert done["restarted"] and done["warnings"] == []
    assert world.login(sslmode="verify-full", **world.client()) == "app1"


def test_the_request_in_check_mode_makes_no_key(world):
    promised = world.call(check=True)
    assert not promised["failed"], promised
    assert [one["name"] for one in promised["requests"]] == ["db1"] and promised["changed"]
    assert world.state()["tls.key"] == "(none)"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"settings": {"ssl": True, "ssl_cert_file": "missing.crt"}}, "missing.crt"),
        ({"settings": {"ssl": True, "ssl_min_protocol_version": "TLSv1.3", "ssl_max_protocol_version": "TLSv1.2"}}, ""),
        ({"settings": {"ssl": "on", "shared_preload_libraries": "nothing_like_this"}}, "nothing_like_this"),
        (
            {
                "rule_blocks": [
                    {
                        "block": "x",
                        "placement": "first",
                        "rules": [{"type": "local", "method": "ldap", "options": {"ldapserver": "x"}}],
                    }
                ]
            },
            "",
        ),
    ],
    ids=["missing certificate", "protocols", "library that is not there", "ldap without prefix"],
)
def test_a_failure_leaves_the_server_as_it_was(world, change, sentence):
    world.settle()
    before = world.state()
    loaded = world.cluster.sql("SHOW ssl_cert_file")
    failed = world.call(restart="if_pending", force=True, **change)
    assert failed["failed"], failed
    assert sentence in failed["msg"]
    assert world.state() == before and world.cluster.sql("SHOW ssl_cert_file") == loaded
    assert world.login(sslmode="verify-full", **world.client()) == "app1"
    assert world.leftovers() == []
    again = world.call()  # which may load the files that were put back
    assert (again["failed"], again["diff"]) == (False, []), again
    assert world.call()["changed"] is False


def test_nothing_is_written_when_any_part_is_wrong(world):
    before = world.state()
    wrong = [
        {"settings": {"ssl": "perhaps"}},
        {"roles": ["pg_mine"]},
        {"mapping_blocks": [{"block": "x", "mappings": [{"map": "m", "system_user": "/(", "database_user": "a"}]}]},
        {"rule_blocks": [{"block": "x", "placement": "first", "rules": [{"type": "host", "method": "trust"}]}]},
        {"rule_blocks": [{"block": "x", "placement": "first", "rules": [{"method": "trust"}]}]},
        {"guard": [{"type": "local", "database": "postgres", "user": "nobody", "certificate_dn": "x"}]},
    ]
    for change in wrong:
        refused = world.call(**change)
        assert refused["failed"], (change, refused)
        assert world.state() == before, change
    assert not (Path(world.cluster.data_directory) / "tls.key").exists()


def test_a_lockout_is_refused_before_the_first_file_is_written(world):
    before = world.state()
    world.call()
    everybody = [{"block": "x", "placement": "first", "rules": [{"type": "local", "method": "reject"}]}]
    refused = world.call(rule_blocks=everybody, certificates=[], settings={})
    assert refused["failed"] and "would lock out" in refused["msg"], refused
    assert {**world.state(), "tls.key": ""} == {**before, "tls.key": ""}


def test_a_rule_of_others_is_not_hidden(world):
    """Somebody has decided about app1 already: the run fails before it writes anything, and force overrides."""
    path = Path(world.cluster.data_directory, "pg_hba.conf")
    path.write_text(path.read_text() + "host all app1 127.0.0.0/30 reject\n")
    wide = [dict(rule, address="all") for rule in world.options["rule_blocks"][0]["rules"]]
    blocks = [{**world.options["rule_blocks"][0], "rules": wide}]
    requests = world.call(rule_blocks=blocks, check=True)
    assert requests["failed"], requests
    assert 'make the rule "host all app1 127.0.0.0/30 reject" (line ' in requests["msg"], requests
    before = world.state()
    refused = world.call(rule_blocks=blocks)
    assert "unreachable, because" in refused["msg"] and "set force to true" in refused["msg"]
    assert world.state() == before
    world.settle(rule_blocks=blocks, force=True)
    assert world.login(sslmode="verify-full", **world.client()) == "app1"


def test_a_rule_of_others_before_the_rejection_draws_a_warning(world):
    path = Path(world.cluster.data_directory, "pg_hba.conf")
    path.write_text(path.read_text() + "host all other 10.0.0.0/8 scram-sha-256\nhost all all ::1/128 md5\n")
    last = {"block": "everybody", "rules": [{"type": "hostssl", "address": "all", "method": "reject"}]}
    blocks = [*world.options["rule_blocks"], {"placement": "effective", **last}]
    world.settle(rule_blocks=blocks)
    told = [one for one in world.call(rule_blocks=blocks)["warnings"] if "before" in one]
    line = path.read_text().splitlines().index("host all other 10.0.0.0/8 scram-sha-256") + 1
    assert told == [
        f'"host all other 10.0.0.0/8 scram-sha-256" (line {line} of {path}) lets others in before '
        '"hostssl all all all reject" is met; remove what is no longer meant'
    ]


def test_superusers_of_any_name_are_rejected_before_a_rule_for_every_certificate(world):
    """Names that are keywords, signs or expressions to pg_hba.conf are the roles of that name there."""
    names = ["all", "+app1", "/^a", '#a, "b"', "@f"]
    for name in names:
        world.cluster.sql('CREATE ROLE "{}" SUPERUSER LOGIN'.format(name.replace('"', '""')))
    general = {"type": "hostssl", "address": "127.0.0.1/32", "method": "cert"}
    blocks = [{"block": "everybody", "placement": "effective", "rules": [general]}]
    world.settle(rule_blocks=blocks)
    world.cluster.sql('CREATE ROLE "PostgreSQL client1" LOGIN')
    assert (
        world.login(sslmode="verify-full", **{**world.client(), "user": "PostgreSQL client1"}) == "PostgreSQL client1"
    )
    for name in ("postgres", *names):
        said = world.login(sslmode="verify-full", **{**world.client(), "user": name})
        assert "pg_hba.conf rejects connection" in said, name
    assert world.call(rule_blocks=blocks)["changed"] is False


def test_rules_are_judged_with_the_settings_and_maps_of_then(world):
    """A guarded client that comes by TLS is possible once this very run turns TLS on and adds its map."""
    guard = [
        {
            "type": "hostssl",
            "database": "postgres",
            "user": "app1",
            "address": "127.0.0.1",
            "certificate_common_name": "PostgreSQL client1",
        }
    ]
    world.settle(guard=guard)
    gone = world.call(guard=guard, mapping_blocks=[{"block": "clients", "mappings": []}])
    assert gone["failed"] and "would lock out" in gone["msg"], gone
    off = world.call(guard=guard, settings={**world.options["settings"], "ssl": False}, certificates=[])
    assert off["failed"] and "would lock out" in off["msg"], off
    assert world.call(guard=guard)["changed"] is False


def test_a_signer_that_has_not_answered_is_waited_for(world):
    world.call()
    waits = world.call(signing_pending=True)
    assert (waits["failed"], waits["waiting"], waits["changed"]) == (False, True, False), waits
    assert world.cluster.sql("SHOW ssl") == [("off",)]
    world.settle()
    other = {**world.entry, "dns_names": ["localhost", "db.example.com"]}
    due = world.call(certificates=[other])
    assert [one["name"] for one in due["requests"]] == ["db1"]
    on = world.call(
        certificates=[other], signing_pending=True, settings={**world.options["settings"], "work_mem": "5MB"}
    )
    assert (on["failed"], on["waiting"], on["changed"]) == (False, False, True), on
    assert world.cluster.sql("SHOW work_mem") == [("5MB",)]


def test_a_stopped_server_and_an_impossible_login_are_told_before_anything_is_written(world):
    before = world.state()
    refused = world.call(login_user="nobody_like_this")
    assert refused["failed"] and "nobody_like_this" in refused["msg"], refused
    assert world.state() == before
    world.cluster.stop()
    refused = world.call()
    assert refused["failed"] and "not running" in refused["msg"], refused


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import json
from module_runner import run_module
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.editing import server_validation
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.applying import server_change
original = server_change.write_validated
def write_and_die(writer, edit, judge, before, after):
    result = original(writer, edit, judge, before, after)
    if edit.path.endswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return result
server_change.write_validated = write_and_die
run_module("pg_server", json.load(open(sys.argv[3])))
"""


@pytest.mark.parametrize("file", ["postgresql.conf", "pg_ident.conf", "pg_hba.conf"])
def test_what_a_killed_run_had_changed_is_undone_by_the_next_one(world, file, tmp_path):
    world.settle()
    before = world.state()
    changed = {
        **world.options,
        "settings": {**world.options["settings"], "work_mem": "7MB"},
        "mapping_blocks": [
            {"block": "clients", "mappings": [{"map": "x", "system_user": "y", "database_user": "app1"}]}
        ],
        "rule_blocks": [
            {
                "block": "clients",
                "placement": "first",
                "rules": [{"type": "hostssl", "address": "all", "method": "scram-sha-256"}],
            }
        ],
    }
    orders = tmp_path / "orders.json"
    orders.write_text(json.dumps(changed))
    tests = str(Path(__file__).parents[1] / "unit")
    died = subprocess.run([sys.executable, "-c", KILLED, tests, file, str(orders)], check=False, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert world.state() != before and world.leftovers()
    started = time.monotonic()
    after = world.call()
    assert (after["failed"], after["undone"]) == (False, True), after
    assert time.monotonic() - started < 30, "nobody is waited for: the kernel released the lock"
    assert {**world.state()} == before and world.leftovers() == []
    assert world.cluster.sql("SHOW work_mem") == [("4MB",)]
    assert world.call()["changed"] is False


def test_an_error_that_nobody_expected_is_undone_too(world, monkeypatch):
    world.settle()
    before = world.state()
    monkeypatch.setattr(server_change, "ensure_roles", lambda *_: {}["no such thing"])
    with pytest.raises(KeyError):
        world.call(settings={**world.options["settings"], "work_mem": "9MB"})
    assert world.state() == before and world.leftovers() == []
