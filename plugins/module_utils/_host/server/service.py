# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reloading and restarting a cluster through whoever manages it, and waiting until it answers again."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from dataclasses import dataclass, replace
from pwd import getpwnam
from stat import S_ISREG
from time import monotonic, sleep
from typing import Any

from ..errors import LoginRefused, ModuleError, ServerDown, ServerUnreachable
from ..files.links import acting_as
from ..files.reading import open_regular, read_all
from .clusters import Cluster
from .database import Login, connect
from .running_servers import read_lines, read_start_command, running_postmaster
from .service_managers import PG_CTLCLUSTER, SYSTEMD

_POLL_SECONDS = 0.1
_QUOTED_LINES = 3
_CHATTER = re.compile(r"LOG:\s+(?:dis)?connection |LOG:\s+received SIGHUP|LOG:\s+parameter \S+ changed to")
_GAVE_UP = re.compile(r"(?:FATAL|PANIC):\s")
_MORE = re.compile(r"(?:DETAIL|HINT):\s")
_SERVER_WORDS = re.compile(r"(?:LOG|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT):\s+(.*)")


@dataclass(frozen=True)
class LogFile:
    """Where a server writes its log, and how long it was when we looked; path is None when it is not a file.

    is_collected: a process of its own writes it (logging_collector). uid: on whose word it is the log, who reads it.
    """

    path: str | None
    size: int
    is_collected: bool = False
    uid: int | None = None

    def new_lines(self) -> list[str]:
        """Return the lines that came since; none where they cannot be read."""
        if self.path is None:
            return []
        try:
            reader = os.geteuid() if self.uid is None else self.uid
            with acting_as(reader), open_regular(self.path, any_size=True) as handle:
                os.lseek(handle, self.size, os.SEEK_SET)
                return read_all(handle, self.path).decode("utf-8", "surrogateescape").splitlines()
        except (OSError, ModuleError):
            return []

    def new_words(self) -> str:
        """Return the last telling lines that came since, without their prefixes; empty when there are none to be read."""
        return _quote(self.new_lines())


def find_log(cluster: Cluster) -> LogFile:
    """Return the log of a running server: the file of its logging collector, or the one its output goes to."""
    for line in read_lines(os.path.join(cluster.data_directory, "current_logfiles")):
        kind, _blank, name = line.partition(" ")
        if kind == "stderr":
            return replace(_log_file(cluster, os.path.join(cluster.data_directory, name)), is_collected=True)
    return _log_file(cluster, output_of(cluster.pid))


def output_of(pid: int | None) -> str | None:
    """Return the regular file that a process writes its errors to, None when it is none."""
    try:
        path = os.readlink(f"/proc/{pid}/fd/2")
        return path if S_ISREG(os.stat(path).st_mode) else None
    except OSError:
        return None


def describe_log(cluster: Cluster, log: LogFile) -> str:
    """Return where a person finds the log of a cluster."""
    if log.path is not None:
        return log.path
    return f"journalctl -u {cluster.unit}" if cluster.unit else "the log of the server"


def signal_reload(cluster: Cluster) -> None:
    """Send SIGHUP to the server of a cluster, after a look whether the process really is that server.

    :raises ModuleError: when it does not run, or belongs to somebody else.
    """
    server = running_postmaster(cluster.data_directory)
    if server is None:
        raise ModuleError(not_running(cluster))
    try:
        os.kill(server.pid, signal.SIGHUP)
    except PermissionError as error:
        raise ModuleError(
            f"the server of {cluster.data_directory} belongs to {cluster.owner}; run the task as root or {cluster.owner}"
        ) from error


def restart(cluster: Cluster, login: Login, timeout_seconds: int) -> None:
    """Restart a running cluster through its manager and wait until it answers.

    What it will read is judged first, the settings by the server's own program, so that a server is not stopped that could
    not start.

    :raises ModuleError: when the files are bad (the server still runs then), or it does not come back in time.
    """
    log = find_log(cluster)
    _try_settings(cluster)
    from .restart_checks import check_restart  # only a restart needs all that judges rules and maps

    check_restart(cluster)
    done = _run(cluster, _restart_command(cluster, timeout_seconds), timeout_seconds)
    if done.returncode != 0:
        words = log.new_words() or _quote((done.stderr or done.stdout).splitlines())
        raise _not_up(
            cluster, f"the cluster {cluster.data_directory} did not restart by {cluster.manager} ({words})", log
        )
    _wait_where_it_listens(cluster, login, timeout_seconds, log)


