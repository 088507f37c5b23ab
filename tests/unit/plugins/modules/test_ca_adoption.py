# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CAs as companies have them: what is adopted and signed is accepted by OpenSSL and GnuTLS, and what they refuse is refused."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from inventory import asked
from module_runner import run_module
from openssl_judge import openssl, verdict

CA = "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
USAGE = "keyUsage=critical,keyCertSign,cRLSign\n"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
# OpenSSL as servers and clients run it: security level 2 is what distributions have made the default.
LEVEL = ("-auth_level", "2")


class Company:
    """A root and, where asked for, CAs below it, made with openssl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chain: list[str] = []

    def add(
        self, subject: str, *, key: tuple = KEY, more: str = "", extensions: str = CA + USAGE, how: tuple = ()
    ) -> None:
        """One more CA: the first is the root, each other one stands below the one before."""
        number = len(self.chain)
        (self.folder / "ext").write_text(f"[v3]\n{extensions}{more}")
        (self.folder / "req.cnf").write_text("[req]\ndistinguished_name=dn\n[dn]\n")
        config = ["-config", self.folder / "req.cnf"]
        place = ["-nodes", "-keyout", self.folder / f"{number}.key"] if "-newkey" in key else []
        request = openssl("req", "-new", "-utf8", *config, *key, *place, "-subj", subject)
        signer = ["-signkey", self.folder / "0.key"]
        if number:
            signer = ["-CA", self.folder / f"{number - 1}.crt", "-CAkey", self.folder / f"{number - 1}.key"]
        made = ["-days", str(900 - number), "-extfile", self.folder / "ext", "-extensions", "v3", *how]
        pem = openssl("x509", "-req", *signer, *made, stdin=request)
        (self.folder / f"{number}.crt").write_text(pem)
        self.chain.insert(0, pem)

    @property
    def adopt(self) -> dict[str, str]:
        bundle = self.folder / "bundle.pem"
        bundle.write_text("".join(self.chain))
        return {"certificate": str(bundle), "private_key": str(self.folder / f"{len(self.chain) - 1}.key")}

    def adopted(self) -> dict[str, Any]:
        return run_module("ca", {"directory": str(self.folder / "ca"), "adopt": self.adopt})

    def sign(self, **entry: Any) -> dict[str, Any]:
        key = self.folder / "leaf.key"
        if not key.exists():
            key.write_text(openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
        csr = openssl("req", "-new", "-key", key, "-subj", "/CN=any")
        args = {"name": "kite", "csr_pem": csr, "usages": ["client"], "lifetime_days": 90, **entry}
        return run_module("certificate_sign", {"directory": str(self.folder / "ca"), **asked(args)})

    def trial(self, config: str, subject: str, usage: str = "clientAuth") -> str:
        """A leaf that openssl signs with the last CA, whatever that may."""
        (self.folder / "leaf.ext").write_text(
            f"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage={usage}\n{config}"
        )
        request = openssl("req", "-new", *KEY, "-nodes", "-keyout", "/dev/null", "-subj", subject)
        last = len(self.chain) - 1
        by = ["-CA", self.folder / f"{last}.crt", "-CAkey", self.folder / f"{last}.key"]
        return openssl("x509", "-req", "-days", "90", *by, "-extfile", self.folder / "leaf.ext", stdin=request)

    def judged(self, leaf: str, usage: str = "client", strict: bool = True) -> str:
        """OK, or what OpenSSL has against a certificate below these CAs."""
        return verdict(self.folder, leaf, "".join(self.chain), usage, *LEVEL, strict=strict)

    def gnutls(self, leaf: str) -> str:
        """OK, or what GnuTLS has against it."""
        (self.folder / "root.pem").write_text(self.chain[-1])
        command = ["certtool", "--verify", f"--load-ca-certificate={self.folder / 'root.pem'}"]
        done = subprocess.run(
            command, input=leaf + "".join(self.chain[:-1]), capture_output=True, text=True, check=False
        )
        found = re.findall(r"Chain verification output: (.*)", done.stdout)
        if done.returncode == 0 and found and found[-1].startswith("Verified. "):
            return "OK"
        return done.stdout + done.stderr


@pytest.fixture
def company(tmp_path: Path) -> Company:
    if not shutil.which("certtool"):
        raise AssertionError("certtool is missing; install gnutls-bin")
    return Company(tmp_path)


def pss(company: Company) -> tuple[str, ...]:
    path = company.folder / f"{len(company.chain)}.key"
    path.write_text(openssl("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"))
    return ("-key", str(path))


def refusal(company: Company) -> str:
    """The sentence of a refused adoption; nothing was written."""
    result = company.adopted()
    assert result["failed"], result
    assert not (company.folder / "ca").exists()
    message: str = result["msg"]
    assert "\n" not in message
    assert message.startswith(f"{company.folder}/bundle.pem")
    return message


@pytest.mark.parametrize("below", [0, 1])
def test_a_ca_whose_key_is_for_rsassa_pss_is_refused_with_the_way_out(company, below):
    for number in range(below):
        company.add(f"/CN=Above {number}")
    company.add("/CN=Pss CA", key=pss(company))
    said = refusal(company)
    assert "the key of CN=Pss CA is for RSASSA-PSS alone" in said
    assert "have its certificate made with a plain RSA key, or ECDSA" in said


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (("-newkey", "rsa:1024"), "has an RSA key of 1024 bits, but 2048 are needed"),
        (("-newkey", "rsa:1536"), "has an RSA key of 1536 bits, but 2048 are needed"),
        (("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-192"), "has a key on the curve secp192r1, but only"),
        (("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"), "has a key on the curve secp256k1, but only"),
        (
            ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"),
            "has a key on the curve brainpoolP256r1, but",
        ),
    ],
)
@pytest.mark.parametrize("above", [False, True])
def test_a_key_that_a_verifier_refuses_is_refused(company, key, said, above):
    company.add("/CN=Weak", key=key)
    if above:
        company.add("/CN=Strong")
    leaf = company.trial("", "/CN=kite")
    assert company.judged(leaf) != "OK" or company.gnutls(leaf) != "OK"
    assert f"the CA CN=Weak {said}" in refusal(company)


@pytest.mark.parametrize(
    "key",
    [
        ("-newkey", "rsa:2048"),
        ("-newkey", "rsa:3072"),
        ("-newkey", "ed25519"),
        ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-224"),
        ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"),
        ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"),
    ],
)
def test_keys_that_all_accept_are_adopted_and_sign(company, key):
    company.add("/CN=Root", key=key)
    company.add("/CN=Issuing", key=key)
    assert not company.adopted()["failed"]
    (one,) = company.sign()["certificates"]
    assert (company.judged(one["certificate_pem"]), company.gnutls(one["certificate_pem"])) == ("OK", "OK")


@pytest.mark.parametrize("digest", ["-sha1", "-md5"])
def test_the_digest_of_a_root_s_own_signature_does_not_count(company, digest):
    company.add("/CN=Harbour Root 2009", key=("-newkey", "rsa:2048"), how=(digest,))
    assert not company.adopted()["failed"]
    (one,) = company.sign()["certificates"]
    assert (company.judged(one["certificate_pem"]), company.gnutls(one["certificate_pem"])) == ("OK", "OK")


def test_an_issuing_ca_below_an_old_root_is_adopted_but_not_one_that_is_signed_so(company):
    company.add("/CN=Harbour Root 2009", how=("-sha1",))
    company.add("/CN=Issuing")
    assert not company.adopted()["failed"]
    (one,) = company.sign()["certificates"]
    assert (company.judged(one["certificate_pem"]), company.gnutls(one["certificate_pem"])) == ("OK", "OK")


def test_an_intermediate_that_is_signed_with_sha_1_is_refused(company):
    company.add("/CN=Root")
    company.add("/CN=Issuing", how=("-sha1",))
    assert company.judged(company.trial("", "/CN=kite")) != "OK"
    assert refusal(company)


def constrained(company: Company, constraint: str, where: str) -> None:
    """A chain of three in which one CA has the constraint, below a root or at it."""
    section = f"nameConstraints=critical,{constraint}\n"
    for number, subject in enumerate(("/CN=Root", "/O=Harbour Lab/CN=Middle", "/O=Harbour Lab/CN=Issuing")):
        company.add(subject, more=section if where == str(number) else "")


ALLOWED, REFUSED = True, False
CASES: list[tuple[str, dict[str, Any], bool]] = [
    ("permitted;dirName:part\n[part]\nO=Harbour Lab", {}, REFUSED),
    ("permitted;dirName:part\n[part]\nO=Harbour Lab", {"subject": {"O": "Harbour Lab"}}, ALLOWED),
    ("permitted;dirName:part\n[part]\nO=Harbour Lab", {"subject": {"O": "  harbour   LAB "[2:-1]}}, ALLOWED),
    ("permitted;dirName:part\n[part]\nO=Harbour Lab", {"subject": {"O": "Harbour Labs"}}, REFUSED),
    ("permitted;dirName:part\n[part]\nO=Harbour Lab", {"subject": {"O": "Harbour Lab", "C": "DE"}}, REFUSED),
    ("permitted;dirName:part\n[part]\nO=Harbour Lab\nOU=Deck", {"subject": {"O": "Harbour Lab"}}, REFUSED),
    (
        "permitted;dirName:part\n[part]\nO=Harbour Lab\nOU=Deck",
        {"subject": {"O": "Harbour Lab", "OU": "Deck"}},
        ALLOWED,
    ),
    ("permitted;email:harbour.test", {}, ALLOWED),
    ("permitted;email:harbour.test", {"subject": {"emailAddress": "jane@harbour.test"}}, ALLOWED),
    ("permitted;email:harbour.test", {"subject": {"emailAddress": "jane@HARBOUR.test"}}, ALLOWED),
    ("permitted;email:harbour.test", {"subject": {"emailAddress": "jane@sub.harbour.test"}}, REFUSED),
    ("permitted;email:.harbour.test", {"subject": {"emailAddress": "jane@sub.harbour.test"}}, ALLOWED),
    ("permitted;email:.harbour.test", {"subject": {"emailAddress": "jane@harbour.test"}}, REFUSED),
    ("permitted;email:jane@harbour.test", {"subject": {"emailAddress": "jane@harbour.test"}}, ALLOWED),
    ("permitted;email:jane@harbour.test", {"subject": {"emailAddress": "joe@harbour.test"}}, REFUSED),
    ("permitted;email:jane@harbour.test", {"subject": {"emailAddress": "Jane@harbour.test"}}, REFUSED),
    ("excluded;email:harbour.test", {"subject": {"emailAddress": "jane@harbour.test"}}, REFUSED),
    ("excluded;email:harbour.test", {"subject": {"emailAddress": "jane@other.test"}}, ALLOWED),
    ("permitted;URI:harbour.test", {}, ALLOWED),
    ("excluded;URI:harbour.test", {}, ALLOWED),
    ("permitted;otherName:1.3.6.1.4.1.311.20.2.3;UTF8:harbour", {}, ALLOWED),
    ("excluded;otherName:1.3.6.1.4.1.311.20.2.3;UTF8:harbour", {}, ALLOWED),
    ("permitted;DNS:harbour.test", {}, ALLOWED),
    ("permitted;DNS:harbour.test", {"usages": ["server"], "dns_names": ["db.harbour.test"]}, ALLOWED),
    ("permitted;DNS:harbour.test", {"usages": ["server"], "dns_names": ["db.other.test"]}, REFUSED),
    ("permitted;DNS:harbour.test", {"common_name": "jane.doe"}, REFUSED),
    ("permitted;IP:10.0.0.0/255.0.0.0", {"usages": ["server"], "ip_addresses": ["11.0.0.1"]}, REFUSED),
    ("permitted;IP:10.0.0.0/255.0.0.0", {"usages": ["server"], "ip_addresses": ["10.0.0.1"]}, ALLOWED),
]


@pytest.mark.parametrize(("constraint", "entry", "allowed"), CASES)
@pytest.mark.parametrize("where", ["0", "2"])
def test_what_is_signed_under_a_constraint_of_any_kind_is_accepted(company, constraint, entry, allowed, where):
    constrained(company, constraint, where)
    made = company.adopted()
    if where == "0" and made["failed"]:  # the CAs below a constraint must be inside of it themselves
        assert re.search("the CA .* itself is outside of", made["msg"]), made["msg"]
        assert company.judged(company.trial("", "/O=Harbour Lab/OU=Deck/CN=kite")) != "OK"
        return
    signed = company.sign(**entry)
    if not allowed:
        assert "the CA refuses to sign: " in signed["msg"]
        assert re.search("outside of|inside of", signed["msg"])
        return
    (one,) = signed["certificates"]
    usage = entry.get("usages", ["client"])[0]
    assert (company.judged(one["certificate_pem"], usage), company.gnutls(one["certificate_pem"])) == ("OK", "OK")


@pytest.mark.parametrize(("constraint", "entry"), [(case[0], case[1]) for case in CASES if not case[2]])
def test_what_is_refused_for_a_constraint_openssl_refuses_too(company, constraint, entry):
    constrained(company, constraint, "2")
    parts = {"CN": entry.get("common_name", "kite")}
    names = [f"DNS:{name}" for name in entry.get("dns_names", [])] + [
        f"IP:{one}" for one in entry.get("ip_addresses", [])
    ]
    order = ("C", "O", "OU", "CN", "emailAddress")
    known = {**parts, **entry.get("subject", {})}
    subject = "".join(f"/{short}={known[short]}" for short in order if short in known)
    usage = "serverAuth" if "usages" in entry else "clientAuth"
    leaf = company.trial(f"subjectAltName={','.join(names)}\n" if names else "", subject, usage)
    assert "subtree violation" in company.judged(leaf, "server" if "usages" in entry else "client")


@pytest.mark.parametrize("where", ["0", "2"])
@pytest.mark.parametrize(
    ("constraint", "kind"),
    [
        ("excluded;dirName:part\n[part]\nO=Pirates", "excluded DirectoryName"),
        ("permitted;RID:1.2.3.4", "permitted RegisteredID"),
        ("excluded;RID:1.2.3.4", "excluded RegisteredID"),
    ],
)
def test_constraints_that_one_verifier_takes_for_violated_are_refused(company, constraint, kind, where):
    constrained(company, constraint, where)
    leaf = company.trial("", "/O=Harbour Lab/CN=kite")
    assert "violates the signer's constraints" in company.gnutls(leaf)
    assert f"has name constraints of the kind {kind}, which GnuTLS takes for violated" in refusal(company)


def test_path_lengths_of_the_whole_chain_count(company):
    for number, limit in enumerate(("1", "5", "5")):
        company.add(f"/CN=CA {number}", extensions=CA.replace("CA:TRUE", f"CA:TRUE,pathlen:{limit}") + USAGE)
    assert "path length constraint exceeded" in company.judged(company.trial("", "/CN=kite"))
    assert "the CA CN=CA 0 allows 1 CAs below it (path length), but there are 2" in refusal(company)


def test_no_ca_is_made_where_a_path_length_further_up_forbids_it(company):
    for number, limit in enumerate(("1", "5")):
        company.add(f"/CN=CA {number}", extensions=CA.replace("CA:TRUE", f"CA:TRUE,pathlen:{limit}") + USAGE)
    assert not company.adopted()["failed"]
    below = {"directory": str(company.folder / "ca"), "intermediate": "servers", "common_name": "Servers"}
    refused = run_module("ca", {**below, "lifetime_days": 90})
    assert "the parent CA CN=CA 0 may have 1 CAs below it, and has them (path_length 1)" in refused["msg"]


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        ("keyUsage=critical,cRLSign\n", "is not the certificate of a CA (basicConstraints and keyUsage say so)"),
        (
            USAGE + "1.2.3.4.5=critical,DER:0500\n",
            "has the critical extension 1.2.3.4.5, which verifiers do not understand",
        ),
    ],
)
def test_what_a_ca_may_not_do_is_refused(company, usage, said):
    company.add("/CN=Odd", extensions=CA + usage)
    leaf = company.trial("", "/CN=kite")
    assert company.judged(leaf) != "OK" and company.gnutls(leaf) != "OK"
    assert said in refusal(company)


def test_a_ca_that_may_sign_no_crl_is_told_so_and_signs_none(company):
    company.add("/CN=No Lists", extensions=CA + "keyUsage=critical,keyCertSign\n")
    made = company.adopted()
    assert not made["failed"]
    (warning,) = [one for one in made["warnings"] if "cRLSign" in one]
    assert "has a keyUsage without cRLSign, so it can sign certificates, but cannot revoke them" in warning
    (one,) = company.sign()["certificates"]
    assert company.judged(one["certificate_pem"]) == "OK"
    refused = run_module(
        "certificate_revoke", {"directory": str(company.folder / "ca"), "revocations": [{"name": "kite"}]}
    )
    assert "the CA CN=No Lists may sign no CRL, because its keyUsage lacks cRLSign" in refused["msg"]
    assert not (company.folder / "ca/ca.crl").exists()


@pytest.mark.parametrize(
    ("extensions", "said"),
    [
        ("basicConstraints=CA:TRUE\nsubjectKeyIdentifier=hash\n" + USAGE, "has basicConstraints that are not critical"),
        ("basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=none\n" + USAGE, "has no subjectKeyIdentifier"),
        ("basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n", "has no keyUsage"),
    ],
)
def test_what_strict_verifiers_alone_refuse_is_a_warning(company, extensions, said):
    company.add("/CN=Lax", extensions=extensions)
    made = company.adopted()
    assert not made["failed"]
    (warning,) = [one for one in made["warnings"] if "strict verification" in one]
    assert said in warning
    (one,) = company.sign()["certificates"]
    assert company.judged(one["certificate_pem"]) != "OK"
    assert company.judged(one["certificate_pem"], strict=False) == "OK"


def test_a_weak_ca_that_is_there_already_signs_no_more(company):
    """Adopted by an older version: its certificates would be accepted by nobody."""
    company.add("/CN=Small", key=("-newkey", "rsa:1024"))
    home = company.folder / "ca"
    home.mkdir()
    (home / "issued").mkdir()
    shutil.copy(company.adopt["private_key"], home / "ca.key")
    shutil.copy(company.adopt["certificate"], home / "ca.crt")
    said = company.sign()["msg"]
    assert said.startswith(
        "the CA CN=Small: no client would accept what it signs: the CA CN=Small has an RSA key of 1024"
    )
    assert list((home / "issued").iterdir()) == []


def test_constraints_that_cannot_be_read_are_one_sentence(company):
    company.add("/CN=Odd", more="nameConstraints=critical,DER:300aa0083006870401020300\n")
    assert "has fields that cannot be read" in refusal(company)


def test_a_subject_in_an_old_encoding_is_no_traceback(company):
    (company.folder / "old.cnf").write_text(
        "[req]\nstring_mask=default\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n[v3]\n" + CA + USAGE
    )
    key, certificate = company.folder / "0.key", company.folder / "old.pem"
    made = ["req", "-x509", *KEY, "-nodes", "-keyout", key, "-out", certificate, "-days", "900", "-utf8"]
    openssl(*made, "-subj", "/O=Zürichsee Labor/CN=Alte CA", "-config", company.folder / "old.cnf")
    company.chain = [certificate.read_text()]
    done = company.adopted()
    if not done["failed"]:
        (one,) = company.sign()["certificates"]
        assert (company.judged(one["certificate_pem"]), company.gnutls(one["certificate_pem"])) == ("OK", "OK")
    assert "Traceback" not in done["_output"]


@pytest.mark.parametrize(
    ("passphrase", "said"),
    [
        ("wet rope 42\n", "passphrase holds a line break or another control character; remove it"),
        ("wet\trope 42", "passphrase holds a line break or another control character; remove it"),
        ("wet\0rope 42", "passphrase holds a NUL character, which neither files nor PostgreSQL can hold; remove it"),
        ("y" * 1024, "passphrase has 1024 bytes, but OpenSSL takes at most 1023; choose a shorter one"),
        ("ü" * 512, "passphrase has 1024 bytes, but OpenSSL takes at most 1023; choose a shorter one"),
        ("short", "passphrase has 5 characters, but at least 8 are needed; choose a longer one"),
    ],
)
@pytest.mark.parametrize("adopted", [False, True])
def test_a_passphrase_that_openssl_could_not_be_given_is_refused(company, passphrase, said, adopted):
    company.add("/CN=Root")
    how = {"adopt": company.adopt} if adopted else {"common_name": "Any"}
    refused = run_module("ca", {"directory": str(company.folder / "ca"), "passphrase": passphrase, **how})
    assert refused["msg"] == said
    assert not (company.folder / "ca").exists()


def test_the_longest_passphrase_opens_the_key(company):
    made = run_module("ca", {"directory": str(company.folder / "ca"), "common_name": "Any", "passphrase": "y" * 1023})
    assert not made["failed"]
    (company.folder / "pass").write_text("y" * 1023)
    openssl("pkey", "-noout", "-in", company.folder / "ca/ca.key", "-passin", f"file:{company.folder / 'pass'}")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1, 0, 1)])
def test_a_bundle_may_be_in_any_order_and_hold_a_certificate_twice(company, order):
    for name in ("Root", "Middle", "Issuing"):
        company.add(f"/CN={name}")
    chain, adopt = company.chain, company.adopt
    Path(adopt["certificate"]).write_text("".join(chain[at] for at in order))
    options = {"directory": str(company.folder / "ca"), "adopt": adopt}
    made = run_module("ca", options)
    assert not made["failed"], made
    assert made["chain_pem"] == "".join(chain)
    assert run_module("ca", options)["changed"] is False
    (one,) = company.sign()["certificates"]
    assert (company.judged(one["certificate_pem"]), company.gnutls(one["certificate_pem"])) == ("OK", "OK")


def test_a_bundle_that_lacks_a_certificate_is_told_which(company):
    for name in ("Root", "Middle", "Issuing"):
        company.add(f"/CN={name}")
    del company.chain[1]
    said = "the certificate of the CA CN=Middle is missing from its chain; append it to"
    assert (
        said
        in run_module(
            "ca",
            {
                "directory": str(company.folder / "ca"),
                "adopt": {**company.adopt, "private_key": str(company.folder / "2.key")},
            },
        )["msg"]
    )


def test_a_name_in_other_types_of_strings_is_the_same_name(company):
    company.add("/O=Harbour/CN=Root")
    company.add("/O=Harbour/CN=Issuing")
    printable = company.folder / "printable.cnf"
    printable.write_text("[req]\nstring_mask=default\nprompt=no\ndistinguished_name=dn\n[dn]\nO=Harbour\nCN=Root\n")
    again = openssl("req", "-new", "-config", printable, "-key", company.folder / "0.key")
    extended = ["-extfile", company.folder / "ext", "-extensions", "v3", "-days", "900"]
    root = openssl("x509", "-req", "-signkey", company.folder / "0.key", *extended, stdin=again)
    company.chain[-1] = root
    kinds = [openssl("asn1parse", stdin=pem) for pem in company.chain]
    assert "PRINTABLESTRING   :Root" in kinds[1] and "UTF8STRING        :Root" in kinds[0]
    assert not company.adopted()["failed"]
    (one,) = company.sign()["certificates"]
    assert company.judged(one["certificate_pem"]) == "OK"


@pytest.mark.parametrize("written", ["/O=HARBOUR/CN=root", "/O=Harbour /CN= Root", "/O=harbour/CN=Root"])
def test_a_name_in_another_case_or_with_other_blanks_is_the_same_name(company, written):
    company.add("/O=Harbour/CN=Root")
    company.add("/O=Harbour/CN=Issuing")
    again = openssl("req", "-new", "-subj", written, "-key", company.folder / "0.key")
    extended = ["-extfile", company.folder / "ext", "-extensions", "v3", "-days", "900"]
    company.chain[-1] = openssl("x509", "-req", "-signkey", company.folder / "0.key", *extended, stdin=again)
    assert not company.adopted()["failed"]
    (one,) = company.sign()["certificates"]
    assert company.judged(one["certificate_pem"]) == "OK"
