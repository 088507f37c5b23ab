#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: connection_check
short_description: Prove who may connect to PostgreSQL, and who may not
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Makes connections as libpq makes them, and compares the outcome of each with the expected one.
  - An accepted connection brings the server's own evidence from C(pg_stat_ssl) and C(pg_stat_activity).
  - A refusal counts only when it is one, that is when a server (or libpq's check of the server) refused. A server that is down,
    or a client file that is missing, proves nothing.
  - Nothing is read from the environment or from C(~/.postgresql) and C(~/.pgpass). An attempt shows what its conninfo says
    and nothing else.
extends_documentation_fragment:
  - pgtls.postgresql.attributes.info
requirements:
  - psycopg (version 3), or psycopg2 where a host has only that
options:
  attempts:
    description:
      - The connections to try, in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the attempt in the results. Attempts that differ in O(attempts[].server), C(host) or C(sslmode) may share it.
        type: str
        required: true
      server:
        description:
          - Which server the attempt is about. It tells attempts apart, and the table shows it where there are several.
        type: str
      conninfo:
        description:
          - Keywords of libpq and their values, such as C(host), C(hostaddr), C(port), C(user), C(dbname), C(sslmode),
            C(sslrootcert), C(sslcert) and C(sslkey). They are laid over O(defaults); a null or an empty string removes
            a default.
          - With C(ssl_max_protocol_version) set to V(TLSv1) or V(TLSv1.1) only the TLS handshake is tried, with every cipher
            on offer, so that a refusal is the server's and not that of the local library.
        type: dict
        default: {}
      address_of:
        description:
          - Connect to the address of this name (that is, set C(hostaddr)), whatever name the conninfo says as C(host).
            So a server can be reached by a name that no resolver knows.
        type: str
      password:
        description:
          - Password of the role. Ansible hides it wherever it appears in the results.
        type: str
      key_password:
        description:
          - Passphrase of the client's private key.
        type: str
      expect:
        description:
          - The outcome that it must have.
        type: str
        choices: [accepted, refused]
        default: accepted
      reason:
        description:
          - Regular expression that the message of the refusal must match; case does not matter.
        type: str
      claim:
        description:
          - What the attempt proves, in words; it is copied to the results.
        type: str
  defaults:
    description:
      - Keywords of libpq for all attempts.
    type: dict
    default: {}
  parallel:
    description:
      - How many attempts are made at a time. Where they are about several servers, one that does not answer holds up only its own.
      - Each needs a connection of the server, see C(max_connections).
    type: int
    default: 8
  fail_on_difference:
    description:
      - Fail when any attempt ends differently than expected.
    type: bool
    default: true
  report:
    description:
      - File for the results as JSON, on the host where the module runs. A report is a record, not a state, so it never
        counts as a change.
      - It has RV(attempts), RV(seconds), RV(table) and RV(differing), each attempt with the seconds that it took.
    type: path
notes:
  - In check mode no connection is made; every attempt is reported as V(not attempted).
"""

EXAMPLES = r"""
- name: Prove that app1 logs in by certificate, and nobody without
  pgtls.postgresql.connection_check:
    defaults:
      host: raxus.swgalaxy
      port: 5501
      dbname: postgres
      sslmode: verify-full
      sslrootcert: /etc/pki/pgtls/root.crt
    attempts:
      - name: app1 with its certificate
        conninfo:
          user: app1
          sslcert: /etc/pki/pgtls/app1.crt
          sslkey: /etc/pki/pgtls/app1.key
      - name: app1 without a certificate
        conninfo: {user: app1}
        expect: refused
        reason: connection requires a valid client certificate
"""

RETURN = r"""
attempts:
  description: One result for each attempt, in the same order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the attempt.
      type: str
    server:
      description: The server that it is about, as the task named it.
      type: str
    claim:
      description: What it proves.
      type: str
    conninfo:
      description: The keywords that were used, without secrets.
      type: dict
    expect:
      description: What was expected.
      type: str
    outcome:
      description:
        - V(accepted), V(refused), V(unreachable) (no server decided), V(impossible) (the client lacks something),
          or V(not attempted) in check mode.
      type: str
    as_expected:
      description: Whether the outcome is the expected one; null in check mode.
      type: bool
    because:
      description: The same as a sentence.
      type: str
    error:
      description: The message of the refusal, null when accepted.
      type: str
    seconds:
      description: How long it took, with the attempts that were repeated because no word came back; null in check mode.
      type: float
    evidence:
      description: The server's account of an accepted connection; empty otherwise.
      type: dict
      contains:
        tls_version:
          description: TLS version, null without TLS.
          type: str
        cipher:
          description: Cipher suite.
          type: str
        client_dn:
          description: Subject of the client certificate.
          type: str
        role:
          description: Role that is logged in.
          type: str
        database:
          description: Database.
          type: str
        pid:
          description: Process of the session.
          type: int
        client_address:
          description: Address of the client, null on a Unix socket.
          type: str
        application_name:
          description: Name of the application.
          type: str
        backend_start:
          description: When the session started, in UTC.
          type: str
        state:
          description: State of the session.
          type: str
        state_change:
          description: When the state changed last, in UTC.
          type: str
seconds:
  description: How long all attempts together took; null in check mode.
  returned: success
  type: float
table:
  description: The results as lines of text for people; the last one is the summary.
  returned: success
  type: list
  elements: str
differing:
  description: Names of the attempts that ended differently than expected.
  returned: success
  type: list
  elements: str
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.files.writer import DesiredFile, FileAttributes, write_files
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.server.connection_attempts import (
    SECRETS,
    Planned,
    check_parallel,
    plan_attempts,
    try_attempts,
)
from ..module_utils._proof.attempts import NOT_ATTEMPTED, Outcome, check_attempts
from ..module_utils._proof.errors import ProofError
from ..module_utils._proof.results import describe_result, differing_names, explain_difference, rounded, row_of
from ..module_utils._proof.table import render_table

ATTEMPT = {
    "name": {"type": "str", "required": True},
    "server": {"type": "str"},
    "conninfo": {"type": "dict", "default": {}},
    "address_of": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "key_password": {"type": "str", "no_log": True},
    "expect": {"type": "str", "choices": ["accepted", "refused"], "default": "accepted"},
    "reason": {"type": "str"},
    "claim": {"type": "str"},
}


def hide_secrets(module: AnsibleModule) -> None:
    """Keep a password out of the output even where it stands in the wrong place."""
    for conninfo in [module.params["defaults"], *(one["conninfo"] for one in module.params["attempts"])]:
        module.no_log_values.update(str(conninfo[word]) for word in SECRETS if conninfo.get(word))


def make_attempts(module: AnsibleModule, planned: Sequence[Planned]) -> tuple[list[Outcome], float | None]:
    """Return the outcomes and the seconds that they took; check mode makes no connection."""
    if module.check_mode:
        return [Outcome(NOT_ATTEMPTED, "check mode makes no connection")] * len(planned), None
    return try_attempts(planned, module.params["parallel"])


def write_report(module: AnsibleModule, result: Mapping[str, Any]) -> None:
    """Write the JSON file of the results, when one is asked for."""
    if module.params["report"]:
        content = (json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode()
        write_files(writer_of(module), [DesiredFile(module.params["report"], content, FileAttributes(mode="0644"))])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "attempts": {"type": "list", "elements": "dict", "required": True, "options": ATTEMPT},
            "defaults": {"type": "dict", "default": {}},
            "parallel": {"type": "int", "default": 8},
            "fail_on_difference": {"type": "bool", "default": True},
            "report": {"type": "path"},
        },
        supports_check_mode=True,
    )
    hide_secrets(module)
    with failing_cleanly(module, ProofError):
        check_parallel(module.params["parallel"])
        planned = plan_attempts(module.params["attempts"], module.params["defaults"])
        attempts = [one.attempt for one in planned]
        check_attempts(attempts)
        outcomes, seconds = make_attempts(module, planned)
        pairs = list(zip(attempts, outcomes))
        result: dict[str, Any] = {
            "attempts": [describe_result(attempt, outcome) for attempt, outcome in pairs],
            "seconds": rounded(seconds),
            "table": render_table([row_of(attempt, outcome) for attempt, outcome in pairs], seconds),
            "differing": differing_names(pairs),
        }
        write_report(module, result)
    if result["differing"] and module.params["fail_on_difference"]:
        module.fail_json(msg=explain_difference(pairs), changed=False, **result)
    message = f"check mode: {len(attempts)} attempts were not made" if module.check_mode else result["table"][-1]
    module.exit_json(changed=False, msg=message, **result)


if __name__ == "__main__":
    main()
