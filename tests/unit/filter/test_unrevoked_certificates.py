# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left to revoke, from what hosts returned: one that lies stops nobody."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.pgtls.postgresql.plugins.filter.unrevoked_certificates import unrevoked_certificates
from jinja2.exceptions import UndefinedError


class Unreadable(dict[str, Any]):
    """Variables of a host whose result no template can read."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get(self, _name: str, _default: Any = None) -> Any:
        raise self.error


def returned(*certificates: Any) -> dict[str, Any]:
    return {"__pgtls_ca_request": {"changed": False, "requests": [], "certificates": list(certificates)}}


HONEST = returned({"name": "verify-revoked", "serial_number": "0A"}, {"name": "app1", "serial_number": "0B"})
LIES: list[Any] = [
    {},
    {"__pgtls_ca_request": "{{ x }}"},
    returned("x", None, [], {"name": 5}),
    returned({"name": "verify-revoked"}, {"name": "verify-revoked", "serial_number": None}),
    returned(*({"name": "verify-revoked", "serial_number": serial} for serial in (7, ["0A"], "", "{{ x }}", "0a", "F" * 41, "0A\n"))),
    *(Unreadable(error) for error in (RecursionError(), UndefinedError("x"), AnsibleUndefinedVariable("x"))),
]  # fmt: skip


def test_what_is_revoked_already_is_left_out() -> None:
    hostvars = {"apps1": HONEST, "apps2": HONEST}
    assert unrevoked_certificates(["apps1", "apps2"], hostvars, "verify-revoked", []) == ["0A"]
    assert unrevoked_certificates(["apps1"], hostvars, "verify-revoked", ["0A"]) == []


@pytest.mark.parametrize("lie", LIES, ids=repr)
def test_a_lie_is_nothing_to_revoke_and_leaves_the_others_theirs(lie: Any) -> None:
    hostvars = {"liar": lie, "apps1": HONEST}
    assert unrevoked_certificates(["liar"], hostvars, "verify-revoked", []) == []
    assert unrevoked_certificates(["liar", "apps1"], hostvars, "verify-revoked", []) == ["0A"]


def test_check_mode_knows_no_serial_number_yet() -> None:
    promised = returned({"name": "verify-revoked", "serial_number": None}, {"name": "app1", "serial_number": None})
    assert unrevoked_certificates(["apps1"], {"apps1": promised}, "verify-revoked", [], True) == [""]
    assert unrevoked_certificates(["apps1"], {"apps1": promised}, "verify-revoked", []) == []
