# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of trust stores, and which line of it an os-release file names."""

from __future__ import annotations

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._trust.errors import TrustError
from ansible_collections.pgtls.postgresql.plugins.module_utils._trust.stores import (
    STYLES,
    parse_os_release,
    store_for,
    store_named,
)


@pytest.mark.parametrize(
    ("os_release", "style"),
    [
        ({"ID": "debian"}, "debian"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "debian"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "debian"),
        ({"ID": "rhel", "ID_LIKE": "fedora"}, "el"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "el"),
        ({"ID": "ol", "ID_LIKE": "fedora"}, "el"),
        ({"ID": "newcomer", "ID_LIKE": "rhel fedora"}, "el"),
        ({"ID": "opensuse-leap", "ID_LIKE": "suse opensuse"}, "suse"),
        ({"ID": "sles", "ID_LIKE": "suse"}, "suse"),
        ({"ID": "arch"}, "arch"),
        ({"ID": "manjaro", "ID_LIKE": "arch"}, "arch"),
        ({"ID": "alpine"}, "alpine"),
    ],
)
def test_an_os_release_names_its_store(os_release: dict[str, str], style: str) -> None:
    assert store_for(os_release).style == style


@pytest.mark.parametrize("os_release", [{}, {"ID": "plan9"}, {"ID": "plan9", "ID_LIKE": "unix inferno"}])
def test_an_unknown_system_is_one_sentence_that_names_the_option(os_release: dict[str, str]) -> None:
    with pytest.raises(TrustError, match=r"set style to one of debian, el, suse, arch, alpine$"):
        store_for(os_release)


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(TrustError, match="'beos' is not known"):
        store_named("beos")


@pytest.mark.parametrize("style", STYLES)
def test_a_root_moves_the_folders_and_not_the_commands(style: str) -> None:
    store, moved = store_named(style), store_named(style, "/mnt/image")
    assert moved.anchors == f"/mnt/image{store.anchors}"
    assert moved.bundle == f"/mnt/image{store.bundle}"
    assert moved.refresh == store.refresh
    assert store_for({"ID": style if style != "el" else "rhel"}, "/mnt/image") == moved


def test_an_anchor_has_the_suffix_its_store_asks_for() -> None:
    assert store_named("debian").anchor_path("our-ca") == "/usr/local/share/ca-certificates/our-ca.crt"
    assert store_named("el").anchor_path("our-ca") == "/etc/pki/ca-trust/source/anchors/our-ca.pem"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "-x", "a b", "a\n", "ä"])
def test_a_name_that_is_no_plain_file_name_is_refused(name: str) -> None:
    with pytest.raises(TrustError, match="cannot be a file name"):
        store_named("debian").anchor_path(name)


def test_os_release_is_read_as_a_shell_would() -> None:
    text = '# comment\nID="rhel"\nID_LIKE=\'fedora centos\'\nPRETTY_NAME="A \\"B\\""\n\nnonsense\nBROKEN="open\n'
    assert parse_os_release(text) == {
        "ID": "rhel",
        "ID_LIKE": "fedora centos",
        "PRETTY_NAME": 'A "B"',
        "BROKEN": '"open',
    }
