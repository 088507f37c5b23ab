# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the CRLs of a server leave its clients a way in.

With any CRL set, OpenSSL wants a current one of every CA in a client's chain, the root's own among them
(X509_V_FLAG_CRL_CHECK_ALL, which be-secure-openssl.c sets).
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from typing import Any

from ..._pki.compat import (
    CRYPTOGRAPHY_ERROR,
    find_extension,
    is_crl_signed_with,
    is_self_signed,
    last_update,
    next_update,
    not_after,
    split_crls,
    split_pem,
    x509,
)
from ..._pki.errors import PkiError
from ..._pki.identity import render_name
from ..errors import ModuleError
from ..files.reading import open_directory, read_bytes
from .clusters import Cluster
from .tls_files import acting_as_owner, tls_is_on

_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.r\d+")


def check_crls(cluster: Cluster, now: datetime) -> list[str]:
    """Return warnings about CRLs that could not be checked.

    now: aware, UTC.

    :raises ModuleError: one sentence for each CA of ssl_ca_file whose client certificates the server would refuse.
    """
    if not _is_asked(cluster):
        return []
    if CRYPTOGRAPHY_ERROR is not None:
        return [f"{_crl_settings(cluster)} was not checked, because the Python library cryptography is missing"]
    problems = find_uncovered(cluster, now)
    if problems:
        raise ModuleError("; ".join(problems))
    return []


def find_uncovered(cluster: Cluster, now: datetime) -> list[str]:
    """Return a sentence for each CA in ssl_ca_file that has no current CRL; none where no CRL is in use.

    An expired CA is left out: nobody has a certificate of it that a server takes, with a CRL or without.

    :raises ModuleError: when a file cannot be read.
    """
    if not _is_asked(cluster) or CRYPTOGRAPHY_ERROR is not None:
        return []
    ca_file, settings = cluster.path("ssl_ca_file") or "", _crl_settings(cluster)
    try:
        trusted = [one for one in split_pem(_read(cluster, ca_file)) if _may_issue(one) and not_after(one) > now]
        crls = [crl for path in _crl_files(cluster) for crl in split_crls(_read(cluster, path))]
    except (PkiError, ValueError) as error:
        raise ModuleError(f"ssl_ca_file {ca_file} or {settings} cannot be read: {error}") from error
    problems = dict.fromkeys(problem for problem in (_problem(one, crls, settings, now) for one in trusted) if problem)
    return [
        f"{problem}, so the server would refuse every client certificate below that CA, which ssl_ca_file {ca_file} "
        "trusts; put a current CRL of the CA there (certificate_revoke returns one), or take the CA out of ssl_ca_file"
        for problem in problems
    ]


def _is_asked(cluster: Cluster) -> bool:
    return tls_is_on(cluster) and cluster.path("ssl_ca_file") is not None and bool(_crl_settings(cluster))


def _may_issue(certificate: Any) -> bool:
    """Whether this is a CA: OpenSSL takes a self-signed certificate without basic constraints for one, too."""
    constraints = find_extension(certificate, x509.BasicConstraints)
    return bool(constraints.ca) if constraints is not None else is_self_signed(certificate)


def _problem(authority: Any, crls: list[Any], settings: str, now: datetime) -> str | None:
    name = render_name(authority.subject)
    own = [crl for crl in crls if crl.issuer == authority.subject and is_crl_signed_with(crl, authority.public_key())]
    if not own:
        return f"{settings} holds no CRL of {name}"
    if any(last_update(crl) <= now and not _is_expired(crl, now) for crl in own):
        return None
    future = [last_update(crl) for crl in own if not _is_expired(crl, now)]
    if future:
        return f"the CRL of {name} in {settings} is valid from {_at(min(future))} only"
    return f"the CRL of {name} in {settings} expired at {_at(max(end for end in map(next_update, own) if end))}"


def _is_expired(crl: Any, now: datetime) -> bool:
    end = next_update(crl)
    return end is not None and end <= now


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _crl_settings(cluster: Cluster) -> str:
    named = [f"{name} {cluster.path(name)}" for name in ("ssl_crl_file", "ssl_crl_dir") if cluster.path(name)]
    return " and ".join(named)


def _crl_files(cluster: Cluster) -> list[str]:
    file, directory = cluster.path("ssl_crl_file"), cluster.path("ssl_crl_dir")
    files = [file] if file is not None else []
    if directory is not None and os.path.isdir(directory):
        with acting_as_owner(cluster), open_directory(directory) as handle:
            files += [
                os.path.join(directory, name) for name in sorted(os.listdir(handle)) if _HASHED_NAME.fullmatch(name)
            ]
    return files


def _read(cluster: Cluster, path: str) -> bytes:
    with acting_as_owner(cluster):
        return read_bytes(path) or b""
