# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenes of the modules that work on a real server: its files, its roles, its reload."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any

from actors import Stage
from certificate_scenes import Scene
from pictures import look, place

RESTART_EVERY = 20


class ServerScene(Scene):
    """A scene on a running server; the server must start again, now and then and at the end."""

    file = ""
    view = ""

    def __init__(self, stage: Stage, folder: Path, cluster: Any) -> None:
        self.cluster = cluster
        self.kills = self.starts = 0
        super().__init__(stage, folder)

    def prepare(self) -> None:
        self.target = os.path.join(self.cluster.data_directory, self.file)
        self.old = self.new = look(self.target)

    def watched(self) -> list[str]:
        return [self.cluster.data_directory]

    def written(self) -> str:
        return str(self.cluster.data_directory)

    def check_killed(self, where: str) -> None:
        self.kills += 1
        if self.kills % RESTART_EVERY == 0:
            self.restart()

    def restart(self) -> None:
        self.cluster.run("pg_ctl", "-D", self.cluster.data_directory, "-m", "fast", "-w", "stop")
        self.cluster.start()
        self.starts += 1

    def finish(self) -> None:
        self.restart()


class EditorScene(ServerScene):
    """One configuration file: old or new, byte for byte, with its owner and mode."""

    options: dict[str, Any] = {}

    def prepare(self) -> None:
        super().prepare()
        common = {"path": self.target, "validate": "server", "mode": "0640", "backup": True, **self.cluster.login}
        self.args = {**common, **self.options}
        self._do(self.module, self.args)
        self.new = look(self.target)
        assert self.old is not None and self.new is not None
        assert self.new.mode == 0o640 and self.new.uid == self.old.uid and self.new.content != self.old.content
        self.reset()

    def reset(self) -> None:
        for path in self.backups():
            os.unlink(path)
        assert self.old is not None
        place(self.target, self.old)

    def backups(self) -> list[str]:
        return glob.glob(glob.escape(self.target) + ".*~")

    def check_killed(self, where: str) -> None:
        found = look(self.target)
        assert found in (self.old, self.new), f"{self.target} is neither old nor new: {found}"
        for path in self.backups():
            assert look(path) == self.old, f"{path} is no whole backup: {look(path)}"
        super().check_killed(where)
        self.check_views()

    def check_views(self) -> None:
        assert self.cluster.sql(f"SELECT * FROM {self.view} WHERE error IS NOT NULL") == []

    def check_done(self, result: dict[str, Any]) -> None:
        assert look(self.target) == self.new


class HbaScene(EditorScene):
    """Thirty rules."""

    module, share, file, view = "pg_hba", 30, "pg_hba.conf", "pg_hba_file_rules"
    options = {
        "rules": [
            {"type": "host", "user": [f"app{n}"], "address": f"10.{n}.0.0/16", "method": "scram-sha-256"}
            for n in range(30)
        ]
    }


class IdentScene(EditorScene):
    """Thirty mappings."""

    module, share, file, view = "pg_ident", 20, "pg_ident.conf", "pg_ident_file_mappings"
    options = {
        "mappings": [
            {"map": "certs", "system_user": f"PostgreSQL app{n}", "database_user": f"app{n}"} for n in range(30)
        ]
    }


class ConfScene(EditorScene):
    """Settings, one of which only a restart puts to use."""

    module, share, file, view = "pg_conf", 20, "postgresql.conf", "pg_file_settings"
    options = {"settings": {"work_mem": "9MB", "log_line_prefix": "%m it's", "max_connections": 33}}

    def check_views(self) -> None:
        rows = self.cluster.sql("SELECT error FROM pg_file_settings WHERE error IS NOT NULL")
        assert {row[0] for row in rows} <= {"setting could not be applied"}  # max_connections, until a restart


class RoleScene(ServerScene):
    """Roles: all of them or none."""

    module, share = "login_role", 10
    names = ("faults1", "faults2", "faults3")

    def prepare(self) -> None:
        self.args = {**self.cluster.login, "name": list(self.names)}
        self.target = ""

    def roles(self) -> list[str]:
        return [
            row[0] for row in self.cluster.sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'faults%' ORDER BY 1")
        ]

    def reset(self) -> None:
        self.cluster.sql("".join(f"DROP ROLE IF EXISTS {name}; " for name in self.names))

    def check_killed(self, where: str) -> None:
        super().check_killed(where)
        assert self.roles() in ([], list(self.names))

    def check_done(self, result: dict[str, Any]) -> None:
        assert self.roles() == list(self.names)


class ReloadScene(ServerScene):
    """A changed setting: whatever the killed run did, the next run ends with the server using it."""

    module, share, file = "pg_reload", 20, "postgresql.auto.conf"

    def prepare(self) -> None:
        super().prepare()
        self.number = 0
        self.args = {"data_directory": self.cluster.data_directory, **self.cluster.login}

    def reset(self) -> None:
        self.number += 1
        self.wanted = f"{1001 + 2 * self.number}kB"  # odd, so that the server shows it in the same unit
        self.cluster.sql(f"ALTER SYSTEM SET work_mem = '{self.wanted}'")

    def check_done(self, result: dict[str, Any]) -> None:
        assert self.cluster.sql("SHOW work_mem") == [(self.wanted,)]

    def finish(self) -> None:
        self.cluster.sql("ALTER SYSTEM RESET work_mem")
        self.restart()
