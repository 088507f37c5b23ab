# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site with more than one server."""

from __future__ import annotations

import json

from conftest import free_port
from demo_site import Site, changed, demo_site


def time_down(site: Site) -> tuple[str, str]:
    """When the server went down, and when it was up again, as its log tells: it was restarted once."""
    log = (site.directory / "log/postgresql.log").read_text().splitlines()
    (down,) = [line for line in log if "received fast shutdown request" in line]
    *_started, up = [line for line in log if "database system is ready to accept connections" in line]
    assert down < up
    return down[:23], up[:23]


def test_servers_are_restarted_one_after_the_other() -> None:
    with demo_site(free_port()) as one, demo_site(free_port()) as other:
        own = {
            "pgtls_server_data_directory": str(other.directory / "data"),
            "pgtls_server_port": int(other.environment["PGTLS_DEMO_PORT"]),
        }
        inventory = one.directory / "mobus.json"
        inventory.write_text(json.dumps({"postgres_servers": {"hosts": {"mobus": own}}}))
        settings = ("-e", json.dumps({"pgtls_server_settings": {"max_connections": 33}}))
        options = ("-i", str(inventory), "--limit", "ca:postgres_servers", *settings)
        one.play(*options)
        first, second = sorted(time_down(site) for site in (one, other))
        assert first[1] <= second[0]
        assert changed(one.play(*options)) == 0
