# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection strings as libpq itself reads and writes them, whichever driver a host has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ModuleError
from .database import in_one_line, load_driver


def read_conninfo(text: str) -> dict[str, str]:
    """Return the parameters of a connection string by name.

    :raises ModuleError: when libpq refuses it; its words may hold parts of the string.
    """
    driver = load_driver()
    read = driver.extensions.parse_dsn if _is_old(driver) else driver.conninfo.conninfo_to_dict
    try:
        return {name: str(value) for name, value in read(text).items() if value is not None} if text else {}
    except driver.Error as error:
        raise ModuleError(in_one_line(error)) from error


def render_conninfo(parameters: Mapping[str, str]) -> str:
    """Return the connection string of these parameters.

    :raises ModuleError: when libpq knows no such parameter.
    """
    driver = load_driver()
    make = driver.extensions.make_dsn if _is_old(driver) else driver.conninfo.make_conninfo
    try:
        return str(make(**parameters))
    except driver.Error as error:
        raise ModuleError(in_one_line(error)) from error


def physical_replication(driver: Any) -> dict[str, Any]:
    """Return what more a driver must be given to open a connection for physical replication, which takes no SQL."""
    if not _is_old(driver):
        return {}
    import psycopg2.extras  # it sends SQL over any other kind of connection

    return {"connection_factory": psycopg2.extras.PhysicalReplicationConnection}


def _is_old(driver: Any) -> bool:
    return bool(driver.__name__ == "psycopg2")
