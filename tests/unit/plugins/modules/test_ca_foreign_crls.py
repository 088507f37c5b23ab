# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a company's CA brings along: its CRL, the CRL of an offline root above it, and a certificate that was renewed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from inventory import asked
from module_runner import run_module
from openssl_judge import openssl

CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Company:
    """A root, and an issuing CA below it, kept with openssl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "ext").write_text(CA)
        for name in ("root", "issuing"):
            openssl(
                "req",
                "-new",
                *KEY,
                "-keyout",
                folder / f"{name}.key",
                "-out",
                folder / f"{name}.csr",
                "-subj",
                f"/CN={name}",
            )
        self.sign("root", "root")
        self.sign("issuing", "root")

    def sign(self, name: str, by: str, days: int = 900) -> None:
        signer = ["-CA", self.folder / f"{by}.crt", "-CAkey", self.folder / f"{by}.key"]
        if name == by:
            signer = ["-signkey", self.folder / f"{by}.key"]
        made = [
            "-in",
            self.folder / f"{name}.csr",
            "-out",
            self.folder / f"{name}.crt",
            "-extfile",
            self.folder / "ext",
        ]
        openssl("x509", "-req", "-days", str(days), *signer, *made)

    def crl(self, by: str, *serials: str, number: str = "0500", ends: str = "-crldays 30", file: str = "") -> str:
        """A CRL of one of them; the path is returned."""
        place = self.folder
        settings = f"[ca]\ndefault_ca=d\n[d]\ndatabase={place}/index\ncrlnumber={place}/number\ndefault_md=sha256\n"
        (place / "o.cnf").write_text(settings + "crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n")
        lines = (f"R\t350101000000Z\t260101000000Z,keyCompromise\t{each}\tunknown\t/CN=mole\n" for each in serials)
        (place / "index").write_text("".join(lines))
        (place / "number").write_text(f"{number}\n")
        path = place / (file or f"{by}.crl")
        signer = ["-cert", place / f"{by}.crt", "-keyfile", place / f"{by}.key"]
        openssl("ca", "-config", place / "o.cnf", *signer, "-gencrl", *ends.split(), "-out", path)
        return str(path)

    def adopt(self, name: str, check: bool = False, **more: Any) -> dict[str, Any]:
        (self.folder / "bundle").write_text(
            "".join((self.folder / f"{each}.crt").read_text() for each in dict.fromkeys([name, "root"]))
        )
        crl = more.pop("adopted_crl", None)
        adopt = {"certificate": str(self.folder / "bundle"), "private_key": str(self.folder / f"{name}.key")}
        adopt.update({"crl": crl} if crl else {})
        return run_module("ca", {"directory": str(self.folder / "ca"), "adopt": adopt, **more}, check=check)

    def issue(self, name: str = "kite") -> dict[str, Any]:
        csr = openssl("req", "-new", *KEY, "-keyout", "/dev/null", "-subj", "/CN=any")
        wish = asked({"name": name, "csr_pem": csr, "usages": ["client"], "lifetime_days": 90})
        done = run_module("certificate_sign", {"directory": str(self.folder / "ca"), **wish})
        assert not done["failed"], done["msg"]
        return done["certificates"][0]

    def judged(self, leaf: str, crl_pem: str) -> str:
        """OK, or what OpenSSL says when it checks the CRLs of the whole chain, as PostgreSQL does."""
        (self.folder / "leaf").write_text(leaf)
        (self.folder / "crls").write_text(crl_pem)
        files = [
            "-CAfile",
            self.folder / "root.crt",
            "-untrusted",
            self.folder / "bundle",
            "-CRLfile",
            self.folder / "crls",
        ]
        try:
            openssl("verify", "-x509_strict", "-crl_check_all", *files, self.folder / "leaf")
        except AssertionError as error:
            return re.findall(r"depth lookup: (.*)", str(error))[0]
        return "OK"


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


def numbers(crl_pem: str) -> list[int]:
    found = re.findall(r"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----\n", crl_pem, re.DOTALL)
    return [int(openssl("crl", "-noout", "-crlnumber", stdin=one).split("=")[1], 16) for one in found]


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_what_an_adopted_ca_has_revoked_stays_revoked(company, form):
    path = company.crl("root", "0A17", "0A18")
    openssl("crl", "-in", path, "-outform", form, "-out", f"{path}.{form}")
    expected = company.adopt("root", adopted_crl=f"{path}.{form}", crl=True, check=True)
    made = company.adopt("root", adopted_crl=f"{path}.{form}", crl=True)
    assert (expected["changed"], expected["warnings"]) == (made["changed"], made["warnings"]) == (True, [])
    assert [each["serial_number"] for each in made["revoked"]] == ["0A17", "0A18"]
    assert {each["reason"] for each in made["revoked"]} == {"keyCompromise"}
    listed = run_module(
        "certificate_revoke", {"directory": str(company.folder / "ca"), "revocations": [{"serial_number": "0B00"}]}
    )
    assert [each["serial_number"] for each in listed["revoked"]] == ["0A17", "0A18", "0B00"]
    assert numbers(listed["crl_pem"]) == [0x501]
    for _moved_away in range(2):
        again = company.adopt("root", adopted_crl=f"{path}.{form}", crl=True)
        assert (again["changed"], again["failed"]) == (False, False)
        Path(f"{path}.{form}").unlink(missing_ok=True)


@pytest.mark.parametrize("check", [True, False])
def test_an_adoption_without_a_crl_is_warned_of_once(company, check):
    (warning,) = company.adopt("root", check=check)["warnings"]
    assert warning.startswith("the CA CN=root is adopted without a CRL") and "adopt.crl" in warning
    company.adopt("root")
    assert company.adopt("root")["warnings"] == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "adopt: there is no file"),
        ("nothing", "holds no CRL that can be read, in PEM or DER"),
        ("other", "was not signed by the CA CN=root"),
    ],
)
def test_a_crl_that_is_not_the_ca_s_own_is_refused(company, content, said):
    path = company.folder / "x.crl"
    if content == "other":
        company.crl("issuing", file="x.crl")
    elif content:
        path.write_text(content)
    done = company.adopt("root", adopted_crl=str(path))
    assert done["failed"] and said in done["msg"]
    assert not (company.folder / "ca").exists()


def test_a_crl_that_comes_too_late_is_refused_when_it_says_more(company):
    company.adopt("root", crl=True)
    done = company.adopt("root", crl=True, adopted_crl=company.crl("root", "0A17"))
    assert done["failed"] and "adopt: the CRL of CN=root has the number 1 and does not revoke 0A17" in done["msg"]


def test_the_crl_of_an_offline_root_is_published_with_the_others(company):
    above = company.crl("root", number="07")
    made = company.adopt("issuing", crl=True, crls_above=[above])
    assert not made["failed"], made["msg"]
    assert (numbers(made["crl_pem"]), made["trusted_pem"]) == ([1, 7], (company.folder / "root.crt").read_text())
    one = company.issue()
    assert company.judged(one["certificate_pem"], made["crl_pem"]) == "OK"
    assert "unable to get certificate CRL" in company.judged(
        one["certificate_pem"], (company.folder / "ca/ca.crl").read_text()
    )
    revoked = run_module(
        "certificate_revoke", {"directory": str(company.folder / "ca"), "revocations": [{"name": "kite"}]}
    )
    assert numbers(revoked["crl_pem"]) == [2, 7]
    assert company.judged(one["certificate_pem"], revoked["crl_pem"]) == "certificate revoked"
    again = company.adopt("issuing", crl=True, crls_above=[above])
    without = company.adopt("issuing", crl=True)
    assert (again["changed"], without["changed"]) == (False, False)
    assert again["crl_pem"] == without["crl_pem"] == revoked["crl_pem"]
    company.crl("root", number="08")
    expected = company.adopt("issuing", crl=True, crls_above=[above], check=True)
    newer = company.adopt("issuing", crl=True, crls_above=[above])
    assert numbers(expected["crl_pem"]) == numbers(newer["crl_pem"]) == [2, 8]
    assert expected["changed"] is newer["changed"] is True


@pytest.mark.parametrize("more", [{"crl": True}, {"revocations": [{"serial_number": "0A17"}]}])
def test_crls_that_would_lock_everybody_out_are_refused(company, more):
    done = company.adopt("issuing", **more)
    assert done["failed"] and "that of CN=root is not known here" in done["msg"] and "crls_above" in done["msg"]
    assert not (company.folder / "ca").exists()


def test_a_crl_above_that_expired_is_an_error_and_one_that_will_soon_a_warning(company):
    company.adopt("issuing", crl=True, crls_above=[company.crl("root", ends="-crldays 5")])
    (warning,) = company.adopt("issuing", crl=True)["warnings"]
    assert warning.startswith("the CRL of CN=root expires on ") and "crls_above" in warning
    past = company.crl("root", ends="-crl_lastupdate 20260101000000Z -crl_nextupdate 20260201000000Z")
    done = company.adopt("issuing", crl=True, crls_above=[past])
    assert done["failed"] and "crls_above: the CRL of CN=root expired on 2026-02-01T00:00:00Z" in done["msg"]


def test_a_crl_of_somebody_else_is_not_published(company):
    done = company.adopt("root", crl=True, crls_above=[company.crl("issuing")])
    assert done["failed"] and "holds a CRL of CN=issuing, but above this CA is no CA" in done["msg"]


def test_an_older_crl_above_is_refused(company):
    company.adopt("issuing", crl=True, crls_above=[company.crl("root", "0A17", number="08")])
    done = company.adopt("issuing", crl=True, crls_above=[company.crl("root", number="07")])
    assert done["failed"] and "crls_above: the CRL of CN=root has the number 7" in done["msg"]


@pytest.mark.parametrize("adopted", ["root", "issuing"])
@pytest.mark.parametrize("renewed", ["root", "issuing"])
def test_a_ca_that_was_renewed_with_the_same_key_is_the_same_ca(company, adopted, renewed):
    company.adopt(adopted)
    one = company.issue()
    before = company.adopt(adopted)
    company.sign(renewed, "root", days=1800)
    expected = company.adopt(adopted, check=True)
    done = company.adopt(adopted)
    assert not done["failed"], done["msg"]
    is_part = renewed in (adopted, "root")
    assert (expected["changed"], done["changed"]) == (is_part, is_part)
    assert done["chain_pem"] == (company.folder / "bundle").read_text()
    assert (done["chain_pem"] == before["chain_pem"]) is not is_part
    assert company.adopt(adopted)["changed"] is False
    crls = (
        run_module("certificate_revoke", {"directory": str(company.folder / "ca")})["crl_pem"]
        + Path(company.crl("root")).read_text()
    )
    assert company.judged(one["certificate_pem"], crls) == "OK"
    assert company.judged(company.issue("other")["certificate_pem"], crls) == "OK"


def test_a_renewal_with_another_key_is_another_ca(company):
    company.adopt("root")
    openssl(
        "req",
        "-new",
        *KEY,
        "-keyout",
        company.folder / "root.key",
        "-out",
        company.folder / "root.csr",
        "-subj",
        "/CN=root",
    )
    company.sign("root", "root")
    assert "differs from" in company.adopt("root")["msg"]


def test_an_older_certificate_of_the_same_ca_does_not_come_back(company):
    old = (company.folder / "root.crt").read_text()
    company.adopt("root")
    company.sign("root", "root", days=1800)
    renewed = company.adopt("root")["certificate_pem"]
    assert renewed != old
    (company.folder / "root.crt").write_text(old)
    assert (company.adopt("root")["changed"], company.adopt("root")["certificate_pem"]) == (False, renewed)


@pytest.mark.parametrize(("adopted", "renewed"), [("root", "root"), ("issuing", "root"), ("issuing", "issuing")])
def test_a_holder_gets_the_renewed_certificates_of_its_ca(company, adopted, renewed):
    ca = company.adopt(adopted)
    files = {"private_key": "key", "certificate": "crt", "fullchain": "full", "root": "roots"}
    item = {"name": "kite", "common_name": "kite", "usages": ["client"]}
    one = {**item, **{option: str(company.folder / file) for option, file in files.items()}}

    def round_of_certificates() -> list[str]:
        """The codes of the reasons for which the certificate was due."""
        known = {"issuer_pem": ca["chain_pem"], "trusted_pem": ca["trusted_pem"]}
        due = run_module("certificate_request", {"certificates": [one], **known})
        assert not due["failed"], due["msg"]
        signed = run_module(
            "certificate_sign",
            {"directory": str(company.folder / "ca"), "certificates": [item], "requests": due["requests"]},
        )
        done = run_module(
            "certificate_install",
            {"certificates": [one], "signed": signed["certificates"], "trusted_pem": ca["trusted_pem"]},
        )
        assert not done["failed"], done["msg"]
        return [reason["code"] for request in due["requests"] for reason in request["reasons"]]

    assert round_of_certificates() == ["missing"]
    company.sign(renewed, "root", days=1800)
    ca = company.adopt(adopted)
    leaf = openssl("x509", "-in", company.folder / "crt")
    assert round_of_certificates() == ["chain_changed"]
    # the CA hands out the same certificate, with its new chain
    assert openssl("x509", "-in", company.folder / "crt") == leaf
    assert (company.folder / "full").read_text() == leaf + ca["chain_pem"]
    assert (company.folder / "root.crt").read_text() in (company.folder / "roots").read_text()
    assert round_of_certificates() == []
