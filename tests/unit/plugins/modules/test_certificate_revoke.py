# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module certificate_revoke: lists stay current, revocations are kept and never change silently."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.authority.open_or_create import open_authority
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.revocation import (
    load_revocation_list,
    sign_revocation_list,
)
from inventory import asked
from module_runner import run_module
from openssl_judge import openssl, verdict


class Home:
    """A CA, and how to issue and revoke."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.directory = folder / "ca"
        self.made = run_module("ca", {"directory": str(self.directory), "common_name": "Root"})

    def below(self, name: str, **more) -> dict:
        """A CA below the root."""
        args = {"directory": str(self.directory), "intermediate": name, "common_name": name, "lifetime_days": 100}
        made = run_module("ca", {**args, **more})
        assert not made["failed"], made
        return made

    def issue(self, name: str, **more) -> dict:
        """One new certificate, entry of certificates."""
        request = openssl("req", "-new", *NEW_KEY, "-keyout", self.folder / f"{name}.key", "-subj", f"/CN={name}")
        one = {"name": name, "csr_pem": request, "usages": ["client"], "lifetime_days": 50}
        options = {key: more.pop(key) for key in ("intermediate", "passphrase") if key in more}
        args = {"directory": str(self.directory), **asked({**one, **more}), **options}
        signed = run_module("certificate_sign", args)
        assert not signed["failed"], signed
        return signed["certificates"][0]

    def revoke(self, *revocations: dict, check=False, diff=False, **more) -> dict:
        args = {"directory": str(self.directory), "revocations": list(revocations), **more}
        return run_module("certificate_revoke", args, check, diff)

    def judged(self, one: dict, crl_pem: str) -> str:
        """The word of openssl about a certificate, given lists."""
        (self.folder / "crls.pem").write_text(crl_pem)
        check = ["-CRLfile", str(self.folder / "crls.pem"), "-crl_check", "-crl_check_all"]
        return verdict(self.folder, one["certificate_pem"], one["chain_pem"], "client", *check)

    def age_list(self, days: int) -> None:
        """Sign the root's list again as if that had been some days ago."""
        path = self.directory / "ca.crl"
        authority = open_authority(str(self.directory), None)
        assert authority is not None
        current = load_revocation_list(path.read_bytes(), authority.certificate, str(path))
        then = datetime.now(timezone.utc) - timedelta(days=days)
        path.write_text(sign_revocation_list(authority, current.entries, current, 30, then).pem)


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def test_the_first_run_makes_an_empty_list_and_the_second_none(home):
    first = home.revoke(diff=True)
    assert first["changed"], first
    (crl,) = first["crls"]
    assert (crl["issuer"], crl["number"], crl["revoked_count"], first["revoked"]) == ("CN=Root", 1, 0, [])
    lives = datetime.fromisoformat(crl["next_update"].rstrip("Z")) - datetime.fromisoformat(
        crl["this_update"].rstrip("Z")
    )
    assert lives == timedelta(days=30, minutes=5)
    path = home.directory / "ca.crl"
    assert path.read_text() == first["crl_pem"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [one["after"] for one in first["diff"]] == ["issuer: CN=Root\nCRL: signed\n"]
    assert home.judged(home.issue("app1"), first["crl_pem"]) == "OK"
    before = tree(home.directory)
    again = home.revoke(diff=True)
    assert (again["changed"], again["diff"], again["crls"]) == (False, [], first["crls"])
    assert tree(home.directory) == before


def test_by_name_all_that_lives_is_revoked_once(home):
    ones, other = [home.issue("app1"), home.issue("app1")], home.issue("app1.more")
    result = home.revoke({"name": "app1", "reason": "keyCompromise"}, diff=True)
    assert result["changed"], result
    serials = sorted(one["serial_number"] for one in ones)
    assert [(entry["name"], entry["reason"]) for entry in result["revoked"]] == [("app1", "keyCompromise")] * 2
    assert sorted(entry["serial_number"] for entry in result["revoked"]) == serials
    lines = "".join(f"revoked: {serial} keyCompromise app1\n" for serial in serials)
    assert result["diff"][0]["after"] == f"issuer: CN=Root\nCRL: signed\n{lines}"
    assert ["certificate revoked" in home.judged(one, result["crl_pem"]) for one in ones] == [True, True]
    assert home.judged(other, result["crl_pem"]) == "OK"
    before = tree(home.directory)
    again = home.revoke({"name": "app1", "reason": "keyCompromise"})
    assert (again["changed"], again["revoked"], again["warnings"]) == (False, result["revoked"], [])
    assert tree(home.directory) == before


def test_check_mode_tells_the_same_and_writes_nothing(home):
    one = home.issue("app1")
    home.revoke()
    wishes = [{"serial_number": one["serial_number"], "reason": "superseded"}]
    before = tree(home.directory)
    predicted = home.revoke(*wishes, check=True, diff=True)
    assert tree(home.directory) == before
    assert "certificate revoked" in home.judged(one, predicted["crl_pem"])
    real = home.revoke(*wishes, diff=True)
    assert (predicted["changed"], predicted["diff"]) == (real["changed"], real["diff"]) == (True, real["diff"])
    text = real["diff"][0]["before"] + real["diff"][0]["after"]
    assert not re.search(r"\d\d:\d\d|20\d\d-", text)
    assert home.revoke(*wishes, check=True)["changed"] is False
    assert not (home.folder / "other").exists()
    args = {"directory": str(home.folder / "other"), "revocations": wishes}
    assert run_module("certificate_revoke", args, check=True)["changed"] is True
    assert not (home.folder / "other").exists()
    missing = run_module("certificate_revoke", args)
    assert (
        missing["msg"] == f"there is no CA in {home.folder}/other; make one with the module ca, or name its directory"
    )


def test_check_mode_takes_an_unissued_name_for_one_that_an_earlier_task_would_have_issued(home):
    home.revoke()
    predicted = home.revoke({"name": "app1"}, check=True)
    assert (predicted["failed"], predicted["changed"], predicted["revoked"]) == (False, True, [])
    assert "nothing that the CA" in home.revoke({"name": "app1"})["msg"]


def test_a_final_reason_is_never_changed(home):
    one = home.issue("app1")
    home.revoke({"name": "app1", "reason": "superseded"})
    before = tree(home.directory)
    stays = f"serial number {one['serial_number']} is revoked for superseded already"
    for wish in ({"name": "app1"}, {"name": "app1", "reason": "keyCompromise"}):
        again = home.revoke(wish)
        assert (again["failed"], again["changed"]) == (False, False), again
        assert again["warnings"] == [f"the certificate app1: {stays}, and stays so"]
    refused = home.revoke({"serial_number": one["serial_number"], "reason": "certificateHold"})
    assert refused["failed"] and f"{stays}, which cannot be put on hold" in refused["msg"]
    refused = home.revoke({"name": "app1", "state": "released"})
    assert "only certificateHold can be released; issue a new certificate" in refused["msg"]
    assert tree(home.directory) == before
    two = home.issue("app1")
    renewed = home.revoke({"name": "app1", "reason": "keyCompromise"})
    assert {entry["serial_number"]: entry["reason"] for entry in renewed["revoked"]} == {
        one["serial_number"]: "superseded",
        two["serial_number"]: "keyCompromise",
    }
    assert renewed["warnings"] == [
        f"the certificate app1: serial number {one['serial_number']} is revoked for superseded already, and stays so"
    ]


def test_a_hold_is_released_or_becomes_final(home):
    one, hold = home.issue("app1"), {"name": "app1", "reason": "certificateHold"}
    held = home.revoke(hold)
    assert "certificate revoked" in home.judged(one, held["crl_pem"])
    released = home.revoke({"name": "app1", "state": "released"}, diff=True)
    assert (released["changed"], released["revoked"], released["crls"][0]["number"]) == (True, [], 2)
    assert "certificateHold" in released["diff"][0]["before"]
    assert home.judged(one, released["crl_pem"]) == "OK"
    assert home.revoke({"name": "app1", "state": "released"})["changed"] is False
    (since,) = home.revoke(hold)["revoked"]
    (final,) = home.revoke({"name": "app1", "reason": "keyCompromise"})["revoked"]
    assert final == {**since, "reason": "keyCompromise"}


def test_a_serial_that_nobody_knows_is_revoked_with_a_warning(home):
    result = home.revoke({"serial_number": "0a:1b", "reason": "superseded"})
    (entry,) = result["revoked"]
    assert (entry["serial_number"], entry["name"], entry["reason"]) == ("0A1B", None, "superseded")
    assert result["warnings"] == [
        f"the certificate 0a:1b: no copy of it is kept here, so only its number is used, for the CA in {home.directory}"
    ]
    again = home.revoke({"serial_number": "0A1B", "reason": "superseded"})
    assert (again["changed"], again["warnings"]) == (False, [])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"revocations": [{"name": "nobody"}]},
            "the name nobody is of nothing that the CA in .*/ca issued; correct it",
        ),
        ({"revocations": [{"name": "Below"}]}, "the name Below is of a CA, which is revoked by its serial_number"),
        ({"revocations": [{"serial_number": "app1"}]}, "serial_number is 'app1', but must be hexadecimal digits"),
        ({"revocations": [{"name": "app1", "reason": "lost"}]}, "value of reason must be one of"),
        ({"revocations": [{}]}, "one of the following is required: name, common_name, host, serial_number"),
        ({"revocations": [{"name": "app1", "serial_number": "01"}]}, "mutually exclusive"),
        ({"crl_lifetime_days": 10}, "crl_renew_before_days is 10, but must be from 0 to less than"),
        ({"crl_lifetime_days": 0}, "crl_lifetime_days is 0"),
    ],
)
def test_bad_wishes_are_refused_and_nothing_is_written(home, options, said):
    home.issue("app1")
    home.below("Below")
    before = tree(home.directory)
    wishes = [{"name": "app1"}, *options.pop("revocations", [])]
    refused = home.revoke(*wishes, **options)
    assert refused["failed"]
    assert re.search(said, refused["msg"]), refused["msg"]
    assert tree(home.directory) == before


