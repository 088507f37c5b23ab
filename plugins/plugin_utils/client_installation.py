# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the clients of a host need there: directories, certificates, and entries of a connection service file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from .site_clients import ClientEntry, files_of, libpq_directory, shared_root, told

# Words of the field database that name no database by themselves, and the first letters of groups, patterns and files.
_NO_DATABASES = ("all", "replication", "sameuser", "samerole", "samegroup")
_NO_DATABASE_BEGINS = ("+", "/", "@")


def wanted_directories(clients: Sequence[ClientEntry], settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The directories, in the form of certificate_request."""
    shared = {"path": settings["directory"], **_owned(settings["owner"], settings["group"]), "mode": "0755"}
    own = [
        {"path": libpq_directory(client), "owner": _owner(client, settings) or None, "mode": "0700"}
        for client in clients
        if libpq_directory(client)
    ]
    return [shared, *own]


def wanted_certificates(clients: Sequence[ClientEntry], settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The certificates, in the form of certificate_request."""
    return [_certificate(client, settings) for client in clients]


def _certificate(client: ClientEntry, settings: Mapping[str, Any]) -> dict[str, Any]:
    files = files_of(client, settings["directory"])
    found = {
        "name": told(client, "name"),
        "common_name": told(client, "common_name"),
        "usages": ["client"],
        "key_type": client.get("key_type", settings["key_type"]),
        "lifetime_days": client.get("lifetime_days", settings["lifetime_days"]),
        **_renewal(settings),
        "private_key": files.private_key,
        "certificate": files.certificate,
        "fullchain": f"{files.stem}.fullchain.crt",
        "root": files.root,
        **_owned(_owner(client, settings), settings["group"]),
    }
    if files.root == shared_root(settings["directory"]):  # other clients use it too
        found.update(root_owner=settings["owner"] or "", root_group=settings["group"] or "")
    if "pkcs12_passphrase" in client:
        found.update(pkcs12=f"{files.stem}.p12", pkcs12_passphrase=client["pkcs12_passphrase"])
    if boolean(client.get("pkcs8_der") or False):
        found.update(pkcs8_der=f"{files.stem}.pk8")
    return found


def removed_certificates(
    clients: Sequence[ClientEntry], absent: Sequence[ClientEntry], directory: str
) -> list[dict[str, Any]]:
    """The files of clients that are absent, in the form of certificate_request; roots that others use stay."""
    used = {files_of(client, directory).root for client in clients} | {shared_root(directory)}
    found = []
    for client in absent:
        files = files_of(client, directory)
        others = [f"{files.stem}{ending}" for ending in (".key", ".key.next", ".fullchain.crt", ".p12", ".pk8")]
        roots = [] if files.root in used else [files.root]
        found.append({"name": told(client, "name"), "certificate": files.certificate, "files": others + roots})
    return found


def further_root_files(clients: Sequence[ClientEntry], settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The roots where no certificate brings them, so that password users can verify the server too."""
    root = shared_root(settings["directory"])
    if any(files_of(client, settings["directory"]).root == root for client in clients):
        return []
    return [{"path": root, **_owned(settings["owner"], settings["group"])}]


def wanted_services(
    clients: Sequence[ClientEntry], directory: str, server: Mapping[str, Any], database: str
) -> list[dict[str, Any]]:
    """The entries of a connection service file, in the form of pg_service; they lead to a server by its first name."""
    found = []
    for client in clients:
        files = files_of(client, directory)
        parameters = {
            "host": server["names"][0],
            "port": server["port"],
            "dbname": next(iter(_named_databases(client.get("databases"))), database),
            "user": told(client, "database_role"),
            "sslmode": "verify-full",
            "sslrootcert": files.root,
            "sslcert": files.certificate,
            "sslkey": files.private_key,
        }
        found.append({"name": told(client, "name"), "parameters": parameters})
    return found


def _named_databases(databases: Any) -> list[Any]:
    """Those of a client that are databases by their names."""
    if isinstance(databases, (list, tuple)):
        return [name for one in databases for name in _named_databases(one)]
    is_named = databases not in (None, *_NO_DATABASES) and not str(databases).startswith(_NO_DATABASE_BEGINS)
    return [databases] if is_named else []


def _renewal(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Percent where they are given; a zero may come as a string, as from the command line."""
    percent = settings["renew_before_percent"]
    if str(percent or 0).strip() == "0":
        return {"renew_before_days": settings["renew_before_days"]}
    return {"renew_before_percent": percent}


def _owner(client: ClientEntry, settings: Mapping[str, Any]) -> Any:
    return client.get("owner", settings["owner"])


def _owned(owner: Any, group: Any) -> dict[str, Any]:
    """An empty name is none: the file belongs to whom it belongs."""
    return {"owner": owner or None, "group": group or None}
