# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site without revocation lists at first, in the order in which things happen: a revocation, a run as usual, a new CA.

The tests build on each other in the order they stand.
"""

from __future__ import annotations

import json
import re

import psycopg
import pytest
from demo_site import Site, changed
from test_site_life import coming_all_the_time, conninfo, serial_of

UNSET = ("-e", json.dumps({"pgtls_ca_crl": False, "pgtls_ca_key_type": "ecdsa-p256"}))
REVOCATION = ("-e", json.dumps({"pgtls_ca_revocations": [{"name": "app2", "reason": "keyCompromise"}]}))


def issuers_of_lists(site: Site) -> int:
    """How many lists the server has."""
    return len(re.findall("BEGIN X509 CRL", (site.directory / "data/revoked.crl").read_text()))


def test_a_site_without_lists_is_there(site: Site) -> None:
    site.play(*UNSET)
    assert not (site.directory / "data/revoked.crl").exists()
    assert changed(site.play(*UNSET)) == 0


def test_a_revoked_client_is_refused_and_gets_another_certificate_by_the_next_run(site: Site) -> None:
    revoked = serial_of(site, "clients/app2.crt")
    site.play(*UNSET, *REVOCATION, playbook="revoke")
    with pytest.raises(psycopg.OperationalError, match="certificate revoked"):
        psycopg.connect(**conninfo(site, "app2"))
    with coming_all_the_time(site, "app1") as comings:
        site.play(*UNSET)
    assert comings.refused == [] and comings.accepted > 10
    assert serial_of(site, "clients/app2.crt") != revoked
    psycopg.connect(**conninfo(site, "app2")).close()
    assert changed(site.play(*UNSET)) == 0


def test_the_ca_is_rolled_over_after_a_revocation_and_nobody_is_refused(site: Site) -> None:
    with coming_all_the_time(site, "app1", "app2") as comings:
        site.play(*UNSET, "-e", "pgtls_ca_generation=2", playbook="rotate_ca")
    assert comings.refused == [] and comings.accepted > 50
    assert issuers_of_lists(site) == 1


def test_a_server_that_lacks_a_list_stops_the_rollover_before_anybody_is_refused(site: Site) -> None:
    """What a server would refuse everybody for is an error: here, the lists are kept from it."""
    kept_away = ("-e", json.dumps({"pgtls_ca_crl_pem": ""}))
    with coming_all_the_time(site, "app1", "app2") as comings:
        output = site.play(*UNSET, *kept_away, "-e", "pgtls_ca_generation=3", playbook="rotate_ca", succeeds=False)
    assert comings.refused == [] and comings.accepted > 10
    assert "CRL" in output
    state = json.loads((site.directory / "ca/rollover.json").read_text())
    assert state == {"generation": 2, "phase": "introduce"}
