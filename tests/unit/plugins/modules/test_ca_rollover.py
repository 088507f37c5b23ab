# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ca_rollover: one step a call, forwards only, finished after every interruption; openssl is the judge."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.authority import directory as ca_directory
from inventory import asked
from module_runner import run_module
from openssl_judge import openssl, text_of, verdict

PHASES = ("introduce", "reissue", "retire", "stable")
PASSPHRASE = "secret horse"


@pytest.fixture
def home(tmp_path):
    """The directory of a CA with a passphrase."""
    return tmp_path / "ca"


@pytest.fixture
def ca(home):
    """ca(option=...) -> result of the module ca, always with the same inventory."""

    def run(check=False, **options):
        args = {
            "directory": str(home),
            "common_name": "Test Root CA",
            "subject": {"O": "SW Galaxy"},
            "key_type": "ecdsa-p384",
            "passphrase": PASSPHRASE,
            **options,
        }
        return run_module("ca", {key: value for key, value in args.items() if value is not None}, check)

    run()
    return run


@pytest.fixture
def roll(home):
    """roll(phase, generation, option=...) -> result; every host goes through the phase then, unless told otherwise."""

    def run(phase, generation=2, check=False, diff=False, completed=True, **options):
        args = {
            "directory": str(home),
            "generation": generation,
            "phase": phase,
            "common_name": "Test Root CA",
            "passphrase": PASSPHRASE,
            **options,
        }
        args = {k: v for k, v in args.items() if v is not None}
        result = run_module("ca_rollover", args, check, diff)
        if completed and not check and not result["failed"]:
            run_module("ca_rollover", {**args, "phase": result["phase"], "completed": True})
        return result

    return run


def state(home: Path) -> dict:
    return json.loads((home / "rollover.json").read_text())


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def split(pem: str) -> list[str]:
    return [f"{one}-----END CERTIFICATE-----\n" for one in pem.split("-----END CERTIFICATE-----\n")[:-1]]


def client_of(directory: str, tmp_path: Path) -> dict:
    """A client certificate signed by the CA of a directory."""
    request = openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-subj", "/CN=app1")
    signed = run_module(
        "certificate_sign",
        {
            "directory": directory,
            "passphrase": PASSPHRASE,
            **asked({"name": "app1", "csr_pem": request, "usages": ["client"], "lifetime_days": 9}),
        },
    )
    return signed["certificates"][0]


def accepted(tmp_path: Path, client: dict, trusted_pem: str) -> bool:
    """Whether somebody who trusts these roots accepts the client."""
    bundle, leaf, between = tmp_path / "bundle", tmp_path / "leaf", tmp_path / "sent"
    bundle.write_text(trusted_pem)
    leaf.write_text(client["certificate_pem"])
    between.write_text(client["chain_pem"])
    options = ["-x509_strict", "-purpose", "sslclient", "-no-CApath", "-CAfile", bundle, "-untrusted", between]
    try:
        return openssl("verify", *options, leaf).strip().endswith(": OK")
    except AssertionError:
        return False


def test_the_whole_way_with_a_client_that_is_accepted_at_every_moment(ca, roll, home, tmp_path):
    first = ca()
    old = client_of(str(home), tmp_path)
    told = roll("introduce")
    assert told["changed"], told
    assert (told["generation"], told["phase"], told["directory"]) == (1, "introduce", str(home))
    assert told["remaining_phases"] == ["reissue", "retire", "stable"]
    assert told["chain_pem"] == first["certificate_pem"] == split(told["trusted_pem"])[0]
    successor = split(told["trusted_pem"])[1]
    assert successor == (home / "generation-2" / "ca.crt").read_text()
    assert "Subject: CN=Test Root CA G2,O=SW Galaxy" in text_of(successor)
    assert "Public-Key: (384 bit)" in text_of(successor)
    assert accepted(tmp_path, old, told["trusted_pem"])

    told = roll("reissue")
    assert (told["generation"], told["phase"], told["directory"]) == (2, "reissue", str(home / "generation-2"))
    assert told["chain_pem"] == successor
    assert split(told["trusted_pem"]) == [successor, first["certificate_pem"]]
    new = client_of(told["directory"], tmp_path)
    assert accepted(tmp_path, old, told["trusted_pem"]) and accepted(tmp_path, new, told["trusted_pem"])
    assert verdict(tmp_path, new["certificate_pem"], new["chain_pem"], "client") == "OK"
    both = first["certificate_pem"] + successor  # who still has the bundle of the phase before
    assert accepted(tmp_path, new, both)

    told = roll("retire")
    assert (told["generation"], told["phase"], told["remaining_phases"]) == (2, "retire", ["stable"])
    assert told["trusted_pem"] == successor
    assert accepted(tmp_path, new, told["trusted_pem"])
    assert not accepted(tmp_path, old, told["trusted_pem"])

    told = roll("stable")
    assert (told["generation"], told["phase"], told["remaining_phases"]) == (2, "stable", [])
    assert state(home) == {"generation": 2, "phase": "stable"}
    assert (home / "ca.key").exists()


