# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that every server must refuse: like one that it accepts, but for a single fault."""

from __future__ import annotations

from typing import Any

EXPIRED = "expired"
FOREIGN = "foreign"
REVOKED = "revoked"
SERVER_ONLY = "server-only"

# What makes the difference. A revoked certificate is one that the CA has revoked since; until then, and for a server that has
# no CRL, it is as good as any other, so its name is nobody's and it does not live long.
FAULTS: dict[str, dict[str, Any]] = {
    EXPIRED: {"not_before": "2020-01-01T00:00:00Z", "not_after": "2020-12-31T00:00:00Z"},
    SERVER_ONLY: {"usages": ["server"], "dns_names": ["not-a-client.invalid"]},
    FOREIGN: {"untrusted_ca": "Somebody else's root"},
    REVOKED: {
        "common_name": "revoked for verify",
        "lifetime_days": 30,
        "renew_before_days": 5,
        "replace_revoked": False,
    },
}


def refused_certificate(fault: str, common_name: str, directory: str) -> dict[str, Any]:
    """The certificate with a fault, in the form of certificate_request."""
    found = {
        "name": f"verify-{fault}",
        "common_name": common_name,
        "usages": ["client"],
        **pair_with(fault, directory),
        **FAULTS[fault],
    }
    return {**found, "root": foreign_root(directory)} if fault == FOREIGN else found


def pair_with(fault: str, directory: str) -> dict[str, str]:
    """The files of the certificate with a fault and of its key."""
    return {"certificate": f"{directory}/{fault}.crt", "private_key": f"{directory}/{fault}.key"}


def foreign_root(directory: str) -> str:
    """The file of the root that nobody trusts."""
    return f"{directory}/foreign-root.pem"
