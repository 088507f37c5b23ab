# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site with a host that lies in every result: the strongest thing that it gets is what the inventory gives it.

The tests build on each other in the order they stand.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from demo_site import Site
from lying_host import lying_interpreter

SMALL = {"pgtls_ca_key_type": "ecdsa-p256"}
INTRUDER = {"postgres_clients": {"hosts": {"intruder": {}}}}


def request_of(site: Site, subject: str) -> str:
    """A certificate signing request for a key that the host holds, made with openssl."""
    key = site.directory / "intruders.key"
    make = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-subj", subject, "-addext", "subjectAltName=DNS:raxus.swgalaxy", "-addext", "extendedKeyUsage=serverAuth"]
    done = subprocess.run([*make, "-keyout", key, *names], check=True, capture_output=True, text=True)
    return done.stdout


def issued(site: Site) -> dict[str, x509.Certificate]:
    """Every certificate that the CA has ever signed, by the name of its copy."""
    copies = (site.directory / "ca/issued").glob("*.crt")
    return {path.name: x509.load_pem_x509_certificate(path.read_bytes()) for path in copies}


# The CA and the clients alone, where the servers have no part in it.
CLIENTS = ("--limit", "ca:postgres_clients")


def play(
    site: Site,
    lie: str,
    host: str = "apps1",
    succeeds: bool = False,
    inventory_variables: dict[str, Any] | None = None,
    **variables: Any,
) -> str:
    """Bring the clients up to date (where a server lies, once that one is) while a host lies."""
    inventory = site.directory / "lying.json"
    liar = {**(inventory_variables or {}), "ansible_python_interpreter": lying_interpreter(site.directory, lie)}
    inventory.write_text(json.dumps({**INTRUDER, "all": {"hosts": {host: liar}}}))
    options = ("-i", str(inventory), "-e", json.dumps({**SMALL, **variables}))
    limit = () if host == "raxus" else CLIENTS
    return site.play(*options, *limit, playbook="renew", succeeds=succeeds)


def test_a_good_site_is_there(site: Site) -> None:
    site.play("-e", json.dumps(SMALL))
    assert issued(site)


def test_a_host_gets_no_more_usages_and_names_than_the_inventory_says(site: Site) -> None:
    """A request that is due says that it is for a server, for the database's name, for ten years."""
    for path in (site.directory / "clients").glob("app1.*"):
        path.unlink()
    more = {"usages": ["server", "client"], "dns_names": ["raxus.swgalaxy"], "lifetime_days": 3650}
    lie = f"[request.update({more!r}) for request in result.get('requests', [])]"
    play(site, lie, succeeds=True)
    mine = [one for name, one in issued(site).items() if name.startswith("app1.")]
    assert len(mine) == 2
    for one in mine:
        usage = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
        assert (one.not_valid_after_utc - one.not_valid_before_utc).days <= 366
        with pytest.raises(x509.ExtensionNotFound):
            one.extensions.get_extension_for_class(x509.SubjectAlternativeName)


@pytest.mark.parametrize("name", ["app1", "server-raxus", "mole"])
def test_a_host_gets_nothing_that_the_inventory_does_not_give_it(site: Site, name: str) -> None:
    before = issued(site)
    whole = {
        "name": name,
        "csr_pem": request_of(site, "/CN=PostgreSQL client1"),
        "usages": ["client"],
        "reasons": [{"code": "missing", "sentence": "there is none"}],
    }
    output = play(site, f"result['requests'] = [{whole!r}] if 'requests' in result else []", host="intruder")
    assert "intruder returned 1 requests, but the inventory gives it 0 certificates" in " ".join(output.split())
    assert issued(site) == before


def test_a_host_gets_no_certificate_under_the_name_of_another(site: Site) -> None:
    """One that may have certificates asks for those of the server, with a request that names it."""
    (site.directory / "clients/app1.crt").unlink()
    before = issued(site)
    pem = request_of(site, "/CN=PostgreSQL server")
    lie = f"[request.update(name='server-raxus', csr_pem={pem!r}) for request in result.get('requests', [])]"
    output = play(site, lie)
    assert "server-raxus" in output and "apps1" in output
    assert issued(site) == before
    site.play("-e", json.dumps(SMALL), *CLIENTS, playbook="renew")


