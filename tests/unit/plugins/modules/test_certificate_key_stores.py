# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys and certificates in other shapes: encrypted keys, PKCS#12, PKCS#8 in DER, root files of several roots."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.compat import CRYPTOGRAPHY_VERSION
from certificate_site import SERVER, Site
from openssl_judge import openssl, verdict

PASSPHRASE, STORE_PASSPHRASE = "correct horse battery", "staple of the store"
OLD = int(CRYPTOGRAPHY_VERSION.split(".", maxsplit=1)[0]) < 36


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def delivered(site: Site, name: str = "app1", **more) -> dict:
    place = site.folder / name
    return site.item(name, pkcs12=str(place / "own.p12"), pkcs8_der=str(place / "own.pk8"), **more)


def contents(item: dict) -> dict[str, bytes]:
    fields = ("private_key", "certificate", "fullchain", "root", "pkcs12", "pkcs8_der")
    return {field: Path(item[field]).read_bytes() for field in fields if field in item}


def public_key(*arguments: object) -> str:
    return openssl("pkey", "-pubout", *arguments)


def public_key_of_certificate(path: str) -> str:
    return openssl("x509", "-noout", "-pubkey", "-in", path)


def stored(path: str, *what: str, passphrase: str = STORE_PASSPHRASE) -> str:
    return openssl("pkcs12", "-in", path, "-passin", f"pass:{passphrase}", *what)


def pems(text: str) -> list[str]:
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", text, re.DOTALL)


def in_store(item: dict) -> list[str]:
    """The certificates of a store, the one of its key first: cryptography 43.0 marks it in no other way."""
    place = Path(item["pkcs12"]).parent
    (place / "store.key").write_text(stored(item["pkcs12"], "-nodes", "-nocerts"))
    own = public_key("-in", place / "store.key")
    found = pems(stored(item["pkcs12"], "-nokeys"))
    for one in found:
        (place / "store.crt").write_text(one)
        if public_key_of_certificate(place / "store.crt") == own:
            return [one, *(other for other in found if other != one)]
    raise AssertionError("the store holds no certificate of its key")


def below(site: Site) -> str:
    made = site.ca(
        directory=str(site.folder / "below"),
        common_name="Test Client CA",
        lifetime_days=1000,
        parent=str(site.ca_directory),
    )
    assert not made["failed"], made
    return str(site.folder / "below")


@pytest.mark.parametrize("key_type", ["rsa-2048", "ecdsa-p256", "ecdsa-p384"])
def test_pkcs12_is_what_openssl_and_pgjdbc_read(site, key_type):
    site.ca()
    item = delivered(site, key_type=key_type, pkcs12_passphrase=STORE_PASSPHRASE)
    site.issue(item, directory=below(site))
    whole = stored(item["pkcs12"], "-nodes")
    assert "friendlyName: user" in whole
    leaf, *above = in_store(item)
    assert leaf == pems(Path(item["certificate"]).read_text())[0]
    assert sorted(above) == sorted(pems(Path(item["fullchain"]).read_text())[1:])
    root = Path(item["root"]).read_text()
    between = next(one for one in above if one != root)
    assert verdict(site.folder, leaf, between + root, "client") == "OK"
    (site.folder / "from-store.key").write_text(stored(item["pkcs12"], "-nodes", "-nocerts"))
    assert public_key("-in", site.folder / "from-store.key") == public_key_of_certificate(item["certificate"])
    assert site.codes(item) == []


@pytest.mark.parametrize("key_type", ["rsa-2048", "ecdsa-p256", "ed25519"])
def test_pkcs8_der_is_the_same_key(site, key_type):
    site.ca()
    item = delivered(site, key_type=key_type)
    del item["pkcs12"]
    site.issue(item)
    (site.folder / "from-der.key").write_text(openssl("pkcs8", "-inform", "DER", "-in", item["pkcs8_der"], "-nocrypt"))
    assert public_key("-in", site.folder / "from-der.key") == public_key_of_certificate(item["certificate"])
    before = contents(item)
    assert site.install(item, signed=[])["changed"] is False
    assert contents(item) == before