def test_every_call_again_changes_nothing(ca, roll, home):
    for reached, phase in enumerate(PHASES):
        assert roll(phase)["changed"]
        before = tree(home)
        for passed in PHASES[: reached + 1]:
            again = roll(passed, diff=True)
            assert (again["changed"], again["diff"], again["phase"]) == (False, [], phase)
        assert tree(home) == before


def test_a_call_goes_one_step_at_most(ca, roll, home):
    for phase in PHASES:
        assert roll("stable")["phase"] == phase
    assert roll("stable")["changed"] is False


def test_the_present_generation_changes_nothing(ca, roll, home):
    before = tree(home)
    told = roll("stable", generation=1)
    assert (told["changed"], told["generation"], told["phase"], told["remaining_phases"]) == (False, 1, "stable", [])
    assert told["trusted_pem"] == told["chain_pem"] == (home / "ca.crt").read_text()
    assert tree(home) == before


@pytest.mark.parametrize("generation", [-1, 0, 3, 4])
def test_another_generation_is_refused(ca, roll, home, generation):
    before = tree(home)
    assert roll("introduce", generation)["msg"] == (
        f"generation is {generation}, but the CA is in generation 1; give 2 to roll it over, or 1 to leave it"
    )
    assert tree(home) == before
    roll("stable")
    roll("stable")
    assert "is being rolled over from generation 1 to 2 (phase reissue)" in roll("stable", 3)["msg"]
    assert "a rollover only goes forwards" in roll("stable", 1)["msg"]


def test_the_module_ca_follows_with_the_same_options(ca, roll, home):
    phases = [("stable", 1), ("introduce", 1), ("reissue", 2), ("retire", 2), ("stable", 2)]
    for number, (phase, generation) in enumerate(phases):
        told = roll(PHASES[number - 1]) if number else None
        followed = ca()
        assert followed["changed"] is False, followed
        assert (followed["phase"], followed["generation"]) == (phase, generation)
        if told:
            for fact in ("trusted_pem", "chain_pem", "directory"):
                assert followed[fact] == told[fact]
        assert followed["path"] == f"{followed['directory']}/ca.crt"
    assert "its common_name is Test Root CA G2 and not Another G2" in ca(common_name="Another")["msg"]


def test_a_rollover_changes_the_kind_of_key_and_the_name(ca, roll, home):
    below = {"intermediate": "clients", "lifetime_days": 100, "parent_passphrase": PASSPHRASE}
    ca(**below, common_name="Clients")
    changed = {"key_type": "ed25519", "common_name": "New Root CA", "subject": {"O": "New"}}
    assert "its key_type is ecdsa-p384 and not ed25519" in ca(key_type="ed25519")["msg"]
    for phase in PHASES:
        assert roll(phase, **changed)["changed"]
        assert ca(**changed)["changed"] is False
        made = ca(**{**changed, **below, "common_name": "Clients"})
        assert made["changed"] is (phase == "reissue"), made
    assert "its key_type is ed25519 and not ecdsa-p384" in ca()["msg"]
    assert "Subject: CN=New Root CA G2,O=New" in text_of(made["root_pem"])
    assert "ED25519" in text_of(made["certificate_pem"])


