# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Worlds: a directory that a hostile user owns, what is in it before a run, and the modules that root runs there."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from pwd import getpwnam
from typing import Any

from actors import Stage
from hostile_users import NOBODY
from inventory import entries_of
from pictures import Item, picture, put_back
from touched_paths import UNFORESEEABLE, below, touched

PASSPHRASE = "a secret horse"
# Names of tempfile, our own and those of other tests.
_BY_CHANCE = re.compile(r"(tmp|pgtls-([a-z-]+-)?)[a-z0-9_]{8}")
# That of the file by which tempfile finds out whether it can write somewhere.
_TRIAL = re.compile(r"[a-z0-9_]{8}")
POSTGRES = getpwnam("postgres").pw_uid


@dataclass(frozen=True)
class Call:
    """One run of a module; title tells it from the others of its world. fails: even where nobody is hostile."""

    title: str
    module: str
    args: dict[str, Any]
    fails: bool = False


@dataclass
class World:
    """A folder of a user; seconds: the most that a run may take. honest: what is there before, or after an honest run.

    is_alive: a server works there, whose files cannot all be made again. is_shared: the folder itself is root's.
    """

    title: str
    folder: str
    uid: int
    calls: list[Call]
    before: dict[str, Item] = field(default_factory=dict)
    seconds: float = 20
    is_alive: bool = False
    is_shared: bool = False
    touched: dict[str, dict[str, set[str]]] = field(default_factory=dict)  # by path, by title of the call
    honest: dict[str, Item] = field(default_factory=dict)
    outside: dict[str, set[str]] = field(default_factory=dict)
    by_chance: set[str] = field(default_factory=set)
    repeated: set[str] = field(default_factory=set)

    def explore(self, stage: Stage) -> None:
        """Learn from honest runs which paths there are, and what belongs there."""
        if not self.before:
            self.before = picture(self.folder)
        self.honest = dict(self.before)
        for call in self.calls if len(self.calls) > 1 else self.calls * 2:
            self.reset()
            run, paths = touched(stage, call.module, call.args)
            self.check_honest(call, run.result)
            self._note_chance(paths)
            for path, verbs in below(self.folder, paths).items():
                if self.is_shared and path == self.folder:
                    continue
                self.touched.setdefault(path, {})[call.title] = verbs
            for path, verbs in paths.items():
                self.outside.setdefault(path, set()).update(verbs)
            for name, item in self.look().items():
                self.honest.setdefault(name, item)
        self.reset()

    def check_honest(self, call: Call, result: dict[str, Any]) -> None:
        assert result["failed"] is call.fails, (self.title, call.title, result.get("msg"))

    def foreseen(self) -> list[str]:
        """What root touches in directories of everybody under names that anybody could take before: outside of the folder."""
        differ = (
            self.by_chance - self.repeated if len(self.calls) == 1 else set()
        )  # the same run made other ones before
        outside = (path for path in self.outside if not path.startswith(f"{self.folder}/"))
        return sorted(path for path in outside if path not in differ and _is_takeable(path))

    def _note_chance(self, paths: dict[str, set[str]]) -> None:
        """Names that look as if they were made by chance, and those among them that an earlier run had made already."""
        names = (path for path, verbs in paths.items() if verbs & {"made", "linked"})
        made = {path for path in names if _looks_like_chance(os.path.basename(path))}
        self.repeated |= made & self.by_chance
        self.by_chance |= made

    def look(self) -> dict[str, Item]:
        """What is there, but for what has another name each time."""
        return {
            name: item
            for name, item in picture(self.folder).items()
            if not UNFORESEEABLE.fullmatch(os.path.basename(name))
        }

    def belongs(self, path: str) -> Item | None:
        """What honest runs find or leave at a path."""
        return self.honest.get(os.path.relpath(path, self.folder))

    def reset(self) -> None:
        put_back(self.folder, self.before)

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _looks_like_chance(name: str) -> bool:
    return bool(UNFORESEEABLE.fullmatch(name) or _BY_CHANCE.match(name) or _TRIAL.fullmatch(name))


