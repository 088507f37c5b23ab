# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory between the hosts and a CA that nobody here can reach: requests lie in it, signed certificates come back.

Its files are public: requests and certificates, never a key.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..._pki.answers import Answer, complete_chain, find_certificates, is_same_request, leaf_differences, leaf_for
from ..._pki.compat import is_issued_by
from ..._pki.requests import check_file_name
from ..errors import ModuleError
from ..files.reading import read_bytes
from ..files.required_directories import ensure_directories
from ..files.writer import DesiredFile, FileAttributes, Writer, Written
from .external_requests import ExternalRequest

if TYPE_CHECKING:
    from ..._pki.compat import x509

_ISSUER = "(the external CA)"
_MOST_NAMES = 5
_LONGEST_FILE_NAME = 255


@dataclass(frozen=True)
class ExchangeFolder:
    """Where it is; host is that of the entries that name none, and issuer the CA that shall sign (empty: any)."""

    directory: str
    host: str | None
    issuer: tuple[x509.Certificate, ...] = ()

    def host_of(self, request: ExternalRequest) -> str:
        """The host that holds the key of a request."""
        return request.order.entry.host or self.host or ""

    def request_path(self, request: ExternalRequest) -> str:
        """Where the request lies while it waits."""
        return os.path.join(self.directory, "requests", f"{self.host_of(request)}.{request.name}.csr")

    def signed_path(self, request: ExternalRequest) -> str:
        """Where the signed certificate is put back, its chain after it."""
        return os.path.join(self.directory, "signed", f"{self.host_of(request)}.{request.name}.crt")

    @property
    def chain_path(self) -> str:
        """Where CA certificates for all may lie."""
        return os.path.join(self.directory, "signed", "chain.crt")

    def write_folders(self, writer: Writer) -> list[Written]:
        """Make the directories that are missing; those that exist keep their modes."""
        folders = (os.path.join(self.directory, name).rstrip("/") for name in ("", "requests", "signed"))
        return ensure_directories(writer, {path: _attributes(path) for path in folders})


def _attributes(path: str) -> FileAttributes:
    return FileAttributes(mode=None if os.path.isdir(path) else 0o755)


def check_places(folder: ExchangeFolder, requests: Sequence[ExternalRequest]) -> None:
    """Refuse requests that have no file of their own.

    :raises PkiError: for a host that is not a file name.
    :raises ModuleError: for a request without a host, and for two with the same file.
    """
    seen: set[str] = set()
    for request in requests:
        host, path = folder.host_of(request), folder.request_path(request)
        if not host:
            raise ModuleError(f"{request.order.entry.whose} has no host; give it in certificates, or the option host")
        check_file_name(host, f"host of the certificate {request.name}")
        if len(os.path.basename(path)) > _LONGEST_FILE_NAME:
            raise ModuleError(
                f"{path} is too long for the name of a file; shorten the host or the name of the certificate"
            )
        if path in seen:
            raise ModuleError(f"two requests would be the file {path}; rename a host or a certificate")
        seen.add(path)


@dataclass(frozen=True)
class Reply:
    """What lies in the directory for one request: an answer, or why the file that is there is none (empty: no file)."""

    answer: Answer | None
    misfit: str = ""


def read_post(folder: ExchangeFolder, requests: Sequence[ExternalRequest], now: datetime) -> list[Reply]:
    """Look for the answer to each request, in the order of the requests.

    :raises PkiError: for a certificate that is damaged or whose chain leads nowhere.
    :raises ModuleError: for a file that cannot be read, or holds no certificate.
    """
    content = read_bytes(folder.chain_path)
    shared = () if content is None else find_certificates(content, folder.chain_path)
    return [_read_one(folder, request, shared, now) for request in requests]


def _read_one(
    folder: ExchangeFolder, request: ExternalRequest, shared: Sequence[x509.Certificate], now: datetime
) -> Reply:
    path = folder.signed_path(request)
    content = read_bytes(path)
    if content is None:
        return Reply(None)
    certificates = find_certificates(content, path)
    if not certificates:
        raise ModuleError(f"{path} holds no certificate in PEM; put the signed certificate there, or remove the file")
    leaf = leaf_for(request.order, certificates)
    if leaf is None:
        return Reply(None, f"{path} belongs to another private key")
    if folder.issuer and not is_issued_by(leaf, folder.issuer[0]):
        return Reply(None, f"{path} was signed by a CA other than the one in issuer_pem")
    differences = leaf_differences(leaf, request.order, now)
    if differences:
        return Reply(None, f"{path} is not as requested ({'; '.join(differences)})")
    remedy = f"append it to {path}, or put it in {folder.chain_path}"
    return Reply(Answer(leaf, complete_chain(leaf, (*certificates, *shared, *folder.issuer), path, remedy)))


def request_file(folder: ExchangeFolder, request: ExternalRequest, post: Reply) -> DesiredFile:
    """The file of a request: as long as it waits. One that asks the same already stays, whatever its signature.

    :raises ModuleError: when it cannot be read.
    """
    path = folder.request_path(request)
    before = read_bytes(path)
    summary = request.order.summary(_ISSUER)
    if post.answer is not None:
        return DesiredFile(path, None, shown=(summary, None))
    if before is not None and is_same_request(before, request.csr_pem):
        return DesiredFile(path, before)
    attributes = FileAttributes(mode=0o644 if before is None else None)
    return DesiredFile(
        path, request.csr_pem.encode(), attributes, shown=("(another request)\n" if before else None, summary)
    )


def say_what_waits(folder: ExchangeFolder, posts: Sequence[tuple[ExternalRequest, Reply]]) -> list[str]:
    """The warnings of a run: each signed file that is none, then all that waits in one sentence."""
    sentences = [
        f"{post.misfit}; have {folder.request_path(request)} signed, and put the new certificate there"
        for request, post in posts
        if post.misfit
    ]
    waiting = [request.name for request, post in posts if post.answer is None]
    hosts = sorted({folder.host_of(request) for request, post in posts if post.answer is None})
    if waiting:
        whose = hosts[0] if len(hosts) == 1 else f"{len(hosts)} hosts"
        names = ", ".join(waiting[:_MOST_NAMES]) + (
            f" and {len(waiting) - _MOST_NAMES} more" * (len(waiting) > _MOST_NAMES)
        )
        sentences.append(
            f"{len(waiting)} certificates of {whose} wait for their CA ({names}); have the requests in "
            f"{folder.directory}/requests signed, put the certificates in {folder.directory}/signed, and run again"
        )
    return sentences
