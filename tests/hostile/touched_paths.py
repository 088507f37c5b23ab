# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every path that a run of a module touches, and what it does there, as the kernel was asked for it (strace)."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from actors import Run, Stage

# What nobody can foretell: temporary names, and backups with a process id and a time.
UNFORESEEABLE = re.compile(r"\.pgtls-[0-9a-f]{16}(\.d)?|.*\.\d+\.\d{4}-\d\d-\d\d@[\d:]+~")
# The server's own programs work as its owner, who may do in his directories as he likes.
_SERVER = re.compile(r'execve\("[^"]*/(postgres|pg_ctl|pg_ctlcluster|postmaster)"')
_CHILD = re.compile(r"^(\d+) +(?:<\.\.\. )?(?:clone3?|v?fork)\b.*= (\d+)")
_CALL = re.compile(r"^(\d+) +(\w+)\((.*)$")
_AT = re.compile(r'(?:\w+<([^>]*)>, )"((?:[^"\\]|\\.)*)"')
_PLAIN = re.compile(r'^"((?:[^"\\]|\\.)*)"')
_OPEN_FILE = re.compile(r"^\d+<(/[^>]*)>")
_SOCKET = re.compile(r'sun_path="((?:[^"\\]|\\.)*)"')
_OTHERS = "fchmod,fchown,ftruncate,fsetxattr,flock,getdents64,connect,bind"
_CHILDREN = "clone,clone3,fork,vfork"
_VERBS = {
    "rename": "renamed",
    "link": "linked",
    "symlink": "linked",
    "unlink": "removed",
    "rmdir": "removed",
    "mkdir": "made",
    "mknod": "made",
    "chown": "chowned",
    "lchown": "chowned",
    "chmod": "chmodded",
    "truncate": "written",
    "utimens": "written",
    "setxattr": "labelled",
    "lsetxattr": "labelled",
    "getdents64": "listed",
    "flock": "locked",
    "connect": "connected to",
    "bind": "made",
    "execve": "started",
}


def touched(stage: Stage, module: str, args: dict[str, Any]) -> tuple[Run, dict[str, set[str]]]:
    """Run a module to its end; return the run, and what it did by path."""
    pid, out = stage.start_standing(module, args)
    log = out + ".trace"
    command = ["strace", "-f", "-y", "-s", "4096", "-e", f"trace=%file,{_OTHERS},{_CHILDREN}", "-e", "signal=none"]
    with subprocess.Popen([*command, "-o", log, "-p", str(pid)], stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        line = tracer.stderr.readline()
        assert "attached" in line, line
        run = stage.go_on(pid, out)
        tracer.terminate()  # a server that the run started goes on, and nobody need look
        tracer.communicate()
    return run, _parsed(Path(log).read_text(errors="surrogateescape").splitlines())


def _parsed(lines: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    servers: set[str] = set()
    for line in lines:
        child = _CHILD.match(line)
        if child is not None and child[1] in servers:
            servers.add(child[2])
        match = _CALL.match(line)
        if match is None or match[1] in servers:
            continue
        if _SERVER.search(line):
            servers.add(match[1])
            continue
        for path in _paths(match[2], match[3]):
            if os.path.isabs(path):
                found.setdefault(os.path.normpath(path), set()).add(_verb(match[2], match[3]))
    return found


def _paths(name: str, words: str) -> Iterator[str]:
    yield from (_text(match) for match in _SOCKET.findall(words))
    at = _AT.findall(words)
    yield from (os.path.join(_text(directory), _text(path)) for directory, path in at)
    if plain := _PLAIN.match(words):
        yield _text(plain[1])
    if not at and (handle := _OPEN_FILE.match(words)):
        yield _text(handle[1]).removesuffix(" (deleted)")


def _text(words: str) -> str:
    return words.encode("latin-1", "replace").decode("unicode_escape") if "\\" in words else words


def _verb(name: str, words: str) -> str:
    stem = re.sub(r"at2?$", "", re.sub(r"^f(?=ch|trunc|setx)", "", name))
    if stem == "open":
        flags = words.rpartition('"')[2]
        if "O_CREAT" in flags:
            return "made"
        if "O_PATH" in flags:
            return "looked at"
        return "written" if "O_WRONLY" in flags or "O_RDWR" in flags else "read"
    return _VERBS.get(stem, "looked at")


def below(directory: str, paths: dict[str, set[str]]) -> dict[str, set[str]]:
    """Those paths that somebody can foretell in a directory, with the directory itself and all that are on the way."""
    found: dict[str, set[str]] = {}
    for path, verbs in paths.items():
        if path != directory and not path.startswith(f"{directory}/"):
            continue
        if UNFORESEEABLE.fullmatch(os.path.basename(path)):
            verbs, path = {"looked at"}, os.path.dirname(path)
        found.setdefault(path, set()).update(verbs)
        while path != directory:
            path = os.path.dirname(path)
            found.setdefault(path, set()).add("looked at")
    return found