def test_a_common_name_and_a_host_reach_whatever_was_issued_to_them(home: Home) -> None:
    home.below("clients")
    issued = {
        "first": home.issue("app1", common_name="App 1", host="a"),
        "second name": home.issue("other", common_name="App 1", host="b"),
        "below": home.issue("app1", common_name="App 1", host="a", intermediate="clients"),
        "another": home.issue("app2", common_name="App 2", host="a"),
        "no host": home.issue("app3", common_name="App 3"),
    }
    serials = {what: one["serial_number"] for what, one in issued.items()}
    everything = set(serials.values())

    def reached(**item: str) -> set[str]:
        done = home.revoke({"reason": "certificateHold", **item})
        assert not done["failed"], done
        (told,) = done["revocations"]
        found = {one["serial_number"] for one in done["revoked"]}
        assert (told["count"], told["changed_count"]) == (len(found), len(found))
        again = home.revoke({"reason": "certificateHold", **item})["revocations"][0]
        assert (again["count"], again["changed_count"]) == (len(found), 0)
        home.revoke({"state": "released", **item})
        return found

    assert reached(common_name="App 1") == everything - {serials["another"], serials["no host"]}
    assert reached(host="a") == everything - {serials["second name"], serials["no host"]}
    assert reached(host="a", name="app1") == {serials["first"], serials["below"]}
    assert reached(host="b", common_name="App 1") == {serials["second name"]}
    assert home.revoke({"host": "a"})["warnings"] == [
        "the certificates of the host a: 1 copies do not say which host they are for, so revoke those by name or serial_number"
    ]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"host": "nowhere"}, "the host nowhere is of nothing that the CA in"),
        ({"common_name": "Nobody", "host": "a"}, "the common name Nobody with the host a is of nothing"),
        ({"host": "a", "serial_number": "1F"}, "mutually exclusive"),
    ],
)
def test_nobody_is_an_error(home: Home, item: dict, words: str) -> None:
    home.issue("app1", host="a")
    assert words in home.revoke(item)["msg"]
    assert "mutually" in words or home.revoke(item, check=True)["changed"], "an earlier task may have promised it"


