# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two texts are one value."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.values import (
    Kind,
    canonical_name,
    needs_restart,
    parse_boolean,
    same_value,
)


@pytest.mark.parametrize(
    ("name", "one", "other", "kind", "expected"),
    [
        ("ssl", "on", "1", None, True),
        ("ssl", "on", "off", None, False),
        ("ssl", "o", "on", None, False),
        ("shared_buffers", "128MB", "16384", None, True),
        ("shared_buffers", "128MB", "16384", Kind("integer", "8kB"), True),
        ("checkpoint_timeout", "5min", "300s", None, True),
        ("x_timeout", "5min", "300", Kind("integer", "s"), True),
        ("work_mem", "4MB", "4mb", None, False),
        ("work_mem", " 4 MB ", "4096kB", None, True),
        ("max_connections", "010", "8", None, True),
        ("max_connections", "0x10", "16", None, True),
        ("ssl_min_protocol_version", "tlsv1.2", "TLSv1.2", None, True),
        ("ssl_cert_file", "ON", "on", None, False),
        ("search_path", "a,b", "a, b", None, False),
        ("search_path", "yes", "on", Kind("string"), False),
        ("synchronous_commit", "yes", "on", Kind("enum"), True),
        ("wal_level", "Replica", "replica", None, True),
        ("cluster_name", "yes", "true", None, False),
        ("my.thing", "on", "true", None, False),
        ("seq_page_cost", "1", "1.0", Kind("real"), True),
    ],
)
def test_same_value_follows_the_kind(name: str, one: str, other: str, kind: Kind | None, expected: bool) -> None:
    for first, second in ((one, other), (other, one)):
        assert same_value(name, first, second, kind) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [("of", False), ("o", None), ("T", True), ("", None), ("yes", True), ("yess", None)]
)
def test_booleans_take_unique_prefixes(text: str, expected: bool | None) -> None:
    assert parse_boolean(text) is expected


def test_aliases_depend_on_the_version() -> None:
    assert canonical_name("SSL_ECDH_Curve", 18) == "ssl_groups"
    assert canonical_name("ssl_ecdh_curve", 17) == "ssl_ecdh_curve"


def test_the_server_knows_best_what_needs_a_restart() -> None:
    assert needs_restart("port")
    assert not needs_restart("ssl")
    assert not needs_restart("port", Kind("integer", None, "sighup"))
