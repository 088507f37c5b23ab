# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program that signs: it reads a request on standard input and prints PEM; no shell, no terminal, no waiting for ever."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import IO

from ..._pki.validity import render_time
from ..errors import ModuleError
from .external_requests import ExternalRequest
from .programs import how_it_ended, kill_group, why_not_started

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_PLACEHOLDERS = ("csr", "name", "usages", "dns_names", "ip_addresses", "lifetime_days", "not_after")
_MOST_BYTES = 4 * 1024 * 1024
_MOST_LINES, _MOST_CHARACTERS = 3, 400
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x20-\x7e\xa0-\uffff]")


@dataclass(frozen=True)
class SigningCommand:
    """A checked command; words may hold placeholders, timeout_seconds counts for each request."""

    words: tuple[str, ...]
    timeout_seconds: int

    @property
    def program(self) -> str:
        """What is started."""
        return self.words[0]

    def sign(self, request: ExternalRequest) -> bytes:
        """Let the program sign one request, and return what it printed.

        :raises ModuleError: when it cannot be started, fails, prints without end or does not end in time.
        """
        with tempfile.NamedTemporaryFile(prefix="pgtls-", suffix=".csr") as csr:
            csr.write(request.csr_pem.encode())
            csr.flush()
            csr.seek(0)
            os.chmod(csr.name, 0o644)  # a request is public, and the program may change to another user
            return self._run(_filled(self.words, request, csr.name), csr, f"for the certificate {request.name}")

    def _run(self, words: Sequence[str], csr: IO[bytes], which: str) -> bytes:
        try:
            # run_command knows no time-out. A file as standard input: a program that does not read it cannot make us wait.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                words, stdin=csr, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
            )
        except (OSError, ValueError) as error:
            raise ModuleError(
                f"the signer {self.program} cannot be started ({why_not_started(error)}); correct the option command"
            ) from error
        with process:
            try:
                output, complaints = self._collect(process, which)
            except BaseException:
                kill_group(process)
                raise
        if process.returncode == 0:
            return output
        how = how_it_ended(process.returncode)
        raise ModuleError(
            f"the signer {self.program} ended with {how} {which}{_said(complaints)}; correct the signer or its command"
        )

    def _collect(self, process: subprocess.Popen[bytes], which: str) -> tuple[bytes, bytes]:
        end = monotonic() + self.timeout_seconds
        collected = {process.stdout: b"", process.stderr: b""}
        with selectors.DefaultSelector() as selector:
            for stream in collected:
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(0.0, end - monotonic()))
                if not ready or monotonic() > end:
                    raise self._late(which, collected[process.stderr])
                for key, _events in ready:
                    chunk = os.read(key.fd, 65536)
                    collected[key.fileobj] += chunk  # type: ignore[index]
                    if not chunk:
                        selector.unregister(key.fileobj)
                if sum(map(len, collected.values())) > _MOST_BYTES:
                    raise ModuleError(f"the signer {self.program} prints without end {which}; correct its command")
        try:
            process.wait(max(0.1, end - monotonic()))
        except subprocess.TimeoutExpired as error:
            raise self._late(which, collected[process.stderr]) from error
        return collected[process.stdout], collected[process.stderr]

    def _late(self, which: str, complaints: bytes) -> ModuleError:
        return ModuleError(
            f"the signer {self.program} did not finish within {self.timeout_seconds} seconds {which}{_said(complaints)}, "
            "and was killed; correct it, or give it more timeout_seconds"
        )


def read_command(words: Sequence[str], timeout_seconds: int, requests: Sequence[ExternalRequest]) -> SigningCommand:
    """Check the options.

    :raises ModuleError: for no program, an unknown placeholder, no time, or a name that would become an option.
    """
    if not words or not words[0].strip():
        raise ModuleError("command is empty; give the signer and its arguments as a list")
    for word in words:
        for placeholder in _PLACEHOLDER.findall(word):
            if placeholder not in _PLACEHOLDERS:
                known = ", ".join(f"{{{name}}}" for name in _PLACEHOLDERS)
                raise ModuleError(f"command holds {{{placeholder}}}, which is not one of {known}")
    if timeout_seconds < 1:
        raise ModuleError(f"timeout_seconds is {timeout_seconds}, but it must be at least 1")
    for request in requests:
        if request.name.startswith("-") and any(word.startswith("{name}") for word in words):
            raise ModuleError(
                f"the certificate {request.name} would be an option of the signer; choose a name that does not start with '-'"
            )
    return SigningCommand(tuple(words), timeout_seconds)


def _filled(words: Sequence[str], request: ExternalRequest, csr_path: str) -> list[str]:
    """The words with values in place of placeholders, all of them checked before."""
    order = request.order
    values = {
        "csr": csr_path,
        "name": order.name,
        "usages": ",".join(order.usages),
        "dns_names": ",".join(order.identity.dns_names),
        "ip_addresses": ",".join(order.identity.ip_addresses),
        "lifetime_days": str(order.lifetime.lifetime_days),
        "not_after": render_time(order.validity.not_after),
    }
    return [_PLACEHOLDER.sub(lambda found: values[found.group(1)], word) for word in words]


def _said(complaints: bytes) -> str:
    """The last words on standard error, which tell the cause in most programs."""
    lines = [_ESCAPES.sub("", line).strip() for line in complaints.decode("utf-8", "replace").splitlines()]
    words = "; ".join([line for line in lines if line][-_MOST_LINES:])
    return f" ({words[-_MOST_CHARACTERS:]})" if words else ""
