# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the revocation lists of a server leave its clients a way in.

With any list set, OpenSSL wants a current one of every CA in a client's chain, the root's own among them
(X509_V_FLAG_CRL_CHECK_ALL, which be-secure-openssl.c sets).
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from typing import Any

from .._pki.compat import CRYPTOGRAPHY_ERROR, is_crl_signed_with, is_self_signed, next_update, split_crls, split_pem
from .._pki.errors import PkiError
from .._pki.identity import render_name
from .clusters import Cluster
from .errors import ModuleError
from .files import read_bytes
from .tls_files import acting_as_owner, tls_is_on

_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.r\d+")


def check_crls(cluster: Cluster, now: datetime) -> list[str]:
    """Return warnings about roots of ssl_ca_file whose clients the revocation lists keep out.

    now: aware, UTC.

    :raises ModuleError: when they keep out the clients of every root.
    """
    ca_file, settings = cluster.path("ssl_ca_file"), _crl_settings(cluster)
    if not tls_is_on(cluster) or ca_file is None or not settings:
        return []
    if CRYPTOGRAPHY_ERROR is not None:
        return [f"{settings} was not checked, because the Python library cryptography is missing"]
    try:
        roots = [one for one in split_pem(_read(cluster, ca_file)) if is_self_signed(one)]
        crls = [crl for path in _crl_files(cluster) for crl in split_crls(_read(cluster, path))]
    except (PkiError, ValueError) as error:
        raise ModuleError(f"ssl_ca_file {ca_file} or {settings} cannot be read: {error}") from error
    problems = [problem for problem in (_problem(root, crls, settings, now) for root in roots) if problem]
    if problems and len(problems) == len(roots):
        raise ModuleError(
            f"{'; '.join(problems)}, so the server would accept no client certificate of ssl_ca_file {ca_file}; "
            "install a current list of every CA"
        )
    return [
        f"{problem}; the server refuses client certificates below it until a current list is there"
        for problem in problems
    ]


def _problem(root: Any, crls: list[Any], settings: str, now: datetime) -> str | None:
    name = render_name(root.subject)
    own = [crl for crl in crls if crl.issuer == root.subject and is_crl_signed_with(crl, root.public_key())]
    if not own:
        return f"{settings} holds no list of {name}"
    ends = [next_update(crl) for crl in own]
    if all(end is not None and end <= now for end in ends):
        newest = max(end for end in ends if end is not None)
        return f"the list of {name} in {settings} ended at {newest:%Y-%m-%d %H:%M:%S} UTC"
    return None


def _crl_settings(cluster: Cluster) -> str:
    named = [f"{name} {cluster.path(name)}" for name in ("ssl_crl_file", "ssl_crl_dir") if cluster.path(name)]
    return " and ".join(named)


def _crl_files(cluster: Cluster) -> list[str]:
    file, directory = cluster.path("ssl_crl_file"), cluster.path("ssl_crl_dir")
    files = [file] if file is not None else []
    if directory is not None and os.path.isdir(directory):
        files += [
            os.path.join(directory, name) for name in sorted(os.listdir(directory)) if _HASHED_NAME.fullmatch(name)
        ]
    return files


def _read(cluster: Cluster, path: str) -> bytes:
    with acting_as_owner(cluster):
        return read_bytes(path) or b""
