# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the glue."""

from __future__ import annotations


class ModuleError(Exception):
    """A sentence for the user: it names the option, file or server and says what to do."""


class ServerDown(ModuleError):
    """A restart left the server down: why, and where more is to be read."""

    def __init__(self, cause: str, way_out: str, place: str) -> None:
        super().__init__(f"{cause}; {way_out}; {place}")
        self.cause = cause
        self.place = place


def sentence_of(error: Exception) -> str:
    """What a user reads of an error: its own words, or for one of the system which path it is about and what to do."""
    if not isinstance(error, OSError):
        return str(error)
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}; check that the path exists and that the module may use it"


class DatabaseError(ModuleError):
    """The server could not be asked; the sentence says which one and what to do."""


class ServerUnreachable(DatabaseError):
    """Nobody answers, or the server is still starting up."""


class LoginRefused(DatabaseError):
    """A server answered, and did not let us in."""
