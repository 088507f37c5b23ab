# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs are reloaded once when their files changed, and until it worked; systemctl is a script, everything else is real."""

from __future__ import annotations

import getpass
import json
import os
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.certificates import reload_actions
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.files import state_directory
from module_runner import run_module

SYSTEMCTL = """#!/bin/sh
echo "$@" >>{log}
case $1 in
show) cat {state} ;;
reload) [ ! -e {broken} ] || {{ echo "Job for $3 failed." >&2; exit 1; }} ;;
esac
"""


class Stage:
    """A directory of certificates, a command that leaves a trace, and a systemctl."""

    def __init__(self, folder: Path):
        self.folder, self.directory = folder, folder / "clients"
        self.directory.mkdir()
        self.trace, self.log, self.state, self.broken = (folder / name for name in ("trace", "log", "state", "broken"))
        self.state.write_text("LoadState=loaded\nActiveState=active\n")
        systemctl = folder / "bin/systemctl"
        systemctl.parent.mkdir()
        systemctl.write_text(SYSTEMCTL.format(log=self.log, state=self.state, broken=self.broken))
        systemctl.chmod(0o755)

    def certificate(self, name, content):
        (self.directory / f"{name}.crt").write_text(content)

    def use(self, name="pool", **more):
        return {"name": name, "certificate": str(self.directory / f"{name}.crt"), **more}

    def command(self, failing=False):
        gate = f"; test ! -e {self.broken} || {{ echo not now; exit 3; }}" if failing else ""
        return {"argv": ["sh", "-c", f"echo ran $USER >>{self.trace}{gate}"]}

    def run(self, *uses, check=False, **options):
        return run_module(
            "certificate_reload", {"directory": str(self.directory), "uses": list(uses), **options}, check=check
        )

    def traces(self):
        return self.trace.read_text().splitlines() if self.trace.exists() else []

    def systemctl(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def record(self):
        return Path(state_directory.state_directory(str(self.directory))) / "pgtls-reloads.json"


@pytest.fixture
def stage(tmp_path, monkeypatch):
    monkeypatch.setattr(state_directory, "STATE_DIRECTORY", str(tmp_path / "kept"))
    monkeypatch.setattr(reload_actions, "_SYSTEMD", str(tmp_path))
    monkeypatch.setattr(reload_actions, "_PATH", f"{tmp_path / 'bin'}:{reload_actions._PATH}")
    return Stage(tmp_path)


def test_a_change_of_any_file_is_reloaded_once_and_check_mode_does_nothing(stage):
    key = stage.directory / "pool.key"
    use = stage.use(commands=[stage.command()], files=[str(key)])
    stage.certificate("pool", "1")
    assert stage.run(use, check=True)["reloaded"] == ["command sh for pool"]
    assert stage.traces() == [] and not stage.record().exists()
    assert stage.run(use)["changed"] is True
    assert stage.run(use)["changed"] is stage.run(use, check=True)["changed"] is False
    key.write_text("k")
    assert stage.run(use)["reloaded"] == ["command sh for pool"]
    key.unlink()
    assert stage.run(use)["changed"] is True
    assert len(stage.traces()) == 3
    assert stage.record().stat().st_mode & 0o777 == 0o600


def test_several_certificates_reload_a_program_once(stage):
    for name in ("pool", "server"):
        stage.certificate(name, "1")
    uses = [stage.use(name, commands=[stage.command()], services=["pgbouncer"]) for name in ("pool", "server")]
    assert stage.run(*uses)["reloaded"] == ["service pgbouncer for pool, server", "command sh for pool, server"]
    assert len(stage.traces()) == 1
    assert stage.systemctl() == ["show --property=LoadState,ActiveState,CanReload -- pgbouncer", "reload -- pgbouncer"]
    stage.certificate("server", "2")
    stage.run(*uses)
    assert len(stage.traces()) == 2


def test_nothing_is_reloaded_for_a_first_certificate(stage):
    use = stage.use(commands=[stage.command()])
    assert stage.run({**use, "is_new": True, "is_due": True}, check=True)["changed"] is False
    assert stage.run(use)["changed"] is False  # an external CA has not answered yet
    assert not stage.record().exists()
    stage.certificate("pool", "1")
    assert stage.run({**use, "is_new": True})["changed"] is False
    stage.certificate("pool", "2")  # it was lost, and what is in memory is older
    assert stage.run({**use, "is_new": True})["changed"] is True


def test_check_mode_predicts_the_reload_of_what_is_due(stage):
    use = stage.use(commands=[stage.command()])
    stage.certificate("pool", "1")
    stage.run(use)
    assert stage.run({**use, "is_due": True}, check=True)["reloaded"] == ["command sh for pool"]
    assert stage.run({**use, "is_due": True})["changed"] is False  # it was not renewed after all
    assert len(stage.traces()) == 1


def test_a_failure_is_one_sentence_keeps_no_other_waiting_and_is_tried_again(stage):
    stage.certificate("pool", "1")
    stage.broken.touch()
    uses = [stage.use(commands=[stage.command(failing=True), stage.command()], services=["pgbouncer"])]
    said = stage.run(*uses)
    assert said["failed"] is True
    assert said["msg"] == (
        "service pgbouncer for pool was not reloaded and may still use the old files: systemctl ended with exit status 1 "
        "(Job for pgbouncer failed.); the new files are in place and valid, and the next run tries again; "
        "command sh for pool was not reloaded and may still use the old files: sh ended with exit status 3 (not now); "
        "the new files are in place and valid, and the next run tries again"
    )
    assert len(stage.traces()) == 2
    stage.broken.unlink()
    assert stage.run(*uses)["reloaded"] == ["service pgbouncer for pool", "command sh for pool"]
    assert len(stage.traces()) == 3  # the one that had worked is not run again
    assert stage.run(*uses)["changed"] is False


@pytest.mark.parametrize("state", ["inactive", "failed"])
def test_a_service_that_does_not_run_has_nothing_to_reload(stage, state):
    stage.certificate("pool", "1")
    stage.state.write_text(f"LoadState=loaded\nActiveState={state}\n")
    assert stage.run(stage.use(services=["pgbouncer"]))["changed"] is False
    stage.state.write_text("LoadState=loaded\nActiveState=active\n")
    assert stage.run(stage.use(services=["pgbouncer"]))["changed"] is False  # it has read the new files when it started
    assert "reload -- pgbouncer" not in stage.systemctl()


def test_a_service_that_does_not_exist_draws_a_warning_until_it_does(stage):
    stage.certificate("pool", "1")
    stage.state.write_text("LoadState=not-found\nActiveState=inactive\n")
    for _run in range(2):
        done = stage.run(stage.use(services=["pgbuoncer"]))
        assert done["changed"] is False
        assert "service pgbuoncer for pool was not reloaded: systemd has no such service" in done["warnings"][0]
    stage.state.write_text("LoadState=loaded\nActiveState=active\n")
    assert stage.run(stage.use(services=["pgbuoncer"]))["changed"] is True


def test_a_service_that_cannot_reload_is_an_error_with_the_way_out(stage):
    stage.certificate("pool", "1")
    stage.state.write_text("LoadState=loaded\nActiveState=active\nCanReload=no\n")
    said = stage.run(stage.use(services=["shop"]))["msg"]
    assert "its unit has no ExecReload, so give it one, or a command in reload_commands" in said


def test_without_systemd_a_service_is_an_error_with_the_way_out(stage, monkeypatch):
    monkeypatch.setattr(reload_actions, "_SYSTEMD", "/nowhere/at/all")
    stage.certificate("pool", "1")
    assert "give a command in reload_commands" in stage.run(stage.use(services=["pgbouncer"]))["msg"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"services": ["--now"]}, "pool: reload holds '--now', which is not the name of a service"),
        ({"services": ["a b"]}, "pool: reload holds 'a b', which is not"),
        ({"commands": [{"argv": []}]}, "pool: argv of reload_commands is empty"),
        ({"commands": [{"argv": ["/nowhere/x"]}]}, "/nowhere/x cannot be started (No such file or directory)"),
        ({"commands": [{"argv": ["true"], "user": "nobody-at-all"}]}, "there is no user nobody-at-all on this host"),
        ({"commands": [{"argv": ["sleep", "30"]}]}, "sleep did not finish within 1 seconds and was killed"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(stage, more, said):
    stage.certificate("pool", "1")
    assert said in stage.run(stage.use(**more), timeout_seconds=1)["msg"]


def test_no_time_at_all_is_refused(stage):
    stage.certificate("pool", "1")
    said = stage.run(stage.use(commands=[stage.command()]), timeout_seconds=0)["msg"]
    assert said == "timeout_seconds is 0, but it must be at least 1" and stage.traces() == []


def test_a_command_has_its_user_and_nothing_of_the_environment_of_the_task(stage, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "secret")
    stage.certificate("pool", "1")
    me = getpass.getuser()
    argv = ["sh", "-c", f"echo $USER ${{PGPASSWORD:-none}} $PWD >>{stage.trace}"]
    stage.run(stage.use(commands=[{"argv": argv, "user": me}]))
    assert stage.traces() == [f"{me} none /"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs commands as others")
def test_root_runs_a_command_as_the_user_of_the_inventory(stage):
    stage.certificate("pool", "1")
    argv = ["sh", "-c", "test $(id -un) = nobody && test $(id -Gn) = nogroup && test $HOME != /root"]
    assert stage.run(stage.use(commands=[{"argv": argv, "user": "nobody"}]))["changed"] is True


def test_a_record_that_is_none_is_an_error_and_what_is_no_longer_listed_leaves_it(stage):
    stage.certificate("pool", "1")
    stage.run(stage.use(commands=[stage.command()], services=["pgbouncer"]))
    assert len(json.loads(stage.record().read_text())["reloaded"]) == 2
    stage.run(stage.use(commands=[stage.command()]))
    assert len(json.loads(stage.record().read_text())["reloaded"]) == 1
    for content in ("", "[]", '{"format": 9, "reloaded": {}}', '{"format": 1}'):
        stage.record().write_text(content)
        assert "is not a record of reloads; remove it" in stage.run(stage.use(commands=[stage.command()]))["msg"]


def test_a_local_user_chooses_nothing_by_the_files(stage):
    """What the owner of a certificate writes into it decides that something is reloaded, and never what."""
    hostile = stage.folder / "hostile"
    stage.certificate("pool", f"; touch {hostile}\n$(touch {hostile})\n")
    link = stage.directory / "pool.key"
    link.symlink_to("/etc/passwd")
    (stage.directory / "systemctl").write_text(f"#!/bin/sh\ntouch {hostile}\n")
    (stage.directory / "systemctl").chmod(0o755)
    use = stage.use(commands=[stage.command()], services=["pgbouncer"], files=[str(link)])
    assert stage.run(use)["reloaded"] == ["service pgbouncer for pool", "command sh for pool"]
    assert not hostile.exists()
