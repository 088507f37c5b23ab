# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kill every module that writes, at random moments, and look at what is left."""

from __future__ import annotations

import dataclasses
import random
import shutil
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
from transaction_scenes import (
    EverythingScene,
    FailureScene,
    FirstScene,
    RenewalScene,
    RestartScene,
    RollbackScene,
    RulesScene,
    ServerRunScene,
    WaitingKeyScene,
)

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
WHOLE_SERVERS = (
    FirstScene,
    RenewalScene,
    RestartScene,
    RulesScene,
    EverythingScene,
    FailureScene,
    RollbackScene,
    WaitingKeyScene,
)
# A machine that was slow while a module was measured is quick again: so many more are tried when all came too late.
SPARE_KILLS = 8


def run_until(scene: Scene, moment: Moment) -> Run:
    if moment.call is not None:
        return scene.stage.run_and_kill_at_call(scene.module, scene.args, *moment.call)
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
    next_args = scene.next_args or scene.args
    result = scene.stage.run(scene.module, next_args, **scene.how).result
    assert not result["failed"], f"the next run failed: {result['msg']}"
    assert not leftovers(scene.written()), "the next run left the unfinished files of the killed one"
    scene.check_done(result)
    if scene.settles:
        again = scene.stage.run(scene.module, next_args, **scene.how).result
        assert not again["failed"] and not again["changed"], again
    return {"killed": run.killed, "leftovers": found, "keys seen": watch.keys_seen, "finished": scene.had_work(result)}


def kill_often(scene: Scene, kills: int, chance: random.Random, table: Callable[..., None]) -> None:
    scene.reset()
    counted, course = scene.stage.measure(scene.module, scene.args, **scene.how)
    scene.check_whole(counted.result)
    scene.reset()
    plain = scene.stage.run(scene.module, scene.args, **scene.how)
    scene.check_whole(plain.result)
    course = dataclasses.replace(course, seconds=plain.seconds)
    done: list[dict[str, Any]] = []
    for number in range(kills + SPARE_KILLS):
        if number >= kills and any(one["killed"] for one in done):
            break
        moment = choose_moment(course, chance)
        try:
            done.append(one_kill(scene, moment))
        except AssertionError as error:
            raise AssertionError(f"{scene.title()}, kill {number + 1} {moment}: {error}") from error
    scene.finish()
    assert any(one["killed"] for one in done), "no run was killed: the moments are all too late"
    table(**summed(scene.title(), done, scene))


def summed(title: str, done: list[dict[str, Any]], scene: Scene) -> dict[str, Any]:
    """A row of the closing table."""
    return {
        "module": title,
        "kills": len(done),
        "in_time": sum(one["killed"] for one in done),
        "leftovers": sum(one["leftovers"] for one in done),
        "finished_by_next": sum(one["finished"] for one in done),
        "looks_at_keys": sum(one["keys seen"] for one in done),
        "server_starts": getattr(scene, "starts", 0),
    }


@pytest.mark.parametrize("kind", CERTIFICATES, ids=lambda kind: kind.title())
def test_certificate_modules(kind: Any, stage: Stage, scene_folder: Any, faults: Any) -> None:
    scene = kind(stage, scene_folder)
    kill_often(scene, faults.kills(scene.share), faults.chance(scene.title()), faults.count)


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.title())
def test_server_modules(kind: Any, stage: Stage, tmp_path: Any, faults: Any, cluster: Any) -> None:
    scene = kind(stage, tmp_path, cluster)
    kill_often(scene, faults.kills(scene.share), faults.chance(scene.title()), faults.count)


@pytest.mark.parametrize("kind", WHOLE_SERVERS, ids=lambda kind: kind.title())
def test_whole_servers(kind: Any, stage: Stage, tmp_path: Any, faults: Any, fresh_cluster: Any) -> None:
    scene: ServerRunScene = kind(stage, tmp_path, fresh_cluster)
    kill_often(scene, faults.kills(scene.share), faults.chance(scene.title()), faults.count)
    for sentence in scene.notes():
        faults.note(sentence)


@pytest.mark.parametrize("kind", [FirstScene, RenewalScene, FailureScene, RollbackScene], ids=lambda kind: kind.title())
def test_every_system_call(kind: Any, stage: Stage, tmp_path: Any, faults: Any, fresh_cluster: Any) -> None:
    """The same at each system call that writes, as strace counts them; in the short form at a few."""
    assert shutil.which("strace"), "strace is not installed; install the package strace"
    scene: ServerRunScene = kind(stage, tmp_path, fresh_cluster)
    scene.reset()
    run, calls = stage.name_calls(scene.module, scene.args)
    scene.check_whole(run.result)
    done = []
    for number in faults.spread(len(calls), f"calls of {scene.title()}", 3):
        name = calls[number - 1]
        moment = Moment(call=(name, calls[:number].count(name)))
        try:
            done.append(one_kill(scene, moment))
        except AssertionError as error:
            raise AssertionError(f"{scene.title()}, call {number} of {len(calls)}, {moment}: {error}") from error
    assert any(one["killed"] for one in done), "no run was killed"
    faults.count(**summed(f"{scene.title()}, calls", done, scene))


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
