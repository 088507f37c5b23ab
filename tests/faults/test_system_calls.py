# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every system call that makes a file or sets a mode, as strace saw it: no key is wider than asked at any instant."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from actors import HERE, Stage
from certificate_scenes import AuthorityScene, InstallScene, RequestScene, Scene

CALLS = "open,openat,creat,mkdir,mkdirat,chmod,fchmod,fchmodat,rename,renameat,renameat2,link,linkat,symlink,symlinkat"
OPEN = re.compile(r'openat\(\w+<?([^>,]*)>?, "([^"]+)", [^)]*O_CREAT[^)]*, (0\d*)\) = \d+')
FCHMOD = re.compile(r"fchmod\(\d+<([^>]+)>, (0\d+)\) = 0")
CHMOD = re.compile(r'(?:chmod\(|fchmodat\(\w+<?[^>,]*>?, )"([^"]+)", (0\d+)(?:, \w+)?\) = 0')
RENAME = re.compile(r'rename(?:at2?)?\((?:\w+<([^>]*)>, )?"([^"]+)", (?:\w+<([^>]*)>, )?"([^"]+)"(?:, \w+)?\) = 0')
KEYS = re.compile(r"(own|ca)\.key(\.next)?|own\.p12|own\.pk8")
BEGUN = re.compile(r"(\d+) +(.*) <unfinished \.\.\.>")
ENDED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)")


def trace(scene: Scene, log: Path) -> list[str]:
    """The calls of one run of the scene's module, with all its children."""
    order = log.with_suffix(".order")
    out = str(log.with_suffix(".out"))
    order.write_text(json.dumps({"module": scene.module, "args": scene.args, "out": out}))
    command = ["strace", "-f", "-y", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(log)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([*command, sys.executable, str(HERE / "stage.py"), str(order)], check=True, env=environment)
    text = Path(out).read_text()
    assert json.loads(text[text.find("{") :])["changed"], text
    return list(whole_calls(log.read_text().splitlines()))


def whole_calls(lines: Iterable[str]) -> Iterator[str]:
    """Each call in one line: strace cuts one in two when another process comes in between (strace(1))."""
    begun: dict[str, str] = {}
    for line in lines:
        if match := BEGUN.fullmatch(line):
            begun[match[1]] = match[2]
        elif match := ENDED.fullmatch(line):
            yield re.sub(r"\) += ", ") = ", begun.pop(match[1]) + match[2])
        else:
            yield re.sub(r"\) += ", ") = ", line)


def modes_of_keys(lines: list[str], folder: str) -> dict[str, set[int]]:
    """Every mode that the file behind each name of a key ever had, from its making on."""
    modes: dict[str, set[int]] = {}
    named: dict[str, set[int]] = {}

    def full(directory: str | None, name: str) -> str:
        return os.path.normpath(os.path.join(directory or "/", name))

    for line in lines:
        if match := OPEN.search(line):
            modes.setdefault(full(match[1], match[2]), set()).add(int(match[3], 8))
        elif match := FCHMOD.search(line) or CHMOD.search(line):
            modes.setdefault(match[1], set()).add(int(match[2], 8))
        elif match := RENAME.search(line):
            source, target = full(match[1], match[2]), full(match[3], match[4])
            if target.startswith(folder) and KEYS.fullmatch(os.path.basename(target)):
                named.setdefault(target, set()).update(modes.pop(source, {0o7777}))
    return named


@pytest.mark.parametrize("kind", [AuthorityScene, RequestScene, InstallScene], ids=lambda kind: kind.module)
def test_no_key_is_wider_than_asked(stage: Stage, tmp_path: Path, kind: Any) -> None:
    assert shutil.which("strace"), "strace is not installed; install the package strace"
    folder = tmp_path / "scene"
    folder.mkdir()
    scene = kind(stage, folder)
    named = modes_of_keys(trace(scene, tmp_path / "calls"), str(folder))
    assert named, "no key was seen: the calls are others than this test knows"
    assert {path: modes for path, modes in named.items() if modes != {0o600}} == {}
    direct = [
        line for line in (tmp_path / "calls").read_text().splitlines() if re.search(r"symlink|link\(|linkat", line)
    ]
    assert direct == []
