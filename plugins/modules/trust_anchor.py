#!/usr/bin/python
# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: trust_anchor
short_description: Add or remove a CA certificate in the system trust store
version_added: "0.1.0"
author:
  - the pgtls.postgresql authors (@pgtls)
description:
  - Puts a CA certificate where the distribution keeps the administrator's anchors, and runs the distribution's command that merges
    them into the bundle that programs read. The command runs only when something changed, or when the bundle lacks the anchor.
  - Then it proves that the bundle holds the very same certificate, or, for O(state=absent), that it does not.
  - The hooks of Debian's command, such as the one that fills the keystore of Java, are told what goes; the command tells them only what comes.
extends_documentation_fragment:
  - pgtls.postgresql.attributes
options:
  name:
    description:
      - Name of the anchor, a plain file name without a suffix.
    type: str
    required: true
  certificate_pem:
    description:
      - The CA certificate in PEM. A private key beside it is refused.
      - Exactly one of O(certificate_pem) and O(src) is needed for O(state=present).
      - In check mode an empty string stands for a CA that an earlier task would have made; a change is predicted.
    type: str
  src:
    description:
      - Path of a file on the host that holds the CA certificate in PEM.
    type: path
  state:
    description:
      - Whether the operating system trusts the certificate.
      - To remove an anchor its O(name) is enough.
    type: str
    choices: [present, absent]
    default: present
  style:
    description:
      - Whose layout and command the host has. V(auto) takes it from C(/etc/os-release).
    type: str
    choices: [auto, debian, el, suse, arch, alpine]
    default: auto
  mode:
    description:
      - Permissions of the anchor file, an octal number.
    type: raw
    default: "0644"
"""

EXAMPLES = r"""
- name: Add a CA to the system trust store
  pgtls.postgresql.trust_anchor:
    name: swgalaxy-root-ca
    src: /etc/pgtls/ca/ca.crt

- name: Remove it
  pgtls.postgresql.trust_anchor:
    name: swgalaxy-root-ca
    state: absent
"""

RETURN = r"""
path:
  description: The anchor file.
  returned: success
  type: str
  sample: /usr/local/share/ca-certificates/swgalaxy-root-ca.crt
bundle:
  description: The merged file that programs read.
  returned: success
  type: str
  sample: /etc/ssl/certs/ca-certificates.crt
style:
  description: Whose layout the host has.
  returned: success
  type: str
  sample: debian
verified:
  description:
    - Whether the bundle was found to be as requested.
    - False in check mode when it would only be so afterwards, and when an anchor to remove is not known at all.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._host.errors import ModuleError
from ..module_utils._host.files.reading import read_bytes
from ..module_utils._host.files.writer import DesiredFile, FileAttributes, merge_written, read_text, write_files
from ..module_utils._host.module_frame import failing_cleanly, writer_of
from ..module_utils._host.requirements import require_cryptography
from ..module_utils._host.trust_hooks import is_behind, tell_removal
from ..module_utils._pki.certificates import load_certificates
from ..module_utils._pki.errors import PkiError
from ..module_utils._pki.profiles import is_authority
from ..module_utils._trust.anchors import holds, parse_anchor, render_anchor
from ..module_utils._trust.errors import TrustError
from ..module_utils._trust.stores import STYLES, Store, parse_os_release, store_for, store_named


def read_store(style: str) -> Store:
    if style != "auto":
        return store_named(style)
    return store_for(parse_os_release(read_text("/etc/os-release") or ""))


def read_anchor(module: AnsibleModule, path: str) -> bytes | None:
    """The DER that is meant: the one given, else (to take it away) the one in place, else None."""
    params = module.params
    # an empty one names nothing that could be taken away
    if params["certificate_pem"] or (params["certificate_pem"] is not None and params["state"] == "present"):
        pem, origin = params["certificate_pem"].encode(), "certificate_pem"
    else:
        origin = params["src"] or path
        pem = read_bytes(origin)
        if pem is None and params["src"]:
            raise ModuleError(f"src {origin} does not exist on this host; name the file of the CA certificate")
    if not pem and (module.check_mode or params["state"] == "absent"):
        return None
    der = parse_anchor(pem, origin)
    if params["state"] == "present":
        require_cryptography()
        if not is_authority(load_certificates(render_anchor(der), origin, any_key=True)[0]):
            raise ModuleError(
                f"the certificate in {origin} is not a CA's; give the certificate of the CA that signed it"
            )
    return der


def refresh(module: AnsibleModule, store: Store, der: bytes | None, wished: bool) -> None:
    """Run the distribution's command, then look into what it made."""
    if store.hooks and not wished:
        tell_removal(store.hooks, store.link_of(module.params["name"]))
    code, _out, errors = module.run_command(command := list(store.refresh if wished else store.fresh))
    if code != 0:
        raise ModuleError(
            f"{' '.join(command)} failed: {errors.strip() or f'exit status {code}'}; fix that and run again"
        )
    if der is not None and holds(read_bytes(store.bundle) or b"", der) != wished:
        problem = "does not hold the anchor" if wished else "still holds the certificate from another source"
        raise ModuleError(
            f"{store.bundle} {problem} after {command[0]}; look for what else fills the store of this host"
        )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "certificate_pem": {"type": "str"},
            "src": {"type": "path"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "style": {"type": "str", "choices": ["auto", *STYLES], "default": "auto"},
            "mode": {"type": "raw", "default": "0644"},
        },
        mutually_exclusive=[("certificate_pem", "src")],
        required_if=[("state", "present", ("certificate_pem", "src"), True)],
        supports_check_mode=True,
    )
    wished = module.params["state"] == "present"
    with failing_cleanly(module, TrustError, PkiError):
        store = read_store(module.params["style"])
        path = store.anchor_path(module.params["name"])
        der = read_anchor(module, path)
        if module.get_bin_path(store.refresh[0]) is None:
            raise ModuleError(f"{store.refresh[0]} is not installed; install the package ca-certificates of this host")
        content = render_anchor(der or b"") if wished else None
        shown = (None, "(a CA that does not exist yet)\n") if wished and der is None else None
        mode = FileAttributes(mode=module.params["mode"] if wished else None)
        result = merge_written(write_files(writer_of(module), [DesiredFile(path, content, mode, shown=shown)]))
        verified = der is not None and holds(read_bytes(store.bundle) or b"", der) == wished
        if (result["changed"] or not verified) if der else not wished and is_behind(store.bundle, store.anchors):
            result["changed"] = True
            if not module.check_mode:
                refresh(module, store, der, wished)
                verified = der is not None
    module.exit_json(path=path, bundle=store.bundle, style=store.style, verified=verified, **result)


if __name__ == "__main__":
    main()
