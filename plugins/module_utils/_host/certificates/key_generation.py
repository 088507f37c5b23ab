# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private keys of a long list: RSA keys on all cores, because each takes a good part of a second.

Keys come back through pipes, one by one as they are made, and are written in small batches, so that a run that is
killed keeps what was finished. An elliptic curve key takes less time than its way through a pipe would, so these are made
right here.
"""

from __future__ import annotations

import os
import selectors
import signal
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Callable

from ..._pki.keys import generate_key, is_protected, load_private_key_der, private_key_der, serialise_private_key
from ..errors import ModuleError
from ..files.links import safe_target
from ..files.writer import DesiredFile, Writer, Written, write_files
from .holder_files import Holding

if TYPE_CHECKING:
    from ..._pki.compat import PrivateKey

_HEADER = struct.Struct("!II")  # the place in the list, and how many bytes follow
_SLOW = "rsa-"
_BATCH_KEYS = 100
_BATCH_SECONDS = 1.0


def ensure_keys(
    writer: Writer, holdings: Sequence[Holding], others: Callable[[], list[DesiredFile]]
) -> tuple[list[Holding], list[Written], list[str]]:
    """Make and write the keys that are missing, and encrypt in place those that shall be encrypted and are not.

    Returns the holdings with their new keys, what was written, and the files of new keys, all in the order of the list.

    :param others: the files that are written after the keys; where a key must be made they are checked before.
    :raises ModuleError: before the first write, when any of the files cannot be made as wanted.
    """
    complete, lacking = list(holdings), [index for index, one in enumerate(holdings) if one.signing_key() is None]
    encrypted = [(index, file) for index, holding in enumerate(holdings) for file in _newly_encrypted(holding)]
    files = [file for _index, file in encrypted]
    if lacking or encrypted:
        new_files = [_key_file(holdings[index], b"rehearsed") for index in lacking]
        _rehearse(writer, [*files, *new_files, *others()])
    written = write_files(writer, files)
    for index, file in encrypted:
        complete[index] = _with_file(writer, complete[index], file)
    made = make_keys([holdings[index].place.wanted.key_type for index in lacking], usable_cores())
    new: dict[int, Written] = {}
    for batch in _batches((lacking[number], key) for number, key in made):
        files = [_key_file(holdings[index], _pem(holdings[index], key)) for index, key in batch]
        new.update(zip((index for index, _key in batch), write_files(writer, files)))
        for (index, key), file in zip(batch, files):
            complete[index] = _with_file(writer, replace(complete[index], new_key=key), file)
    return complete, [*written, *(new[index] for index in lacking)], [new[index].path for index in lacking]


def _with_file(writer: Writer, holding: Holding, file: DesiredFile) -> Holding:
    """What a holder has once a key is written, which check mode does not do."""
    if writer.check_mode or file.content is None:
        return holding
    return replace(holding, contents={**holding.contents, file.path: file.content})


def _batches(made: Iterator[tuple[int, PrivateKey]]) -> Iterator[list[tuple[int, PrivateKey]]]:
    """What was made within a second, or the first so many of it: this much a run that is killed may lose."""
    batch: list[tuple[int, PrivateKey]] = []
    end = monotonic() + _BATCH_SECONDS
    for one in made:
        batch.append(one)
        if len(batch) >= _BATCH_KEYS or monotonic() >= end:
            yield batch
            batch, end = [], monotonic() + _BATCH_SECONDS
    if batch:
        yield batch


def _pem(holding: Holding, key: PrivateKey) -> bytes:
    return serialise_private_key(key, holding.place.private_key_passphrase)


def _key_file(holding: Holding, pem: bytes) -> DesiredFile:
    """The file of a new key: beside a key in use, else in its place. What is made at once waits for nobody."""
    place = holding.place
    is_at_once = holding.key is None or place.untrusted_ca is not None
    path = place.private_key if is_at_once else place.next_private_key
    return DesiredFile(path, pem, place.key_attributes, secret=True)


def _newly_encrypted(holding: Holding) -> list[DesiredFile]:
    """The key files that hold the same key in the clear, or in the older kind of encryption."""
    place, files = holding.place, []
    for path, key in ((place.private_key, holding.key), (place.next_private_key, holding.next_key)):
        if place.private_key_passphrase and key is not None and not is_protected(holding.contents[path]):
            files.append(DesiredFile(path, _pem(holding, key), place.key_attributes, secret=True))
    return files


def _rehearse(writer: Writer, wanted: Sequence[DesiredFile]) -> None:
    """Check all files before the first key is made, because the keys are then written one by one."""
    for file in wanted:
        directory = os.path.dirname(safe_target(file.path))
        if not writer.check_mode and not os.path.isdir(directory):
            raise ModuleError(f"the directory {directory} does not exist; create it before {file.path}")
    write_files(writer.rehearsing(), wanted)


def usable_cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_keys(key_types: Sequence[str], cores: int) -> Iterator[tuple[int, PrivateKey]]:
    """Yield each key with its place in the list, in the order in which they are ready.

    :raises PkiError: for an unknown type.
    """
    slow = [index for index, key_type in enumerate(key_types) if key_type.startswith(_SLOW)]
    missing = dict.fromkeys(range(len(key_types)))
    if min(cores, len(slow)) > 1:
        for index, key in _in_processes(key_types, [slow[start::cores] for start in range(min(cores, len(slow)))]):
            del missing[index]
            yield index, key
    for index in missing:  # and what a process that was killed owes
        yield index, generate_key(key_types[index])


@dataclass
class _Worker:
    pid: int
    pipe: int
    received: bytearray = field(default_factory=bytearray, repr=False)

    def complete(self) -> Iterator[tuple[int, PrivateKey]]:
        """Take the keys that have arrived as a whole."""
        while len(self.received) >= _HEADER.size:
            index, size = _HEADER.unpack_from(self.received)
            end = _HEADER.size + size
            if len(self.received) < end:
                return
            key = load_private_key_der(bytes(self.received[_HEADER.size : end]))
            del self.received[:end]
            yield index, key


def _in_processes(key_types: Sequence[str], shares: Sequence[Sequence[int]]) -> Iterator[tuple[int, PrivateKey]]:
    workers: list[_Worker] = []
    try:
        for share in shares:
            workers.append(_start(key_types, share, [worker.pipe for worker in workers]))
        yield from _collect(workers)
    finally:
        for worker in workers:
            os.close(worker.pipe)
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)  # one that is still at work when the caller has given up
            os.waitpid(worker.pid, 0)


def _start(key_types: Sequence[str], share: Sequence[int], inherited: Sequence[int]) -> _Worker:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return _Worker(pid, reading)
    try:  # the child: it writes into its pipe and nowhere else, and ends when nobody reads there
        for pipe in (*inherited, reading):
            os.close(pipe)
        for index in share:
            _write_all(writing, _record(index, key_types[index]))
    finally:
        os._exit(0)


def _record(index: int, key_type: str) -> bytes:
    der = private_key_der(generate_key(key_type))
    return _HEADER.pack(index, len(der)) + der


def _write_all(pipe: int, content: bytes) -> None:
    while content:
        content = content[os.write(pipe, content) :]


def _collect(workers: Sequence[_Worker]) -> Iterator[tuple[int, PrivateKey]]:
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker.pipe, selectors.EVENT_READ, worker)
        while selector.get_map():
            for ready, _events in selector.select():
                chunk = os.read(ready.data.pipe, 65536)
                if not chunk:
                    selector.unregister(ready.fileobj)
                    continue
                ready.data.received += chunk
                yield from ready.data.complete()
