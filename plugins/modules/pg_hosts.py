#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_hosts
short_description: Add and remove certificates for host names in pg_hosts.conf
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Adds a list of host names with their certificates to C(pg_hosts.conf) of PostgreSQL 19, or removes them, and leaves every other byte
    of the file as it is.
  - A server with C(ssl_sni = on) shows the certificate of the line that lists the name the client asks for. A name is in one line only,
    so a listed entry takes over every line, outside of other blocks, whose names all belong to it.
  - PostgreSQL has no view for this file, so the collection's own parser is the judge. The module does not reload the server; see
    M(pgtls.postgresql.pg_reload). A server that finds an error at a reload, also in a certificate or a key, keeps what it had and says so in
    its log only; at startup it exits.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.editor
  - pgtls.postgresql.file
options:
  server_version:
    description:
      - Major version of the server that reads the file. Versions before V(19) have no such file and are refused.
      - The default is the newest that the collection knows.
  validate:
    description:
      - V(syntax), which is the default, checks with the collection's own parser.
      - V(server) is refused, because PostgreSQL has no view for this file.
  hosts:
    description:
      - The host names and their certificates.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description:
          - The names for which the certificate is shown. Case is ignored, and there are no wildcards.
          - V(*) stands for every name that has no line, and for clients that send no name; V(/no_sni/) for the latter only. Neither can stand
            in a list with other names.
        type: list
        elements: str
        required: true
      cert:
        description:
          - File of the certificate, leaf first. A relative path starts in the data directory, as for all files here.
          - Needed unless the entry is to be absent.
        type: str
      key:
        description:
          - File of the private key. Needed unless the entry is to be absent.
        type: str
      ca:
        description:
          - File of the certificate authorities whose client certificates are accepted.
          - Not given, no client certificate is asked for under these names, even if C(ssl_ca_file) is set, and rules that need one fail.
        type: str
      passphrase_command:
        description:
          - Command that prints the passphrase of the key. It appears in the file and in the diff as it is, so it should fetch the passphrase
            and not contain it.
        type: str
      passphrase_reload:
        description:
          - Whether O(hosts[].passphrase_command) is run at a reload too.
        type: bool
        default: false
      comment:
        description:
          - Trailing comment on the entry's line. Not given, an existing comment stays.
        type: str
      state:
        description:
          - V(absent) removes every line with exactly these names. A name that shares its line with others is not removed from it but refused.
        type: str
        choices: [present, absent]
        default: present
  exclusive:
    description:
      - The file holds just the listed entries. Comments and blank lines stay.
    type: bool
    default: false
  block:
    description:
      - Keep the entries between two marker comments with this name. Exactly the listed entries are there; one that leaves the list leaves
        the file, and manual edits between the markers are overwritten. An empty list removes the block.
    type: str
notes:
  - The server reads the file while C(ssl_sni) is on; a file with one entry or more replaces C(ssl_cert_file), C(ssl_key_file) and
    C(ssl_ca_file) altogether.
  - libpq sends no name when it connects to an IP address. Without an entry for V(*) or V(/no_sni/) such connections fail.
  - Lines that include other files, and words that start with V(@), are kept; the files that they name are not read.
seealso:
  - module: pgtls.postgresql.pg_conf
  - module: pgtls.postgresql.pg_reload
"""

EXAMPLES = r"""
- name: Show each of two names its own certificate, and everybody else the certificate of the machine
  pgtls.postgresql.pg_hosts:
    path: /var/lib/pgsql/19/data/pg_hosts.conf
    hosts:
      - {host: raxus.swgalaxy, cert: raxus.crt, key: raxus.key, ca: root.crt}
      - {host: [mobus.swgalaxy, pgsql.swgalaxy], cert: mobus.crt, key: mobus.key, ca: root.crt}
      - {host: '*', cert: server.crt, key: server.key, ca: root.crt}

- name: Let the server use the file
  pgtls.postgresql.pg_conf:
    path: /var/lib/pgsql/19/data/postgresql.conf
    settings: {ssl_sni: true}

- name: Remove a name
  pgtls.postgresql.pg_hosts:
    path: /var/lib/pgsql/19/data/pg_hosts.conf
    hosts:
      - {host: raxus.swgalaxy, state: absent}
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
backup_file:
  description: The copy of the old file.
  returned: when O(backup=true) and the content changed
  type: str
hosts:
  description: All entries of the file after the change, in their order, in the words of the options, each with the line it starts on.
  returned: success
  type: list
  elements: dict
  sample:
    - {line: 4, host: [raxus.swgalaxy], cert: raxus.crt, key: raxus.key, ca: root.crt, passphrase_command: null, passphrase_reload: false, comment: null}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.editing.entry_specs import HOSTS
from ..module_utils._host.editing.server_validation import Edit, read_original, write_validated
from ..module_utils._host.files.writer import writing_alone
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.option_specs import EDITOR, FILE
from ..module_utils._host.raw_bytes import recall_bytes
from ..module_utils._host.server.other_writers import refuse_overwritten
from ..module_utils._host.server.patroni import refuse_patroni, sign_beside
from ..module_utils._pgconf.errors import ConfigError
from ..module_utils._pgconf.maps.hosts import (
    check_judge,
    describe_doubts,
    describe_hosts,
    ensure_hosts,
    known_version,
    parse_hosts,
    read_wishes,
)

SPEC = {
    **EDITOR,
    **FILE,
    "hosts": HOSTS,
    "exclusive": {"type": "bool", "default": False},
    "block": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params, writer = module.params, writer_of(module)
    edit = Edit.of(params)
    with failing_cleanly(module, ConfigError), writing_alone(writer, edit.path):
        check_judge(params["validate"])
        refuse_patroni(params["path"], None, sign_beside(params["path"]))
        refuse_overwritten(params["path"])
        version = known_version(params["server_version"])
        text = read_original(edit)
        before = parse_hosts(text or "", version)
        params = recall_bytes(params, module.warn, lambda: describe_hosts(before), "hosts")
        after = ensure_hosts(before, read_wishes(params, version))
        report = write_validated(writer, edit, None, text, after.render())
        for doubt in describe_doubts(after):
            module.warn(doubt)
    module.exit_json(**report, hosts=describe_hosts(after))


if __name__ == "__main__":
    main()