def test_an_intermediate_is_made_again_below_the_successor(ca, roll, home, tmp_path):
    below = {
        "intermediate": "clients",
        "common_name": "Test Client CA",
        "usages": ["client"],
        "lifetime_days": 100,
        "parent_passphrase": PASSPHRASE,
    }
    old = ca(**below)
    roll("introduce")
    assert ca(**below)["changed"] is False
    roll("reissue")
    new = ca(**below)
    assert new["changed"], new
    assert new["directory"] == str(home / "generation-2" / "below" / "clients")
    assert new["certificate_pem"] != old["certificate_pem"]
    assert "Subject: CN=Test Client CA G2" in text_of(new["certificate_pem"])
    assert ca(**below)["changed"] is False
    client = client_of(new["directory"], tmp_path)
    assert verdict(tmp_path, client["certificate_pem"], client["chain_pem"], "client") == "OK"
    assert ca_directory.all_authority_directories(str(home)) == [
        str(home / "generation-2"),
        str(home / "generation-2" / "below" / "clients"),
        str(home),
        str(home / "below" / "clients"),
    ]
    roll("retire")
    assert ca_directory.all_authority_directories(str(home)) == [
        str(home / "generation-2"),
        str(home / "generation-2" / "below" / "clients"),
    ]


def test_a_ca_in_a_directory_of_its_own_is_good_as_long_as_its_root_is_trusted(ca, roll, home, tmp_path):
    apart = {"directory": str(tmp_path / "apart"), "parent": str(home), "parent_passphrase": PASSPHRASE}
    apart.update(common_name="Apart", lifetime_days=100)
    made = ca(**apart)
    for phase in PHASES[:2]:
        roll(phase)
        assert ca(**apart)["changed"] is False
    roll("retire")
    assert "it was not signed by the parent CA CN=Test Root CA G2" in ca(**apart)["msg"]
    assert made["chain_pem"] == (tmp_path / "apart" / "chain.crt").read_text()


def test_the_next_rollover_is_the_same_again(ca, roll, home):
    for generation in (2, 3):
        for phase in PHASES:
            assert roll(phase, generation)["changed"]
            assert ca()["changed"] is False
    assert "Subject: CN=Test Root CA G3," in text_of((home / "generation-3" / "ca.crt").read_text())
    assert ca()["directory"] == str(home / "generation-3")
    assert ca_directory.trusted_directories(str(home)) == [str(home / "generation-3")]


def test_the_successor_is_like_its_predecessor_unless_options_differ(home, roll):
    args = {
        "directory": str(home),
        "common_name": "Limited",
        "subject": {"O": "X", "OU": ["A", "B"]},
        "key_type": "rsa-2048",
        "path_length": 1,
        "permitted_dns_domains": ["swgalaxy"],
    }
    run_module("ca", args)
    told = roll("introduce", common_name=None, passphrase=None)
    text = text_of(split(told["trusted_pem"])[1])
    assert "Subject: CN=Limited G2,OU=B,OU=A,O=X" in text
    assert "Public-Key: (2048 bit)" in text
    assert "CA:TRUE, pathlen:1" in text
    assert "Permitted: DNS:swgalaxy" in text
    roll("reissue", common_name=None, passphrase=None)
    assert run_module("ca", args)["changed"] is False


def test_wishes_for_the_successor_are_fulfilled(ca, roll, home):
    told = roll("introduce", subject={"O": "New"}, key_type="ed25519", lifetime_days=10, common_name="Other")
    text = text_of(split(told["trusted_pem"])[1])
    assert "Subject: CN=Other G2,O=New" in text
    assert "ED25519" in text


