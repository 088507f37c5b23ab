#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_service
short_description: Ensure services in libpq's connection service file
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Keeps services in a connection service file such as C(~/.pg_service.conf), so that C(psql service=NAME) is enough.
  - They stand between the lines C(# BEGIN pgtls clients) and C(# END pgtls clients). Manual edits there are overwritten, and every
    other byte stays as it is.
  - A symbolic link in the place of the file is followed only where its owner could have written the target.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
  - pgtls.postgresql.file
options:
  path:
    description:
      - The connection service file. It is created when it is missing and there is a service.
    type: path
    required: true
  services:
    description:
      - All services between the markers, in this order. An empty list removes the markers too.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the service. Without C(]), line breaks and blanks at its ends.
        type: str
        required: true
      parameters:
        description:
          - Connection parameters of libpq by name, such as C(host), C(port), C(dbname), C(user), C(sslmode), C(sslrootcert),
            C(sslcert) and C(sslkey), in the order of the file.
          - Values are strings or numbers without line breaks and without blanks at their ends. C(password) and C(sslpassword) are refused.
        type: dict
        required: true
  state:
    description:
      - V(absent) removes the services between the markers, whatever O(services) says.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Let psql service=shop connect with a verified certificate
  pgtls.postgresql.pg_service:
    path: /home/shop/.pg_service.conf
    owner: shop
    mode: "0644"
    services:
      - name: shop
        parameters:
          host: raxus.swgalaxy
          port: 5432
          dbname: shop
          user: shop
          sslmode: verify-full
          sslrootcert: /home/shop/.postgresql/root.crt
          sslcert: /home/shop/.postgresql/postgresql.crt
          sslkey: /home/shop/.postgresql/postgresql.key
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
services:
  description: Names of the services between the markers after the change.
  returned: success
  type: list
  elements: str
backup_file:
  description: The copy of the old file.
  returned: when O(backup=true) and the content changed
  type: str
"""

from collections.abc import Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.files.writer import (
    DesiredFile,
    ExpectedContent,
    FileAttributes,
    merge_written,
    read_text,
    write_files,
    writing_alone,
)
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.option_specs import FILE
from ..module_utils._pgconf.errors import ConfigError
from ..module_utils._pgconf.settings.service_file import Service, ensure_services, read_services, shadowed_services

BLOCK = "pgtls clients"
SERVICE = {"name": {"type": "str", "required": True}, "parameters": {"type": "dict", "required": True}}
SPEC = {
    **FILE,
    "path": {"type": "path", "required": True},
    "services": {"type": "list", "elements": "dict", "default": [], "options": SERVICE},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def write_services(module: AnsibleModule, services: Sequence[Service]) -> dict[str, Any]:
    """Write the services where something differs, and return the results."""
    params, path = module.params, module.params["path"]
    before = read_text(path)
    after = ensure_services(before or "", services, BLOCK)
    for name in shadowed_services(after, services, BLOCK):
        module.warn(f"{path} has a service {name} before ours, and libpq uses the first one; remove that one")
    if before is None and not services:
        return {"changed": False}
    content = after.encode("utf-8", "surrogateescape")
    wanted = DesiredFile(
        path, content, FileAttributes.of(params), backup=params["backup"], seen=ExpectedContent.text(before)
    )
    written = write_files(writer_of(module), [wanted])
    backup_file = written[0].backup_file
    return {**merge_written(written), **({"backup_file": backup_file} if backup_file else {})}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    with failing_cleanly(module, ConfigError):
        services = read_services(module.params["services"]) if module.params["state"] == "present" else []
        with writing_alone(writer_of(module), module.params["path"]):
            results = write_services(module, services)
    module.exit_json(**results, path=module.params["path"], services=[service.name for service in services])


if __name__ == "__main__":
    main()
