# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""certificate_request does everything that needs no signature, so that a holder with nothing due is visited once."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._host.certificates import key_generation
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import generate_key
from certificate_site import SERVER, Site
from openssl_judge import openssl

PASSPHRASE = "correct horse battery"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def full_item(site: Site, sealed: bool) -> dict:
    """A certificate with every file that there can be beside an encrypted key, or beside one that is not."""
    place, more = site.folder / "app1", {"crl": "own.crl", "pkcs12": "own.p12"}
    more |= {"private_key_passphrase_file": "phrase"} if sealed else {"pkcs8_der": "own.pk8"}
    secrets = {"private_key_passphrase": PASSPHRASE} if sealed else {}
    return site.item("app1", **secrets, **{option: str(place / name) for option, name in more.items()})


def crl_of(site: Site) -> str:
    return site.run("certificate_revoke", {"directory": str(site.ca_directory)})["crl_pem"]


def widened(path: str) -> None:
    os.chmod(path, 0o666)


DAMAGES = {
    "certificate": widened,
    "fullchain": widened,
    "private_key": widened,
    "root": lambda path: Path(path).write_text("nonsense"),
    "crl": os.unlink,
    "pkcs12": os.unlink,
    "pkcs8_der": lambda path: Path(path).write_bytes(b"another key"),
    "private_key_passphrase_file": os.unlink,
    "further": os.unlink,
}
ABSENT = {
    True: "pkcs8_der",
    False: "private_key_passphrase_file",
}  # which file there is not beside an encrypted key or a plain one


@pytest.mark.parametrize(
    ("damaged", "sealed"),
    [(field, sealed) for field in DAMAGES for sealed in (True, False) if field != ABSENT[sealed]],
)
def test_what_needs_no_signature_is_corrected_by_the_request_alone(site, damaged, sealed):
    root = site.ca()["chain_pem"]
    item, further = full_item(site, sealed), str(site.folder / "further.pem")
    known = {"trusted_pem": root, "crl_pem": crl_of(site), "trusted_files": [{"path": further}]}
    signed = site.sign(site.request(item, **known)["requests"])["certificates"]
    assert site.install(item, signed=signed, **known)["failed"] is False
    known["issuer_pem"] = root
    settled = site.request(item, **known)
    assert (settled["changed"], settled["requests"], settled["files_changed"]) == (False, [], False)

    files = {**{field: item[field] for field in DAMAGES if field in item}, "further": further}
    before = {path: (Path(path).read_bytes(), stat.S_IMODE(os.stat(path).st_mode)) for path in files.values()}
    DAMAGES[damaged](files[damaged])
    predicted = site.request(item, check=True, diff=True, **known)
    corrected = site.request(item, diff=True, **known)
    assert (corrected["changed"], corrected["files_changed"], corrected["requests"]) == (True, True, [])
    assert [diff["after_header"] for diff in corrected["diff"]] == [files[damaged]]
    assert predicted["diff"] == corrected["diff"]
    for path, (content, mode) in before.items():
        assert stat.S_IMODE(os.stat(path).st_mode) == mode
        assert Path(path).read_bytes() == content or damaged in ("pkcs12", "pkcs8_der")  # encrypted with a new salt
    assert site.request(item, **known)["changed"] is False
    del known["issuer_pem"]
    assert site.install(item, signed=[], **known)["changed"] is False


def test_the_roots_are_there_before_anything_is_signed(site):
    root = site.ca()["chain_pem"]
    item, further = site.item(), site.folder / "further.pem"
    requested = site.request(item, trusted_pem=root, trusted_files=[{"path": str(further)}])
    assert [why["code"] for one in requested["requests"] for why in one["reasons"]] == ["missing"]
    assert Path(item["root"]).read_text() == further.read_text() == root


def test_what_is_installed_is_returned_as_the_installation_returns_it(site):
    site.ca()
    item, other = site.item(), site.item("app2")
    first = site.request(item, other)["certificates"]
    assert first == [
        {
            "name": one["name"],
            "certificate": one["certificate"],
            "installed": False,
            **dict.fromkeys(("serial_number", "fingerprint_sha256", "not_after")),
        }
        for one in (item, other)
    ]
    (installed,) = site.issue(item)["certificates"]
    both = site.request(item, other)["certificates"]
    assert both == [{**installed, "installed": False}, first[1]]
    item["common_name"] = "Somebody else"
    renamed = site.request(item, other)  # what is due is told as it is until then
    assert (renamed["certificates"], len(renamed["requests"])) == (both, 2)