def test_what_has_ended_is_not_revoked(home):
    start, end = (datetime.now(timezone.utc) - timedelta(days=days) for days in (9, 1))
    shape = "%Y-%m-%dT%H:%M:%SZ"
    home.issue("old", not_before=start.strftime(shape), not_after=end.strftime(shape))
    result = home.revoke({"name": "old"})
    assert result["revoked"] == []
    assert result["warnings"] == [
        "the certificate old: all that was issued to it has expired, so there is nothing to revoke"
    ]


def test_a_list_is_signed_again_before_it_runs_out(home):
    home.issue("app1")
    before = home.revoke({"name": "app1"}, diff=True)["revoked"]
    home.age_list(19)
    assert home.revoke()["changed"] is False
    home.age_list(21)
    predicted = home.revoke(check=True, diff=True)
    renewed = home.revoke(diff=True)
    assert (predicted["changed"], predicted["diff"]) == (True, renewed["diff"])
    assert renewed["changed"]
    assert "CRL: to be signed again\n" in renewed["diff"][0]["before"]
    assert "CRL: signed\n" in renewed["diff"][0]["after"]
    assert (renewed["revoked"], renewed["crls"][0]["number"]) == (before, 4)
    assert home.revoke(crl_renew_before_days=29)["changed"] is False
    assert home.revoke(crl_lifetime_days=60, crl_renew_before_days=40)["changed"] is True


