# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""trust_anchor against a trust store in a temporary folder, kept by the real update-ca-certificates."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._trust.stores import Store, store_named
from ansible_collections.pgtls.postgresql.plugins.modules import trust_anchor
from module_runner import run_module

EXTENSIONS = {
    "ca": "basicConstraints=critical,CA:TRUE",
    "vendor": "basicConstraints=critical,CA:TRUE",
    "leaf": "basicConstraints=critical,CA:FALSE",
}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.crt, vendor.crt, leaf.crt and their keys, made by openssl."""
    folder = tmp_path_factory.mktemp("certificates")
    for name, extension in EXTENSIONS.items():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "5"]
            + ["-subj", f"/CN=throwaway {name}", "-keyout", f"{name}.key", "-out", f"{name}.crt"]
            + ["-config", os.devnull, "-addext", extension],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return folder


@pytest.fixture
def store(tmp_path: Path, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Debian's store below a temporary root: the real command, told to work there and never on this machine."""
    root = str(tmp_path)
    moved = store_named("debian", root)
    there = [
        "--certsconf", f"{root}/etc/ca-certificates.conf",
        "--certsdir", f"{root}/usr/share/ca-certificates",
        "--localcertsdir", moved.anchors,
        "--etccertsdir", f"{root}/etc/ssl/certs",
        "--hooksdir", f"{root}/etc/ca-certificates/update.d",
    ]  # fmt: skip
    for folder in ("usr/share/ca-certificates", "usr/local/share/ca-certificates", "etc/ssl/certs"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/ca-certificates/update.d").mkdir(parents=True)
    shutil.copy(certificates / "vendor.crt", tmp_path / "usr/share/ca-certificates")
    (tmp_path / "etc/ca-certificates.conf").write_text("vendor.crt\n")
    subprocess.run([*moved.refresh, *there], check=True, capture_output=True)
    moved = replace(moved, refresh=(*moved.refresh, *there), fresh=(*moved.fresh, *there))
    monkeypatch.setattr(trust_anchor, "store_named", lambda style: moved)
    return moved


def anchor(source: Path | None = None, **options: object) -> dict[str, object]:
    given = {} if source is None else {"src": str(source)}
    return {"name": "our-ca", "style": "debian", **given, **options}


def bundle_count(store: Store) -> int:
    return Path(store.bundle).read_text().count("BEGIN CERTIFICATE")


def test_an_anchor_comes_is_proven_and_goes(store: Store, certificates: Path) -> None:
    predicted = run_module("trust_anchor", anchor(certificates / "ca.crt"), check=True, diff=True)
    assert predicted["changed"]
    assert not predicted["verified"]
    assert bundle_count(store) == 1

    made = run_module("trust_anchor", anchor(certificates / "ca.crt"), diff=True)
    assert made["changed"]
    assert made["verified"]
    assert made["diff"] == predicted["diff"]
    assert os.stat(made["path"]).st_mode & 0o7777 == 0o644
    judged = subprocess.run(
        ["openssl", "verify", "-CAfile", store.bundle, str(certificates / "ca.crt")], check=False, capture_output=True
    )
    assert judged.returncode == 0

    again = run_module("trust_anchor", anchor(certificates / "ca.crt"))
    assert not again["changed"]
    assert again["verified"]

    gone = run_module("trust_anchor", anchor(state="absent"))
    assert not gone["failed"], gone["msg"]
    assert gone["changed"]
    assert gone["verified"]
    assert bundle_count(store) == 1
    assert not [entry for entry in os.listdir(os.path.dirname(store.bundle)) if "our-ca" in entry]

    assert not run_module("trust_anchor", anchor(state="absent"))["changed"]


def test_an_anchor_of_an_unknown_ca_leaves_the_bundle_too(store: Store, certificates: Path) -> None:
    run_module("trust_anchor", anchor(certificates / "ca.crt"))
    gone = run_module("trust_anchor", anchor(certificate_pem="", state="absent"))
    assert (gone["changed"], gone["verified"]) == (True, True)
    assert bundle_count(store) == 1


def test_a_ca_that_is_yet_to_be_made_is_a_predicted_change(store: Store) -> None:
    predicted = run_module("trust_anchor", anchor(certificate_pem=""), check=True, diff=True)
    assert predicted["changed"]
    assert not predicted["verified"]
    assert predicted["diff"][0]["after"] == "(a CA that does not exist yet)\n"
    real = run_module("trust_anchor", anchor(certificate_pem=""))
    assert real["msg"] == "certificate_pem holds 0 certificates in PEM; give one CA certificate for each anchor"


def test_a_bundle_that_lacks_the_anchor_is_made_again(store: Store, certificates: Path) -> None:
    run_module("trust_anchor", anchor(certificates / "ca.crt"))
    Path(store.bundle).write_text("")
    assert run_module("trust_anchor", anchor(certificates / "ca.crt"), check=True)["changed"]
    assert run_module("trust_anchor", anchor(certificates / "ca.crt"))["changed"]
    assert bundle_count(store) == 2


def test_a_certificate_that_another_anchor_still_brings_is_no_silent_success(store: Store, certificates: Path) -> None:
    run_module("trust_anchor", anchor(certificates / "ca.crt"))
    run_module("trust_anchor", {**anchor(certificates / "ca.crt"), "name": "twin"})
    result = run_module("trust_anchor", anchor(certificates / "ca.crt", state="absent"))
    assert result["failed"]
    assert "still holds the certificate from another source" in result["msg"]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("ca.key", "holds a private key"),
        ("leaf.crt", "is not a CA's"),
        ("missing.crt", "does not exist on this host"),
    ],
)
def test_what_cannot_be_an_anchor_is_refused(store: Store, certificates: Path, source: str, sentence: str) -> None:
    result = run_module("trust_anchor", anchor(certificates / source))
    assert result["failed"]
    assert sentence in result["msg"]
    assert not os.listdir(store.anchors)


