#!/usr/bin/env python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test hosts: a CA host, a database server under three names, and an application host.

PGTLS_RUN         prefix of container and network names, when two runs share a machine (default pgtls)
PGTLS_POSTGRESQL  major version of the server, one of those that a Debian suite carries (default 15); every host is of that suite
PGTLS_CONNECTION  Ansible connection plugin into the containers (default: this project's own, which needs root)
"""

from __future__ import annotations

import json
import os

DOMAIN = "swgalaxy"
HOSTS = {
    "ca1": ("ca", ["ca1"]),
    "raxus": ("postgres_servers", ["raxus", "mobus", "pgsql", "elsewhere"]),
    "app1": ("postgres_clients", ["app1"]),
}

SUITES = {"13": "bullseye", "15": "bookworm", "17": "trixie", "18": "sid", "19": "experimental"}


def inventory() -> dict[str, object]:
    run = os.environ.get("PGTLS_RUN", "pgtls")
    version = os.environ.get("PGTLS_POSTGRESQL", "15")
    suite = SUITES[version]
    hostvars = {
        host: {"ansible_host": f"{run}-{host}", "test_names": [f"{name}.{DOMAIN}" for name in names]}
        for host, (_group, names) in HOSTS.items()
    }
    return {
        "_meta": {"hostvars": hostvars},
        "all": {
            "vars": {
                "test_run": run,
                "test_network": run,
                "test_postgresql": int(version),
                "test_suite": suite,
                "test_image": f"localhost/pgtls-postgresql:{suite}",
            }
        },
        "containers": {
            "children": [group for group, _names in HOSTS.values()],
            "vars": {
                "ansible_become": False,
                "ansible_connection": os.environ.get("PGTLS_CONNECTION", "namespaces"),
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_user": "root",
            },
        },
        **{group: {"hosts": [host]} for host, (group, _names) in HOSTS.items()},
    }


if __name__ == "__main__":
    print(json.dumps(inventory()))
