# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several at once: plays on one server, hosts at one CA, a server that goes away, a verdict that nobody waits for."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from actors import Moment, Stage
from certificate_scenes import Scene, SignScene, public_key_of, spki
from certificate_scenes import leaf_of as certificate_of
from cryptography import x509
from pictures import leftovers, look, place

HOSTS = 20
# Our own parser takes it for good, the server does not.
REFUSED = {"settings": {"timezone": "Nowhere/AtAll"}}


@pytest.fixture(name="kept")
def _kept(cluster: Any) -> Iterator[Any]:
    """The shared cluster, whose files are put back afterwards."""
    names = ("pg_hba.conf", "postgresql.conf")
    items = {path: look(path) for path in (os.path.join(cluster.data_directory, name) for name in names)}
    yield cluster
    for path, item in items.items():
        assert item is not None
        place(path, item)


def rule(user: str) -> dict[str, Any]:
    return {"type": "host", "user": [user], "address": "10.0.0.0/8", "method": "scram-sha-256"}


def editing(cluster: Any, user: str) -> dict[str, Any]:
    path = os.path.join(cluster.data_directory, "pg_hba.conf")
    return {"path": path, "rules": [rule(user)], "validate": "server", **cluster.login}


def at_once(stage: Stage, module: str, args: list[dict[str, Any]]) -> list[dict[str, Any]]:
    begin = time.monotonic()
    started = [stage.start(module, one) for one in args]
    return [stage.end(pid, out, begin).result for pid, out in started]


def test_two_plays_on_one_server(stage: Stage, kept: Any) -> None:
    """Both edits are kept, whatever the two do at the same time."""
    path = Path(kept.data_directory, "pg_hba.conf")
    for number in range(8):
        users = [f"play{number}a", f"play{number}b"]
        results = at_once(stage, "pg_hba", [editing(kept, user) for user in users])
        assert [one.get("msg") for one in results] == [None, None]
        text = path.read_text()
        assert [user for user in users if user not in text] == []
    assert kept.sql("SELECT * FROM pg_hba_file_rules WHERE error IS NOT NULL") == []
    assert not leftovers(kept.data_directory)