@pytest.mark.parametrize("which", ["root", "crl", "further"])
def test_no_key_is_made_while_another_file_cannot_be_written(site, which):
    root = site.ca()["chain_pem"]
    nowhere = str(site.folder / "nowhere" / "file")
    item = site.item(**({which: nowhere} if which != "further" else {}))
    files = [{"path": nowhere}] if which == "further" else []
    refused = site.request(item, trusted_pem=root, crl_pem=crl_of(site), trusted_files=files)
    assert refused["msg"] == f"the directory {site.folder / 'nowhere'} does not exist; create it before {nowhere}"
    assert not Path(item["private_key"]).exists()


@pytest.mark.parametrize("install_first", [False, True])
def test_a_key_that_waits_for_its_certificate_is_kept_until_the_answer(site, install_first):
    """A signer elsewhere answers days later, and its answer belongs to the key that was asked for."""
    site.ca()
    item, other = site.item(), site.item("app2")
    site.issue(item)
    item["key_type"] = "ecdsa-p384"
    requested = site.request(item, other)
    waiting = Path(item["private_key"] + ".next").read_bytes()
    if install_first:  # with what has come back by then
        early = site.sign([one for one in requested["requests"] if one["name"] == "app2"])["certificates"]
        assert site.install(item, other, signed=early)["failed"] is False
    again = site.request(item, other)
    assert again["keys_made"] == []
    assert Path(item["private_key"] + ".next").read_bytes() == waiting
    signed = site.sign([one for one in requested["requests"] if one["name"] == "app1"])["certificates"]
    assert site.install(item, other, signed=signed)["failed"] is False
    assert Path(item["private_key"]).read_bytes() == waiting
    assert not Path(item["private_key"] + ".next").exists()


def test_a_waiting_key_that_nobody_waits_for_any_more_goes(site):
    site.ca()
    item = site.item()
    site.issue(item)
    site.request({**item, "key_type": "ecdsa-p384"})
    waiting = Path(item["private_key"] + ".next")
    assert waiting.exists()
    assert site.request(item)["files_changed"] is True
    assert not waiting.exists()
    assert site.codes(item) == []


def test_a_run_killed_before_the_new_key_of_a_revoked_certificate_never_certifies_the_old_key(site):
    """Certificate and key differ for one rename; the key beside them is the one that belongs there."""
    chain = site.ca()["chain_pem"]
    item = site.item("db1", **SERVER)
    site.issue(item)
    revoke = {"directory": str(site.ca_directory), "revocations": [{"name": "db1", "reason": "keyCompromise"}]}
    crl_pem = site.run("certificate_revoke", revoke)["crl_pem"]
    old_key, next_key = Path(item["private_key"]), Path(item["private_key"] + ".next")
    compromised = old_key.read_bytes()
    signed = site.sign(site.request(item, crl_pem=crl_pem)["requests"])["certificates"]
    fresh = next_key.read_bytes()
    assert site.install(item, signed=signed, crl_pem=crl_pem)["failed"] is False
    old_key.write_bytes(compromised)  # as it is when the run ends between certificate and key
    next_key.write_bytes(fresh)

    requested = site.request(item, issuer_pem=chain, crl_pem=crl_pem)
    assert requested["requests"] == []
    assert old_key.read_bytes() == fresh
    assert not next_key.exists()


def test_the_ca_of_each_usage_is_compared_with_its_own_certificates(site):
    root = site.ca()["chain_pem"]
    chains = {
        usage: site.ca(intermediate=f"{usage}s", common_name=f"Test {usage} CA", usages=[usage])["chain_pem"]
        for usage in ("server", "client")
    }
    items = {"server": site.item("db1", **SERVER), "client": site.item("app1"), "both": site.item("both", **SERVER)}
    items["both"]["usages"] = ["server", "client"]
    issuers = [{"usages": [usage], "chain_pem": chain} for usage, chain in chains.items()]
    for usage, item in items.items():
        signer = {} if usage == "both" else {"intermediate": f"{usage}s"}
        site.issue(item, trusted_pem=root, **signer)
    everything = list(items.values())
    known = {"issuer_pem": root, "trusted_pem": root}
    assert site.codes(*everything, issuers=issuers, **known) == []
    assert site.codes(*everything, **known) == ["issuer_changed"] * 2
    exchanged = [{"usages": one["usages"], "chain_pem": two["chain_pem"]} for one, two in zip(issuers, issuers[::-1])]
    assert site.codes(*everything, issuers=exchanged, **known) == ["issuer_changed"] * 2
    unknown = [{"usages": one["usages"]} for one in issuers]
    assert site.codes(*everything, issuers=unknown, **known) == []
    damaged = [{"usages": ["client"], "chain_pem": "nonsense"}]
    assert "issuers: chain_pem for client holds no certificate" in site.request(*everything, issuers=damaged)["msg"]


NOBODY = {"untrusted_ca": "Somebody else's root"}


