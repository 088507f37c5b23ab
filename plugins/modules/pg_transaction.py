#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_transaction
short_description: Change the files of a PostgreSQL server all together or not at all
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Saves the files of a server before other tasks change them, and afterwards discards the saved files, or restores them and proves
    that the server is as it was.
  - Always covered are C(postgresql.conf), C(pg_hba.conf), C(pg_ident.conf) and, from PostgreSQL 19 on, C(pg_hosts.conf).
    O(files) adds others.
  - What is saved is kept beside each file under a hidden name. A private key is saved as a hard link, so that it is
    never copied; where links are impossible, and for any other file, it is a copy with the same owner and mode. A journal
    (C(pgtls-transaction.json)) records it. It is trusted, so for root it lies below C(/var/lib/pgtls), where root alone
    can write; another user keeps it in the data directory.
  - What is restored is what was saved, by digest and inode, with its owner and mode and never with set-id bits.
  - A killed run leaves its journal. The next one continues from there, and a failure then undoes everything since the
    first start.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.login
options:
  data_directory:
    description:
      - Data directory of the cluster. The port and the socket of the running server are found there.
    type: path
    required: true
  state:
    description:
      - V(begun) saves the covered files. It counts as no change. It is refused for a cluster that belongs to Patroni, so that a run
        ends before it writes anything.
      - V(committed) discards what was saved. It counts as no change.
      - V(undone) restores every file whose content, owner or mode differs, removes those that did not exist, makes the
        server use them (it is started when it ran at the start of the transaction and does not any more; it is reloaded when it loaded files
        since then), and proves it. Without an open transaction it does nothing.
    type: str
    choices: [begun, committed, undone]
    required: true
  files:
    description:
      - Further files to cover, whether they exist or not, such as certificates, keys and CRLs.
    type: list
    elements: path
    default: []
  run_id:
    description:
      - Names the run. Pass what V(begun) returned, so that a run cannot end the transaction of another one.
      - V(begun) generates a new one when it is not given.
    type: str
  takeover_seconds:
    description:
      - How long the transaction of another run may show no sign of life (no covered file changes, no reload) before it counts
        as killed and is taken over. O(state=begun) waits for that, three times as long when the other run keeps working.
    type: int
    default: 60
  restart:
    description:
      - With V(if_pending) O(state=undone) restarts a server that was restarted since the start of the transaction, when settings wait for it or
        the login fails. One that was not restarted still uses what only a restart changes, and keeps running.
    type: str
    choices: [never, if_pending]
    default: never
  cause:
    description:
      - Why O(state=undone) is called. Where it fails as well, its message starts with this, so that the original failure is reported.
    type: str
  timeout_seconds:
    description:
      - How long to wait for the server to load its files, or to accept connections after a start.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Change a server, or roll it back
  block:
    - name: Save the files of the server
      pgtls.postgresql.pg_transaction:
        data_directory: /var/lib/pgsql/data
        state: begun
        files:
          - /var/lib/pgsql/data/server.crt
          - /var/lib/pgsql/data/server.key
      register: transaction

    - name: Change a setting
      pgtls.postgresql.pg_conf:
        path: /var/lib/pgsql/data/postgresql.conf
        settings: {ssl: true}

    - name: Reload the server
      pgtls.postgresql.pg_reload:
        data_directory: /var/lib/pgsql/data

    - name: Commit the transaction
      pgtls.postgresql.pg_transaction:
        data_directory: /var/lib/pgsql/data
        state: committed
        run_id: "{{ transaction.run_id }}"
  rescue:
    - name: Roll the server back
      pgtls.postgresql.pg_transaction:
        data_directory: /var/lib/pgsql/data
        state: undone
        run_id: "{{ transaction.run_id | default(omit) }}"

    - name: Report the original failure
      ansible.builtin.fail:
        msg: "{{ ansible_failed_result.msg }}"
"""

RETURN = r"""
run_id:
  description: The name of this run, to be passed on to V(committed) and V(undone).
  returned: when O(state=begun)
  type: str
resumed:
  description: Whether a killed run left its transaction open, and this one goes on with it.
  returned: when O(state=begun)
  type: bool
covered:
  description: Every file that is covered.
  returned: when O(state=begun)
  type: list
  elements: str
committed:
  description: Whether a transaction was open and its changes are kept (in check mode, would be).
  returned: when O(state=committed)
  type: bool
restored:
  description: Files that were restored, or removed because they had not existed (in check mode, would be).
  returned: when O(state=undone)
  type: list
  elements: str
