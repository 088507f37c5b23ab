# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a CA keeps its files; this file stores bytes and knows no X.509.

One file a certificate under ``issued/``, named by holder and random serial number: there is no index that
twenty hosts delegating at once could overwrite.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .files import FileAttributes, Wanted, Written, read_bytes, write_directory

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


@dataclass(frozen=True)
class StoredAuthority:
    """The bytes of ca.key, ca.crt and chain.crt (ca.crt and the certificates above it); None where absent."""

    directory: str
    key: bytes | None
    certificate: bytes | None
    chain: bytes | None

    @property
    def is_empty(self) -> bool:
        """No CA has ever been made here."""
        return self.key is None and self.certificate is None


def key_path(directory: str) -> str:
    """The CA's private key."""
    return os.path.join(directory, "ca.key")


def certificate_path(directory: str) -> str:
    """The CA's own certificate."""
    return os.path.join(directory, "ca.crt")


def chain_path(directory: str) -> str:
    """The CA's own certificate and those of the CAs above it, the root last."""
    return os.path.join(directory, "chain.crt")


def issued_path(directory: str, name: str = "", serial: str = "") -> str:
    """The folder of issued certificates, or the file of one of them."""
    return os.path.join(directory, "issued", *([f"{name}.{serial}.crt"] if name else []))


def read_authority(directory: str) -> StoredAuthority:
    """Read what is there.

    :raises ModuleError: when a file exists but cannot be read.
    """
    paths = (key_path(directory), certificate_path(directory), chain_path(directory))
    return StoredAuthority(directory, *(read_bytes(path) for path in paths))


def completed(stored: StoredAuthority, key: bytes, certificate: bytes, chain: bytes) -> StoredAuthority:
    """What is stored stays; what is missing comes from the arguments."""
    return replace(
        stored,
        key=key if stored.key is None else stored.key,
        certificate=certificate if stored.certificate is None else stored.certificate,
        chain=chain if stored.certificate is None or stored.chain is None else stored.chain,
    )


def write_directories(module: AnsibleModule, directory: str, attributes: FileAttributes) -> list[Written]:
    """Make the CA's directory and its ``issued`` folder, 0700 from their first moment.

    :raises ModuleError: when one of them cannot be made.
    """
    private = FileAttributes(attributes.owner, attributes.group, 0o700)
    return [write_directory(module, path, private) for path in (directory, issued_path(directory))]


def authority_files(stored: StoredAuthority, attributes: FileAttributes, shown: Sequence[str | None]) -> list[Wanted]:
    """The files of a CA. The certificate comes last: while it is missing, the next run completes the rest."""
    public = FileAttributes(attributes.owner, attributes.group, 0o644)
    private = FileAttributes(attributes.owner, attributes.group, 0o600)
    before, after = shown
    return [
        Wanted(key_path(stored.directory), stored.key, private, secret=True),
        Wanted(chain_path(stored.directory), stored.chain, public, shown=(before, after)),
        Wanted(certificate_path(stored.directory), stored.certificate, public, shown=(before, after)),
    ]


def issued_file(directory: str, name: str, serial: str, content: bytes) -> Wanted:
    """The CA's copy of a certificate that it signed."""
    return Wanted(issued_path(directory, name, serial), content, FileAttributes(mode=0o644))
