#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_cluster_info
short_description: Find the PostgreSQL clusters of a host
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Finds running servers, clusters in Debian's layout (C(/etc/postgresql/VERSION/NAME)), those of Red Hat's and PGDG's
    packages (C(/var/lib/pgsql/data), C(/var/lib/pgsql/VERSION/data)), and one in any other data directory.
  - Reports their files, owner, port, who starts and stops them, and the TLS settings that their files hold.
  - A running server counts when its process runs the program of a PostgreSQL, as the owner of its data directory. One outside
    the usual places must also answer at the socket and port that its C(postmaster.pid) names. What only looks like a server is
    ignored with a warning (RV(ignored)).
extends_documentation_fragment:
  - pgtls.postgresql.attributes.info
options:
  data_directory:
    description:
      - Data directory of the requested cluster.
    type: path
  port:
    description:
      - Chooses the cluster that uses this port when a host has several.
      - The only cluster of a host is returned whatever its port.
    type: int
  exactly_one:
    description:
      - Fail with a sentence that lists what was found, unless exactly one cluster matches.
    type: bool
    default: false
notes:
  - Run it as root, because data directories are closed to other users.
"""

EXAMPLES = r"""
- name: Find the cluster on port 5501
  pgtls.postgresql.pg_cluster_info:
    port: 5501
    exactly_one: true
  register: found

- name: Show where its rules are
  ansible.builtin.debug:
    var: found.cluster.hba_file
"""

RETURN = r"""
clusters:
  description: All clusters that were found, ordered by data directory.
  returned: success
  type: list
  elements: dict
  contains: &cluster
    version:
      description: Major version.
      type: int
      sample: 15
    name:
      description: Name in Debian's layout, else null.
      type: str
      sample: main
    data_directory:
      description: The data directory.
      type: str
      sample: /var/lib/postgresql/15/main
    config_file:
      description: The file postgresql.conf.
      type: str
    hba_file:
      description: The file pg_hba.conf.
      type: str
    ident_file:
      description: The file pg_ident.conf.
      type: str
    owner:
      description: Operating system user that owns the data directory and runs the server.
      type: str
      sample: postgres
    group:
      description: Group of the data directory.
      type: str
    port:
      description: Port of the running server, or the one in the files of a stopped one.
      type: int
      sample: 5432
    socket_directory:
      description: Directory of the Unix socket.
      type: str
      sample: /var/run/postgresql
    listen_addresses:
      description: The setting listen_addresses.
      type: str
      sample: localhost
    running:
      description: Whether the server runs.
      type: bool
    pid:
      description: Process of the running server, else null.
      type: int
    manager:
      description: Who starts and stops it, V(systemd), V(pg_ctlcluster) or V(pg_ctl).
      type: str
      sample: systemd
    unit:
      description: The systemd unit, else null.
      type: str
      sample: postgresql@15-main.service
    bin_directory:
      description: Directory of the server's programs, null when it was not found.
      type: str
      sample: /usr/lib/postgresql/15/bin
    managed_by:
      description:
        - V(patroni) where C(patroni.dynamic.json) lies in the data directory or the configuration files say that Patroni overwrites them,
          V(cloudnative-pg) where the file of settings loads that operator's files, else null. The editors and M(pgtls.postgresql.pg_server)
          refuse such a cluster.
      type: str
    in_usual_place:
      description:
        - Whether it is in a place of the distribution. Any other cluster is chosen by its port only when it belongs to the user C(postgres) or
          to the user that runs the module, because any user of a host can run a PostgreSQL server; O(data_directory) names it.
      type: bool
    settings:
      description: Settings of TLS and of listening as the files hold them now, with the server's defaults.
      type: dict
      sample: {ssl: "on", ssl_cert_file: server.crt}
cluster:
  description: The requested cluster, null when none or more than one matches.
  returned: success
  type: dict
  contains: *cluster
ignored:
  description: What looks like a running server and is not one, as far as can be seen.
  returned: success
  type: list
  elements: dict
  contains:
    data_directory:
      description: The directory in which a process named postgres runs.
      type: str
    pid:
      description: The process, or null.
      type: int
    reason:
      description: Why it does not count.
      type: str
      sample: process 4711 runs /home/mallory/sleep, which is not the program postgres
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.errors import ModuleError
from ..module_utils._host.module_frame import failing_cleanly
from ..module_utils._host.server.clusters import choose_cluster, survey


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "data_directory": {"type": "path"},
            "port": {"type": "int"},
            "exactly_one": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    data_directory, port = module.params["data_directory"], module.params["port"]
    with failing_cleanly(module):
        found = survey(data_directory)
        clusters = found.clusters
        for one in found.ignored:
            module.warn(f"{one.data_directory} is ignored, because it is not a cluster that runs: {one.reason}")
        try:
            chosen = choose_cluster(clusters, data_directory, port).described()
        except ModuleError:
            if module.params["exactly_one"]:
                raise
            chosen = None
    described = [one.described() for one in clusters]
    ignored = [asdict(one) for one in found.ignored]
    module.exit_json(changed=False, clusters=described, cluster=chosen, ignored=ignored)


if __name__ == "__main__":
    main()