reloaded:
  description: Whether the server was told to load its files.
  returned: when O(state=undone)
  type: bool
started:
  description: Whether the server had to be started.
  returned: when O(state=undone)
  type: bool
restarted:
  description: Whether the server was restarted.
  returned: when O(state=undone)
  type: bool
pending_restart:
  description: Names of the settings that wait for a restart.
  returned: when O(state=undone)
  type: list
  elements: str
served_fingerprint:
  description: SHA-256 fingerprint of the certificate that the server serves over TCP, null when it serves none.
  returned: when O(state=undone)
  type: str
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.errors import ModuleError
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.option_specs import LOGIN
from ..module_utils._host.server.clusters import find_cluster
from ..module_utils._host.server.database import Login
from ..module_utils._host.server.patroni import refuse_patroni, sign_of_patroni
from ..module_utils._host.server.tls_files import hosts_file
from ..module_utils._host.transaction.journal import UndoOptions, ignored_journal
from ..module_utils._host.transaction.restore_server import read_base, undo
from ..module_utils._host.transaction.snapshot import Transaction, begin, close, covered, find_open

SPEC = {
    **LOGIN,
    "data_directory": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["begun", "committed", "undone"], "required": True},
    "files": {"type": "list", "elements": "path", "default": []},
    "run_id": {"type": "str"},
    "takeover_seconds": {"type": "int", "default": 60},
    "restart": {"type": "str", "choices": ["never", "if_pending"], "default": "never"},
    "cause": {"type": "str"},
    "timeout_seconds": {"type": "int", "default": 60},
}


def find_transaction(module: AnsibleModule) -> Transaction:
    """Return the server's transaction as this task sees it."""
    params = module.params
    cluster = find_cluster(params["data_directory"])
    own = [cluster.config_file, cluster.hba_file, cluster.ident_file, hosts_file(cluster)]
    targets = covered([path for path in (*own, *params["files"]) if path])
    ignored = ignored_journal(cluster)
    if ignored is not None:
        module.warn(
            f"the journal {ignored} is ignored, because users other than root can write there; compare the server's files with "
            "the hidden files *.pgtls-before-* beside them, then remove it"
        )
    return Transaction(writer_of(module), cluster, targets, params["run_id"], params["takeover_seconds"])


def remember(transaction: Transaction, params: Mapping[str, Any]) -> dict[str, Any]:
    """Begin, and return the results."""
    cluster = transaction.cluster
    own_files = (cluster.config_file, cluster.hba_file, cluster.ident_file)
    refuse_patroni(f"the server of {cluster.data_directory}", None, sign_of_patroni(cluster.data_directory, own_files))
    run_id = params["run_id"] or str(uuid4())
    login = Login.of(params).at(cluster.port, cluster.socket_directory)
    journal, resumed = begin(transaction, run_id, lambda: read_base(cluster, login))
    paths = {one.target: one.path for one in journal.files} or transaction.targets
    return {"changed": False, "run_id": run_id, "resumed": resumed, "covered": sorted(paths.values())}


def keep(transaction: Transaction, params: Mapping[str, Any]) -> dict[str, Any]:
    """Commit, and return the results."""
    journal = find_open(transaction)
    if journal is None and params["run_id"] is not None and not transaction.writer.check_mode:
        raise ModuleError(
            f"the transaction {params['run_id']} of {params['data_directory']} is not open any more, so another run ended "
            "it and may have undone what this one changed; run again"
        )
    close(transaction, journal)
    return {"changed": False, "committed": journal is not None}


def put_back(transaction: Transaction, params: Mapping[str, Any]) -> dict[str, Any]:
    """Undo, and return the results."""
    options = UndoOptions(params["restart"] == "if_pending", params["timeout_seconds"])
    try:
        restored, recovered = undo(transaction, Login.of(params), options)
    except ModuleError as error:
        if params["cause"] is None:
            raise
        raise ModuleError(f"{params['cause']} (and that could not be undone: {error})") from error
    changed = bool(restored or recovered.reloaded or recovered.started or recovered.restarted)
    after = "".join(f"{path}: as before the transaction\n" for path in restored)
    header = params["data_directory"]
    diff = {"before_header": header, "after_header": header, "before": "", "after": after}
    return {"changed": changed, "diff": diff, "restored": restored, **asdict(recovered)}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    act = {"begun": remember, "committed": keep, "undone": put_back}[module.params["state"]]
    with failing_cleanly(module):
        results = act(find_transaction(module), module.params)
    module.exit_json(**results)


if __name__ == "__main__":
    main()