def start(cluster: Cluster, login: Login, timeout_seconds: int, output: str | None) -> None:
    """Start a stopped cluster through its manager and wait until it answers.

    output: the file that the server wrote its messages to before, for a server that pg_ctl starts.

    :raises ModuleError: when it does not come up in time, with the last words of its log.
    """
    log = _log_file(cluster, output)
    command = _start_command(cluster)
    if cluster.manager not in (SYSTEMD, PG_CTLCLUSTER):
        # Without -l the server would inherit the pipes of this process and keep it waiting for ever.
        command += ["-w", "-t", str(timeout_seconds), "-l", output or os.devnull, *_options_of_last_start(cluster)]
    done = _run(cluster, command, timeout_seconds)
    if done.returncode != 0:
        words = log.new_words() or _quote((done.stderr or done.stdout).splitlines())
        raise ModuleError(
            f"the cluster {cluster.data_directory} did not start by {cluster.manager} ({words}); "
            f"look into {describe_log(cluster, log)}"
        )
    _wait_where_it_listens(cluster, login, timeout_seconds, log)


def wait_until_ready(cluster: Cluster, login: Login, timeout_seconds: int, log: LogFile) -> None:
    """Wait until a server answers a login, be it with a refusal (as pg_isready does).

    :raises ModuleError: when the time is over; it quotes the last lines of the log.
    """
    end = monotonic() + timeout_seconds
    while True:
        try:
            connect(login).close()
            return
        except LoginRefused:
            return
        except ServerUnreachable as error:
            if monotonic() > end:
                words = log.new_words() or str(error)
                cause = (
                    f"the cluster {cluster.data_directory} does not accept connections after {timeout_seconds} seconds"
                )
                raise _not_up(cluster, f"{cause} ({words})", log) from error
            sleep(_POLL_SECONDS)


def not_running(cluster: Cluster) -> str:
    """Return the sentence for a cluster that does not run."""
    return f"the cluster {cluster.data_directory} is not running; start it with {_how_to_start(cluster)}"


def _how_to_start(cluster: Cluster) -> str:
    identity = "" if cluster.manager in (SYSTEMD, PG_CTLCLUSTER) else f" (as {cluster.owner})"
    return f"{' '.join(_start_command(cluster))}{identity}"


def _not_up(cluster: Cluster, cause: str, log: LogFile) -> ModuleError:
    """What to say of a server that did not come up, which may be down indeed or only slow."""
    place = f"look into {describe_log(cluster, log)}"
    if running_postmaster(cluster.data_directory) is not None:
        return ModuleError(f"{cause}; {place}")
    return ServerDown(cause, f"it is down, so correct that and start it with {_how_to_start(cluster)}", place)


def _wait_where_it_listens(cluster: Cluster, login: Login, timeout_seconds: int, log: LogFile) -> None:
    """Wait for a server that was just started; its port and socket may have been what changed."""
    server = running_postmaster(cluster.data_directory)
    if server is not None:
        login = login.at(server.port or login.port, server.socket_directory, cluster.owner)
    wait_until_ready(cluster, login, timeout_seconds, log)


def _start_command(cluster: Cluster) -> list[str]:
    if cluster.manager == SYSTEMD:
        return ["systemctl", "start", str(cluster.unit)]
    if cluster.manager == PG_CTLCLUSTER:
        return ["pg_ctlcluster", str(cluster.version), str(cluster.name), "start"]
    base = read_start_command(cluster.data_directory).settings.get("data_directory", cluster.data_directory)
    return [_program(cluster, "pg_ctl"), "-D", base, "start"]