def test_every_ca_of_the_home_has_a_list_and_openssl_wants_all(home):
    home.below("servers")
    home.below("clients", passphrase="clients horse")
    root_one = home.issue("app0")
    secret = {"intermediate_passphrases": {"clients": "clients horse"}}
    one = home.issue("app1", intermediate="clients", passphrase="clients horse")
    two = home.issue("app2", intermediate="clients", passphrase="clients horse")
    result = home.revoke({"name": "app1"}, **secret)
    assert not result["failed"], result
    assert [crl["issuer"] for crl in result["crls"]] == ["CN=Root", "CN=clients", "CN=servers"]
    assert [crl["revoked_count"] for crl in result["crls"]] == [0, 1, 0]
    assert "clients horse" not in result["_output"]
    assert "certificate revoked" in home.judged(one, result["crl_pem"])
    assert home.judged(two, result["crl_pem"]) == home.judged(root_one, result["crl_pem"]) == "OK"
    own = (home.directory / "below" / "clients" / "ca.crl").read_text()
    assert "unable to get certificate CRL" in home.judged(two, own)
    assert home.revoke({"name": "app1"})["changed"] is False  # no key is needed where nothing is due
    (serial,) = [path.name.split(".")[1] for path in (home.directory / "issued").glob("clients.*.crt")]
    by_serial = home.revoke({"serial_number": serial, "reason": "cessationOfOperation"})
    assert [crl["revoked_count"] for crl in by_serial["crls"]] == [1, 1, 0]
    assert "certificate revoked" in home.judged(two, by_serial["crl_pem"])


