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
from authority_scenes import (
    AnsweredScene,
    CommandScene,
    ExchangeScene,
    IntroduceScene,
    ReissueScene,
    RevokeScene,
)
from certificate_scenes import AuthorityScene, HostsScene, InstallScene, RequestScene, Scene, SignScene, TrustScene
from pictures import check_leftovers, leftovers
from server_scenes import ConfScene, HbaScene, IdentScene, ReloadScene, RoleScene
from transaction_scenes import BeginScene, CommitScene, UndoScene

CERTIFICATES = (
    AuthorityScene,
    IntroduceScene,
    ReissueScene,
    RequestScene,
    SignScene,
    InstallScene,
    RevokeScene,
    ExchangeScene,
    AnsweredScene,
    CommandScene,
    HostsScene,
)
SERVERS = (HbaScene, IdentScene, ConfScene, RoleScene, ReloadScene)
TRANSACTIONS = (BeginScene, CommitScene, UndoScene)


@pytest.fixture(name="serving", scope="module")
def _serving(make_cluster: Callable[[], Any]) -> Any:
    """A cluster for the transactions, which come to serve TLS on it."""
    return make_cluster()


def run_until(scene: Scene, moment: Moment) -> Run:
    if moment.seconds is None:
        return scene.stage.run(scene.module, scene.args, **moment.stop, **scene.how)
    return scene.stage.run_and_kill(scene.module, scene.args, moment.seconds, **scene.how)


def one_kill(scene: Scene, moment: Moment) -> dict[str, Any]:
    """Kill one run, look, let the next run finish, and see that another one has nothing left to do."""
    scene.reset()
    with Watch(scene.watched()) as watch:
        run = run_until(scene, moment)
    assert not watch.too_wide, watch.too_wide
    check_leftovers(scene.written())
    found = len(leftovers(scene.written()))
    scene.check_killed(str(moment))
    result = scene.stage.run(scene.module, scene.args, **scene.how).result
    assert not result["failed"], f"the next run failed: {result['msg']}"
    assert not leftovers(scene.written()), "the next run left the unfinished files of the killed one"
    scene.check_done(result)
    if scene.settles:
        again = scene.stage.run(scene.module, scene.args, **scene.how).result
        assert not again["failed"] and not again["changed"], again
    return {"killed": run.killed, "leftovers": found, "keys seen": watch.keys_seen, "finished": scene.had_work(result)}


def kill_often(scene: Scene, kills: int, chance: random.Random, table: Callable[..., None]) -> None:
    scene.reset()
    counted, course = scene.stage.measure(scene.module, scene.args, **scene.how)
    assert not counted.result["failed"], counted.result
    scene.reset()
    plain = scene.stage.run(scene.module, scene.args, **scene.how)
    assert not plain.result["failed"], plain.result
    course = dataclasses.replace(course, seconds=plain.seconds)
    done = []
    for number in range(kills):
        moment = choose_moment(course, chance)
        try:
            done.append(one_kill(scene, moment))
        except AssertionError as error:
            raise AssertionError(f"{scene.title()}, kill {number + 1} {moment}: {error}") from error
    scene.finish()
    assert any(one["killed"] for one in done), "no run was killed: the moments are all too late"
    table(
        module=scene.title(),
        kills=len(done),
        in_time=sum(one["killed"] for one in done),
        leftovers=sum(one["leftovers"] for one in done),
        finished_by_next=sum(one["finished"] for one in done),
        looks_at_keys=sum(one["keys seen"] for one in done),
        server_starts=getattr(scene, "starts", 0),
    )


@pytest.mark.parametrize("kind", CERTIFICATES, ids=lambda kind: kind.title())
def test_certificate_modules(kind: Any, stage: Stage, scene_folder: Any, faults: Any) -> None:
    scene = kind(stage, scene_folder)
    kill_often(scene, faults.kills(scene.share), faults.chance(scene.title()), faults.count)


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.title())
def test_server_modules(kind: Any, stage: Stage, tmp_path: Any, faults: Any, cluster: Any) -> None:
    scene = kind(stage, tmp_path, cluster)
    kill_often(scene, faults.kills(scene.share), faults.chance(scene.title()), faults.count)


@pytest.mark.parametrize("kind", TRANSACTIONS, ids=lambda kind: kind.title())
def test_transactions(kind: Any, stage: Stage, tmp_path: Any, faults: Any, serving: Any) -> None:
    scene = kind(stage, tmp_path, serving)
    kill_often(scene, faults.kills(scene.share), faults.chance(scene.title()), faults.count)
    for sentence in scene.notes():
        faults.note(sentence)


def test_a_directory_is_never_half_made(stage: Stage, scene_folder: Any, faults: Any) -> None:
    """Nobody tells the next run which mode an existing directory should have, so it must have it from the first moment."""
    scene = ExchangeScene(stage, scene_folder)
    _run, course = stage.measure(scene.module, scene.args)
    for number in faults.some(range(1, min(36, len(course.hot))), "half made", 6):
        one_kill(scene, Moment(hot=number))


def test_trust_anchor(scene_folder: Any, faults: Any, shown_trust_store: Any) -> None:
    stage, anchors, certificates = shown_trust_store
    folder = scene_folder / "scene"
    folder.mkdir()
    scene = TrustScene(stage, folder, anchors, certificates)
    kill_often(scene, faults.kills(scene.share), faults.chance(scene.title()), faults.count)