def test_a_key_in_the_text_is_refused_and_not_told(store: Store, certificates: Path) -> None:
    key = (certificates / "ca.key").read_text()
    result = run_module("trust_anchor", anchor(certificate_pem=(certificates / "ca.crt").read_text() + key))
    assert result["failed"]
    assert "certificate_pem holds a private key" in result["msg"]


def test_a_missing_command_is_one_sentence(store: Store, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_anchor, "store_named", lambda style: replace(store, refresh=("no-such-updater",)))
    result = run_module("trust_anchor", anchor(certificates / "ca.crt"))
    assert result["failed"]
    assert result["msg"] == "no-such-updater is not installed; install the package ca-certificates of this host"
    assert not os.listdir(store.anchors)


KEYSTORE = """#!/bin/sh
# what ca-certificates-java does: keep what comes, forget what goes
while read -r line; do
  case $line in
    +*) echo "${line#+}" >>"$0.store" ;;
    -*) grep -vxF "${line#-}" "$0.store" >"$0.new"; mv "$0.new" "$0.store" ;;
  esac
done
"""


@pytest.fixture
def keystore(store: Store, certificates: Path) -> Path:
    """The list that a hook keeps; it knows the vendor's certificate and one of another administrator."""
    hook = Path(store.hooks) / "jks-keystore"
    hook.write_text(KEYSTORE)
    hook.chmod(0o755)
    shutil.copy(certificates / "vendor.crt", Path(store.anchors) / "theirs.crt")
    subprocess.run(store.fresh, check=True, capture_output=True)
    return Path(f"{hook}.store")


def names_in(keystore: Path) -> set[str]:
    return {Path(line).name for line in keystore.read_text().splitlines()}


@pytest.mark.parametrize("by", ["name", "file"])
def test_an_anchor_goes_from_what_hooks_have_filled_and_nothing_else_does(
    store: Store, certificates: Path, keystore: Path, by: str
) -> None:
    before = names_in(keystore)
    run_module("trust_anchor", anchor(certificates / "ca.crt"))
    assert names_in(keystore) == before | {"our-ca.pem"}
    done = run_module("trust_anchor", anchor(None if by == "name" else certificates / "ca.crt", state="absent"))
    assert (done["changed"], done["verified"]) == (True, True)
    assert names_in(keystore) == before == {"theirs.pem", "vendor.pem"}
    assert sorted(path.name for path in Path(store.bundle).parent.glob("*.pem")) == ["theirs.pem", "vendor.pem"]
    assert not run_module("trust_anchor", anchor(state="absent"))["changed"]


def test_a_removal_that_was_killed_before_the_refresh_is_finished(
    store: Store, certificates: Path, keystore: Path
) -> None:
    run_module("trust_anchor", anchor(certificates / "ca.crt"))
    (Path(store.anchors) / "our-ca.crt").unlink()
    assert run_module("trust_anchor", anchor(state="absent"), check=True)["changed"]
    assert run_module("trust_anchor", anchor(state="absent"))["changed"]
    assert "our-ca.pem" not in names_in(keystore)
    assert bundle_count(store) == 2
    assert not run_module("trust_anchor", anchor(state="absent"))["changed"]


def test_a_hook_that_fails_is_one_sentence_and_the_next_run_goes_on(store: Store, certificates: Path) -> None:
    run_module("trust_anchor", anchor(certificates / "ca.crt"))
    hook = Path(store.hooks) / "broken"
    hook.write_text("#!/bin/sh\ncat >/dev/null\necho no room >&2\nexit 3\n")
    hook.chmod(0o755)
    done = run_module("trust_anchor", anchor(state="absent"))
    assert done["failed"] and done["msg"] == f"{hook} failed: no room; fix that and run again"
    hook.unlink()
    assert run_module("trust_anchor", anchor(state="absent"))["changed"]
    assert bundle_count(store) == 1
