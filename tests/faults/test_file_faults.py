# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of the file system: what cannot be written is one sentence, and everything is as it was.

Mounts are made in a namespace of the stage's own, so nothing of them is left when it ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from pwd import getpwnam
from typing import Any

import pytest
from actors import Stage
from certificate_scenes import InstallScene, Scene, SignScene
from pictures import leftovers, picture

NOBODY = 65534
OLD = "".join(f"host all old{number} 10.0.0.{number}/32 scram-sha-256\n" for number in range(40))
NEW_RULE = {"type": "host", "user": ["app1"], "address": "10.1.0.0/16", "method": "scram-sha-256"}

MakeStage = Callable[..., Stage]


@pytest.fixture(name="stage_with")
def _stage_with() -> Iterator[MakeStage]:
    """Return a function that makes a stage in a mount namespace in which some shell commands ran before."""
    made = []

    def make(*commands: str) -> Stage:
        script = " && ".join([*commands, 'exec "$@"'])
        made.append(Stage("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


def edit(path: str | Path, **more: Any) -> dict[str, Any]:
    """The arguments of pg_hba for one more rule in a file of which no server knows."""
    return {"path": str(path), "rules": [NEW_RULE], "validate": "syntax", "server_version": 15, **more}


def refused(stage: Stage, module: str, args: dict[str, Any], *words: str, **how: Any) -> str:
    """The run fails with one sentence that holds these words."""
    result = stage.run(module, args, **how).result
    assert result["failed"], result
    message: str = result["msg"]
    assert "\n" not in message and "Traceback" not in message and "Errno" not in message, message
    for word in words:
        assert word in message, message
    return message


def settles(stage: Stage, module: str, args: dict[str, Any]) -> None:
    """The next run does the work, and the one after has nothing left to do."""
    first, second = stage.run(module, args).result, stage.run(module, args).result
    assert (first["failed"], first["changed"], second["failed"], second["changed"]) == (False, True, False, False)


def old_rules(folder: Path, owner: int = 0) -> Path:
    path = folder / "pg_hba.conf"
    path.write_text(OLD)
    path.chmod(0o640)
    os.chown(path, owner, owner)
    return path


def fill(folder: str) -> None:
    """Leave no free block."""
    with (
        pytest.raises(OSError, match="No space left"),
        open(os.path.join(folder, "filler"), "wb", buffering=0) as stream,
    ):
        while True:
            stream.write(b"x" * 4096)


@pytest.mark.parametrize("backup", [False, True])
def test_full_file_system_and_an_editor(stage_with: MakeStage, tmp_path: Path, backup: bool) -> None:
    stage = stage_with(f"mount -t tmpfs -o size=64k none {tmp_path}")
    inside = Path(stage.seen(tmp_path))
    old_rules(inside)
    fill(str(inside))
    before = picture(str(inside))
    args = edit(tmp_path / "pg_hba.conf", backup=backup)
    refused(stage, "pg_hba", args, f"{tmp_path}/pg_hba.conf", "No space left on device", "free some space")
    assert picture(str(inside)) == before
    (inside / "filler").unlink()
    settles(stage, "pg_hba", args)


@pytest.mark.parametrize("kind", [SignScene, InstallScene], ids=lambda kind: kind.module)
def test_full_file_system_and_certificates(
    stage: Stage, stage_with: MakeStage, tmp_path: Path, kind: type[Scene]
) -> None:
    """What was written before the last block was taken stays and is whole; the next run does the rest."""
    scene = kind(stage, tmp_path)
    save = f"cp -a {tmp_path} {tmp_path}.kept"
    full = stage_with(save, f"mount -t tmpfs -o size=512k none {tmp_path}", f"cp -a {tmp_path}.kept/. {tmp_path}")
    scene.stage, scene.folder, outside = full, full.seen(tmp_path), scene.folder
    with open(os.path.join(scene.folder, "filler"), "wb") as stream:
        free = os.statvfs(scene.folder)
        stream.write(b"x" * (free.f_bavail - 3) * free.f_frsize)
    refused(full, scene.module, scene.args, outside, "No space left on device", "free some space")
    assert not leftovers(scene.folder)
    os.unlink(os.path.join(scene.folder, "filler"))
    settles(full, scene.module, scene.args)
    shutil.rmtree(f"{tmp_path}.kept")


def test_read_only_mount(stage_with: MakeStage, tmp_path: Path) -> None:
    path = old_rules(tmp_path)
    before = picture(str(tmp_path))
    stage = stage_with(f"mount --bind {tmp_path} {tmp_path}", f"mount -o remount,bind,ro {tmp_path}")
    refused(stage, "pg_hba", edit(path), str(path), "read-only", "mount it for writing")
    refused(stage, "ca", {"directory": str(tmp_path / "ca"), "common_name": "X"}, str(tmp_path / "ca"), "ead-only")
    assert picture(str(tmp_path)) == before


def test_read_only_directory_and_an_ordinary_user(stage: Stage, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    path = old_rules(tmp_path, NOBODY)
    tmp_path.chmod(0o555)
    before = picture(str(tmp_path))
    words = (str(path), "no write permission in", "as its owner or root")
    refused(stage, "pg_hba", edit(path), *words, user=NOBODY)
    assert picture(str(tmp_path)) == before


def test_immutable_file(stage: Stage, tmp_path: Path, faults: Any) -> None:
    path = old_rules(tmp_path)
    before = picture(str(tmp_path))
    if subprocess.run(["chattr", "+i", path], check=False, capture_output=True).returncode != 0:
        faults.note(f"{path} cannot be made immutable on this file system: only the file mounted read-only was tried")
        return
    try:
        refused(stage, "pg_hba", edit(path), str(path), "immutable")
        assert picture(str(tmp_path)) == before
    finally:
        subprocess.run(["chattr", "-i", path], check=True)
    settles(stage, "pg_hba", edit(path))


def test_file_that_is_mounted_read_only(stage_with: MakeStage, tmp_path: Path) -> None:
    path = old_rules(tmp_path)
    before = picture(str(tmp_path))
    stage = stage_with(f"mount --bind {path} {path}", f"mount -o remount,bind,ro {path}")
    refused(stage, "pg_hba", edit(path), str(path), "is a mount of its own")
    assert picture(str(tmp_path)) == before


def test_link_of_the_server_is_kept(stage: Stage, fresh_cluster: Any, tmp_path_factory: Any) -> None:
    """pg_hba.conf of a real server as a link into another directory of the same owner."""
    owner = getpwnam(fresh_cluster.owner)
    folder = Path(fresh_cluster.data_directory).parent / "etc"
    folder.mkdir()
    link, target = Path(fresh_cluster.data_directory, "pg_hba.conf"), folder / "rules.conf"
    shutil.move(link, target)
    link.symlink_to(target)
    for path in (folder, link, target):
        os.lchown(path, owner.pw_uid, owner.pw_gid)
    args = {"path": str(link), "rules": [NEW_RULE], "validate": "server", **fresh_cluster.login}
    settles(stage, "pg_hba", args)
    assert os.readlink(link) == str(target)
    assert "app1" in target.read_text()
    fresh_cluster.stop()
    fresh_cluster.start()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_hostile_link_of_the_owner_is_refused(stage: Stage, tmp_path: Path, what: str) -> None:
    data, treasure = tmp_path / "data", tmp_path / "treasure"
    data.mkdir()
    treasure.mkdir()
    os.chown(data, NOBODY, NOBODY)
    old_rules(treasure)
    if what == "file":
        link = path = data / "pg_hba.conf"
        link.symlink_to(treasure / "pg_hba.conf")
    else:
        link = data / "conf.d"
        link.symlink_to(treasure)
        path = link / "pg_hba.conf"
    os.lchown(link, NOBODY, NOBODY)
    before = picture(str(tmp_path))
    refused(stage, "pg_hba", edit(path), f"the symbolic link {link} belongs to uid 65534", "remove the link")
    new_file = edit(data / "conf.d" / "new.conf", create=True) if what == "folder" else edit(path)
    refused(stage, "pg_hba", new_file, f"the symbolic link {link} belongs to uid 65534")
    assert picture(str(tmp_path)) == before


def test_folder_that_becomes_a_link_during_the_run(stage: Stage, tmp_path: Path) -> None:
    """The owner of the data directory swaps a folder for a link at any moment of the run: nothing is written there."""
    data, treasure = tmp_path / "data", tmp_path / "treasure"
    (data / "conf.d").mkdir(parents=True)
    treasure.mkdir()
    for folder in (data, data / "conf.d"):
        os.chown(folder, NOBODY, NOBODY)
    path = old_rules(data / "conf.d", NOBODY)
    old_rules(treasure, NOBODY)  # the very same, so that nothing but the link gives it away
    before = picture(str(treasure))
    counted, course = stage.measure("pg_hba", edit(path))
    assert counted.result["changed"]
    # The first lines are those between the look at the links and the opening of the folder.
    for line in [*course.hot[:18], *course.hot[18 :: max(1, len(course.hot) // 6)]]:
        path.write_text(OLD)
        pid, out = stage.start_and_pause("pg_hba", edit(path), line)
        (data / "conf.d").rename(data / "aside")
        (data / "conf.d").symlink_to(treasure)
        os.lchown(data / "conf.d", NOBODY, NOBODY)
        stage.go_on(pid, out)
        assert picture(str(treasure)) == before, f"paused before line {line}"
        (data / "conf.d").unlink()
        (data / "aside").rename(data / "conf.d")


def test_another_writer_loses_nothing(stage: Stage, scene_folder: Path, faults: Any) -> None:
    """Somebody adds a line with an editor that knows no lock, at every moment between our first and our last line.

    A moment can only be lost between the last comparison and rename(2), in the lines around that call.
    """
    path, said, lost = old_rules(scene_folder), set(), []
    counted, course = stage.measure("pg_hba", edit(path))
    assert counted.result["changed"]
    everywhere = range(1, course.lines, max(1, course.lines // 8))
    for line in sorted({*everywhere, *faults.some(course.hot, "another writer", 15)}):
        path.write_text(OLD)
        pid, out = stage.start_and_pause("pg_hba", edit(path), line)
        with open(path, "a", encoding="utf-8") as stream:
            stream.write("host all theirs 10.9.9.9/32 reject\n")
        result = stage.go_on(pid, out).result
        text = path.read_text()
        said.add(result.get("msg", "done").replace(str(path), "PATH"))
        if "theirs" not in text:
            lost.append(line)
        elif result["failed"]:
            assert text == OLD + "host all theirs 10.9.9.9/32 reject\n"
        assert not leftovers(str(scene_folder))
    assert said == {"done", "PATH was changed by somebody else during this run and is left as it is; run again"}
    assert len(lost) <= 6, f"lost when paused before the lines {lost}"
    assert not lost or course.hot.index(lost[-1]) - course.hot.index(lost[0]) < 6, f"not one window: {lost}"
    path.write_text(OLD)
    settles(stage, "pg_hba", edit(path))