def test_an_adopted_ca_is_rolled_over_and_keeps_its_option(ca, roll, tmp_path):
    key, certificate, home = tmp_path / "rootCA.key", tmp_path / "rootCA.pem", tmp_path / "adopted"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", "/O=SW Galaxy/CN=By Hand"]
    openssl(*made, "-days", "1000", "-out", certificate)
    adopt = {"certificate": str(certificate), "private_key": str(key)}
    inventory = {"directory": str(home), "adopt": adopt, "subject": None}
    assert ca(**inventory)["changed"]
    for phase in PHASES:
        assert roll(phase, directory=str(home), key_type="ecdsa-p384")["changed"]
        followed = ca(**inventory)
        assert followed["changed"] is False, followed
    text = text_of(followed["certificate_pem"])
    assert "Subject: CN=Test Root CA G2,O=SW Galaxy" in text
    assert "Key Usage: critical Certificate Sign, CRL Sign" in text  # what the adopted one lacks
    assert "its key_type is ecdsa-p384 and not rsa-2048" in ca(**inventory, key_type="rsa-2048")["msg"]
    other = tmp_path / "other.pem"
    openssl("req", "-x509", "-key", key, "-subj", "/CN=Other", "-days", "1000", "-out", other)
    refused = ca(**{**inventory, "adopt": {**adopt, "certificate": str(other)}})
    assert f"the CA in {home}/ca.crt differs from {other}" in refused["msg"]


def test_check_mode_tells_the_next_step_and_takes_none(ca, roll, home):
    for phase in PHASES:
        before = tree(home)
        lock = (home / ".lock").exists()
        foreseen = roll(phase, check=True, diff=True)
        assert (tree(home), (home / ".lock").exists()) == (before, lock)
        taken = roll(phase, diff=True)
        facts = ("changed", "diff", "phase", "generation", "remaining_phases", "directory", "chain_pem")
        assert {fact: foreseen[fact] for fact in facts} == {fact: taken[fact] for fact in facts}
        assert foreseen["trusted_pem"] == (None if phase == "introduce" else taken["trusted_pem"])
    assert foreseen["diff"][-1]["before"] == '{"generation": 1, "phase": "retire", "completed": true}\n'
    assert foreseen["diff"][-1]["after"] == '{"generation": 2, "phase": "stable"}\n'


def test_keys_and_passphrases_are_told_nowhere(ca, roll, home):
    output = "".join(roll(phase, diff=True)["_output"] for phase in PHASES)
    assert PASSPHRASE not in output
    assert "PRIVATE KEY" not in output
    key = (home / "generation-2" / "ca.key").read_text()
    assert key.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    openssl("pkey", "-noout", "-passin", f"pass:{PASSPHRASE}", stdin=key)


