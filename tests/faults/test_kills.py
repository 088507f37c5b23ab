# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kill every module that writes, at random moments, and look at what is left."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import pytest
from actors import Moment, Run, Stage, Watch, choose_moment
from certificate_scenes import AuthorityScene, HostsScene, InstallScene, RequestScene, Scene, SignScene, TrustScene
from pictures import check_leftovers, leftovers
from server_scenes import ConfScene, HbaScene, IdentScene, ReloadScene, RoleScene

CERTIFICATES = (AuthorityScene, RequestScene, SignScene, InstallScene, HostsScene)
SERVERS = (HbaScene, IdentScene, ConfScene, RoleScene, ReloadScene)


def run_until(scene: Scene, moment: Moment) -> Run:
    if moment.line is not None:
        return scene.stage.run(scene.module, scene.args, kill_at=moment.line)
    assert moment.seconds is not None
    return scene.stage.run_and_kill(scene.module, scene.args, moment.seconds)


def one_kill(scene: Scene, moment: Moment) -> dict[str, Any]:
    """Kill one run, look, let the next run finish, and see that another one has nothing left to do."""
    scene.reset()
    with Watch(scene.watched()) as watch:
        run = run_until(scene, moment)
    assert not watch.too_wide, watch.too_wide
    check_leftovers(scene.folder)
    found = len(leftovers(scene.folder))
    scene.check_killed(str(moment))
    result = scene.stage.run(scene.module, scene.args).result
    assert not result["failed"], f"the next run failed: {result['msg']}"
    assert not leftovers(scene.folder), "the next run left the unfinished files of the killed one"
    scene.check_done(result)
    if scene.settles:
        again = scene.stage.run(scene.module, scene.args).result
        assert not again["failed"] and not again["changed"], again
    return {"killed": run.killed, "leftovers": found, "keys seen": watch.keys_seen, "finished": result["changed"]}


def kill_often(scene: Scene, kills: int, chance: random.Random, table: Callable[..., None]) -> None:
    scene.reset()
    counted, course = scene.stage.measure(scene.module, scene.args)
    assert not counted.result["failed"], counted.result
    scene.reset()
    plain = scene.stage.run(scene.module, scene.args)
    assert not plain.result["failed"], plain.result
    course = dataclasses.replace(course, seconds=plain.seconds)
    done = []
    for number in range(kills):
        moment = choose_moment(course, chance)
        try:
            done.append(one_kill(scene, moment))
        except AssertionError as error:
            raise AssertionError(f"{scene.module}, kill {number + 1} {moment}: {error}") from error
    scene.finish()
    assert any(one["killed"] for one in done), "no run was killed: the moments are all too late"
    table(
        module=scene.module,
        kills=len(done),
        in_time=sum(one["killed"] for one in done),
        leftovers=sum(one["leftovers"] for one in done),
        finished_by_next=sum(bool(one["finished"]) for one in done),
        looks_at_keys=sum(one["keys seen"] for one in done),
        server_starts=getattr(scene, "starts", 0),
    )


@pytest.mark.parametrize("kind", CERTIFICATES, ids=lambda kind: kind.module)
def test_certificate_modules(kind: Any, stage: Stage, scene_folder: Any, faults: Any) -> None:
    scene = kind(stage, scene_folder)
    kill_often(scene, faults.kills(scene.share), faults.chance(scene.module), faults.count)


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.module)
def test_server_modules(kind: Any, stage: Stage, tmp_path: Any, faults: Any, cluster: Any) -> None:
    scene = kind(stage, tmp_path, cluster)
    kill_often(scene, faults.kills(scene.share), faults.chance(scene.module), faults.count)


def test_trust_anchor(scene_folder: Any, faults: Any, shown_trust_store: Any) -> None:
    stage, anchors, certificates = shown_trust_store
    folder = scene_folder / "scene"
    folder.mkdir()
    scene = TrustScene(stage, folder, anchors, certificates)
    kill_often(scene, faults.kills(scene.share), faults.chance(scene.module), faults.count)
