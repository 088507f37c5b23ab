# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fixed clock, and throw-away CAs that end when it says."""

from __future__ import annotations

from datetime import datetime

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.authority import (
    Authority,
    create_intermediate,
    create_root,
    sign_leaf,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import generate_key
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.names import parse_identity
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.validity import Lifetime

NOW = datetime.fromisoformat("2028-02-29T12:00:00+00:00")


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def root() -> Authority:
    return create_root(parse_identity("Test Root"), generate_key("ecdsa-p256"), Lifetime(3650).starting(NOW), None)


@pytest.fixture(scope="session")
def between(root: Authority) -> Authority:
    return create_intermediate(root, parse_identity("Between"), generate_key("ecdsa-p384"), Lifetime(2000), 0, NOW)


@pytest.fixture
def issue(now):
    """issue(authority, key, identity, usages, lifetime) -> certificate."""

    def one(authority, key, identity=None, usages=("client",), lifetime=None, at=None):
        identity = identity or parse_identity("app1")
        return sign_leaf(authority, identity, usages, key.public_key(), lifetime or Lifetime(100), at or now)

    return one