def test_an_ed25519_key_is_stored_or_refused_in_one_sentence(site):
    site.ca()
    item = delivered(site, key_type="ed25519", pkcs12_passphrase=STORE_PASSPHRASE)
    requests = site.request(item)["requests"]
    installed = site.install(item, signed=site.sign(requests)["certificates"])
    if installed["failed"]:
        assert installed["msg"] == (
            f"the certificate app1: pkcs12 cannot hold a key of type ed25519 with cryptography {CRYPTOGRAPHY_VERSION}; "
            "choose another key_type, or leave out pkcs12"
        )
        assert not Path(item["certificate"]).exists()
    else:
        assert "BEGIN PRIVATE KEY" in stored(item["pkcs12"], "-nodes", "-nocerts")


@pytest.mark.parametrize("passphrase", [STORE_PASSPHRASE, None])
def test_keytool_finds_one_key_under_the_alias_that_pgjdbc_wants(site, passphrase):
    site.ca()
    item = delivered(site, **({} if passphrase is None else {"pkcs12_passphrase": passphrase}))
    site.issue(item)
    found = stored(item["pkcs12"], "-nodes", passphrase=passphrase or "")
    assert found.count("friendlyName: user") >= 1
    if shutil.which("keytool") is None or passphrase is None:
        return
    command = ["keytool", "-list", "-v", "-storetype", "PKCS12", "-keystore", item["pkcs12"], "-storepass", passphrase]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "Alias name: user\n" in listed.stdout
    assert "Entry type: PrivateKeyEntry\nCertificate chain length: 2\n" in listed.stdout
    assert listed.stdout.count("Alias name:") == 1


def test_deliveries_have_the_mode_of_a_key_and_keep_their_bytes(site):
    site.ca()
    item = delivered(site, pkcs12_passphrase=STORE_PASSPHRASE)
    site.issue(item)
    for field in ("pkcs12", "pkcs8_der", "private_key"):
        assert stat.S_IMODE(os.stat(item[field]).st_mode) == 0o600
    before = contents(item)
    for _run in range(2):
        assert site.request(item)["changed"] is False
        assert site.install(item, signed=[])["changed"] is False
    assert contents(item) == before
    os.chmod(item["pkcs12"], 0o644)
    assert site.install(item, signed=[])["changed"] is True
    assert stat.S_IMODE(os.stat(item["pkcs12"]).st_mode) == 0o600
    assert contents(item) == before


def test_a_delivery_that_holds_something_else_is_written_again(site):
    site.ca()
    item = delivered(site, pkcs12_passphrase=STORE_PASSPHRASE)
    other = delivered(site, "app2", pkcs12_passphrase=STORE_PASSPHRASE)
    site.issue(item, other)
    before = contents(item)
    for damage in (None, b"nonsense", contents(other)["pkcs12"], contents(other)["pkcs8_der"]):
        for field in ("pkcs12", "pkcs8_der"):
            if damage is None:
                os.unlink(item[field])
            else:
                Path(item[field]).write_bytes(damage)
        predicted = site.install(item, signed=[], check=True, diff=True)
        installed = site.install(item, signed=[], diff=True)
        assert predicted["diff"] == installed["diff"]
        assert [diff["after_header"] for diff in installed["diff"]] == [item["pkcs12"], item["pkcs8_der"]]
        assert public_key("-inform", "DER", "-in", item["pkcs8_der"]) == public_key_of_certificate(item["certificate"])
        assert in_store(item)[:1] == pems(Path(item["certificate"]).read_text())
    after = contents(item)
    assert {field for field in before if before[field] != after[field]} <= {"pkcs12"}


