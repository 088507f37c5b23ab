# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that ended in tracebacks once, each an example of its kind; tests/fuzz looks for more."""

from __future__ import annotations

import pytest
from module_runner import run_module
from openssl_judge import openssl

ITEM = {
    "name": "kite",
    "common_name": "kite",
    "usages": ["client"],
    "private_key": "kite.key",
    "certificate": "kite.crt",
}


def latin_1(folder):
    """A CA whose subject has letters of Latin-1 in a T61String."""
    settings = "[req]\nstring_mask=default\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n[v3]\nbasicConstraints=critical,CA:TRUE\n"
    (folder / "cnf").write_text(settings)
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null"]
    return openssl(*made, "-config", folder / "cnf", "-utf8", "-subj", "/O=Zürichsee/CN=Alte CA")


@pytest.mark.parametrize(
    ("module", "options", "said"),
    [
        (
            "certificate_request",
            {"certificates": [{**ITEM, "private_key": "a\0b"}]},
            "certificates.private_key holds a NUL character",
        ),
        (
            "certificate_request",
            {"certificates": [{**ITEM, "subject": {"O": ["\0"]}}]},
            "certificates.subject holds a NUL character",
        ),
        (
            "certificate_request",
            {"certificates": [{**ITEM, "mode": {}}]},
            "certificates.mode is {}, but must be an octal number",
        ),
        (
            "certificate_request",
            {"certificates": [{**ITEM, "renew_before_days": 10**30}]},
            "certificates.renew_before_days is 1000",
        ),
        (
            "certificate_request",
            {"certificates": [{**ITEM, "renew_before_days": 2**31 - 1}]},
            "must be between -1000000 and 1000000",
        ),
        ("ca", {"directory": "ca", "common_name": "Any", "path_length": 10**30}, "path_length is 1000"),
        (
            "certificate_command",
            {"certificates": [], "requests": [], "command": ["x"], "timeout_seconds": 2**31 - 1},
            "timeout_seconds is",
        ),
        ("certificate_info", {"host": ".", "timeout_seconds": 1}, "correct host, port or server_name"),
        (
            "certificate_info",
            {"host": "127.0.0.1", "timeout_seconds": -1},
            "timeout_seconds is -1, but it must be at least 1",
        ),
    ],
)
def test_a_value_that_nothing_can_use_is_one_sentence(tmp_path, monkeypatch, module, options, said):
    monkeypatch.chdir(tmp_path)
    done = run_module(module, options, no_log=True)
    assert done["failed"] and said in done["msg"] and "\n" not in done["msg"], done["msg"]
    assert not (tmp_path / "kite.key").exists() and not (tmp_path / "ca").exists()


def test_a_certificate_with_letters_of_latin_1_is_one_sentence_where_it_cannot_be_read(tmp_path, monkeypatch):
    """Older versions of cryptography read it."""
    monkeypatch.chdir(tmp_path)
    done = run_module("certificate_request", {"certificates": [ITEM], "trusted_pem": latin_1(tmp_path)}, no_log=True)
    if done["failed"]:
        assert "trusted_pem: certificate 1 has fields that cannot be read" in done["msg"] and "\n" not in done["msg"]
    assert (tmp_path / "kite.key").exists() is not done["failed"]
