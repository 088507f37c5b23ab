# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is reloaded comes from the inventory; a host says no more than whether a certificate was missing or is due."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.pgtls.postgresql.plugins.filter.client_installation import client_installation
from ansible_collections.pgtls.postgresql.plugins.filter.client_reloads import client_reloads
from ansible_collections.pgtls.postgresql.plugins.filter.issued_certificates import issued_certificates
from ansible_collections.pgtls.postgresql.plugins.modules.certificate_reload import ARGUMENTS
from inventory import CLIENT_SETTINGS as SETTINGS

COMMAND = {"argv": ["kill", "-HUP", "1"]}
POOL = {"name": "pool", "common_name": "Pool", "database_role": "a", "owner": "pgbouncer", "reload": ["pgbouncer"]}
SERVER = {
    "name": "pool-server",
    "common_name": "pool.example",
    "certificate": "/p/server.crt",
    "private_key": "/p/server.key",
    "crl": "/p/crl.pem",
    "reload_commands": [COMMAND, {**COMMAND, "user": "root"}],
}


def uses(request: Any = None) -> list[dict[str, Any]]:
    quiet = {"name": "quiet", "common_name": "Quiet", "database_role": "b"}
    pool = {**POOL, "reload_commands": [COMMAND], "pkcs8_der": True}
    reasons = issued_certificates({"__pgtls_ca_request": request})["reasons"]
    return client_reloads([quiet, pool], SETTINGS, [{**quiet, "certificate": "/q"}, SERVER], reasons)


def test_a_client_and_a_further_certificate_name_their_files_and_what_reads_them() -> None:
    pool, server = uses()
    stem = f"{SETTINGS['directory']}/pool"
    root = f"{SETTINGS['directory']}/rootCA.pem"
    assert pool == {
        "name": "pool",
        "certificate": f"{stem}.crt",
        "files": [f"{stem}.key", f"{stem}.fullchain.crt", root, f"{stem}.pk8"],
        "services": ["pgbouncer"],
        "commands": [{**COMMAND, "user": "pgbouncer"}],
        "is_new": False,
        "is_due": False,
    }
    assert (server["files"], server["services"]) == (["/p/server.key", "/p/crl.pem"], [])
    assert [command["user"] for command in server["commands"]] == [None, "root"]
    found = ArgumentSpecValidator(ARGUMENTS).validate({"directory": "/p", "uses": [pool, server]})
    assert found.error_messages == []


def test_the_signer_hears_nothing_of_reloads() -> None:
    installation = client_installation([POOL], SETTINGS, [], [SERVER])
    assert [one["name"] for one in installation["certificates"]] == ["pool", "pool-server"]
    assert all("reload" not in key for one in installation["certificates"] for key in one)


@pytest.mark.parametrize(
    ("codes", "is_new", "is_due"), [([], False, False), (["missing"], True, True), (["renewal_due"], False, True)]
)
def test_reasons_tell_a_first_certificate_from_a_renewal(codes: list[str], is_new: bool, is_due: bool) -> None:
    request = {"requests": [{"name": "pool", "reasons": [{"code": code} for code in codes]}]}
    pool, server = uses(request)
    assert (pool["is_new"], pool["is_due"]) == (is_new, is_due)
    assert (server["is_new"], server["is_due"]) == (False, False)


@pytest.mark.parametrize(
    "lie",
    [
        7,
        [],
        {"requests": "x"},
        {"requests": [None, {"name": 1}, {"name": "pool"}, {"name": "pool", "reasons": "missing"}]},
        {"requests": [{"name": "pool", "reasons": [None, {"code": ["missing"]}, {"codes": "missing"}]}]},
        {"requests": [{"name": "evil", "reload_commands": [COMMAND], "reasons": [{"code": "missing"}]}]},
        {"reload": ["evil"], "reload_commands": [COMMAND]},
    ],
)
def test_whatever_a_host_returns_it_does_not_choose_what_runs(lie: Any) -> None:
    def actions(found: list[dict[str, Any]]) -> list[Any]:
        return [(one["name"], one["files"], one["services"], one["commands"]) for one in found]

    assert actions(uses(lie)) == actions(uses())