def test_during_a_rollover_both_generations_have_lists(home):
    one = home.issue("app1")
    step = {"directory": str(home.directory), "generation": 2, "common_name": "Root"}
    for call in ({"phase": "introduce"}, {"phase": "introduce", "completed": True}, {"phase": "reissue"}):
        assert run_module("ca_rollover", {**step, **call})["changed"]
    home.below("clients")
    two = home.issue("app1", intermediate="clients")
    result = home.revoke({"name": "app1"}, {"serial_number": "77"})
    assert not result["failed"], result
    assert {crl["issuer"]: crl["revoked_count"] for crl in result["crls"]} == {
        "CN=Root": 2,  # what nobody knows here was issued before generation 1 was adopted
        "CN=Root G2": 0,
        "CN=clients G2": 1,
    }
    for leaf in (one, two):
        assert "certificate revoked" in home.judged(leaf, result["crl_pem"])
    assert home.judged(home.issue("app2"), result["crl_pem"]) == "OK"


def test_all_keys_are_opened_before_the_first_list_is_written(home):
    home.below("clients", passphrase="clients horse")
    refused = home.revoke()
    assert refused["msg"] == (
        f"the private key {home.directory}/below/clients/ca.key is encrypted; "
        "give its passphrase in the option intermediate_passphrases.clients"
    )
    assert not (home.directory / "ca.crl").exists()


def test_a_damaged_or_foreign_list_is_one_sentence_and_stays(home):
    home.issue("app1")
    path = home.directory / "ca.crl"
    path.write_text("nonsense")
    assert f"{path} is not readable" in home.revoke({"name": "app1"})["msg"]
    assert path.read_text() == "nonsense"
    path.unlink()
    home.revoke()
    (home.folder / "second").mkdir()
    other = Home(home.folder / "second")
    other.revoke()
    (other.directory / "ca.crl").replace(path)
    assert f"{path} was not signed by the CA CN=Root" in home.revoke({"name": "app1"})["msg"]


def test_an_adopted_ca_without_key_usage_can_revoke(tmp_path):
    key, certificate = tmp_path / "rootCA.key", tmp_path / "rootCA.pem"
    openssl(
        "req",
        "-x509",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        key,
        "-subj",
        "/CN=By Hand",
        "-out",
        certificate,
    )
    adopt = {"certificate": str(certificate), "private_key": str(key)}
    run_module("ca", {"directory": str(tmp_path / "ca"), "adopt": adopt})
    args = {"directory": str(tmp_path / "ca"), "revocations": [{"serial_number": "01"}]}
    result = run_module("certificate_revoke", args)
    assert result["changed"], result
    shown = openssl("crl", "-noout", "-text", "-verify", "-CAfile", certificate, stdin=result["crl_pem"])
    assert re.search(r"Serial Number: 01\b", shown)


ONE_RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from module_runner import run_module
result = run_module("certificate_revoke", {"directory": sys.argv[2], "revocations": [{"name": sys.argv[3]}]})
assert not result["failed"], result["msg"]
"""


def test_revocations_at_once_are_all_kept(home):
    names = [f"app{number}" for number in range(8)]
    for name in names:
        home.issue(name)
    tests = str(Path(__file__).parents[2])
    commands = [[sys.executable, "-c", ONE_RUN, tests, str(home.directory), name] for name in names]
    with ThreadPoolExecutor(len(names)) as pool:
        runs = list(pool.map(lambda one: subprocess.run(one, capture_output=True, text=True, check=False), commands))
    assert [run.stderr for run in runs if run.returncode] == []
    result = home.revoke()
    assert sorted(entry["name"] for entry in result["revoked"]) == names
    assert result["crls"][0]["number"] == len(names)


def test_revoking_by_name_reads_only_the_files_of_that_name(home):
    one = home.issue("app1")
    issued = home.directory / "issued"
    for number in range(10_000):
        os.symlink("/", issued / f"other{number}.{number:040X}.crt")  # whoever reads one fails
    started = datetime.now()
    result = home.revoke({"name": "app1"})
    assert not result["failed"], result
    assert [entry["serial_number"] for entry in result["revoked"]] == [one["serial_number"]]
    assert (datetime.now() - started).total_seconds() < 5
