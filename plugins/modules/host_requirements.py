#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_requirements
short_description: Look for the Python libraries and commands that a host must have, and install the libraries
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Looks for what the other modules need on this host, in the Python that runs them, and says in one sentence for each missing thing what
    the package is called here.
  - With O(install), missing Python libraries are installed as packages of the distribution (apt-get, dnf, zypper, apk or pacman). A Python that
    those do not reach, such as that of a virtual environment, is left alone.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
options:
  python_libraries:
    description:
      - Libraries to look for; V(cryptography) 3.3 or newer, V(psycopg) in version 3 or as psycopg2.
    type: list
    elements: str
    choices: [cryptography, psycopg]
    default: []
  commands:
    description:
      - Programs to look for, by name in C(PATH) or by path.
    type: list
    elements: str
    default: []
  trust_store_style:
    description:
      - Look for the command that fills a system trust store of this style as well; see O(pgtls.postgresql.trust_anchor#module:style).
    type: str
    choices: [auto, debian, el, suse, arch, alpine]
  install:
    description:
      - Install missing Python libraries.
    type: bool
    default: false
  fail_on_missing:
    description:
      - Fail when anything is missing.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Ensure that the modules for servers can run here
  pgtls.postgresql.host_requirements:
    python_libraries: [cryptography, psycopg]
    install: true
"""

RETURN = r"""
missing:
  description: One sentence for each thing that is missing; in check mode without what would be installed.
  returned: success
  type: list
  elements: str
packages:
  description: Packages that were installed (in check mode, would be).
  returned: success
  type: list
  elements: str
python:
  description: The Python that runs the modules of this host.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.errors import ModuleError
from ..module_utils._host.files.writer import read_text
from ..module_utils._host.module_frame import failing_cleanly
from ..module_utils._host.packages import LIBRARIES, MissingLibrary, PackageManager, manager_for, package_of
from ..module_utils._host.requirements import TRIALS, missing_libraries, python_of_host
from ..module_utils._trust.errors import TrustError
from ..module_utils._trust.stores import STYLES, parse_os_release, store_for, store_named


def missing_commands(module: AnsibleModule, os_release: dict[str, str]) -> list[str]:
    """One sentence for each program that is not there."""
    ways = dict.fromkeys(module.params["commands"], "install it, or correct its name")
    style = module.params["trust_store_style"]
    if style is not None:
        store = store_for(os_release) if style == "auto" else store_named(style)
        ways[store.refresh[0]] = "install the package ca-certificates"
    return [
        f"{name!r} is no program of this host; {way}" for name, way in ways.items() if not module.get_bin_path(name)
    ]


def install(module: AnsibleModule, manager: PackageManager, packages: list[str]) -> None:
    """Install packages; where the first try fails, the lists of packages may never have been fetched."""
    command, quiet = [*manager.install, *packages], {"DEBIAN_FRONTEND": "noninteractive"}
    code, output, errors = module.run_command(command, environ_update=quiet)
    if code != 0 and manager.refresh:
        module.run_command(list(manager.refresh), environ_update=quiet)
        code, output, errors = module.run_command(command, environ_update=quiet)
    if code != 0:
        words = "".join((errors.strip() or output.strip()).splitlines()[-1:]) or f"exit status {code}"
        raise ModuleError(
            f"{' '.join(command)} failed ({words}); fix that, or install {' and '.join(packages)} by hand"
        )


def is_still_missing(module: AnsibleModule, missing: MissingLibrary) -> bool:
    """Ask a new process: this one keeps what it could not import."""
    code, _output, _errors = module.run_command([python_of_host().executable, "-c", TRIALS[missing.library]])
    return bool(code != 0)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "python_libraries": {"type": "list", "elements": "str", "choices": list(LIBRARIES), "default": []},
            "commands": {"type": "list", "elements": "str", "default": []},
            "trust_store_style": {"type": "str", "choices": ["auto", *STYLES]},
            "install": {"type": "bool", "default": False},
            "fail_on_missing": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    with failing_cleanly(module, TrustError):
        os_release = parse_os_release(read_text("/etc/os-release") or "")
        python, manager, packages = python_of_host(), manager_for(os_release), []
        missing, programs = missing_libraries(module.params["python_libraries"]), missing_commands(module, os_release)
        if manager is not None and module.params["install"]:
            named = {one: package_of(one.library, manager, python) for one in missing}
            packages = [package for package in named.values() if package]
            if packages and not module.check_mode:
                install(module, manager, packages)
            missing = [
                one for one in missing if not named[one] or (not module.check_mode and is_still_missing(module, one))
            ]
        sentences = [*(one.sentence(manager, python) for one in missing), *programs]
        if sentences and module.params["fail_on_missing"]:
            raise ModuleError(". ".join(sentences))
    module.exit_json(changed=bool(packages), missing=sentences, packages=packages, python=python.executable)


if __name__ == "__main__":
    main()