FORGED = {
    "a signer of its own": {"pgtls_ca_provider": "command", "pgtls_ca_command": ["/bin/sh", "-c", "touch {marker}"]},
    "the controller as signer": {
        "pgtls_ca_host": "localhost",
        "pgtls_ca_provider": "command",
        "pgtls_ca_command": ["/bin/sh", "-c", "touch {marker}"],
    },
    "another directory": {"pgtls_ca_directory": "/nowhere/at/all"},
    "another client": {
        "pgtls_clients": [
            {"name": "mine", "common_name": "PostgreSQL client2", "database_role": "app2", "hosts": ["apps1"]}
        ]
    },
    "a longer life": {"pgtls_client_lifetime_days": 3600},
    "what a role keeps for itself": {"__pgtls_ca_commanded": {"certificates": []}},
    "another host": {"inventory_hostname": "raxus"},
    "another group": {"group_names": ["ca"]},
    "the meaning of omit": {"omit": "evil"},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_facts_set_no_variable_of_ours(site: Site, forged: dict[str, Any]) -> None:
    marker = site.directory / "somebody-ran-a-command"
    facts = json.loads(json.dumps(forged).replace("{marker}", str(marker)))
    (site.directory / "clients/app1.crt").unlink(missing_ok=True)
    before = issued(site)
    output = play(site, f"result['ansible_facts'] = {facts!r}")
    assert re.search(rf"the facts of \w+ set {', '.join(sorted(forged))}, but", " ".join(output.split()))
    assert not marker.exists()
    assert issued(site) == before


OTHERS = [{"name": "mine", "common_name": "PostgreSQL client2", "database_role": "app2", "hosts": ["apps1"]}]
MADE_OF_OTHERS = {
    "a whole list": ({"pgtls_clients": "{{ site_clients }}"}, {"site_clients": OTHERS}),
    "beside one that is called alike": (
        {"pgtls_clients": "{{ site_clients }}"},
        {"site_clients": OTHERS, "ansible_site_clients": []},
    ),
    "by way of a third": (
        {"pgtls_clients": "{{ apps_clients | default([]) }}", "apps_clients": "{{ tenants.shop.clients }}"},
        {"tenants": {"shop": {"clients": OTHERS}}},
    ),
    "inside of a value": (
        {
            "pgtls_clients": [
                {**OTHERS[0], "name": "app1", "common_name": "PostgreSQL {% if 1 %}{{ whose }}{% endif %}"}
            ]
        },
        {"whose": "client2"},
    ),
}


@pytest.mark.parametrize(("inventory", "forged"), MADE_OF_OTHERS.values(), ids=MADE_OF_OTHERS)
def test_facts_set_no_variable_that_ours_are_made_of(
    site: Site, inventory: dict[str, Any], forged: dict[str, Any]
) -> None:
    """An inventory may say pgtls_clients in words of its own, and a fact of that name would outrank them."""
    known = {"site_clients": [], "tenants": {"shop": {"clients": []}}, "whose": "client1", **inventory}
    (site.directory / "clients/app1.crt").unlink(missing_ok=True)
    before = issued(site)
    output = play(site, f"result['ansible_facts'] = {forged!r}", inventory_variables=known)
    assert f"the facts of apps1 set {next(iter(forged))}, but" in " ".join(output.split())
    assert issued(site) == before


@pytest.mark.parametrize("gone", ["app1.crt", "app1.*"], ids=["the key is there", "the key is made"])
def test_facts_are_refused_as_such_whatever_the_host_had_to_make(site: Site, gone: str) -> None:
    """In changed_when, which decides where no file was made, ansible-core has the facts in another place than elsewhere."""
    site.play("-e", json.dumps(SMALL), *CLIENTS, playbook="renew")
    for path in (site.directory / "clients").glob(gone):
        path.unlink()
    forged = FORGED["the controller as signer"]
    output = play(site, f"result['ansible_facts'] = {forged!r}")
    assert f"the facts of apps1 set {', '.join(sorted(forged))}, but" in " ".join(output.split())


def test_facts_of_a_server_do_not_reach_the_files_of_clients(site: Site) -> None:
    services = site.directory / "services.conf"
    site.play("-e", json.dumps({**SMALL, "pgtls_client_service_file": str(services)}), *CLIENTS, playbook="renew")
    before = services.read_bytes()
    facts = {"pgtls_server_dns_names": ["raxus.swgalaxy\nsslmode=disable\nhostaddr=192.0.2.1"]}
    output = play(site, f"result['ansible_facts'] = {facts!r}", host="raxus", pgtls_client_service_file=str(services))
    assert "the facts of raxus set pgtls_server_dns_names" in " ".join(output.split())
    assert services.read_bytes() == before


def test_a_host_gets_no_certificate_of_another_by_saying_that_it_is_that_one(site: Site) -> None:
    """What it says of itself agrees in everything: name, groups, a request, and a signer of its own."""
    before, marker = issued(site), site.directory / "somebody-ran-a-command"
    facts = {
        "inventory_hostname": "apps1",
        "group_names": ["apps"],
        "pgtls_ca_provider": "command",
        "pgtls_ca_command": ["/bin/sh", "-c", f"touch {marker}"],
    }
    request = {"name": "app1", "csr_pem": request_of(site, "/CN=PostgreSQL client1"), "reasons": []}
    for claimed in (facts, {"group_names": ["apps"]}):
        lie = f"result.update(ansible_facts={claimed!r}, **({{'requests': [{request!r}]}} if 'requests' in result else {{}}))"
        output = play(site, lie, host="intruder")
        assert "the facts of " in output and "group_names" in output
        assert issued(site) == before and not marker.exists()


def test_an_honest_site_is_as_it_was(site: Site) -> None:
    site.play("-e", json.dumps(SMALL))
    assert Path(site.directory / "clients/app1.crt").exists()
