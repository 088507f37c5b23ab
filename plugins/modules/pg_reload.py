#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_reload
short_description: Make a running PostgreSQL server use the files on disk
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Reloads a server when that is due, and proves it. PostgreSQL answers a reload with success even when it refused every
    new file, so this module asks before (the views of the files, and the rules by which the server takes keys, certificates,
    CA files and CRLs), and checks afterwards (the load time, the log where it can be read, the certificate that a
    TLS handshake is served at every address, and whether the logins that worked before still do).
  - A reload is due when the caller changed files (O(files_changed)), when a file of settings, rules, maps or TLS changed
    after the server loaded its files, or when the served certificate is not that of C(ssl_cert_file).
  - Restarts only when asked for by O(restart), through systemd, C(pg_ctlcluster) or C(pg_ctl), whoever manages the cluster. What
    the restart will read is judged first, so that no server is stopped that could not start again.
  - Where the start alone finds a fault, such as a library that is missing or a port that is taken, the settings that waited for the restart get
    the values that the server used before, in the files that decide about them. The server is started with these, and the module fails.
  - Fails, whether a reload is due or not, while a CA of C(ssl_ca_file) has no current CRL and CRLs are in use, because the
    server refuses every client certificate below that CA.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.login
options:
  data_directory:
    description:
      - Data directory of the cluster. The port and the socket of the running server are found there, so that O(login_port)
        and O(login_unix_socket) need not be given.
    type: path
    required: true
  files_changed:
    description:
      - The caller changed files of this server, or would in check mode.
    type: bool
    default: false
  restart:
    description:
      - V(never) only reports RV(pending_restart).
      - V(if_pending) restarts when settings wait for it.
      - V(always) restarts whenever a reload would be due.
    type: str
    choices: [never, if_pending, always]
    default: never
  settings:
    description:
      - Values that the server must use afterwards, by the name of the setting, as M(pgtls.postgresql.pg_conf) takes them;
        V(null) stands for the server's own default. Another value is a failure that says what sets it, such as
        C(postgresql.auto.conf), a file that is included later, or the server's command line.
      - The files are judged before the reload, the running server is asked in a new session after the reload and the restart.
        For C(ssl) a TLS handshake at every address has to agree.
      - With O(restart=never) a setting that waits for a restart is a failure, too.
      - In check mode with O(files_changed) the caller counts as having given them to C(postgresql.conf).
    type: dict
    default: {}
  timeout_seconds:
    description:
      - How long to wait for the server to load its files, or to accept connections after a restart.
    type: int
    default: 60
notes:
  - Without a login the module signals the server's process and can prove only the certificate; a warning says so.
"""

EXAMPLES = r"""
- name: Reload the server for its new certificate and rules
  pgtls.postgresql.pg_reload:
    data_directory: /var/lib/postgresql/15/main
    files_changed: "{{ certificate is changed or rules is changed }}"

- name: Continue only when TLS is on, whatever postgresql.auto.conf says
  pgtls.postgresql.pg_reload:
    data_directory: /var/lib/pgsql/data
    settings:
      ssl: true
      ssl_ca_file: root.crt

- name: Restart where a setting needs it
  pgtls.postgresql.pg_reload:
    data_directory: /var/lib/pgsql/data
    restart: if_pending
"""

RETURN = r"""
reloaded:
  description: Whether the server was told to load its files (in check mode, would be).
  returned: success
  type: bool
restarted:
  description: Whether the server was restarted (in check mode, would be).
  returned: success
  type: bool
reasons:
  description: Why a reload was due.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: V(files_changed), V(file_newer) or V(certificate_not_served).
      type: str
    sentence:
      description: The same for people.
      type: str
pending_restart:
  description: Names of the settings that wait for a restart, because they have another value in the files or were removed from them.
  returned: success
  type: list
  elements: str
  sample: [max_connections]
port:
  description: Port of the running server, which a restart may have changed.
  returned: success
  type: int
socket_directory:
  description: Directory of the Unix socket of the running server.
  returned: success
  type: str
rules_evidence:
  description:
    - What shows that rules and maps are in force after a reload. V(log) means that the server's log reports the reload and
      no refused file. V(views) means that the server found no fault with the files and loaded its settings, but its
      log cannot be read.
    - It is null without a reload, or without a login.
  returned: success
  type: str
  sample: log
listeners:
  description: The certificate served at every address where the server listens, for each name that has its own.
  returned: success
  type: list
  elements: dict
  contains:
    address:
      description: Where the server listens; V(0.0.0.0) and V(::) are asked through the loopback address.
      type: str
    port:
      description: Port of the server.
      type: int
    server_name:
      description:
        - The name that the client asks for (SNI), null for none. Names come from C(pg_hosts.conf) with C(ssl_sni) in
          PostgreSQL 19; its line V(*) is asked by a name that no line has.
      type: str
    fingerprint:
      description: SHA-256 fingerprint of the certificate, null when none is served.
      type: str
served_fingerprint:
  description:
    - SHA-256 fingerprint of the certificate that the server serves at the first address.
    - It is null when TLS is off or the server listens on sockets only.
  returned: success
  type: str
  sample: "0A:1B:2C"
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.applying.reload_steps import ReloadOptions, bring_up_to_date
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.option_specs import LOGIN
from ..module_utils._host.server.database import Login
from ..module_utils._pgconf.errors import ConfigError
from ..module_utils._pgconf.settings.postgresql_conf import read_settings


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **LOGIN,
            "data_directory": {"type": "path", "required": True},
            "files_changed": {"type": "bool", "default": False},
            "restart": {"type": "str", "choices": ["never", "if_pending", "always"], "default": "never"},
            "settings": {"type": "dict", "default": {}},
            "timeout_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params, directory = module.params, module.params["data_directory"]
    with failing_cleanly(module, ConfigError):
        options = ReloadOptions(
            directory,
            Login.of(params),
            params["files_changed"],
            params["restart"],
            read_settings(params),
            params["timeout_seconds"],
            puts_back=True,
        )
        done = bring_up_to_date(writer_of(module), options)
    steps = [f"reload: {reason.sentence}" for reason in done.reasons] + (["restart"] if done.restarted else [])
    after = "".join(f"{line}\n" for line in steps)
    module.exit_json(
        changed=bool(steps),
        diff={"before_header": directory, "after_header": directory, "before": "", "after": after},
        reloaded=bool(done.reasons),
        restarted=done.restarted,
        reasons=[{"code": reason.code, "sentence": reason.sentence} for reason in done.reasons],
        pending_restart=done.pending_restart,
        port=done.cluster.port,
        socket_directory=done.cluster.socket_directory,
        served_fingerprint=done.listeners[0].fingerprint if done.listeners else None,
        listeners=[listener.described() for listener in done.listeners],
        rules_evidence=done.evidence,
    )


if __name__ == "__main__":
    main()