def test_a_store_with_another_alias_or_passphrase_is_written_again(site):
    site.ca()
    item = delivered(site, pkcs12_passphrase=STORE_PASSPHRASE)
    site.issue(item)
    own = ["-inkey", item["private_key"], "-in", item["certificate"], "-certfile", item["root"]]
    for name, passphrase, fits in (("user", STORE_PASSPHRASE, True), ("user", "another one", False)):
        export = ["-out", item["pkcs12"], "-passout", f"pass:{passphrase}", "-name", name]
        openssl("pkcs12", "-export", *own, *export)
        assert site.install(item, signed=[])["changed"] is not fits
    openssl("pkcs12", "-export", *own, "-out", item["pkcs12"], "-passout", f"pass:{STORE_PASSPHRASE}", "-name", "app1")
    assert site.install(item, signed=[])["changed"] is not OLD  # old libraries cannot read the name
    openssl(*["pkcs12", "-export", "-nokeys"], *own[2:], "-out", item["pkcs12"], "-passout", f"pass:{STORE_PASSPHRASE}")
    assert site.install(item, signed=[])["changed"] is True


def test_renewal_and_a_new_key_reach_the_deliveries(site):
    site.ca()
    item = delivered(site, pkcs12_passphrase=STORE_PASSPHRASE)
    site.issue(item)
    for change in ({"common_name": "another"}, {"key_type": "rsa-2048"}, {"key_type": "ecdsa-p384"}):
        item.update(change)
        predicted_sign = site.sign(site.request(item, check=True)["requests"], check=True)
        predicted = site.install(item, signed=predicted_sign["certificates"], check=True, diff=True)
        signed = site.sign(site.request(item)["requests"])
        installed = site.install(item, signed=signed["certificates"], diff=True)
        assert predicted["diff"] == installed["diff"]
        assert public_key("-inform", "DER", "-in", item["pkcs8_der"]) == public_key_of_certificate(item["certificate"])
        assert in_store(item)[:1] == pems(Path(item["certificate"]).read_text())


def test_a_plain_key_is_encrypted_in_place_and_stays_the_same(site):
    site.ca()
    item = site.item("db1", **SERVER)
    site.issue(item)
    before = public_key("-in", item["private_key"])
    item["private_key_passphrase"] = PASSPHRASE
    predicted = site.request(item, check=True, diff=True)
    assert "ENCRYPTED" not in Path(item["private_key"]).read_text()
    requested = site.request(item, diff=True)
    assert (requested["changed"], requested["requests"], requested["keys_made"]) == (True, [], [])
    assert predicted["diff"] == requested["diff"]
    assert [diff["after_header"] for diff in requested["diff"]] == [item["private_key"]]
    assert Path(item["private_key"]).read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert public_key("-in", item["private_key"], "-passin", f"pass:{PASSPHRASE}") == before
    assert stat.S_IMODE(os.stat(item["private_key"]).st_mode) == 0o600
    assert site.request(item)["changed"] is False
    assert site.install(item, signed=[])["changed"] is False


def test_the_older_kind_of_encryption_gives_way_to_pkcs8(site):
    site.ca()
    item = site.item(private_key_passphrase=PASSPHRASE, key_type="rsa-2048")
    old = openssl("rsa", "-traditional", "-aes256", "-passout", f"pass:{PASSPHRASE}", stdin=openssl("genrsa", "2048"))
    Path(item["private_key"]).write_text(old)
    site.issue(item)
    assert Path(item["private_key"]).read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert public_key("-in", item["private_key"], "-passin", f"pass:{PASSPHRASE}") == public_key_of_certificate(
        item["certificate"]
    )


def test_new_and_waiting_keys_are_encrypted(site):
    site.ca()
    item = site.item(private_key_passphrase=PASSPHRASE)
    site.issue(item)
    item["key_type"] = "rsa-2048"
    site.request(item)
    for path in (item["private_key"], item["private_key"] + ".next"):
        assert Path(path).read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    site.issue(item)
    found = public_key("-in", item["private_key"], "-passin", f"pass:{PASSPHRASE}")
    assert found == public_key_of_certificate(item["certificate"])


