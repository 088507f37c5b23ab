# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A configuration file and those that it includes, as the pure package of file formats asks for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from stat import S_ISDIR, S_ISREG

from ..._pgconf.environment import DirectoryError, Files
from ..._pgconf.errors import ConfigError
from ..._pgconf.settings.postgresql_conf import AUTO_CONF
from ..errors import ModuleError
from ..files.links import acting_as, owner_of_place
from ..files.reading import open_directory
from ..files.writer import read_text


def read_configuration(path: str, account: int | None = None, option: str = "the path") -> tuple[str, Files]:
    """Return the text of a configuration file, and how the files that it names are reached.

    account: the uid on whose word the path is read, None for that of the task. option: what named it, for a message.

    :raises ModuleError: when it is missing or cannot be read.
    """
    text = _read_main(path, account)
    if text is None:
        raise ModuleError(f"there is no file {path}; check {option}")
    return text, files_around(path, account)


def files_around(path: str, account: int | None = None) -> Files:
    """Return the way to the files that a configuration file names; nothing is read before it is asked for.

    They are read as the one on whose word the file itself is read, or as the owner of its directory, who may have named
    them: nothing that he may not read himself.
    """
    main = os.path.abspath(path)

    def reader() -> int:
        return _owner_of_word(main) if account is None else account

    def read(wanted: str) -> str | None:
        with acting_as(reader()):
            return _read_included(wanted)

    def list_directory(wanted: str) -> Sequence[str] | None:
        with acting_as(reader()):
            return _list_directory(wanted)

    return Files(main, read, list_directory)


def _read_main(path: str, account: int | None) -> str | None:
    with nullcontext() if account is None else acting_as(account):
        return read_text(path)


def _owner_of_word(main: str) -> int:
    """Who says what a main file includes: the owner of the place where it really lies."""
    owner = owner_of_place(os.path.dirname(os.path.realpath(main)))
    return os.geteuid() if owner is None else owner


def _read_included(path: str) -> str | None:
    if "\0" in path:
        raise ConfigError(f"{path!r} holds a NUL, which no path can; correct the name")
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"the file {path} cannot be read ({error.strerror}); check its owner and mode") from error
    if S_ISDIR(mode):
        raise DirectoryError(f"{path} is a directory; name a file")
    if not S_ISREG(mode):  # a pipe or a device would keep us waiting
        raise ConfigError(f"{path} is not a regular file; name one")
    try:
        return read_text(path)
    except ModuleError as error:
        raise ConfigError(str(error)) from error


def _list_directory(path: str) -> Sequence[str] | None:
    if "\0" in path:
        return None
    try:
        with open_directory(path) as handle, os.scandir(handle) as found:
            return sorted(entry.name for entry in found if not entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ModuleError) as error:
        if isinstance(error, ModuleError):
            raise ConfigError(str(error)) from error
        raise ConfigError(
            f"the directory {path} cannot be read ({error.strerror}); check its owner and mode"
        ) from error


def check_own_settings(data_directory: str) -> None:
    """See that the server can read the settings of ALTER SYSTEM: at a pipe it would wait, and so would whoever asks it.

    :raises ModuleError: when it cannot.
    """
    path = os.path.join(data_directory, AUTO_CONF)
    if os.path.exists(path) and not os.path.isfile(path):
        raise ModuleError(f"{path} is not a regular file; move it away")


def same_file(one: str, other: str) -> bool:
    """Return whether two paths lead to one file."""
    return os.path.realpath(one) == os.path.realpath(other)


def files_with(main: str, path: str, text: str, account: int | None = None) -> tuple[str, Files]:
    """Return the text of a main file and the way to others, as if the file ``path`` among them held ``text`` already.

    It is there then, so a directory that is read whole lists it too. account: as read_configuration.

    :raises ModuleError: when the main file cannot be read.
    """
    directory, name = os.path.split(os.path.abspath(path))
    around = files_around(main, account)

    def read(wanted: str) -> str | None:
        return text if same_file(wanted, path) else around.read(wanted)

    def list_directory(wanted: str) -> Sequence[str] | None:
        names = around.list_directory(wanted)
        return sorted({*names, name}) if names is not None and same_file(wanted, directory) else names

    main_text = text if same_file(main, path) else _read_main(main, account) or ""
    return main_text, Files(os.path.abspath(main), read, list_directory)


def files_read(read: Callable[[str, Files], object], main_text: str, files: Files) -> list[str]:
    """Return the main file and all that ``read`` asks for on its way through it, whether they are there or not."""
    found = [files.path]

    def asked(path: str) -> str | None:
        found.append(path)
        return files.read(path)

    read(main_text, replace(files, read=asked))
    return list(dict.fromkeys(found))


def leads_to(read: Callable[[str, Files], object], main: str, path: str, account: int | None = None) -> bool:
    """Return whether a reader of the main file comes to another file, or would come to it were it there.

    account: as read_configuration.

    :raises ModuleError: when one of them cannot be read.
    """
    main_text, files = files_with(main, path, read_text(path) or "", account)
    return any(same_file(one, path) for one in files_read(read, main_text, files))
