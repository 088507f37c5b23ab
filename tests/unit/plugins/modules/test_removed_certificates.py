# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host shall no longer have goes, what is left of others is named, and only what is valid is revoked."""

from __future__ import annotations

from pathlib import Path

import pytest
from certificate_site import Site

ENDINGS = (".key", ".key.next", ".fullchain.crt", ".p12", ".pk8")


class Holder(Site):
    """A host whose clients have their files side by side."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.clients = folder / "clients"
        self.clients.mkdir()

    def client(self, name: str, **more) -> dict:
        stem = f"{self.clients}/{name}"
        files = {"private_key": f"{stem}.key", "certificate": f"{stem}.crt", "fullchain": f"{stem}.fullchain.crt"}
        return self.item(name, **{**files, "root": str(self.clients / "rootCA.pem"), **more})

    def absent(self, name: str) -> dict:
        stem = f"{self.clients}/{name}"
        return {"name": name, "certificate": f"{stem}.crt", "files": [f"{stem}{ending}" for ending in ENDINGS]}

    def revoke(self, **item) -> dict:
        known = {"directory": str(self.ca_directory), "revocations": [item]}
        return self.run("certificate_revoke", {**known, "create": False})

    def names(self) -> set[str]:
        return {path.name for path in self.clients.iterdir() if path.name[0] != "."}


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    made = Holder(tmp_path)
    made.ca()
    made.issue(
        made.client("app1"), made.client("app2", pkcs12=f"{made.clients}/app2.p12", pkcs12_passphrase="a long secret")
    )
    return made


def test_the_files_of_an_absent_certificate_go_and_nothing_else(holder: Holder) -> None:
    (holder.clients / "app2.key.next").write_text("a key that waits\n")
    before = holder.names()
    asked = {"absent": [holder.absent("app2")], "leftovers_in": [str(holder.clients)]}
    predicted = holder.request(holder.client("app1"), **asked, check=True, diff=True)
    assert predicted["changed"] and holder.names() == before and predicted["warnings"] == []
    assert "PRIVATE KEY" not in str(predicted) and "a key that waits" not in str(predicted)
    done = holder.request(holder.client("app1"), **asked)
    assert done["changed"] and done["requests"] == [] and done["leftovers"] == []
    assert holder.names() == {name for name in before if not name.startswith("app2")}
    (removed,) = done["removed"]
    assert removed["name"] == "app2" and len(removed["files"]) == 5
    (warning,) = done["warnings"]
    assert warning.startswith(
        f"app2 is removed from this host, but its certificate {removed['serial_number']} is in no CRL"
    )
    assert removed["not_after"] in warning and warning.endswith("revoke it at its CA")
    again = holder.request(holder.client("app1"), **asked)
    assert not again["changed"] and again["removed"] == [] and again["warnings"] == []


def test_a_revoked_certificate_goes_without_a_word(holder: Holder) -> None:
    crl = holder.revoke(name="app2")["crl_pem"]
    done = holder.request(holder.client("app1"), absent=[holder.absent("app2")], crl_pem=crl)
    assert done["changed"] and len(done["removed"]) == 1 and done["warnings"] == []


def test_a_file_that_a_listed_certificate_uses_stays(holder: Holder) -> None:
    absent = {**holder.absent("app1"), "name": "old", "files": [str(holder.clients / "rootCA.pem")]}
    done = holder.request(holder.client("app1"), absent=[absent])
    assert not done["changed"] and done["removed"] == []


@pytest.mark.parametrize("content", [b"", b"no certificate\n", b"\xff\x00"])
def test_what_is_no_certificate_goes_as_well(holder: Holder, content: bytes) -> None:
    (holder.clients / "app2.crt").write_bytes(content)
    done = holder.request(holder.client("app1"), absent=[holder.absent("app2")])
    assert (done["changed"], done["removed"][0]["serial_number"], done["warnings"]) == (True, None, [])
    assert not [name for name in holder.names() if name.startswith("app2")]


def test_nothing_is_there_of_a_host_that_never_had_it(holder: Holder) -> None:
    absent = {"name": "x", "certificate": "/no/such/x.crt", "files": ["/no/such/x.key"]}
    done = holder.request(holder.client("app1"), absent=[absent], leftovers_in=["/no/such"])
    assert (done["changed"], done["removed"], done["leftovers"]) == (False, [], [])


def test_what_is_left_of_a_certificate_that_nobody_lists_is_named(holder: Holder) -> None:
    (holder.clients / "own.key").write_text("of somebody else\n")
    (holder.clients / "own.crt").write_text("of somebody else\n")
    done = holder.request(holder.client("app1"), leftovers_in=[str(holder.clients)])
    assert not done["changed"]
    (left,) = done["leftovers"]
    (warning,) = done["warnings"]
    assert left["name"] == "app2"
    assert warning == (
        f"app2 is no longer listed for this host, but its key and certificate {holder.clients}/app2.crt (valid until "
        f"{left['not_after']}) are still here; list it with the state absent, or remove them and revoke the certificate"
    )
    both = holder.request(holder.client("app1"), holder.client("app2"), leftovers_in=[str(holder.clients)])
    assert both["leftovers"] == [] and both["warnings"] == []


def test_only_what_is_valid_is_revoked(holder: Holder) -> None:
    """A CA of which nobody wants a CRL gets none by a client that never was, and nothing is said twice."""
    never = holder.revoke(name="app9", only_if_valid=True)
    assert (never["changed"], never["crls"], never["warnings"]) == (False, [], [])
    first = holder.revoke(name="app2", only_if_valid=True, reason="cessationOfOperation")
    assert first["changed"] and first["revocations"][0]["changed_count"] == 1
    again = holder.revoke(name="app2", only_if_valid=True, reason="superseded")
    assert (again["changed"], again["revocations"], again["warnings"]) == (False, [], [])
    assert holder.revoke(name="app9")["failed"]
