#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_server
short_description: Bring a PostgreSQL server to its certificate, settings, login roles, maps and rules, or leave it as it was
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Changes a server as a whole. The new content of C(postgresql.conf), C(pg_ident.conf), C(pg_hba.conf) and C(pg_hosts.conf) is worked out and judged
    together, with the maps and the settings of then, before the first file is written.
  - Then it writes in an order that leaves no gap - certificates and settings, a reload or restart that is proven by the certificate
    that the server serves, login roles, maps, rules, a second reload. The server judges each file before it loads it.
  - On the first failure every file goes back, and the server with it. A run that was killed is undone by the next one.
  - A certificate that is due is requested first. The module then returns RV(requests) and changes nothing but private keys; called
    again with O(signed) it does all the rest.
  - Nothing is done to a cluster that belongs to Patroni.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.certificate
  - pgtls.postgresql.guard
  - pgtls.postgresql.login
options:
  data_directory:
    description:
      - Data directory of the cluster. Not needed where a host has one cluster, or O(port) tells which one is meant.
      - Paths in O(certificates) may be relative to it, and files belong to the owner of the cluster unless an entry says otherwise.
    type: path
  port:
    description:
      - Port of the cluster in its configuration, to choose among several.
    type: int
  signed:
    description:
      - What a signer returned for the requests of an earlier call. Empty installs nothing new.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the certificate.
        type: str
        required: true
      host:
        description: The host that requested it. Not read here.
        type: str
      certificate_pem:
        description: The certificate. Empty in check mode, where nothing is signed.
        type: str
      chain_pem:
        description: The certificates of its CA, the root last.
        type: str
      serial_number:
        description: Its serial number. Not read here.
        type: str
      not_after:
        description: When it expires. Not read here.
        type: str
      issuer:
        description: The name of its CA, for the diff of check mode.
        type: str
  signing_pending:
    description:
      - The CA has the requests of an earlier call and has not answered. The module goes on with the certificates that are installed.
        Where one is not, it changes nothing but private keys and returns RV(waiting).
    type: bool
    default: false
  issuer_pem:
    description:
      - The certificates of the CA that signs, the root last. A certificate that another one signed is due.
    type: str
  issuers:
    description:
      - The CAs that sign certificates of some usages alone, where they are others than in O(issuer_pem).
    type: list
    elements: dict
    default: []
    suboptions:
      usages:
        description: The usages that it signs.
        type: list
        elements: str
        choices: [server, client]
        required: true
      chain_pem:
        description: Its certificates, the root last. Empty is not known.
        type: str
  trusted_pem:
    description:
      - The roots to trust, which become the content of O(certificates[].root).
    type: str
  crl_pem:
    description:
      - The CRLs, which become the content of O(certificates[].crl). A certificate that is on one is due.
    type: str
  settings:
    description:
      - Settings of C(postgresql.conf), as O(pgtls.postgresql.pg_conf#module:settings).
    type: dict
    default: {}
  expected_settings:
    description:
      - Settings that the running server must use in the end, though this task does not set them. Those of O(settings) that the access
        rules rely on (C(ssl) and the files and protocol versions of TLS) are expected without being named.
    type: dict
    default: {}
  roles:
    description:
      - Roles that exist and can log in, as O(pgtls.postgresql.login_role#module:name). They are not removed when the task fails.
      - A standby gets its roles from its primary, so there nothing is done for this option, O(replication_roles) and O(nologin_roles).
    type: list
    elements: str
    default: []
  replication_roles:
    description:
      - Roles that exist, can log in, and may begin replication (the attribute C(REPLICATION)), such as that of standbys.
    type: list
    elements: str
    default: []
  nologin_roles:
    description:
      - Roles that may no longer log in. They get NOLOGIN once maps and rules are in force; one that does not exist is left so. A superuser, and
        the role that the task logs in as, keep LOGIN with a warning.
      - Sessions that they have go on.
    type: list
    elements: str
    default: []
  primary_conninfo:
    description:
      - On a standby, parameters of C(primary_conninfo) by their names, such as C(host), C(sslmode) and C(sslcert). V(null) removes one; others that
        the setting has, such as C(application_name), stay.
      - The module logs in to the primary with them as the account of the server, writes them with C(ALTER SYSTEM), reloads, and waits until
        the standby streams again. Otherwise it puts back what was there.
      - A server that is no standby keeps what it has, with a warning.
    type: dict
    default: {}
  mapping_blocks:
    description:
      - Blocks of C(pg_ident.conf).
    type: list
    elements: dict
    default: []
    suboptions:
      block:
        description: Name of the block.
        type: str
        required: true
      mappings:
        description: The mappings in it, as O(pgtls.postgresql.pg_ident#module:mappings).
        type: list
        elements: dict
        required: true
  rule_blocks:
    description:
      - Blocks of C(pg_hba.conf), placed one after another.
    type: list
    elements: dict
    default: []
    suboptions:
      block:
        description: Name of the block.
        type: str
        required: true
      placement:
        description: Where it goes, as O(pgtls.postgresql.pg_hba#module:placement).
        type: str
        choices: [effective, first, last]
        default: effective
      rules:
        description: The rules in it, as O(pgtls.postgresql.pg_hba#module:rules).
        type: list
        elements: dict
        required: true
  host_blocks:
    description:
      - Blocks of C(pg_hosts.conf) of PostgreSQL 19, for names that have certificates of their own. What else is in the file stays, and a line of
        somebody else about one of these names is refused, and so is a line that the server would not take.
      - With an entry in any of them the server must use C(ssl_sni = on), which is one of O(settings), and an older server is refused.
    type: list
    elements: dict
    default: []
    suboptions:
      block:
        description: Name of the block.
        type: str
        required: true
      hosts:
        description: The entries in it, as O(pgtls.postgresql.pg_hosts#module:hosts).
        type: list
        elements: dict
        required: true
  absent:
    description:
      - Certificates that the server shall no longer have. Their files are removed once it uses the new ones, but for those that O(certificates)
        or C(pg_hosts.conf) name.
      - One that is valid and in none of the CRLs of O(crl_pem) draws a warning, because nothing is revoked here.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: How it is called in results and warnings.
        type: str
        required: true
      certificate:
        description: The file of the certificate; like O(absent[].files) it may be relative to the data directory.
        type: path
        required: true
      files:
        description: The other files, as those of the key and the chain.
        type: list
        elements: path
        default: []
  superusers_by_certificate:
    description:
      - Whether a rule that lets the name in a certificate choose any role (method V(cert) for V(all), a group or a regular expression, without
        C(map)) lets in superusers, and whoever may become one with C(SET ROLE).
      - If not, a rule before it rejects those that the server has at the time. A warning names the roles that such a rule opens in any case.
    type: bool
    default: false
  backup:
    description:
      - Keep a copy of each configuration file that changes.
    type: bool
    default: false
  restart:
    description:
      - V(if_pending) restarts the server when settings wait for it. V(never) leaves them waiting, and fails where an expected setting is
        among them.
      - V(always) restarts the server, once, whenever it would load anything.
      - V(later) changes nothing but private keys where a restart would be due, and returns RV(restart_due). So a play can visit many servers at
        once, and then restart them one after another by a second task with V(if_pending) and C(throttle).
    type: str
    choices: [never, if_pending, always, later]
    default: never
  timeout_seconds:
    description:
      - How long to wait for the server to load its files, or to accept connections after a start. Another run on the same server is
        waited for four times as long.
    type: int
    default: 60
notes:
  - A login by the options C(login_*) is needed. The port and the socket are those of the running server unless O(login_host) is given.
  - Passwords in options of rules (C(ldapbindpasswd), C(radiussecrets)) are masked in results, diffs and messages. Ansible itself writes the options
    of a task to the log of the host; C(no_log) on the task prevents that.
seealso:
  - module: pgtls.postgresql.certificate_sign
  - module: pgtls.postgresql.pg_hba
  - module: pgtls.postgresql.pg_ident
  - module: pgtls.postgresql.pg_conf
  - module: pgtls.postgresql.pg_reload
"""

EXAMPLES = r"""
- name: Let one client in by certificate
  pgtls.postgresql.pg_server:
    data_directory: /var/lib/pgsql/data
    certificates: []
    settings: {ssl: true}
    roles: [app1]
    mapping_blocks:
      - block: clients
        mappings:
          - {map: certmap_app1, system_user: PostgreSQL client1, database_user: app1}
    rule_blocks:
      - block: clients
        placement: first
        rules:
          - {type: hostssl, user: app1, address: all, method: cert, options: {map: certmap_app1}}

- name: Request a certificate, or bring everything up to date when none is due
  pgtls.postgresql.pg_server: &server
    data_directory: /var/lib/pgsql/data
    certificates:
      - name: db1
        common_name: PostgreSQL server
        dns_names: [db1.example.com]
        usages: [server]
        private_key: server.key
        certificate: server.crt
        root: rootCA.pem
    settings: {ssl: true, ssl_ca_file: rootCA.pem}
  register: server

- name: Sign it
  pgtls.postgresql.certificate_sign:
    directory: /etc/pgtls/ca
    certificates:
      - {name: db1, common_name: PostgreSQL server, dns_names: [db1.example.com], usages: [server]}
    requests: "{{ server.requests }}"
  delegate_to: ca1
  when: server.requests | length > 0
  register: signed

- name: Install it and prove that the server serves it
  pgtls.postgresql.pg_server:
    <<: *server
    signed: "{{ signed.certificates }}"
  when: server.requests | length > 0
"""

RETURN = r"""
summary:
  description: One sentence about what was done (in check mode, would be), what is installed until when, who gained or lost access, and when the CRLs expire.
  returned: success
  type: str
  sample: "/var/lib/pgsql/data (version 16, port 5432, running): reloaded; certificate db1 installed, serial 3F00, until 2027-11-27T00:00:00Z"
requests:
  description: The requests for certificates that are due, as RV(pgtls.postgresql.certificate_request#module:requests); nothing else was done then.
  returned: success
  type: list
  elements: dict
waiting:
  description: Whether nothing was done because the CA has not answered and a certificate is not there.
  returned: success
  type: bool
certificates:
  description: What is installed, as RV(pgtls.postgresql.certificate_install#module:certificates).
  returned: success
  type: list
  elements: dict
removed:
  description: The certificates of O(absent) that were there, as RV(pgtls.postgresql.certificate_request#module:removed).
  returned: success
  type: list
  elements: dict
keys_made:
  description: The files of private keys that were made.
  returned: success
  type: list
  elements: str
undone:
  description: Whether changes of a run that was killed were undone first (in check mode, would be; the rest of the results is about what is there now).
  returned: success
  type: bool
data_directory:
  description: The data directory.
  returned: success
  type: str
version:
  description: The major version.
  returned: success
  type: int
port:
  description: The port that the server listens on.
  returned: success
  type: int
socket_directory:
  description: The directory of its Unix socket.
  returned: success
  type: str
config_file:
  description: Its C(postgresql.conf).
  returned: success
  type: str
hba_file:
  description: Its C(pg_hba.conf).
  returned: success
  type: str
ident_file:
  description: Its C(pg_ident.conf).
  returned: success
  type: str
overridden:
  description: Settings to which something else gives another value, as RV(pgtls.postgresql.pg_conf#module:overridden).
  returned: success
  type: list
  elements: dict
unreachable_rules:
  description: Rules that can never be met, as RV(pgtls.postgresql.pg_hba#module:unreachable_rules).
  returned: success
  type: list
  elements: dict
access_changes:
  description: Who gains and who loses access, first by rules as RV(pgtls.postgresql.pg_hba#module:access_changes), then by maps.
  returned: success
  type: list
  elements: dict
locked_out:
  description: The guarded connections that the change shuts out. Empty unless O(force=true).
  returned: success
  type: list
  elements: str
reloaded:
  description: Whether the server loaded its files.
  returned: success
  type: bool
reasons:
  description: Why it did, as RV(pgtls.postgresql.pg_reload#module:reasons).
  returned: success
  type: list
  elements: dict
restarted:
  description: Whether the server was restarted.
  returned: success
  type: bool
restart_due:
  description: Whether another call must restart the server, because O(restart=later).
  returned: success
  type: bool
restart_settings:
  description: Settings that this task changed and that only a restart puts to use.
  returned: success
  type: list
  elements: str
pending_restart:
  description: Settings that wait for a restart in the end.
  returned: success
  type: list
  elements: str
roles_created:
  description: Roles that were created.
  returned: success
  type: list
  elements: str
roles_altered:
  description: Roles that were allowed to log in, or to begin replication.
  returned: success
  type: list
  elements: str
roles_locked:
  description: Roles that may no longer log in.
  returned: success
  type: list
  elements: str
backup_files:
  description: The copies of old files.
  returned: success
  type: list
  elements: str
served_fingerprint:
  description: SHA-256 of the certificate that the server serves, null where it serves none.
  returned: success
  type: str
listeners:
  description: What is served where, as RV(pgtls.postgresql.pg_reload#module:listeners).
  returned: success
  type: list
  elements: dict
rules_evidence:
  description: What proves that maps and rules are in force, as RV(pgtls.postgresql.pg_reload#module:rules_evidence).
  returned: success
  type: str
"""

from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._host.applying.server_run import run_server
from ..module_utils._host.certificates.options import ABSENT, CERTIFICATE, ISSUER, SIGNED
from ..module_utils._host.editing.entry_specs import HOSTS, MAPPINGS, RULES
from ..module_utils._host.editing.guard_options import GUARD
from ..module_utils._host.errors import ModuleError
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.option_specs import LOGIN
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._pgconf.errors import ConfigError
from ..module_utils._pki.errors import PkiError

ENTRIES = {"type": "list", "elements": "dict", "required": True}
NAME = {"type": "str", "required": True}
PLACEMENT = {"type": "str", "choices": ["effective", "first", "last"], "default": "effective"}
MAPPING_BLOCK = {"block": NAME, "mappings": ENTRIES}
HOST_BLOCK = {"block": NAME, "hosts": ENTRIES}
RULE_BLOCK = {"block": NAME, "placement": PLACEMENT, "rules": ENTRIES}
SPEC = {
    **LOGIN,
    **GUARD,
    **CERTIFICATE,
    "data_directory": {"type": "path"},
    "port": {"type": "int"},
    "signed": {"type": "list", "elements": "dict", "default": [], "options": SIGNED},
    "signing_pending": {"type": "bool", "default": False},
    "issuer_pem": {"type": "str"},
    "issuers": {"type": "list", "elements": "dict", "default": [], "options": ISSUER},
    "trusted_pem": {"type": "str"},
    "crl_pem": {"type": "str"},
    "settings": {"type": "dict", "default": {}},
    "expected_settings": {"type": "dict", "default": {}},
    "roles": {"type": "list", "elements": "str", "default": []},
    "replication_roles": {"type": "list", "elements": "str", "default": []},
    "primary_conninfo": {"type": "dict", "default": {}},
    "nologin_roles": {"type": "list", "elements": "str", "default": []},
    "mapping_blocks": {"type": "list", "elements": "dict", "default": [], "options": MAPPING_BLOCK},
    "rule_blocks": {"type": "list", "elements": "dict", "default": [], "options": RULE_BLOCK},
    "host_blocks": {"type": "list", "elements": "dict", "default": [], "options": HOST_BLOCK},
    "absent": {"type": "list", "elements": "dict", "default": [], "options": ABSENT},
    "superusers_by_certificate": {"type": "bool", "default": False},
    "backup": {"type": "bool", "default": False},
    "restart": {"type": "str", "choices": ["never", "if_pending", "always", "later"], "default": "never"},
    "timeout_seconds": {"type": "int", "default": 60},
}


def filled(params: dict[str, Any], blocks: str, noun: str, spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Check the entries of all blocks by the spec that the editors have, and fill in its defaults."""
    found = []
    for block in params[blocks]:
        result = ArgumentSpecValidator({noun: spec}).validate({noun: block[noun]})
        if result.error_messages:
            raise ModuleError(f"{blocks}: block {block['block']}: {result.error_messages[0]}")
        found.append({**block, **result.validated_parameters})
    return found


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    with failing_cleanly(module, ConfigError, PkiError):
        require_cryptography()
        params = {
            **module.params,
            "rule_blocks": filled(module.params, "rule_blocks", "rules", RULES),
            "mapping_blocks": filled(module.params, "mapping_blocks", "mappings", MAPPINGS),
            "host_blocks": filled(module.params, "host_blocks", "hosts", HOSTS),
        }
        results = run_server(writer_of(module), params, datetime.now(timezone.utc))
    module.exit_json(**results)


if __name__ == "__main__":
    main()