def test_files_are_as_closed_as_those_of_the_first_generation(ca, roll, home):
    roll("introduce")
    modes = {
        path.relative_to(home).as_posix(): path.stat().st_mode & 0o777
        for path in (home / "generation-2", *(home / "generation-2").iterdir(), home / ".lock", home / "rollover.json")
    }
    assert modes == {
        "generation-2": 0o700,
        "generation-2/issued": 0o700,
        "generation-2/ca.key": 0o600,
        "generation-2/ca.crt": 0o644,
        "generation-2/chain.crt": 0o644,
        ".lock": 0o600,
        "rollover.json": 0o644,
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_files_belong_to_the_owner_of_the_ca(home, ca, roll):
    ca(owner="nobody")
    roll("introduce")
    owner = home.stat().st_uid
    assert owner != 0
    assert {path.stat().st_uid for path in home.rglob("*")} == {owner}


def killed_at(number: int, call) -> bool:
    """Run ``call`` in a process that dies just before its change number ``number``; whether it died."""
    child = os.fork()
    if child == 0:
        left = [number]

        def dying(real):
            def change(*args, **options):
                left[0] -= 1
                if left[0] < 0:
                    os._exit(9)
                return real(*args, **options)

            return change

        for name in ("rename", "replace", "link", "mkdir", "chmod", "fchmod", "fsync"):
            setattr(os, name, dying(getattr(os, name)))
        call()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_a_call_that_is_killed_anywhere_is_finished_by_the_next_one(ca, roll, home):
    for number in range(100):
        generation, deaths = number + 2, 0
        key = home / f"generation-{generation}" / "ca.key"
        for phase in PHASES:
            died = killed_at(number, lambda phase=phase, generation=generation: roll(phase, generation))
            made = key.read_bytes() if key.exists() else None
            assert ca()["changed"] is False
            told = roll(phase, generation)
            assert told["phase"] == phase, told
            assert died or not told["changed"]
            assert made in (None, key.read_bytes())
            assert roll(phase, generation)["changed"] is False
            deaths += died
        if not deaths:
            break
    assert number > 8  # changes to the disk in the longest step


def test_a_successor_without_state_is_taken_over(ca, roll, home):
    made = split(roll("introduce")["trusted_pem"])[1]
    key = (home / "generation-2" / "ca.key").read_bytes()
    os.unlink(home / "rollover.json")
    told = roll("introduce", diff=True)
    assert [each["before_header"] for each in told["diff"]] == [str(home / "rollover.json")]
    assert split(told["trusted_pem"])[1] == made
    os.unlink(home / "rollover.json")
    os.unlink(home / "generation-2" / "ca.crt")
    assert split(roll("introduce")["trusted_pem"])[1] != made
    assert (home / "generation-2" / "ca.key").read_bytes() == key
    os.unlink(home / "rollover.json")
    refused = roll("introduce", key_type="rsa-2048")
    assert "its key_type is ecdsa-p384 and not rsa-2048" in refused["msg"]
    assert (home / "generation-2" / "ca.key").read_bytes() == key


def test_a_lost_successor_is_never_made_anew(ca, roll, home):
    roll("introduce")
    os.rename(home / "generation-2", home / "lost")
    assert "generation-2/ca.crt is missing, but is trusted; restore it" in roll("introduce")["msg"]
    assert f"there is no CA in {home}/generation-2" in roll("reissue")["msg"]
    assert state(home)["phase"] == "introduce"
    os.rename(home / "lost", home / "generation-2")
    roll("reissue")
    os.rename(home / "generation-2", home / "lost")
    assert ca()["msg"] == (
        f"the CA in {home} is in generation 2, but {home}/generation-2/ca.crt is missing; restore it"
    )
    assert not (home / "generation-2").exists()


def test_the_key_of_a_retired_generation_may_be_destroyed(ca, roll, home):
    for phase in PHASES:
        roll(phase)
    for name in ("ca.key", "ca.crt", "chain.crt"):
        os.unlink(home / name)
    assert ca()["changed"] is False
    assert roll("introduce", 3)["changed"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"passphrase": "wrong horse"}, "cannot be opened with the passphrase in passphrase"),
        ({"passphrase": None}, "is encrypted; give its passphrase in the option passphrase"),
        ({"lifetime_days": 0}, "the successor: lifetime_days is 0"),
        ({"common_name": "x" * 62}, "common_name has 65 bytes"),
        ({"subject": {"C": "Germany"}}, "subject.C has 7 bytes"),
        ({"directory": "/nowhere"}, "there is no CA in /nowhere; make one with the module ca"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(ca, roll, home, options, said):
    before = tree(home)
    refused = roll("introduce", **options)
    assert refused["failed"]
    assert said in refused["msg"]
    assert tree(home) == before


def test_only_a_root_is_rolled_over(ca, roll, home, tmp_path):
    ca(intermediate="servers", common_name="Below", lifetime_days=10, parent_passphrase=PASSPHRASE)
    refused = roll("introduce", directory=str(home / "below" / "servers"))
    assert refused["msg"] == "the CA CN=Below,O=SW Galaxy is not a root; roll over the root above it"


def test_two_at_once_wait_for_each_other(ca, roll, home, monkeypatch):
    roll("introduce")
    monkeypatch.setattr(ca_directory, "LOCK_TIMEOUT_SECONDS", 0.2)
    with open(home / ".lock", "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        refused = roll("reissue")
        assert f"another process has held {home}/.lock for 0.2 seconds" in refused["msg"]
        assert state(home)["phase"] == "introduce"
    assert roll("reissue")["changed"]


@pytest.mark.parametrize("change", ["make a CA below it", "make a CA of its own below it", "sign", "revoke"])
def test_whatever_changes_a_ca_waits_for_a_rollover(ca, home, tmp_path, monkeypatch, change):
    below = {"common_name": "Below", "lifetime_days": 10, "parent_passphrase": PASSPHRASE}
    changes = {
        "make a CA below it": lambda: ca(intermediate="servers", **below),
        "make a CA of its own below it": lambda: ca(directory=str(tmp_path / "own"), parent=str(home), **below),
        "sign": lambda: sign(home, tmp_path, "app1"),
        "revoke": lambda: run_module(
            "certificate_revoke", {"directory": str(home), "passphrase": PASSPHRASE, "create": True}
        ),
    }
    before = tree(home)
    monkeypatch.setattr(ca_directory, "LOCK_TIMEOUT_SECONDS", 0.2)
    with open(home / ".lock", "wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        refused = changes[change]()
        assert f"another process has held {home}/.lock for 0.2 seconds" in refused.get("msg", ""), refused
        assert {path: content for path, content in tree(home).items() if not path.endswith(".lock")} == before
    assert not changes[change]()["failed"]


def test_a_lock_that_is_a_symbolic_link_is_not_followed(ca, roll, home, tmp_path):
    target = tmp_path / "target"
    (home / ".lock").symlink_to(target)
    assert roll("introduce")["failed"]
    assert not target.exists()


def sign(home: Path, tmp_path: Path, name: str, **more) -> dict:
    """What the CA that issues now returns for a request under a name."""
    request = openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-subj", f"/CN={name}")
    one = {"name": name, "csr_pem": request, "usages": ["client"], "lifetime_days": 30, **more}
    return run_module("certificate_sign", {"directory": str(home), "passphrase": PASSPHRASE, **asked(one)})


def issue(home: Path, tmp_path: Path, name: str, **more) -> dict:
    """A certificate of the CA that issues now, under a name."""
    return sign(home, tmp_path, name, **more)["certificates"][0]


def test_the_old_ca_stays_while_somebody_holds_nothing_else(ca, roll, home, tmp_path):
    for name in ("moved", "forgotten", "gone", "revoked"):
        issue(home, tmp_path, name)
    issue(home, tmp_path, "ended", not_before="2020-01-01T00:00:00Z", not_after="2020-12-31T00:00:00Z")
    revocation = {"directory": str(home), "passphrase": PASSPHRASE, "revocations": [{"name": "revoked"}]}
    run_module("certificate_revoke", revocation)
    roll("introduce")
    roll("reissue")
    before = tree(home)
    refused = roll("retire")
    assert "hold no certificate of generation 2 yet: forgotten, gone, moved; issue them again" in refused["msg"]
    assert tree(home) == before
    issue(home, tmp_path, "moved")
    assert "yet: forgotten, gone; issue" in roll("retire", check=True)["msg"]
    issue(home, tmp_path, "forgotten")
    assert roll("retire", abandoned=["gone"])["phase"] == "retire"


def test_no_phase_begins_before_everybody_has_been_through_the_one_before(ca, roll, home):
    roll("introduce", completed=False)
    before = tree(home)
    for phase in PHASES[1:]:
        refused = roll(phase, completed=False)
        assert refused["failed"] and refused["msg"].startswith("phase introduce was not completed"), refused
        assert tree(home) == before
    assert roll("reissue", check=True)["phase"] == "reissue"  # check mode may have said so earlier in the play

    def complete(phase, check=False):
        return run_module(
            "ca_rollover",
            {
                "directory": str(home),
                "generation": 2,
                "phase": phase,
                "completed": True,
                "common_name": "Test Root CA",
                "passphrase": PASSPHRASE,
            },
            check,
        )

    assert complete("reissue")["failed"]
    assert not complete("reissue", check=True)["changed"]
    assert complete("introduce", check=True)["changed"] and tree(home) == before
    assert complete("introduce")["changed"] and not complete("introduce")["changed"]
    assert state(home) == {"generation": 1, "phase": "introduce", "completed": True}
    assert roll("reissue", completed=False)["phase"] == "reissue"
    assert state(home) == {"generation": 1, "phase": "reissue"}
    assert not complete("introduce")["changed"], "a phase that was passed before"
    assert roll("retire", completed=False)["failed"]