def _options_of_last_start(cluster: Cluster) -> list[str]:
    """The options that pg_ctl hands on to the server, as at its last start (pg_ctl restart does so by itself)."""
    settings = read_start_command(cluster.data_directory).settings.items()
    options = [shlex.quote(f"--{name}={value}") for name, value in settings if name != "data_directory"]
    return ["-o", " ".join(options)] if options else []


def _restart_command(cluster: Cluster, timeout_seconds: int) -> list[str]:
    if cluster.manager == SYSTEMD:
        return ["systemctl", "restart", str(cluster.unit)]
    if cluster.manager == PG_CTLCLUSTER:
        return ["pg_ctlcluster", str(cluster.version), str(cluster.name), "restart"]
    # Without -l the server would inherit the pipes of this process and keep it waiting for ever.
    output = output_of(cluster.pid) or os.devnull
    waiting = ["-w", "-t", str(timeout_seconds), "-m", "fast", "-l", output]
    return [_program(cluster, "pg_ctl"), "-D", cluster.data_directory, *waiting, "restart"]


def _try_settings(cluster: Cluster) -> None:
    """Let the server's own program read the settings; -C prints one of them and exits."""
    started = read_start_command(cluster.data_directory)
    arguments = [f"--{name}={value}" for name, value in started.settings.items() if name != "data_directory"]
    base = started.settings.get("data_directory", cluster.data_directory)
    done = _run(cluster, [_program(cluster, "postgres"), "-D", base, *arguments, "-C", "port"], 30, as_owner=True)
    if done.returncode != 0:
        raise ModuleError(
            f"the cluster {cluster.data_directory} was not restarted, because it would not start again "
            f"({_quote(done.stderr.splitlines())}); fix the settings"
        )


def _run(
    cluster: Cluster, command: list[str], timeout_seconds: int, as_owner: bool = False
) -> subprocess.CompletedProcess[str]:
    identity: dict[str, Any] = {}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if os.geteuid() == 0 and (as_owner or cluster.manager not in (SYSTEMD, PG_CTLCLUSTER)):
        owner = getpwnam(cluster.owner)
        groups = os.getgrouplist(cluster.owner, owner.pw_gid)
        identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": groups}
        environment.update(HOME=owner.pw_dir, USER=cluster.owner, LOGNAME=cluster.owner)
    try:
        # run_command knows neither another identity nor a time-out
        return subprocess.run(  # pylint: disable=ansible-bad-function
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            cwd="/",
            env=environment,
            timeout=timeout_seconds + 10,  # the manager's own time-out comes first, with better words
            **identity,
        )
    except subprocess.TimeoutExpired as error:
        raise ModuleError(
            f"{command[0]} did not finish within {timeout_seconds} seconds for {cluster.data_directory}; "
            "check the server, then run again or raise timeout_seconds"
        ) from error
    except OSError as error:
        raise ModuleError(f"{command[0]} cannot be run ({error.strerror}); install the server's programs") from error


def _program(cluster: Cluster, name: str) -> str:
    return os.path.join(cluster.bin_directory, name) if cluster.bin_directory else name


def _log_file(cluster: Cluster, path: str | None) -> LogFile:
    """A log, on the word of the cluster's owner: his server runs where he likes, also where other files have this path."""
    try:
        owner = os.stat(cluster.data_directory).st_uid
        return LogFile(path, os.stat(path).st_size if path else 0, uid=owner)
    except OSError:
        return LogFile(None, 0)


def _quote(lines: list[str]) -> str:
    """The last telling lines until a server gave up, or of all of its log, without time stamps, process numbers and logins."""
    telling = [line.strip() for line in lines if line.strip() and not _CHATTER.search(line)]
    words = [_SERVER_WORDS.search(line) for line in telling]
    plain = [found.group(1) if found else line for found, line in zip(words, telling)]
    ends = [number for number, line in enumerate(telling, 1) if _GAVE_UP.search(line)]
    end = ends[-1] if ends else len(telling)
    while ends and end < len(telling) and _MORE.search(telling[end]):
        end += 1
    # what follows are the words of whatever manages the server
    return "; ".join(plain[:end][-_QUOTED_LINES:])
