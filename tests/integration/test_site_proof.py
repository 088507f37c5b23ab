# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads of a proof: one table for all hosts, as it is, with what differs first."""

from __future__ import annotations

import json
import sys

from demo_site import Site
from test_site_overridden import sql

HOST = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
# A second host with the same clients, and a person who reads.
SEVERAL = {"apps": {"hosts": {"apps2": HOST}}}


def printed(site: Site, *options: str, succeeds: bool = True) -> list[str]:
    """The lines of verify.yml on two hosts, without what is said to the side."""
    inventory = site.directory / "several.json"
    inventory.write_text(json.dumps(SEVERAL))
    given = ("-i", str(inventory), "-e", json.dumps({"pgtls_verify_show_table": True}), *options)
    return site.play(*given, playbook="verify", succeeds=succeeds).splitlines()


def test_the_table_of_all_hosts_is_printed_once_and_as_it_is(converged: Site) -> None:
    lines = printed(converged)
    (heading,) = [index for index, line in enumerate(lines) if line.split()[:2] == ["attempt", "from"]]
    table = lines[heading : lines.index("", heading)]
    assert {line.split()[-1] for line in table[2:]} == {"ok"}
    assert {host for line in table[2:] for host in ("apps1", "apps2") if f" {host} " in line} == {"apps1", "apps2"}
    # no refusal is printed anywhere else, and none has the signs of JSON
    refused = [line for line in lines if "FATAL: certificate authentication failed for user " in line]
    assert refused and set(refused) <= set(table)
    assert not [line for line in lines if '\\"' in line]
    assert lines[heading + len(table) + 1].endswith(f"{len(table) - 2} as expected")


def test_what_was_not_attempted_is_one_line(converged: Site) -> None:
    lines = printed(converged, "--check")
    assert [line for line in lines if "not made" in line] and not [line for line in lines if "not attempted" in line]
    assert not [line for line in lines if "with certificate" in line]


def test_what_differs_stands_first_with_its_reason(converged: Site) -> None:
    sql(converged, "ALTER ROLE app2 NOLOGIN")
    lines = printed(converged, succeeds=False)
    sql(converged, "ALTER ROLE app2 LOGIN")
    heading = next(index for index, line in enumerate(lines) if line.split()[:2] == ["attempt", "from"])
    table = lines[heading + 2 : lines.index("", heading)]
    differs = [index for index, line in enumerate(table) if line.endswith("DIFFERS")]
    assert differs == list(range(0, 2 * len(differs), 2)) and differs
    for index in differs:
        assert 'FATAL: role "app2" is not permitted to log in' in table[index + 1]
        assert "connection failed" not in table[index + 1]
    # the failure of a host names a few, and no result is printed as JSON beside it
    assert not [line for line in lines if '\\"app2\\"' in line]