def _is_takeable(path: str) -> bool:
    """Whether a path leads through a name that is not made by chance, in a directory in which anybody may make names."""
    current = "/"
    for name in path.strip("/").split("/"):
        if os.path.isdir(current) and os.stat(current).st_mode & 0o002:
            return not _BY_CHANCE.fullmatch(name)
        current = os.path.join(current, name)
    return False


class Authority:
    """A CA of root's own, in a place where nobody else looks, and what it signs."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.folder = tempfile.mkdtemp(prefix="pgtls-authority-", dir="/var/tmp")
        self.made = do(stage, "ca", {"directory": f"{self.folder}/ca", "common_name": "Root of the worlds"})
        self.crl = do(stage, "certificate_revoke", {"directory": f"{self.folder}/ca", "revocations": []})["crl_pem"]

    @property
    def trusted(self) -> dict[str, str]:
        return {"trusted_pem": self.made["trusted_pem"], "crl_pem": self.crl}

    def sign(self, items: list[dict[str, Any]], requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        asked = {"certificates": entries_of(items), "requests": requests}
        signed: list[dict[str, Any]] = do(self.stage, "certificate_sign", {"directory": f"{self.folder}/ca", **asked})[
            "certificates"
        ]
        return signed

    def close(self) -> None:
        shutil.rmtree(self.folder)


def do(stage: Stage, module: str, args: dict[str, Any]) -> dict[str, Any]:
    """Run a module that has to succeed."""
    result = stage.run(module, args).result
    assert not result["failed"], result
    return result


def owned_folder(name: str, uid: int) -> str:
    """A new directory of this user, among those of everybody."""
    folder = tempfile.mkdtemp(prefix=f"pgtls-{name}-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    os.chown(folder, uid, uid)
    return folder


def client_items(home: str, **more: Any) -> list[dict[str, Any]]:
    """A certificate in every shape, and one with an encrypted key."""
    names = {"private_key": "key", "certificate": "crt", "fullchain": "full.crt", "root": "root.crt", "crl": "crl"}
    shapes = {"pkcs12": "p12", "pkcs8_der": "pk8"}
    owner = {"usages": ["client"], "owner": "nobody", "group": "nogroup", **more}

    def files(name: str, places: dict[str, str]) -> dict[str, str]:
        return {option: f"{home}/.postgresql/{name}.{end}" for option, end in places.items()}

    app = {"name": "app", "common_name": "app", **files("app", {**names, **shapes}), **owner}
    sealed = {"name": "sealed", "common_name": "sealed", **files("sealed", names), **owner}
    sealed["private_key_passphrase"] = PASSPHRASE
    sealed["private_key_passphrase_file"] = f"{home}/.postgresql/sealed.pass"
    return [{**app, "pkcs12_passphrase": "open sesame"}, sealed]


def client_worlds(stage: Stage, authority: Authority) -> list[World]:
    """The home of a client: before its first run, when its requests are signed, when all is there, when keys change."""
    home = owned_folder("home", NOBODY)
    owned = {"owner": "nobody", "mode": "0700", "parent_mode": "0755"}
    directories = [{"path": f"{home}/.postgresql", **owned}, {"path": f"{home}/deep/er/trusted", **owned}]
    more = {**authority.trusted, "trusted_files": [{"path": f"{home}/deep/er/trusted/roots.pem", "owner": "nobody"}]}

    def request(**how: Any) -> dict[str, Any]:
        return {"certificates": client_items(home, **how), "directories": directories, **more}

    def install(requests: list[dict[str, Any]], **how: Any) -> dict[str, Any]:
        items = client_items(home, **how)
        return {"certificates": items, "signed": authority.sign(items, requests), **more}

    def world(title: str, *calls: Call) -> World:
        return World(f"home, {title}", home, NOBODY, list(calls), picture(home))

    worlds = [world("empty", Call("request", "certificate_request", request()))]
    first = install(do(stage, "certificate_request", request())["requests"])
    worlds.append(world("signed", Call("install", "certificate_install", first)))
    do(stage, "certificate_install", first)
    do(stage, "pg_service", services(home, "old"))
    worlds.append(world("complete", *reading_calls(home), *keeping_calls(home, request(), first)))
    rekeyed = {"key_type": "ecdsa-p384", "key_mode": "0640"}
    waiting = do(stage, "certificate_request", request(**rekeyed))["requests"]
    worlds.append(world("rekeyed", Call("install", "certificate_install", install(waiting, **rekeyed))))
    return worlds


def command_worlds(stage: Stage, authority: Authority) -> list[World]:
    """A program that signs: its request lies in the directory for temporary files."""
    folder = owned_folder("command", NOBODY)
    places = {"private_key": f"{folder}/app.key", "certificate": f"{folder}/app.crt"}
    items = [{"name": "app", "common_name": "app", "usages": ["client"], **places}]
    requests = do(stage, "certificate_request", {"certificates": items})["requests"]
    sign = ["openssl", "x509", "-req", "-in", "{csr}", "-days", "{lifetime_days}", "-copy_extensions", "copy"]
    ca = f"{authority.folder}/ca/ca"
    args = {
        "command": [*sign, "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key"],
        "chain_pem": authority.made["chain_pem"],
        "certificates": entries_of(items),
        "requests": requests,
    }
    return [World("command, signing", folder, NOBODY, [Call("command", "certificate_command", args)])]


def services(home: str, *names: str, **more: Any) -> dict[str, Any]:
    listed = [{"name": name, "parameters": {"host": "db1"}} for name in names]
    return {"path": f"{home}/.pg_service.conf", "services": listed, "owner": "nobody", "mode": "0644", **more}


def keeping_calls(home: str, request: dict[str, Any], install: dict[str, Any]) -> list[Call]:
    """Runs that find everything, and those of the service file."""
    return [
        Call("request again", "certificate_request", request),
        Call("install again", "certificate_install", {**install, "signed": []}),
        Call("other modes", "certificate_install", {**install, "certificates": client_items(home, mode="0644")}),
        Call("services", "pg_service", services(home, "old", "new", backup=True)),
        Call("no services", "pg_service", services(home, state="absent")),
        Call("new service file", "pg_service", {**services(home, "new"), "path": f"{home}/services.conf"}),
    ]


def reading_calls(home: str) -> list[Call]:
    place = f"{home}/.postgresql"
    pair = {"path": f"{place}/app.crt", "private_key": f"{place}/app.key"}
    return [
        Call("info of a pair", "certificate_info", pair),
        Call("info of a chain", "certificate_info", {"path": f"{place}/app.full.crt"}),
        Call("info of a directory", "certificate_info", {"path": place}),
    ]


def exchange_worlds(stage: Stage, authority: Authority) -> list[World]:
    """A directory between the hosts and a CA outside, in the hands of whoever carries the requests."""
    folder, source = owned_folder("exchange", NOBODY), owned_folder("source", 0)
    names = ("private_key", "certificate")
    items = [
        {"name": f"app{n}", "common_name": f"app{n}", "usages": ["client"]}
        | {option: f"{source}/app{n}.{option}" for option in names}
        for n in range(3)
    ]
    requests = do(stage, "certificate_request", {"certificates": items})["requests"]
    args = {"directory": f"{folder}/exchange", "host": "h1", "certificates": entries_of(items), "requests": requests}
    call = Call("exchange", "certificate_exchange", args)
    worlds = [World("exchange, empty", folder, NOBODY, [call], picture(folder))]
    do(stage, call.module, args)
    give(folder, NOBODY)
    for one in authority.sign(items, requests)[:2]:
        path = Path(folder, "exchange", "signed", f"h1.{one['name']}.crt")
        path.write_text(one["certificate_pem"])
    Path(folder, "exchange", "signed", "chain.crt").write_text(authority.made["chain_pem"])
    give(folder, NOBODY)
    shutil.rmtree(source)
    return [*worlds, World("exchange, answered", folder, NOBODY, [call], picture(folder))]


def give(folder: str, uid: int) -> None:
    """Let all below a directory belong to a user."""
    for where, folders, files in os.walk(folder):
        for path in (where, *(os.path.join(where, name) for name in folders + files)):
            os.lchown(path, uid, uid)
