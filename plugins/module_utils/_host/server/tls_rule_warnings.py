# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that a server loads without a word although, with its settings, they let nobody in."""

from __future__ import annotations

from ..._pgconf.login.authentication import ServerContext
from ..._pgconf.login.findings import find_risky_rules
from ..._pgconf.login.lockout import read_rules
from ..errors import ModuleError
from .clusters import Cluster
from .configuration_files import read_configuration
from .tls_files import find_pairs, tls_is_on

_CODES = ("cert_without_ca_file", "hostssl_without_ssl")


def check_rules(cluster: Cluster) -> list[str]:
    """Return a warning for each rule of the files that TLS settings of the files make useless; none without access to them."""
    try:
        text, files = read_configuration(cluster.hba_file)
    except ModuleError:
        return []
    ca_files = [cluster.path("ssl_ca_file"), *(pair.ca for pair in find_pairs(cluster))]
    server = ServerContext(ssl_on=tls_is_on(cluster), has_ca_file=any(ca_files))
    found = find_risky_rules(read_rules(text, cluster.version, files), server)
    return [f"{one.file} line {one.line_number}: {one.sentence}" for one in found if one.code in _CODES]