def test_a_play_that_stands_still_in_the_middle_is_waited_for(stage: Stage, kept: Any) -> None:
    counted, course = stage.measure("pg_hba", editing(kept, "counted"))
    assert counted.result["changed"]
    pid, out = stage.start_and_pause("pg_hba", editing(kept, "slow"), course.hot[len(course.hot) // 2])
    second, second_out = stage.start("pg_hba", editing(kept, "quick"))
    time.sleep(0.3)
    assert not Path(second_out).read_text(), "the second play did not wait for the first"
    first_result = stage.go_on(pid, out).result
    second_result = stage.end(second, second_out, 0).result
    assert [first_result.get("msg"), second_result.get("msg")] == [None, None]
    text = Path(kept.data_directory, "pg_hba.conf").read_text()
    assert "slow" in text and "quick" in text


def test_twenty_hosts_at_one_authority(stage: Stage, scene_folder: Path) -> None:
    """Twenty of twenty certificates, each with a serial number of its own."""
    scene = SignScene(stage, scene_folder)
    requests = scene.args["requests"]
    assert len(requests) == HOSTS
    results = at_once(stage, "certificate_sign", [{**scene.args, "requests": [one]} for one in requests])
    assert [one.get("msg") for one in results] == [None] * HOSTS
    issued = scene.issued()
    assert {name: len(serials) for name, serials in issued.items()} == {f"app{n}": 1 for n in range(HOSTS)}
    returned = {one["certificates"][0]["name"]: {one["certificates"][0]["serial_number"]} for one in results}
    assert returned == issued


def test_ten_hosts_make_one_authority(stage: Stage, scene_folder: Path) -> None:
    """One CA, whose key and certificate belong together, and which all of them got to see."""
    scene = Scene(stage, scene_folder)
    for number in range(4):
        args = scene.ca(f"ca{number}")
        results = at_once(stage, "ca", [args] * 10)
        assert [one.get("msg") for one in results] == [None] * 10
        again = stage.run("ca", args).result
        assert (again["failed"], again["changed"]) == (False, False), again
        certificate = certificate_of(scene.path(f"ca{number}/ca.crt"))
        assert spki(certificate.public_key()) == public_key_of(scene.path(f"ca{number}/ca.key"))
        made = {one["certificate_pem"] for one in results}
        assert {x509.load_pem_x509_certificate(pem.encode()) for pem in made} == {certificate}


def test_server_that_stops_during_the_run(stage: Stage, fresh_cluster: Any) -> None:
    """Whenever it stops, the file is the old one, or a new one that the server had taken; and it starts again."""
    target = os.path.join(fresh_cluster.data_directory, "pg_hba.conf")
    old, args = look(target), editing(fresh_cluster, "late")
    counted, course = stage.measure("pg_hba", args)
    assert counted.result["changed"] and old is not None
    new, said = look(target), set()
    for line in (course.hot[0], course.hot[len(course.hot) // 2], course.hot[-1], course.lines - 1):
        place(target, old)
        pid, out = stage.start_and_pause("pg_hba", args, line)
        fresh_cluster.stop()
        result = stage.go_on(pid, out).result
        assert look(target) == (old if result["failed"] else new), result
        if result["failed"]:
            assert "\n" not in result["msg"] and "Traceback" not in result["msg"], result["msg"]
            said.add("the previous file was restored" in result["msg"])
        fresh_cluster.start()
    assert said == {True}
    place(target, old)
    assert stage.run("pg_hba", args).result["changed"]


def test_killed_before_the_verdict(stage: Stage, fresh_cluster: Any, faults: Any) -> None:
    """A run is killed between the new file and the server's verdict on it: the next run undoes what nobody judged."""
    target = os.path.join(fresh_cluster.data_directory, "postgresql.conf")
    old = look(target)
    assert old is not None
    args = {"path": target, "validate": "server", **fresh_cluster.login}
    counted, course = stage.measure("pg_conf", {**args, **REFUSED})
    assert "PostgreSQL refuses the new" in counted.result["msg"] and look(target) == old
    unjudged = 0
    moments = [Moment(hot=number) for number in faults.spread(len(course.hot), "verdict", 14)]
    moments += [Moment(line=line) for line in faults.some(range(course.hot[0], course.hot[-1], 9), "verdict", 4)]
    for moment in moments:
        place(target, old)
        assert stage.run("pg_conf", {**args, **REFUSED}, **moment.stop).killed
        now = look(target)
        unjudged += now != old
        result = stage.run("pg_conf", {**args, "settings": {"work_mem": "7MB"}}).result
        assert not result["failed"], result
        found = look(target)
        assert found is not None and found.content is not None
        assert b"Nowhere" not in found.content, f"killed {moment}: a file that the server refuses stayed"
        assert b"7MB" in found.content
        assert [name for name in os.listdir(fresh_cluster.data_directory) if "pgtls" in name] == []
    assert unjudged, "no kill fell between the new file and the verdict"
    fresh_cluster.stop()
    fresh_cluster.start()


def test_a_later_edit_is_not_undone(stage: Stage, fresh_cluster: Any) -> None:
    """Killed before the verdict, and then somebody edits the file by hand: that edit stays."""
    target = os.path.join(fresh_cluster.data_directory, "pg_hba.conf")
    old, args = look(target), editing(fresh_cluster, "unjudged")
    counted, course = stage.measure("pg_hba", args)
    assert counted.result["changed"] and old is not None
    place(target, old)
    lines = [line for line in reversed(course.hot) if _leaves_the_new(stage, args, target, old, line)]
    assert lines, "no kill leaves an unjudged file"
    with open(target, "a", encoding="utf-8") as stream:
        stream.write("host all byhand 10.0.0.0/8 reject\n")
    assert not stage.run("pg_hba", editing(fresh_cluster, "another")).result["failed"]
    text = Path(target).read_text()
    assert "byhand" in text and "unjudged" in text and "another" in text
    assert [name for name in os.listdir(fresh_cluster.data_directory) if "pgtls" in name] == []


def _leaves_the_new(stage: Stage, args: dict[str, Any], target: str, old: Any, line: int) -> bool:
    """Kill before this line, unless an earlier kill left the new file and what undoes it; whether this one did."""
    if look(target) != old:
        return False
    stage.run("pg_hba", args, kill_at=line)
    if look(target) != old and glob.glob(glob.escape(target) + ".pgtls-before-*"):
        return True
    place(target, old)
    assert not stage.run("pg_hba", {**args, "rules": []}).result["failed"]  # puts away what this kill left
    return False
