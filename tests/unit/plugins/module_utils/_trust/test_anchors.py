# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anchors as bytes."""

from __future__ import annotations

import ssl

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._trust.anchors import holds, parse_anchor, render_anchor
from ansible_collections.pgtls.postgresql.plugins.module_utils._trust.errors import TrustError
from hypothesis import given
from hypothesis import strategies as st

KEY = b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"
DER = st.binary(min_size=1, max_size=300)


@given(DER)
def test_an_anchor_reads_back_as_the_same_certificate(der: bytes) -> None:
    assert parse_anchor(render_anchor(der), "src") == der


@given(DER)
def test_an_anchor_is_written_as_the_standard_library_reads_it(der: bytes) -> None:
    assert ssl.PEM_cert_to_DER_cert(render_anchor(der).decode()) == der


@given(DER, DER)
def test_comments_and_line_ends_around_it_do_not_matter(der: bytes, other: bytes) -> None:
    bundle = b"# Our CA\n" + render_anchor(other) + b"text\r\n" + render_anchor(der).replace(b"\n", b"\r\n")
    assert holds(bundle, der)
    assert holds(bundle, other)
    assert parse_anchor(b"Subject: CN=x\n" + render_anchor(der), "src") == der


@given(DER, DER)
def test_a_bundle_holds_only_what_is_in_it(der: bytes, other: bytes) -> None:
    assert holds(render_anchor(other), der) == (der == other)
    assert not holds(b"", der)


@pytest.mark.parametrize("order", [lambda a, b: a + b, lambda a, b: b + a])
def test_a_private_key_beside_it_is_refused(order) -> None:
    with pytest.raises(TrustError, match="certificate_pem holds a private key"):
        parse_anchor(order(KEY, render_anchor(b"x")), "certificate_pem")


@pytest.mark.parametrize(("pem", "count"), [(b"", 0), (b"hello", 0), (render_anchor(b"x") * 2, 2)])
def test_anything_but_one_certificate_is_refused(pem: bytes, count: int) -> None:
    with pytest.raises(TrustError, match=f"/etc/x holds {count} certificates"):
        parse_anchor(pem, "/etc/x")


def test_a_damaged_certificate_is_refused() -> None:
    with pytest.raises(TrustError, match="is damaged"):
        parse_anchor(render_anchor(b"hello").replace(b"aGVs", b"a!Vs"), "src")
