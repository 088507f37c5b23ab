# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server whose log nobody can read: only the served certificate tells that a reload did not bring what it should."""

from __future__ import annotations

from pathlib import Path

from module_runner import run_module
from openssl_authority import new_authority


def test_a_certificate_that_the_server_does_not_take_is_no_success(fresh_cluster, tmp_path):
    authority = new_authority(tmp_path / "ca", "Reload CA")

    def install(name):
        pair = authority.issue(name, "server", "DNS:localhost")
        fresh_cluster.write("server.crt", Path(pair.certificate).read_bytes())
        fresh_cluster.write("server.key", Path(pair.key).read_bytes())
        return pair.fingerprint()

    served = install("one")
    fresh_cluster.configure("ssl = on\nlog_destination = 'syslog'\n")
    fresh_cluster.reload()
    settled = run_module("pg_reload", {"data_directory": fresh_cluster.data_directory, "files_changed": True})
    assert (settled["failed"], settled["rules_evidence"]) == (False, "views")
    expected = install("two")
    fresh_cluster.configure("ssl_ciphers = 'NO-SUCH-CIPHER'\n")
    result = run_module("pg_reload", {"data_directory": fresh_cluster.data_directory})
    assert result["failed"] is True
    assert served in result["msg"]
    assert f"not {expected} of ssl_cert_file" in result["msg"]
