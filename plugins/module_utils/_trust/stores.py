# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each family of operating systems keeps the CA certificates it trusts, as a table.

The administrator's own anchors lie in one directory; a command of the distribution merges them with the vendor's
into one bundle, which is what programs read.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .errors import TrustError

if TYPE_CHECKING:
    from collections.abc import Mapping

# A name becomes a file name, and on Debian and Alpine the name of a link as well.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Store:
    """One family's layout.

    anchors: directory of the administrator's anchors. suffix: what a file name there must end with.
    refresh: the command that merges them. fresh: the same after an anchor was taken away.
    bundle: the merged file. hooks: a directory of programs that are told what comes and goes, where there are such.
    """

    style: str
    anchors: str
    suffix: str
    refresh: tuple[str, ...]
    fresh: tuple[str, ...]
    bundle: str
    hooks: str = ""

    def anchor_path(self, name: str) -> str:
        """Return the path of the anchor of that name.

        :raises TrustError: for a name that is not a plain file name.
        """
        if not _NAME.fullmatch(name):
            raise TrustError(
                f"name {name!r} cannot be a file name in a trust store; use letters, digits, dots, hyphens and underscores"
            )
        return posixpath.join(self.anchors, name + self.suffix)

    def link_of(self, name: str) -> str:
        """Return the name of an anchor as the hooks are told it."""
        return posixpath.join(posixpath.dirname(self.bundle), f"{name}.pem")

    def under(self, root: str) -> Store:
        """Return the same layout below another root directory; the commands stay as they are."""
        if root == "/":
            return self
        hooks = self.hooks and root + self.hooks
        return replace(self, anchors=root + self.anchors, bundle=root + self.bundle, hooks=hooks)


_UPDATE_CERTIFICATES = ("update-ca-certificates",)
_STORES = (
    # update-ca-certificates(8): only *.crt; without --fresh the links of a removed anchor stay behind
    Store(
        style="debian",
        anchors="/usr/local/share/ca-certificates",
        suffix=".crt",
        refresh=_UPDATE_CERTIFICATES,
        fresh=(*_UPDATE_CERTIFICATES, "--fresh"),
        bundle="/etc/ssl/certs/ca-certificates.crt",
        hooks="/etc/ca-certificates/update.d",
    ),
    # update-ca-trust(8); /etc/pki/tls/certs/ca-bundle.crt is a link to this bundle where it exists
    Store(
        style="el",
        anchors="/etc/pki/ca-trust/source/anchors",
        suffix=".pem",
        refresh=("update-ca-trust", "extract"),
        fresh=("update-ca-trust", "extract"),
        bundle="/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    ),
    Store(
        style="suse",
        anchors="/etc/pki/trust/anchors",
        suffix=".pem",
        refresh=_UPDATE_CERTIFICATES,
        fresh=(*_UPDATE_CERTIFICATES, "--fresh"),
        bundle="/var/lib/ca-certificates/ca-bundle.pem",
    ),
    Store(
        style="arch",
        anchors="/etc/ca-certificates/trust-source/anchors",
        suffix=".crt",
        refresh=("update-ca-trust",),
        fresh=("update-ca-trust",),
        bundle="/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    ),
    # Alpine's command has the name of Debian's; it wants one certificate a file
    Store(
        style="alpine",
        anchors="/usr/local/share/ca-certificates",
        suffix=".crt",
        refresh=_UPDATE_CERTIFICATES,
        fresh=_UPDATE_CERTIFICATES,
        bundle="/etc/ssl/certs/ca-certificates.crt",
    ),
)
STYLES = tuple(store.style for store in _STORES)

# os-release(5): ID and the words of ID_LIKE, as the distributions write them.
_STYLE_OF = {
    "debian": "debian",
    "ubuntu": "debian",
    "rhel": "el",
    "fedora": "el",
    "centos": "el",
    "rocky": "el",
    "almalinux": "el",
    "ol": "el",
    "amzn": "el",
    "suse": "suse",
    "opensuse": "suse",
    "sles": "suse",
    "sled": "suse",
    "arch": "arch",
    "archlinux": "arch",
    "alpine": "alpine",
}


def store_named(style: str, root: str = "/") -> Store:
    """Return the layout of a style, one of STYLES.

    :raises TrustError: for another word.
    """
    for store in _STORES:
        if store.style == style:
            return store.under(root)
    raise TrustError(f"style {style!r} is not known; use one of {', '.join(STYLES)}")


def store_for(os_release: Mapping[str, str], root: str = "/") -> Store:
    """Return the layout of the operating system that an os-release file describes: ID first, then ID_LIKE.

    :raises TrustError: when none of its words is known.
    """
    words = [os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split()]
    for word in words:
        style = _STYLE_OF.get(word.lower()) or _STYLE_OF.get(word.lower().split("-")[0])
        if style is not None:
            return store_named(style, root)
    raise TrustError(
        f"the trust store of the operating system {words[0] or 'without an ID'} is not known; "
        f"set style to one of {', '.join(STYLES)}"
    )


def parse_os_release(text: str) -> dict[str, str]:
    """Read the assignments of an os-release file (os-release(5)); lines that are none are ignored."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            found[name] = " ".join(shlex.split(value))
        except ValueError:  # an unbalanced quote
            found[name] = value
    return found
