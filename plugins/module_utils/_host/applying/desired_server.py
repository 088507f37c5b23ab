# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task wants of a server: its certificates, settings, login roles, maps and rules, as one value."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._pgconf.settings.postgresql_conf import read_settings
from ..certificates.options import (
    CertificatePlace,
    SiteAuthorities,
    certificate_places,
    signed_by_name,
    site_authorities,
)
from ..errors import ModuleError
from ..server.clusters import Cluster
from ..server.login_roles import check_role_names
from ..server.tls_files import hosts_file

# Settings that the access rules rely on: the server must use them, whatever else sets them.
_RELIED = frozenset(
    {"ssl", "ssl_ca_file", "ssl_cert_file", "ssl_key_file", "ssl_crl_file"}
    | {"ssl_min_protocol_version", "ssl_max_protocol_version"}
)
# Paths of a certificate, which may be relative to the data directory.
_PATHS = (
    "private_key",
    "private_key_passphrase_file",
    "certificate",
    "fullchain",
    "root",
    "crl",
    "pkcs12",
    "pkcs8_der",
)


@dataclass(frozen=True)
class DesiredServer:
    """A server as it shall be.

    params: those of the module, with the options of CERTIFICATE, rule_blocks, mapping_blocks and host_blocks. signed: the answers
    of the CA by name. signing_pending: the CA has the requests and has not answered. absent: certificates whose files go.
    """

    places: Sequence[CertificatePlace]
    site: SiteAuthorities
    signed: Mapping[str, Mapping[str, Any]]
    signing_pending: bool
    settings: Mapping[str, str | None]
    expected: Mapping[str, str | None]
    login_roles: Sequence[str]
    replication_roles: Sequence[str]
    nologin_roles: Sequence[str]
    rule_blocks: Sequence[Mapping[str, Any]]
    mapping_blocks: Sequence[Mapping[str, Any]]
    host_blocks: Sequence[Mapping[str, Any]]
    absent: Sequence[Mapping[str, Any]]
    params: Mapping[str, Any]

    @classmethod
    def of(cls, params: Mapping[str, Any], cluster: Cluster) -> DesiredServer:
        """Read the parameters of pg_server for a cluster.

        :raises PkiError: for a certificate that cannot be. :raises ConfigError: for a setting that cannot be.
        :raises ModuleError: for a role that cannot be, and two items that would share a file.
        """
        items = [_on_the_server(item, cluster) for item in params["certificates"]]
        replicating = list(dict.fromkeys(params["replication_roles"]))
        names = list(dict.fromkeys([*params["roles"], *replicating]))
        locked = list(dict.fromkeys(params["nologin_roles"]))
        check_role_names([*names, *locked])
        torn = [name for name in locked if name in names]
        if torn:
            option = "replication_roles" if set(torn) & set(replicating) else "roles"
            raise ModuleError(f"{', '.join(torn)} is in {option} and in nologin_roles; take it out of one of them")
        settings = read_settings(params)
        return cls(
            places=certificate_places(items),
            site=site_authorities(params),
            signed=signed_by_name(params["signed"], {item["name"] for item in items}),
            signing_pending=params["signing_pending"],
            settings=settings,
            expected=_expected(settings, params, cluster),
            login_roles=names,
            replication_roles=replicating,
            nologin_roles=locked,
            rule_blocks=params["rule_blocks"],
            mapping_blocks=params["mapping_blocks"],
            host_blocks=params["host_blocks"],
            absent=[_below_data(item, cluster) for item in params["absent"]],
            params=params,
        )

    @property
    def names_hosts(self) -> bool:
        """Whether any name of the server has a certificate of its own."""
        return _names_hosts(self.params)

    @property
    def may_restart(self) -> bool:
        """Whether the server may be restarted for settings that wait for it."""
        return self.params["restart"] in ("if_pending", "always")

    @property
    def restarts_later(self) -> bool:
        """Whether another call restarts the server, where that is due."""
        return bool(self.params["restart"] == "later")


def _on_the_server(item: Mapping[str, Any], cluster: Cluster) -> dict[str, Any]:
    """The certificate with its paths below the data directory, and the server's owner where none is named."""
    paths = {name: os.path.join(cluster.data_directory, item[name]) for name in _PATHS if item[name]}
    if not item["private_key"]:  # ansible takes an empty one for none
        raise ModuleError(f"the certificate {item['name']}: private_key is empty; name the file of the key")
    owner, group = item["owner"] or cluster.owner, item["group"] or cluster.group
    return {**item, **paths, "owner": owner, "group": group}


def _below_data(item: Mapping[str, Any], cluster: Cluster) -> dict[str, Any]:
    """A certificate that goes, with its paths below the data directory."""
    certificate, *files = (os.path.join(cluster.data_directory, path) for path in (item["certificate"], *item["files"]))
    return {**item, "certificate": certificate, "files": files}


def _names_hosts(params: Mapping[str, Any]) -> bool:
    return any(block["hosts"] for block in params["host_blocks"])


def _expected(settings: Mapping[str, str | None], params: Mapping[str, Any], cluster: Cluster) -> dict[str, str | None]:
    """The values that the server must use, and not only have in a file."""
    relied = {name: value for name, value in settings.items() if name.lower() in _RELIED}
    places = {"hba_file": cluster.hba_file, "ident_file": cluster.ident_file}
    found = {**relied, **(places if params["rule_blocks"] or params["mapping_blocks"] else {})}
    names_file = hosts_file(cluster) if _names_hosts(params) else None
    if names_file:
        found.update(ssl_sni="on", hosts_file=names_file)
    return {**found, **read_settings({"settings": params["expected_settings"]})}
