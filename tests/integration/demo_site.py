# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site on this machine: the demo's inventory with a throw-away server, and our playbooks run on it.

A test module takes one of three beginnings, which conftest.py has as fixtures:

* ``site``: a server without TLS and nothing else, of the module's own;
* ``converged``: the same after ``site.yml``, of the module's own too. It costs a second instead of a run, because the
  run is done once per test process and then put back from a copy. Take it wherever the first run is not what you test,
  and leave with it what you like: the next module gets it as it was;
* ``demo_site(port)``: for several sites, or one per test; with ``root``, on a server of another version.

PGTLS_ANSIBLE_PYTHON is the Python whose ansible-core runs the playbooks; the default is the one that runs the tests.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kept_state import forget_state

CHECKOUT = Path(__file__).resolve().parents[2]
RECAP = re.compile(r"^(\S+)\s*: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass
class Site:
    """A site on this machine: where it is, and all that ansible-playbook has ever said about it."""

    directory: Path
    environment: dict[str, str]
    said: list[str] = field(default_factory=list)

    def command(self, playbook: str, *options: str) -> list[str]:
        """Return the command that runs a playbook here."""
        python = os.environ.get("PGTLS_ANSIBLE_PYTHON", sys.executable)
        ansible = [python, "-m", "ansible", "playbook", "-i", "inventories/demo"]
        return [*ansible, f"playbooks/{playbook}.yml", *options]

    def play(self, *options: str, playbook: str = "site", succeeds: bool = True, before: tuple[str, ...] = ()) -> str:
        """Run a playbook, behind the words of another program where given, and return what it printed."""
        command = [*before, *self.command(playbook, *options)]
        done = subprocess.run(command, cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, check=False)
        output = done.stdout + done.stderr
        self.said.append(output)
        assert (done.returncode == 0) == succeeds, output
        return output

    def server(self, action: str) -> None:
        """Stop or start the server."""
        owner = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.geteuid() == 0 else []
        binary = subprocess.run(
            [
                "sh",
                "-c",
                "ls -d /usr/lib/postgresql/*/bin/pg_ctl /usr/pgsql-*/bin/pg_ctl 2>/dev/null | sort -V | tail -1",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        arguments = ["-D", str(self.directory / "data"), "-l", str(self.directory / "log/postgresql.log"), "-w", action]
        subprocess.run([*owner, binary or "pg_ctl", *arguments], check=True, cwd="/", stdout=subprocess.DEVNULL)

    def private_keys(self) -> list[Path]:
        """Return every file below the site that holds a private key."""
        files = [path for path in self.directory.rglob("*") if path.is_file()]
        return [path for path in files if b"PRIVATE KEY-----" in path.read_bytes()]

    def state(self) -> dict[str, str]:
        """Return mode and digest of every file but those that a running server writes."""
        found = {}
        for path in self.directory.rglob("*"):
            relative = path.relative_to(self.directory)
            ours = relative.parts[0] != "data" or path.suffix in (".conf", ".crt", ".key", ".pem", ".next")
            # the log and the report tell what was tried; they are no part of the site's state
            if path.is_file() and ours and relative.parts[0] not in ("log", "run") and path.name != "report.json":
                found[str(relative)] = f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        return found


def changed(output: str) -> int:
    """Return the number of changes over all hosts that the recap tells."""
    recap = RECAP.findall(output)
    assert recap, output
    return sum(int(numbers[2]) for numbers in recap)


def _environment(directory: Path, port: int) -> dict[str, str]:
    return {
        **os.environ,
        "PGTLS_DEMO_DIR": str(directory),
        "PGTLS_DEMO_PORT": str(port),
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_LOCAL_TEMP": str(directory / "controller"),
        "ANSIBLE_REMOTE_TMP": str(directory / "remote"),
        "ANSIBLE_NOCOLOR": "1",
    }


def with_programs_of(root: str) -> tuple[str, ...]:
    """Words before a command, which then finds the server of a root of its own and its libraries in this machine's places."""
    if not root:
        return ()
    lay = "mount -t overlay overlay -o lowerdir={root}/usr/{folder}:/usr/{folder} /usr/{folder}"
    over = "; ".join(lay.format(root=root, folder=folder) for folder in ("lib", "share"))
    return ("unshare", "--mount", "--propagation", "private", "sh", "-e", "-c", f'{over}; exec "$@"', "sh")


def _cluster(action: str, directory: Path, environment: dict[str, str], root: str) -> None:
    command = [*with_programs_of(root), str(CHECKOUT / "scripts/demo-cluster.sh"), action, str(directory)]
    subprocess.run(command, env=environment, check=True)


def _new_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="pgtls-site-", dir="/var/tmp"))
    directory.chmod(0o755)
    return directory


@contextmanager
def _running(directory: Path, port: int, root: str = "") -> Iterator[Site]:
    """The server in this directory, made where there is none yet; all of it goes at the end."""
    environment = _environment(directory, port)
    _cluster("start", directory, environment, root)
    try:
        environment["PGTLS_DEMO_PASSWORD"] = (directory / "password").read_text()
        yield Site(directory, environment)
    finally:
        _cluster("clean", directory, environment, root)
        forget_state(str(directory / "data"))
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def demo_site(port: int, root: str = "") -> Iterator[Site]:
    """A throw-away server that listens on this port, and nothing else yet; all of it goes at the end.

    root: where the server and its libraries are (scripts/fetch-server.sh); empty for the newest one of this machine.
    """
    with _running(_new_directory(), port, root) as made:
        yield made


class ConvergedSites:
    """Sites as site.yml leaves them, one after the other: the first is converged, the others are put back from a copy.

    What the roles write names directory and port, so all of them are at the same place, and only one is there at a time.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._copy = folder / "site.tar"
        self._port = port
        self._directory = _new_directory()

    @contextmanager
    def site(self) -> Iterator[Site]:
        """The next one."""
        if self._copy.exists():
            subprocess.run(["tar", "-x", "--same-permissions", "-f", str(self._copy), "-C", "/"], check=True)
        with _running(self._directory, self._port) as made:
            if not self._copy.exists():
                made.play()
                made.server("stop")
                where = str(self._directory.relative_to("/"))
                subprocess.run(["tar", "-c", "-f", str(self._copy), "-C", "/", where], check=True)
                made.server("start")
            yield made

    def forget(self) -> None:
        """Remove what is left."""
        self._copy.unlink(missing_ok=True)
        shutil.rmtree(self._directory, ignore_errors=True)
