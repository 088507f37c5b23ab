# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name constraints of CAs (RFC 5280 section 4.2.1.10): build them, and refuse early what verifiers would refuse late.

The rules are those of OpenSSL, which PostgreSQL and libpq verify with. It goes beyond the RFC in one thing: where a
certificate has no DNS name, a common name that looks like a host name (two labels or more) must be inside as well.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Any

from .compat import find_extension, x509
from .errors import PkiError
from .identity import Identity, parse_dns_name, render_name

_HOST_LIKE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")


def parse_domains(domains: Sequence[str]) -> tuple[str, ...]:
    """Domains in lower case, each once; a domain stands for itself and every name below it.

    :raises PkiError: for something that is not a domain.
    """
    found = []
    for domain in domains:
        text = domain.strip().strip(".")
        if text.startswith("*") or not text:
            raise PkiError(f"permitted_dns_domains holds {domain!r}; write a domain such as example.org without '*.'")
        try:
            found.append(parse_dns_name(text))
        except PkiError as error:
            raise PkiError(f"permitted_dns_domains holds {domain!r}, which is not a domain name") from error
    return tuple(dict.fromkeys(found))


def build_name_constraints(domains: Sequence[str]) -> x509.NameConstraints:
    """The extension that permits DNS names in these domains alone; it belongs into a CA, and is critical there."""
    return x509.NameConstraints([x509.DNSName(domain) for domain in domains], None)


def permitted_domains(certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS domains that a CA may name; empty when it may name all."""
    permitted, _excluded = _constraints_of(certificate)
    return tuple(sorted(subtree for subtree in permitted if isinstance(subtree, str)))


def check_domains_nest(chain: Sequence[x509.Certificate], domains: Sequence[str], whose: str) -> None:
    """Refuse domains of a new CA that the CAs above it (``chain``) do not permit, so that it could never use them.

    :raises PkiError: with the first such domain.
    """
    for domain in domains:
        for said in _violations(chain, Identity((), (domain,))):
            raise PkiError(f"{whose}: permitted_dns_domains holds {domain}, but {said}; leave it out")


def check_name_constraints(chain: Sequence[x509.Certificate], identity: Identity, whose: str) -> None:
    """Refuse names that a verifier would refuse below these CAs.

    :param chain: the issuing CA and those above it.
    :raises PkiError: with everything that lies outside, in one sentence.
    """
    said = list(_violations(chain, identity))
    if said:
        raise PkiError(f"{whose}: the CA refuses to sign: {'; '.join(said)}")


def _named(identity: Identity) -> Iterator[tuple[str, Any]]:
    """The names of a certificate that constraints look at: how a sentence calls them, and their value."""
    for name in identity.dns_names:
        yield f"the name {name}", name
    for address in identity.ip_addresses:
        yield f"the address {address}", ipaddress.ip_address(address)
    for name in _host_like_names(identity):
        yield f"the common name {name}, which looks like a host name,", name


def _host_like_names(identity: Identity) -> Iterator[str]:
    """Common names that OpenSSL takes for DNS names (cn2dnsid in v3_ncons.c): only without a real one."""
    if identity.dns_names:
        return
    for short, value in identity.subject:
        labels = value.split(".")
        if short == "CN" and len(labels) > 1 and all(_HOST_LIKE.fullmatch(label) for label in labels):
            yield value


def _violations(chain: Sequence[x509.Certificate], identity: Identity) -> Iterator[str]:
    for certificate in chain:
        permitted, excluded = _constraints_of(certificate)
        issuer = f"the CA {render_name(certificate.subject)}"
        for said, name in _named(identity):
            inside = [subtree for subtree in permitted if _same_kind(subtree, name)]
            if inside and not any(_contains(subtree, name) for subtree in inside):
                yield f"{said} is outside of {', '.join(map(str, inside))}, to which {issuer} is limited"
            for subtree in excluded:
                if _same_kind(subtree, name) and _contains(subtree, name):
                    yield f"{said} is inside of {subtree}, which {issuer} excludes"


def _constraints_of(certificate: x509.Certificate) -> tuple[list[Any], list[Any]]:
    """The permitted and the excluded subtrees: DNS names as texts and IP networks; other kinds name nothing we issue."""
    found = find_extension(certificate, x509.NameConstraints)
    if found is None:
        return [], []
    return _known(found.permitted_subtrees), _known(found.excluded_subtrees)


def _known(subtrees: Any) -> list[Any]:
    return [
        subtree.value.lower() if isinstance(subtree, x509.DNSName) else subtree.value
        for subtree in subtrees or []
        if isinstance(subtree, (x509.DNSName, x509.IPAddress))
    ]


def _same_kind(subtree: Any, name: Any) -> bool:
    return isinstance(subtree, str) == isinstance(name, str)


def _contains(subtree: Any, name: Any) -> bool:
    if not isinstance(subtree, str):
        return bool(name.version == subtree.version and name in subtree)
    if subtree.startswith("."):  # openssl's own: names below the domain, but not the domain itself
        return bool(name.lower().endswith(subtree))
    return not subtree or f".{name.lower()}".endswith(f".{subtree}")