@pytest.mark.parametrize("module", ["certificate_request", "certificate_install"])
def test_a_wrong_or_forgotten_passphrase_is_one_sentence(site, module):
    site.ca()
    item = site.item(private_key_passphrase=PASSPHRASE)
    site.issue(item)
    before = contents(item)
    key = item["private_key"]
    wrong = site.run(module, {"certificates": [{**item, "private_key_passphrase": "another passphrase"}]})
    assert wrong["msg"] == f"the private key {key} cannot be opened with the passphrase in private_key_passphrase"
    del item["private_key_passphrase"]
    forgotten = site.run(module, {"certificates": [item]})
    assert forgotten["msg"] == (
        f"the private key {key} is encrypted; give its passphrase in the option private_key_passphrase"
    )
    assert contents(item) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"private_key_passphrase": PASSPHRASE, "pkcs8_der": "/nowhere/own.pk8"},
            "exclude each other, because no client",
        ),
        ({"pkcs12_passphrase": "größer als alles", "pkcs12": "/nowhere/own.p12"}, "holds a character beyond ASCII"),
        ({"private_key_passphrase": "short"}, "private_key_passphrase has 5 characters, but at least 8 are needed"),
        ({"pkcs12_passphrase": "short"}, "pkcs12_passphrase has 5 characters, but at least 8 are needed"),
        ({"private_key_passphrase": "two lines\n"}, "private_key_passphrase holds a line break"),
        ({"renew_before_days": 1, "renew_before_percent": 1}, "exclude each other; leave one out"),
        ({"renew_before_percent": 0}, "renew_before_percent is 0, but must be from 1 to 99"),
        ({"renew_before_percent": 100}, "renew_before_percent is 100, but must be from 1 to 99"),
    ],
)
def test_bad_wishes_are_refused_before_anything_is_written(site, change, said):
    refused = site.request(site.item(**change))
    assert refused["failed"]
    assert said in refused["msg"]
    assert refused["msg"].startswith("the certificate app1: ")
    assert [path for path in site.folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("module", ["certificate_request", "certificate_install"])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"private_key_passphrase": PASSPHRASE},
            "pkcs8_der and private_key_passphrase exclude each other, because no client opens an encrypted key in DER; "
            "use pkcs12 with pkcs12_passphrase instead, or leave out the passphrase",
        ),
        (
            {"pkcs12_passphrase": "größer als alles"},
            "pkcs12_passphrase holds a character beyond ASCII, with which Java and so pgjdbc opens no PKCS#12; "
            "choose another one",
        ),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_what_no_client_opens_is_refused_before_anything_is_written(site, module, options, sentence, last):
    site.ca()
    good, bad = site.item("app1"), delivered(site, "app2", **options)
    before = sorted(site.folder.rglob("*"))
    refused = site.run(module, {"certificates": [good, bad] if last else [bad, good]})
    assert (refused["failed"], refused["msg"]) == (True, f"the certificate app2: {sentence}")
    assert sorted(site.folder.rglob("*")) == before


def test_an_encrypted_file_in_der_gives_way_to_one_that_clients_open(site):
    site.ca()
    item = delivered(site, pkcs12_passphrase=STORE_PASSPHRASE)
    site.issue(item)
    encrypt = ["-topk8", "-outform", "DER", "-passout", f"pass:{PASSPHRASE}"]
    openssl("pkcs8", *encrypt, "-in", item["private_key"], "-out", item["pkcs8_der"])
    assert site.request(item)["changed"] is True
    assert public_key("-inform", "DER", "-in", item["pkcs8_der"]) == public_key_of_certificate(item["certificate"])


def test_a_warning_names_a_store_that_java_does_not_open(site):
    site.ca()
    plain, protected = delivered(site, "app1"), delivered(site, "app2", pkcs12_passphrase=STORE_PASSPHRASE)
    site.issue(plain, protected)
    assert site.request(plain, protected)["warnings"] == [
        "the certificate app1: Java and so pgjdbc opens no PKCS#12 without a passphrase; give a pkcs12_passphrase, "
        "unless another client reads the file"
    ]