def test_a_certificate_of_an_untrusted_ca_needs_nobody(site):
    root = site.ca()["chain_pem"]
    item = site.item(**NOBODY)
    known = {"issuer_pem": root, "trusted_pem": root}
    predicted = site.request(item, check=True, diff=True, **known)
    assert not Path(item["certificate"]).exists()
    made = site.request(item, diff=True, **known)
    assert (made["changed"], made["requests"], made["keys_made"]) == (True, [], [item["private_key"]])
    assert predicted["diff"] == made["diff"]
    (told,) = made["certificates"]
    assert told["installed"] is True
    serial = openssl("x509", "-noout", "-serial", "-in", item["certificate"]).strip().split("=")[1]
    assert told["serial_number"].upper() == serial
    assert "OK" in openssl(
        "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", item["root"], item["certificate"]
    )
    assert "CN = Somebody else's root" in openssl(
        "x509", "-noout", "-subject", "-nameopt", "oneline", "-in", item["root"]
    )
    assert Path(item["root"]).read_text() != root
    assert stat.S_IMODE(os.stat(item["private_key"]).st_mode) == 0o600
    keys = [path for path in site.folder.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    assert {str(path) for path in keys} == {item["private_key"], str(site.ca_directory / "ca.key")}
    before = Path(item["certificate"]).read_bytes()
    again = site.request(item, **known)
    assert (again["changed"], again["certificates"]) == (False, [{**told, "installed": False}])
    assert site.install(item, signed=[], trusted_pem=root)["changed"] is False
    assert Path(item["certificate"]).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"common_name": "Somebody"}, "subject_changed"),
        ({"untrusted_ca": "Nobody's root"}, "issuer_changed"),
        ({"key_type": "rsa-2048"}, "key_type_changed"),
        ({"renew_before_percent": 99, "lifetime_days": 1}, "renewal_due"),
        ({}, "chain_changed"),
    ],
)
def test_a_certificate_of_an_untrusted_ca_is_made_again_when_it_is_due(site, change, code):
    item = site.item(**NOBODY)
    if code == "renewal_due":
        item["lifetime_days"] = 1
        item["not_before"] = "2020-01-01T00:00:00Z"
    site.request(item)
    if code == "chain_changed":
        Path(item["root"]).write_text(site.ca()["chain_pem"])
    changed = {**item, **change}
    predicted = site.request(changed, check=True, diff=True)
    made = site.request(changed, diff=True)
    assert f"due ({code})" in made["diff"][-1]["after"]
    assert predicted["diff"] == made["diff"]
    assert (made["requests"], made["certificates"][0]["installed"]) == ([], True)
    assert not Path(item["private_key"] + ".next").exists()
    pairs = [
        openssl("x509", "-noout", "-pubkey", "-in", item["certificate"]),
        openssl("pkey", "-pubout", "-in", item["private_key"]),
    ]
    assert pairs[0] == pairs[1]
    assert code == "renewal_due" or site.request(changed)["changed"] is False


def test_an_untrusted_ca_without_a_file_for_its_root_is_refused(site):
    item = site.item(**NOBODY)
    del item["root"]
    assert site.request(item)["msg"] == (
        "the certificate app1: untrusted_ca is given without root; name a file for the certificate of that CA"
    )


@pytest.mark.parametrize(("parent_mode", "above"), [(None, 0o700), ("0755", 0o755)])
def test_missing_directories_above_may_be_wider_than_the_directory(site, parent_mode, above):
    """What stands beside a directory of secrets is for others too."""
    deep = site.folder / "a" / "b" / "secrets"
    wanted = {"path": str(deep), "mode": "0700", **({"parent_mode": parent_mode} if parent_mode else {})}
    assert site.request(directories=[wanted])["files_changed"] is True
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (deep, deep.parent, deep.parent.parent)]
    assert modes == [0o700, above, above]
    (site.folder / "a").chmod(0o711)  # what is there is somebody's decision
    assert site.request(directories=[wanted])["changed"] is False
    assert stat.S_IMODE((site.folder / "a").stat().st_mode) == 0o711


def test_what_another_run_installed_while_keys_were_made_is_not_taken_back(site, monkeypatch):
    """The keys of a long list may take minutes, and others are at work on the same files."""
    site.ca()
    old, other = site.item(), site.item("app2")
    site.issue(old)
    certificate = Path(old["certificate"])
    newer = certificate.read_bytes() + b"\n"

    def slowly(key_type: str):
        certificate.write_bytes(newer)
        return generate_key(key_type)

    monkeypatch.setattr(key_generation, "generate_key", slowly)
    done = site.request(old, other)
    assert done["failed"] and certificate.read_bytes() == newer
    assert done["msg"].startswith(f"{certificate} was changed by somebody else during this run")
    monkeypatch.undo()
    assert not site.request(old, other)["failed"]
