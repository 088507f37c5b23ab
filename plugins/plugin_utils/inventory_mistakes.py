# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory says that cannot be: found before anything is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..module_utils._pki.errors import PkiError
from ..module_utils._pki.key_stores import check_store_passphrase
from ..module_utils._pki.keys import check_key_passphrase
from ..module_utils._pki.names import parse_identity
from .shared_roles import entangled
from .site_clients import ClientEntry, absent, held_by, present, standbys_of, told

# The tags of the plays of site.yml, and those that Ansible gives a meaning.
_TAGS = ("ca", "client", "trust_store", "server", "verify")
_ANY_TAG = ("all", "always", "tagged", "untagged")
_GROUPS = ("ca", "postgres_servers", "postgres_clients")


def mistakes_of_run(tags: Sequence[str]) -> Iterator[str]:
    """One sentence for tags that leave nothing of the site to do."""
    if tags and not set(tags) & {*_TAGS, *_ANY_TAG}:
        yield f"no play of the site has the tag {', '.join(tags)}, so there is nothing to do; its tags are {', '.join(_TAGS)}."


def mistakes_of_site(
    clients: Sequence[ClientEntry], groups: Mapping[str, Sequence[str]], provider: str, ca_host: str
) -> Iterator[str]:
    """One sentence for each mistake that concerns the whole site.

    :raises AnsibleFilterError: for an entry of pgtls_clients without a name, a common name or hosts.
    """
    if not any(groups.get(name) for name in _GROUPS):
        yield (
            f"no host of the inventory is in one of the groups {', '.join(_GROUPS)}, so there is nothing to do; "
            "put the hosts into these groups."
        )
        return
    if provider == "pgtls" and ca_host not in groups.get("ca", ()):
        yield (
            f"pgtls_ca_host is {ca_host or 'not set'}, which is not a host of the group ca; "
            "set it to the inventory host that holds the CA key and put that host into the group."
        )
    places = [(str(told(client, "name")), [str(place) for place in _hosts(client)]) for client in clients]
    known = {*groups, *groups.get("all", ())}
    unknown = list(dict.fromkeys(place for _name, named in places for place in named if place not in known))
    if unknown:
        lost = [name for name, named in places if not known.issuperset(named)]
        yield (
            f"pgtls_clients names hosts that the inventory does not have: {', '.join(unknown)}; "
            f"correct the key hosts of {', '.join(lost)}."
        )
    everywhere = [name for name, named in places if "all" in named]
    if everywhere:
        yield (
            "pgtls_clients names the group all, which gives no host a certificate; "
            f"name hosts or another group in the key hosts of {', '.join(everywhere)}."
        )
    if any(_has_twins(present(clients), key) for key in ("name", "common_name")):
        yield (
            "pgtls_clients has two entries with the same name or the same common_name; give each entry its own, "
            "for a certificate is known by nothing else."
        )
    yield from _torn(clients, groups)


def _torn(clients: Sequence[ClientEntry], groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """One sentence for each client that is absent on a host where it is present as well."""
    for gone in absent(clients):
        name = told(gone, "name")
        namesakes = [client for client in present(clients) if told(client, "name") == name]
        both = sorted({host for client in namesakes for host in held_by(client, groups)} & set(held_by(gone, groups)))
        if both:
            yield f"pgtls_clients has {name} both present and absent on {', '.join(both)}; remove one of the entries."


def mistakes_of_host(host: str, groups: Mapping[str, Sequence[str]], server: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each mistake that concerns this host alone.

    server: port, common_name, subject, dns_names and ip_addresses of its server, as far as they are set.
    """
    if host not in groups.get("postgres_servers", ()):
        return
    if not (server.get("dns_names") or server.get("ip_addresses")):
        yield (
            f"{host} is a server but has no pgtls_server_dns_names and no pgtls_server_ip_addresses; "
            "list the names by which its clients connect."
        )
    port = int(server.get("port") or 5432)
    if not 1 <= port <= 65535:
        yield f"pgtls_server_port of {host} is {port}; give the port of its server, from 1 to 65535."
    yield from _wrong_names(f"the certificate of the server {host}", server)


def mistakes_of_standby(
    clients: Sequence[ClientEntry], host: str, groups: Mapping[str, Sequence[str]], primary: str
) -> Iterator[str]:
    """One sentence for each reason why this host cannot follow its primary by certificate."""
    if primary in ("", host) or host not in groups.get("postgres_servers", ()):
        return
    if primary not in groups.get("postgres_servers", ()):
        yield f"pgtls_server_primary of {host} is {primary}, which is not a host of the group postgres_servers; correct it."
    found = len(standbys_of(clients, host, groups))
    if found != 1:
        yield (
            f"{host} is to follow {primary} and has {found} entries of pgtls_clients with replication: true; give it one, "
            "whose owner is the account of its server."
        )
    if host not in groups.get("postgres_clients", ()):
        yield f"{host} is to follow {primary} as one of its clients; put it into the group postgres_clients too."


def mistakes_of_shared_roles(clients: Sequence[ClientEntry]) -> Iterator[str]:
    """One sentence for each two clients of one role, of whom the rules of one would refuse the other."""
    for client, other, role in entangled([client for client in clients if "database_role" in client]):
        yield (
            f"pgtls_clients lets {told(client, 'name')} and {told(other, 'name')} log in as {role} with databases and addresses that overlap "
            "in part, so the rule of one would refuse the other; give both the same, or one of them all that the other has."
        )


def mistakes_of_names(clients: Sequence[ClientEntry]) -> Iterator[str]:
    """One sentence for each client whose certificate cannot have its names."""
    for client in clients:
        yield from _wrong_names(f"the certificate of {told(client, 'name')} in pgtls_clients", client)


def mistakes_of_passphrases(clients: Sequence[ClientEntry]) -> Iterator[str]:
    """One sentence for each client whose PKCS#12 cannot have its passphrase."""
    for client in clients:
        passphrase = str(client.get("pkcs12_passphrase") or "") or None
        option = f"the certificate of {told(client, 'name')} in pgtls_clients: pkcs12_passphrase"
        try:
            check_key_passphrase(passphrase, option)
            check_store_passphrase(passphrase, option)
        except PkiError as error:
            yield f"{error}."


def _wrong_names(whose: str, names: Mapping[str, Any]) -> Iterator[str]:
    try:
        parse_identity(
            str(names.get("common_name") or ""),
            names.get("subject"),
            names.get("dns_names") or (),
            names.get("ip_addresses") or (),
            whose,
        )
    except PkiError as error:
        yield f"{error}."


def _hosts(client: ClientEntry) -> Sequence[Any]:
    hosts = told(client, "hosts")
    return [hosts] if isinstance(hosts, str) else list(hosts)


def _has_twins(clients: Sequence[ClientEntry], key: str) -> bool:
    return any(count > 1 for count in Counter(str(told(client, key)) for client in clients).values())