@pytest.mark.parametrize("field", ["pkcs12", "pkcs8_der", "root"])
def test_a_delivery_in_the_place_of_another_file_is_refused(site, field):
    item = site.item()
    for taken in (item["private_key"], item["private_key"] + ".next", item["certificate"]):
        refused = site.request({**item, field: taken})
        assert refused["msg"] == f"certificates: the file {taken} is used twice; every certificate needs its own"


def two_roots(site: Site) -> tuple[str, str]:
    one = site.ca()["chain_pem"]
    return one, site.ca(directory=str(site.folder / "ca2"), common_name="Test Root CA G2")["chain_pem"]


def test_the_root_file_is_exactly_what_is_trusted_and_needs_no_new_certificate(site):
    one, two = two_roots(site)
    items = [site.item("app1"), site.item("app2")]
    items[1]["root"] = items[0]["root"]  # one file for several certificates
    site.issue(*items, trusted_pem=one)
    leaf = Path(items[0]["certificate"]).read_bytes()
    for trusted in (one + two, two + one, one):
        known = {"trusted_pem": trusted}
        assert site.codes(*items, issuer_pem=one, check=True, **known) == []
        predicted = site.install(*items, signed=[], check=True, diff=True, **known)
        installed = site.install(*items, signed=[], diff=True, **known)
        assert predicted["diff"] == installed["diff"]
        assert [diff["after_header"] for diff in installed["diff"]] == [items[0]["root"]]
        assert Path(items[0]["root"]).read_text() == trusted
        assert site.install(*items, signed=[], **known)["changed"] is False
        assert site.install(*items, signed=[])["changed"] is False  # not given: it stays
        assert site.codes(*items, issuer_pem=one) == []
    assert Path(items[0]["certificate"]).read_bytes() == leaf
    os.unlink(items[0]["root"])
    assert site.codes(*items, issuer_pem=one, trusted_pem=one, check=True) == []
    assert site.install(*items, signed=[], trusted_pem=one)["changed"] is True
    assert Path(items[0]["root"]).read_text() == one


def test_certificates_move_to_the_other_root_while_both_are_trusted(site):
    one, two = two_roots(site)
    item = delivered(site, pkcs12_passphrase=STORE_PASSPHRASE)
    site.issue(item, trusted_pem=one)
    assert site.install(item, signed=[], trusted_pem=one + two)["changed"] is True  # introduce
    assert site.codes(item, issuer_pem=two, trusted_pem=two + one) == ["issuer_changed"]  # reissue
    signed = site.sign(
        site.request(item, issuer_pem=two, trusted_pem=two + one)["requests"], directory=str(site.folder / "ca2")
    )
    assert site.install(item, signed=signed["certificates"], trusted_pem=two + one)["failed"] is False
    assert Path(item["root"]).read_text() == two + one
    assert Path(item["fullchain"]).read_text() == Path(item["certificate"]).read_text() + two
    assert in_store(item)[1:] == [two]
    assert site.codes(item, issuer_pem=two, trusted_pem=two, check=True) == []  # retire
    assert site.install(item, signed=[], trusted_pem=two)["changed"] is True
    assert Path(item["root"]).read_text() == two
    assert site.install(item, signed=[], trusted_pem=two)["changed"] is False


def test_what_is_trusted_must_hold_the_root_of_what_was_signed(site):
    _one, two = two_roots(site)
    item = site.item()
    signed = site.sign(site.request(item)["requests"])
    refused = site.install(item, signed=signed["certificates"], trusted_pem=two)
    assert refused["msg"] == (
        "the certificate app1 ends in the root CN=Test Root CA, which trusted_pem does not hold; "
        "give the trusted_pem that its CA returns"
    )
    assert not Path(item["certificate"]).exists()
    leaf = signed["certificates"][0]["certificate_pem"]
    assert "trusted_pem holds CN=PostgreSQL app1, which is not a root" in site.request(item, trusted_pem=leaf)["msg"]
    assert "trusted_pem holds no certificate in PEM" in site.request(item, trusted_pem="nonsense")["msg"]
