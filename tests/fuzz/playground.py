# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory with all that modules need to get beyond their options, copied for each call, and calls that succeed in it."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clusters import Cluster
from inventory import entries_of
from module_runner import run_module
from openssl_judge import openssl

HERE = "{here}"
MIB = 1 << 20
OLD = "[req]\nstring_mask=default\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n[v3]\nbasicConstraints=critical,CA:TRUE\n"
# Certificates as other programs make them: name, subject, and how.
ODD: list[tuple[Any, ...]] = [
    ("plain", "/CN=plain"),
    ("old", "/O=Zürichsee Labor/CN=Alte CA"),
    ("names", "/CN=odd", "-newkey", "rsa:2048", "-addext", "subjectAltName=DER:0500"),
    ("limits", "/CN=odd", "-newkey", "rsa:2048", "-addext", "nameConstraints=critical,DER:300aa0083006870401020300"),
    ("purposes", "/CN=odd", "-newkey", "rsa:2048", "-addext", "extendedKeyUsage=DER:0500"),
    ("pss", "/CN=pss", "-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"),
    ("curve", "/CN=curve", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp112r1"),
    ("ed448", "/CN=ed448", "-newkey", "ed448"),
    ("weak", "/CN=weak", "-newkey", "rsa:1024", "-md5"),
    ("serial", "/CN=serial", "-newkey", "rsa:2048", "-set_serial", "-5"),
    ("late", "/CN=late", "-newkey", "rsa:2048", "-days", "2900000"),
]


class Playground:
    """The template of the directory; ``paths`` and ``pems`` are what careless people name there."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.template, self.cluster, self.count = folder / "template", cluster, 0
        self.template.mkdir()
        self._make_authority()
        self._make_files()
        self._offer_tls()
        names = [
            "directory",
            "dangling",
            "loop",
            "pipe",
            "file/under",
            "missing/deep/x",
            "binary",
            "empty",
            "huge",
            "b\udcffd",
        ]
        names += [
            "kite.key",
            "kite.crt",
            *(f"{name}.crt" for name, *_how in ODD),
            "rules",
            "ca/ca.key",
            "ca",
            "a b'c\"d",
            "directory/",
            "./empty",
        ]
        self.paths = ["relative", *(f"{HERE}/{name}" for name in names)]

    def _item(self, **more: Any) -> dict[str, Any]:
        places = {"private_key": "kite.key", "certificate": "kite.crt", "root": "root.crt"}
        return {
            "name": "kite",
            "common_name": "kite",
            "usages": ["client"],
            **{option: f"{HERE}/{name}" for option, name in places.items()},
            **more,
        }

    def _make_authority(self) -> None:
        self._run("ca", {"directory": f"{HERE}/ca", "common_name": "Any", "crl": True})
        self.root_pem = (self.template / "ca/ca.crt").read_text()
        self.crl_pem = (self.template / "ca/ca.crl").read_text()
        self.requests = self._run("certificate_request", {"certificates": [self._item()]})["requests"]
        self.entries = entries_of([self._item()])
        asked = {"certificates": self.entries, "requests": self.requests}
        self.signed = self._run("certificate_sign", {"directory": f"{HERE}/ca", **asked})["certificates"]
        self._run("certificate_install", {"certificates": [self._item()], "signed": self.signed})

    def _make_files(self) -> None:
        place, config = self.template, self.template / "old.cnf"
        config.write_text(OLD)
        made = ["req", "-x509", "-days", "900", "-utf8", "-nodes", "-config", config]
        for name, subject, *how in ODD:
            files = ["-keyout", place / f"{name}.key", "-out", place / f"{name}.crt"]
            openssl(*made, *files, "-subj", subject, *(how or ["-newkey", "rsa:2048"]))
        (place / "directory").mkdir()
        (place / "dangling").symlink_to("nowhere")
        (place / "loop").symlink_to("loop")
        (place / "file").write_text("x")
        (place / "binary").write_bytes(bytes(range(256)) * 8)
        (place / "empty").touch()
        (place / "rules").write_text("local all all peer\nhost all all 127.0.0.1/32 scram-sha-256\n")
        (place / "maps").write_text("m /^(.*)@x$ \\1\n")
        (place / "settings").write_text("port = 5432\nwork_mem = '4MB'\n")
        key, damaged = (place / "kite.key").read_text(), self.root_pem.replace("\n", "\nA", 3)
        self.pems = [
            *((place / f"{name}.crt").read_text() for name, *_how in ODD),
            key,
            self.root_pem * 2,
            damaged,
            self.root_pem[:200],
            self.crl_pem,
            self.requests[0]["csr_pem"],
        ]
        self.pems += [
            self.root_pem + key,
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            f"x\x00{self.root_pem}",
        ]

    def _offer_tls(self) -> None:
        for name in ("plain.key", "plain.crt"):
            self.cluster.write(name, (self.template / name).read_text())
        self.cluster.configure("ssl = on\nssl_cert_file = 'plain.crt'\nssl_key_file = 'plain.key'\n")
        self.cluster.reload()

    def _run(self, module: str, args: dict[str, Any]) -> dict[str, Any]:
        done = run_module(module, placed(args, self.template))
        assert not done["failed"], done["msg"]
        return done

    def place(self) -> Path:
        """A fresh copy."""
        self.count += 1
        made = self.template.parent / f"call-{self.count}"
        shutil.copytree(self.template, made, symlinks=True)
        os.mkfifo(made / "pipe")
        with open(made / "huge", "wb") as stream:
            stream.truncate(17 * MIB)
        return made

    def calls(self, module: str) -> list[dict[str, Any]]:
        """Calls of a module that succeed, so that one wrong value is all that is wrong; underscores are for ansible."""
        item, asked = self._item(), {"certificates": self.entries, "requests": self.requests}
        login = {**self.cluster.login, "data_directory": self.cluster.data_directory, "_ansible_check_mode": True}
        signed_item = {
            **item,
            "certificate": f"{HERE}/new.crt",
            "fullchain": f"{HERE}/full.crt",
            "crl": f"{HERE}/crl.pem",
        }
        stores = {"pkcs12": f"{HERE}/k.p12", "pkcs12_passphrase": "wet rope 42", "pkcs8_der": f"{HERE}/k.pk8"}
        trust = {"trusted_pem": self.root_pem, "crl_pem": self.crl_pem, "issuer_pem": self.root_pem}
        issuers = {"issuers": [{"usages": ["client"], "chain_pem": self.root_pem}]}
        files = {"trusted_files": [{"path": f"{HERE}/trusted.crt"}]}
        editor, info = {"validate": "syntax", "server_version": 17}, {"server_version": 17}
        tcp = {"host": "127.0.0.1", "port": self.cluster.port}
        attempt = {**tcp, "user": "nobody", "dbname": "postgres", "sslmode": "disable", "connect_timeout": "2"}
        ca = {"directory": f"{HERE}/made", "common_name": "New", "subject": {"O": "Lab"}, "passphrase": "wet rope 42"}
        adopt = {"certificate": f"{HERE}/ca/ca.crt", "private_key": f"{HERE}/ca/ca.key"}
        connection = {"type": "local", "database": "postgres", "user": "postgres"}
        rule = {"type": "hostssl", "user": ["kite"], "address": "10.0.0.0/8", "method": "cert", "options": {"map": "m"}}
        mapping = {"map": "m", "system_user": "kite", "database_user": "kite"}
        table: dict[str, list[dict[str, Any]]] = {
            "ca": [
                {**ca, "intermediates": [{"name": "below", "common_name": "Below"}], "crl": True},
                {"directory": f"{HERE}/taken", "adopt": adopt},
                {"directory": f"{HERE}/lower", "common_name": "Lower", "parent": f"{HERE}/ca"},
            ],
            "ca_rollover": [{"directory": f"{HERE}/ca", "generation": 2, "phase": "introduce"}],
            "certificate_command": [{**asked, "command": ["cat", f"{HERE}/kite.crt"], "chain_pem": self.root_pem}],
            "certificate_exchange": [
                {**asked, "directory": f"{HERE}/exchange", "host": "h", "issuer_pem": self.root_pem}
            ],
            "certificate_info": [
                {"path": f"{HERE}/kite.crt", "private_key": f"{HERE}/kite.key"},
                {"content": self.root_pem},
                {**tcp, "timeout_seconds": 1},
            ],
            "certificate_install": [
                {"certificates": [item], "signed": self.signed},
                {"certificates": [{**signed_item, **stores}], "signed": self.signed, **files, **trust_of(trust)},
            ],
            "certificate_reload": [
                {
                    "directory": f"{HERE}/ca",
                    "uses": [
                        {
                            "name": "kite",
                            "certificate": f"{HERE}/kite.crt",
                            "files": [f"{HERE}/kite.key"],
                            "services": ["kite"],
                            "commands": [{"argv": ["true"], "user": "root"}],
                        }
                    ],
                    "_ansible_check_mode": True,
                }
            ],
            "certificate_request": [
                {"certificates": [item]},
                {
                    "certificates": [{**signed_item, **stores}],
                    **trust,
                    **files,
                    **issuers,
                    "directories": [{"path": f"{HERE}/d"}],
                },
            ],
            "certificate_revoke": [{"directory": f"{HERE}/ca", "revocations": [{"name": "kite"}]}],
            "certificate_sign": [{"directory": f"{HERE}/ca", **asked}],
            "connection_check": [{"attempts": [{"name": "one", "conninfo": attempt, "expect": "refused"}]}],
            "host_requirements": [
                {"python_libraries": ["cryptography"], "commands": ["sh"], "_ansible_check_mode": True}
            ],
            "login_role": [{**{k: v for k, v in login.items() if k != "data_directory"}, "name": ["kite"]}],
            "pg_cluster_info": [{"data_directory": self.cluster.data_directory}],
            "pg_conf": [{"path": f"{HERE}/settings", "settings": {"work_mem": "8MB"}, **editor}],
            "pg_conf_info": [{"path": f"{HERE}/settings", **info}],
            "pg_hba": [
                {"path": f"{HERE}/rules", "rules": [rule], "block": "b", "guard": [connection], **editor},
                {"path": f"{HERE}/rules", "rules": [rule], "before": {"type": "local"}, **editor},
                {"path": f"{HERE}/rules", "rules": [rule], "after": {"type": "local"}, **editor},
            ],
            "pg_hba_info": [
                {
                    "path": f"{HERE}/rules",
                    "ident_path": f"{HERE}/maps",
                    "explain": [{"user": "kite", "address": "10.0.0.1", "tls": True}],
                    **info,
                }
            ],
            "pg_hosts": [
                {"path": f"{HERE}/hosts", "create": True, "hosts": [{"host": "a.b", "cert": "c", "key": "k"}]}
            ],
            "pg_ident": [
                {"path": f"{HERE}/maps", "mappings": [mapping], "block": "b", "guard": [connection], **editor}
            ],
            "pg_ident_info": [{"path": f"{HERE}/maps", **info}],
            "pg_reload": [{**login, "settings": {"work_mem": "4MB"}}],
            "pg_server": [
                {
                    **login,
                    "certificates": [{**item, "usages": ["server"], "dns_names": ["a.b"], "owner": self.cluster.owner}],
                    **trust,
                    "settings": {"ssl": "on"},
                    "signing_pending": True,
                    "signed": [{"name": "kite"}],
                    "issuers": [{"usages": ["server"]}],
                },
                {
                    **login,
                    "certificates": [],
                    "settings": {"work_mem": "8MB"},
                    "roles": ["kite"],
                    "guard": [connection],
                    "mapping_blocks": [{"block": "b", "mappings": [mapping]}],
                    "rule_blocks": [
                        {"block": "b", "rules": [{**rule, "type": "host", "method": "scram-sha-256", "options": {}}]}
                    ],
                },
            ],
            "pg_service": [{"path": f"{HERE}/services", "services": [{"name": "shop", "parameters": {"host": "a.b"}}]}],
            "trust_anchor": [
                {"name": "kite", "certificate_pem": self.root_pem, "_ansible_check_mode": True},
                {"name": "kite", "src": f"{HERE}/ca/ca.crt", "_ansible_check_mode": True},
            ],
        }
        return copy.deepcopy(table[module])


def trust_of(trust: Mapping[str, Any]) -> dict[str, Any]:
    return {option: value for option, value in trust.items() if option != "issuer_pem"}


def placed(value: Any, folder: Path) -> Any:
    """A call with the paths of one copy."""
    if isinstance(value, dict):
        return {name: placed(each, folder) for name, each in value.items()}
    if isinstance(value, list):
        return [placed(each, folder) for each in value]
    return value.replace(HERE, str(folder)) if isinstance(value, str) else value
