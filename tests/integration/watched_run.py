# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command under strace and know every byte that it and its children wrote to files, however short these lived."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_WRITING = "write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg"
_COPYING = "sendfile,copy_file_range"
_MOVING = "rename,renameat,renameat2"
_HEX = r"((?:\\x[0-9a-f]{2})*)"
_CALL = re.compile(r"^\d+ +(\w+)\((.*)", re.DOTALL)
_FILE = re.compile(rf"^\d+<{_HEX}>")
_COPY = re.compile(rf"\d+<{_HEX}>")
_MOVE = re.compile(f'(?:<{_HEX}>, )?"{_HEX}"')  # a name may be relative to a folder that is held open
_TEXT = re.compile(f'"{_HEX}"')


@dataclass
class WatchedRun:
    """What was seen: bytes by path (a deleted or nameless file too), copies (source, target), and programs.

    What was written to a file that got another name later is told under that name.
    """

    status: int
    output: str
    written: dict[str, bytearray] = field(default_factory=dict)
    copied: set[tuple[str, str]] = field(default_factory=set)
    executed: list[bytes] = field(default_factory=list)  # arguments and environment of each program, between zeros


def watched_run(command: Sequence[str], trace: Path, **options: object) -> WatchedRun:
    """Run a command; ``trace`` is a file that strace may write, and options are those of subprocess.run.

    A write through a memory map would not be seen; nothing here makes one.
    """
    assert shutil.which("strace"), "strace is needed (Debian: apt-get install strace)"
    calls = f"trace=execve,{_WRITING},{_COPYING},{_MOVING}"
    strace = ["strace", "-f", "-y", "-xx", "--seccomp-bpf", "-s", "16777216", "-e", calls, "-e", "abbrev=none"]
    done = subprocess.run([*strace, "-o", str(trace), *command], capture_output=True, text=True, check=False, **options)
    run = WatchedRun(done.returncode, done.stdout + done.stderr)
    with trace.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            _note(run, line)
    trace.unlink()
    return run


def _note(run: WatchedRun, line: str) -> None:
    call = _CALL.match(line)
    if call is None:
        return
    name, arguments = call.groups()
    if name == "execve":
        run.executed.append(b"\0".join(_decoded(text) for text in _TEXT.findall(arguments)))
    elif name in _MOVING.split(","):
        if " = -1 " not in line:
            source, target = (os.path.join(_path(folder), _path(end)) for folder, end in _MOVE.findall(arguments))
            run.written.setdefault(target, bytearray()).extend(run.written.pop(source, b""))
    elif name in _COPYING.split(","):
        ends = [_path(text) for text in _COPY.findall(arguments)]
        source, target = (ends[1], ends[0]) if name == "sendfile" else (ends[0], ends[1])
        run.copied.add((source, target))
    else:
        found = _FILE.match(arguments)
        path = _path(found.group(1)) if found else ""
        # A pipe carries a task's options to its module, and must; a file and a socket (of a log) must not.
        if path and not path.startswith(("pipe:", "/dev/")):
            content = b"".join(_decoded(text) for text in _TEXT.findall(arguments))
            run.written.setdefault(path, bytearray()).extend(content)


def _decoded(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _path(text: str) -> str:
    return _decoded(text).decode(errors="surrogateescape")
