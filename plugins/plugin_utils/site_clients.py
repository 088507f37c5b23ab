# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the list pgtls_clients says: which host holds which client, and where the files of a client are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

ClientEntry = Mapping[str, Any]
PRESENT, ABSENT = "present", "absent"
REPLICATION = "replication"


def told(client: ClientEntry, key: str) -> Any:
    """What an entry says under a key that it must have.

    :raises AnsibleFilterError: which names the entry, as far as it has a name.
    """
    if key not in client:
        raise AnsibleFilterError(f"the entry {client.get('name', '')!r} of pgtls_clients has no {key}; add it")
    return client[key]


def is_present(client: ClientEntry) -> bool:
    """Whether an entry says who may log in, and not who no longer may."""
    return bool(client.get("state", PRESENT) != ABSENT)


def present(clients: Sequence[ClientEntry]) -> list[ClientEntry]:
    """The clients that may log in."""
    return [client for client in clients if is_present(client)]


def absent(clients: Sequence[ClientEntry]) -> list[ClientEntry]:
    """The clients that may no longer log in."""
    return [client for client in clients if not is_present(client)]


def clients_held(clients: Sequence[ClientEntry], host: str, groups: Mapping[str, Sequence[str]]) -> list[ClientEntry]:
    """The clients whose hosts name this host or a group of it, each once; as in group_names, all is no group.

    :raises AnsibleFilterError: for an entry that has no list of hosts.
    """
    found: list[ClientEntry] = []
    namesakes: dict[str, list[ClientEntry]] = {}
    for client in clients:
        places = told(client, "hosts")
        if isinstance(places, str) or not isinstance(places, Sequence):
            raise AnsibleFilterError(f"hosts of {told(client, 'name')} in pgtls_clients is {places!r}; make it a list")
        names = [str(place) for place in places]
        is_here = host in names or any(host in groups.get(name, ()) for name in names if name != "all")
        alike = namesakes.setdefault(str(told(client, "name")), [])
        if is_here and client not in alike:
            alike.append(client)
            found.append(client)
    return found


def held_by(client: ClientEntry, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """The hosts that the entry of one client names, by themselves or by a group."""
    return [host for host in groups.get("all", ()) if clients_held([client], host, groups)]


def hosts_holding(clients: Sequence[ClientEntry], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """The hosts of the inventory that hold some of the clients."""
    return [host for host in groups.get("all", ()) if clients_held(present(clients), host, groups)]


def roles_of(client: ClientEntry) -> list[str]:
    """The roles as which the holder may log in; the first one is meant wherever there can be only one."""
    further = client.get("further_roles") or ()
    return list(dict.fromkeys([str(told(client, "database_role")), *(str(role) for role in further)]))


def replicates(client: ClientEntry) -> bool:
    """Whether a client is a standby, whose role may begin physical replication."""
    return bool(boolean(client.get("replication") or False))


def databases_of(client: ClientEntry) -> Any:
    """The databases of the rule of a client, as pg_hba.conf writes them; a standby needs the word replication, and no other."""
    if not replicates(client):
        return client.get("databases", "all")
    named = client.get("databases", [])
    return list(dict.fromkeys([*([named] if isinstance(named, str) else named), REPLICATION]))


def standbys_of(clients: Sequence[ClientEntry], host: str, groups: Mapping[str, Sequence[str]]) -> list[ClientEntry]:
    """The clients by which the server of this host may follow its primary."""
    return [client for client in clients_held(present(clients), host, groups) if replicates(client)]


def certificate_map(client: ClientEntry) -> str:
    """The map of pg_ident.conf by which the rule of a client leads from its certificate to its role."""
    return f"certmap_{told(client, 'name')}"


@dataclass(frozen=True)
class ClientFiles:
    """Where the files of one client are. stem: what their names begin with. root: the roots that it trusts."""

    stem: str
    root: str

    @property
    def certificate(self) -> str:
        """The certificate, with the CAs below the root."""
        return f"{self.stem}.crt"

    @property
    def private_key(self) -> str:
        """Its private key."""
        return f"{self.stem}.key"


def files_of(client: ClientEntry, directory: str) -> ClientFiles:
    """The files of a client: libpq's own places below a home directory, or in the directory of the host's clients."""
    home = libpq_directory(client)
    if home:
        return ClientFiles(f"{home}/postgresql", f"{home}/root.crt")
    return ClientFiles(f"{directory}/{told(client, 'name')}", shared_root(directory))


def shared_root(directory: str) -> str:
    """The file of the roots for whoever has no certificate in a place of libpq's."""
    return f"{directory}/rootCA.pem"


def libpq_directory(client: ClientEntry) -> str:
    """The directory where libpq looks by itself, of a client that has its files there; else an empty string."""
    home = client.get("libpq_home")
    return f"{home}/.postgresql" if home else ""
