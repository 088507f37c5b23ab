# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name constraints and usages of CAs: what we refuse to sign is what openssl would refuse, and nothing else."""

from __future__ import annotations

import re

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki import authority as signing
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.authority import (
    IssuingLimits,
    check_scope,
    create_intermediate,
    create_root,
    load_authority,
    sign_leaf,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.certificates import render_pem
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.errors import PkiError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.keys import generate_key, serialise_private_key
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.name_constraints import (
    parse_domains,
    permitted_domains,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.names import parse_identity
from ansible_collections.pgtls.postgresql.plugins.module_utils._pki.validity import Lifetime
from openssl_judge import openssl, text_of, verdict

KEY = generate_key("ecdsa-p256")
DOMAINS = ("swgalaxy", "db.example.org")


def intermediate(parent, now, name="Limited", **scope):
    return create_intermediate(
        parent, parse_identity(name), generate_key("ecdsa-p256"), Lifetime(500), IssuingLimits(**scope), now
    )


@pytest.fixture
def limited(root, now):
    """A CA for two domains."""
    return intermediate(root, now, dns_domains=DOMAINS)


@pytest.fixture
def both_agree(monkeypatch, tmp_path, now):
    """both_agree(authority, usages, common_name, dns_names, ip_addresses) -> our refusal, or ""; openssl judged the same."""

    def judged(authority, usages, *names):
        common_name, dns_names, ip_addresses = (*names, (), ())[:3]
        identity = parse_identity(common_name, None, dns_names, ip_addresses)
        said = ""
        try:
            check_scope(authority, identity, usages, "the certificate x")
        except PkiError as error:
            said = str(error)
        with monkeypatch.context() as patch:
            patch.setattr(signing, "check_scope", lambda *_arguments: None)
            leaf = sign_leaf(authority, identity, usages, KEY.public_key(), Lifetime(100), now)
        at = ("-attime", str(int(now.timestamp())))
        found = [
            verdict(tmp_path, render_pem([leaf]), render_pem(authority.chain), usage, *at) == "OK" for usage in usages
        ]
        assert all(found) is (said == ""), (said, names)
        return said

    return judged


def test_constraints_are_critical_and_in_openssl_s_words(limited):
    text = text_of(render_pem(limited.chain[:1]))
    assert "X509v3 Name Constraints: critical Permitted: DNS:swgalaxy DNS:db.example.org X509v3" in text
    assert "CA:TRUE, pathlen:0" in text
    assert permitted_domains(limited.certificate) == ("db.example.org", "swgalaxy")


def test_an_unlimited_ca_has_neither_extension(root, now):
    text = text_of(render_pem(intermediate(root, now).chain[:1]))
    assert "Name Constraints" not in text and "Extended Key Usage" not in text
    assert permitted_domains(root.certificate) == ()


@pytest.mark.parametrize(
    "names", [("db", ["swgalaxy"]), ("db", ["a.b.swgalaxy", "*.swgalaxy", "DB.example.org"]), ("db", [], ["10.0.0.1"])]
)
def test_server_names_inside_pass(limited, both_agree, names):
    assert both_agree(limited, ["server"], *names) == ""


@pytest.mark.parametrize("name", ["xswgalaxy", "example.org", "swgalaxy.evil.test", "*.org", "adb.example.org"])
def test_server_names_outside_are_refused(limited, both_agree, name):
    assert both_agree(limited, ["server"], "db", ["raxus.swgalaxy", name]) == (
        f"the certificate x: the CA refuses to sign: the name {name} is outside of swgalaxy, db.example.org, "
        "to which the CA CN=Limited is limited"
    )


@pytest.mark.parametrize(
    "common_name",
    ["PostgreSQL client1", "app1", "jane@doe.test", "jane.swgalaxy", "RAXUS.SWGALAXY", "a..b", ".a.b", "a.b.", "-a.b"]
    + ["a-.b", "a.-b", "a.b-", "Jürgen.Doe", "*.other.test", "jane doe.test"],
)
def test_clients_whose_names_are_no_foreign_hosts_pass(limited, both_agree, common_name):
    assert both_agree(limited, ["client"], common_name) == ""


@pytest.mark.parametrize("common_name", ["jane.doe", "Jane.Doe", "a_b.c", "db.other.test", "10.0.0.1", "a--b.c-d.e"])
def test_common_names_that_look_like_foreign_hosts_are_refused(limited, both_agree, common_name):
    said = both_agree(limited, ["client"], common_name)
    assert f"the common name {common_name}, which looks like a host name, is outside of swgalaxy" in said


def test_a_common_name_is_not_looked_at_beside_a_dns_name(limited, both_agree):
    assert both_agree(limited, ["server"], "jane.doe", ["raxus.swgalaxy"]) == ""
    assert "jane.doe" in both_agree(limited, ["server"], "jane.doe", [], ["10.0.0.1"])


def test_constraints_of_every_ca_above_count(root, now, both_agree):
    upper = intermediate(root, now, "Upper", path_length=1, dns_domains=("swgalaxy",))
    lower = intermediate(upper, now, "Lower")
    assert both_agree(lower, ["server"], "db", ["raxus.swgalaxy"]) == ""
    assert "the CA CN=Upper is limited" in both_agree(lower, ["server"], "db", ["raxus.other"])


def test_a_root_may_be_limited_too(now, both_agree):
    root = create_root(parse_identity("R"), KEY, Lifetime(1000).starting(now), IssuingLimits(dns_domains=("swgalaxy",)))
    assert both_agree(root, ["server"], "db", ["raxus.swgalaxy"]) == ""
    assert both_agree(root, ["server"], "db", ["raxus.other"]) != ""


def test_domains_beyond_those_of_the_parent_are_refused(root, now):
    upper = intermediate(root, now, "Upper", path_length=1, dns_domains=("swgalaxy",))
    assert permitted_domains(intermediate(upper, now, "L", dns_domains=("db.swgalaxy",)).certificate)
    with pytest.raises(PkiError) as refused:
        intermediate(upper, now, "Lower", dns_domains=("other",))
    assert str(refused.value) == (
        "the CA Lower: permitted_dns_domains holds other, but the name other is outside of swgalaxy, "
        "to which the CA CN=Upper is limited; leave it out"
    )


def test_a_ca_for_servers_issues_nothing_for_clients(root, now, both_agree):
    servers = intermediate(root, now, "Servers", usages=("server",))
    assert "TLS Web Server Authentication X509v3" in text_of(render_pem(servers.chain[:1]))
    assert both_agree(servers, ["server"], "db", ["raxus.swgalaxy"]) == ""
    assert both_agree(servers, ["client"], "app1") == (
        "the certificate x: the CA CN=Servers is for server alone, not for client"
    )
    assert "not for client" in both_agree(servers, ["server", "client"], "app1", ["raxus.swgalaxy"])
    both = intermediate(root, now, "Both", usages=("server", "client"))
    assert both_agree(both, ["server", "client"], "app1", ["raxus.swgalaxy"]) == ""


def test_usages_beyond_those_of_the_parent_are_refused(root, now):
    servers = intermediate(root, now, "Servers", path_length=1, usages=("server",))
    with pytest.raises(PkiError, match="the CA Clients: the CA CN=Servers is for server alone, not for client"):
        intermediate(servers, now, "Clients", usages=("client",))


@pytest.mark.parametrize(
    ("constraint", "usable", "refused"),
    [
        ("permitted;DNS:.swgalaxy", ["raxus.swgalaxy", "*.swgalaxy"], ["swgalaxy", "raxusswgalaxy"]),
        ("permitted;DNS:SWGalaxy", ["swgalaxy", "raxus.swgalaxy"], ["other"]),
        ("excluded;DNS:evil.test", ["good.test"], ["evil.test", "a.evil.test"]),
        ("permitted;IP:10.0.0.0/255.0.0.0", ["10.1.2.3"], ["11.0.0.1", "fe80::1"]),
        ("excluded;IP:10.0.0.0/255.0.0.0", ["11.0.0.1", "fe80::1"], ["10.1.2.3"]),
        ("permitted;IP:fe80::/ffff::", ["fe80::1"], ["fe81::1"]),
        ("permitted;email:swgalaxy", ["raxus.swgalaxy", "10.0.0.1"], []),
    ],
)
def test_constraints_that_openssl_made_are_understood(tmp_path, both_agree, constraint, usable, refused):
    (tmp_path / "key").write_bytes(serialise_private_key(KEY))
    made = ["req", "-x509", "-new", "-key", tmp_path / "key", "-subj", "/CN=By Hand"]
    extensions = ("keyUsage=critical,keyCertSign,cRLSign", f"nameConstraints=critical,{constraint}")
    pem = openssl(*made, "-days", "20000", *(part for each in extensions for part in ("-addext", each)))
    by_hand = load_authority(KEY, pem.encode(), None, "/ca")
    for name in [*usable, *refused]:
        addresses = [name] if re.fullmatch(r"[0-9.]+|.*:.*", name) else []
        names = [] if addresses else [name]
        assert (both_agree(by_hand, ["server"], "db", names, addresses) != "") is (name in refused), name


def test_signing_itself_refuses(limited, root, now):
    outside = parse_identity("db", None, ["raxus.other"])
    with pytest.raises(PkiError, match="the certificate db: the CA refuses to sign: the name raxus.other is outside"):
        sign_leaf(limited, outside, ["server"], KEY.public_key(), Lifetime(100), now)
    servers = intermediate(root, now, usages=("server",))
    with pytest.raises(PkiError, match="not for client"):
        sign_leaf(servers, parse_identity("app1"), ["client"], KEY.public_key(), Lifetime(100), now)


def test_domains_are_normalised():
    assert parse_domains(["SWGalaxy", ".example.org", "swgalaxy."]) == ("swgalaxy", "example.org")
    for wrong in ("*.example.org", "", ".", "a b", "10.0.0.1", "ä.example"):
        with pytest.raises(PkiError, match=re.escape(f"permitted_dns_domains holds {wrong!r}")):
            parse_domains([wrong])
