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
from dataclasses import dataclass
from typing import Any

from .compat import find_extension, x509
from .errors import PkiError
from .identity import build_name, render_name, subject_pairs
from .name_comparison import folded
from .names import Identity, parse_dns_name

_NOT_UNDERSTOOD = ("excluded DirectoryName", "permitted RegisteredID", "excluded RegisteredID")
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
    return tuple(sorted(subtree.value for subtree in permitted if subtree.kind is x509.DNSName))


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


def certificate_violations(certificate: x509.Certificate, above: Sequence[x509.Certificate]) -> list[str]:
    """What the CAs above one do not permit it to be called."""
    holder = f"the CA {render_name(certificate.subject)}"
    names = [_Name(f"{holder} itself", x509.DirectoryName, folded(certificate.subject))]
    for name in find_extension(certificate, x509.SubjectAlternativeName) or ():
        value = folded(name.value) if isinstance(name, x509.DirectoryName) else name.value
        names.append(_Name(f"the name {value} of {holder}", type(name), value))
    names += [_Name(f"the address {value} of {holder}", x509.RFC822Name, value) for value in _addresses(certificate)]
    return [said for one in above for said in _violations_of(names, one)]


def kinds_not_understood(certificate: x509.Certificate) -> list[str]:
    """Kinds of constraints for which GnuTLS refuses every certificate, whatever it is called."""
    found = find_extension(certificate, x509.NameConstraints)
    if found is None:
        return []
    permitted = [f"permitted {type(one).__name__}" for one in found.permitted_subtrees or ()]
    excluded = [f"excluded {type(one).__name__}" for one in found.excluded_subtrees or ()]
    return [kind for kind in dict.fromkeys([*permitted, *excluded]) if kind in _NOT_UNDERSTOOD]


def _addresses(certificate: x509.Certificate) -> list[str]:
    return [value for short, value in subject_pairs(certificate.subject) if short == "emailAddress"]


@dataclass(frozen=True)
class _Name:
    """A name that constraints look at, or a subtree of them: how a sentence calls it, its kind, and its value."""

    said: str
    kind: type[x509.GeneralName]
    value: Any


def _named(identity: Identity) -> Iterator[_Name]:
    """The names of a certificate that we sign."""
    if identity.subject:
        subject = f"the subject {identity.subject_text}"
        yield _Name(subject, x509.DirectoryName, folded(build_name(identity)))
    for name in identity.dns_names:
        yield _Name(f"the name {name}", x509.DNSName, name)
    for address in identity.ip_addresses:
        yield _Name(f"the address {address}", x509.IPAddress, ipaddress.ip_address(address))
    for short, value in identity.subject:
        if short == "emailAddress":
            yield _Name(f"the address {value}", x509.RFC822Name, value)
    for name in _host_like_names(identity):
        yield _Name(f"the common name {name}, which looks like a host name,", x509.DNSName, name)


def _host_like_names(identity: Identity) -> Iterator[str]:
    """Common names that OpenSSL takes for DNS names (cn2dnsid in v3_ncons.c): only without a real one."""
    if identity.dns_names:
        return
    for short, value in identity.subject:
        labels = value.split(".")
        if short == "CN" and len(labels) > 1 and all(_HOST_LIKE.fullmatch(label) for label in labels):
            yield value


def _violations(chain: Sequence[x509.Certificate], identity: Identity) -> Iterator[str]:
    names = list(_named(identity))
    for certificate in chain:
        yield from _violations_of(names, certificate)


def _violations_of(names: Sequence[_Name], certificate: x509.Certificate) -> Iterator[str]:
    permitted, excluded = _constraints_of(certificate)
    issuer = f"the CA {render_name(certificate.subject)}"
    for name in names:
        same_kind = [subtree for subtree in permitted if subtree.kind is name.kind]
        if same_kind and not any(_contains(subtree, name) for subtree in same_kind):
            limits = ", ".join(subtree.said for subtree in same_kind)
            yield f"{name.said} is outside of {limits}, to which {issuer} is limited"
        for subtree in excluded:
            if subtree.kind is name.kind and _contains(subtree, name):
                yield f"{name.said} is inside of {subtree.said}, which {issuer} excludes"


def _constraints_of(certificate: x509.Certificate) -> tuple[list[_Name], list[_Name]]:
    """The permitted and the excluded subtrees. Those of kinds that no certificate here has name nothing, as for OpenSSL."""
    found = find_extension(certificate, x509.NameConstraints)
    if found is None:
        return [], []
    return _subtrees(found.permitted_subtrees), _subtrees(found.excluded_subtrees)


def _subtrees(found: Any) -> list[_Name]:
    return [_Name(_shown(subtree), type(subtree), _value(subtree)) for subtree in found or []]


def _shown(subtree: Any) -> str:
    if isinstance(subtree, x509.DirectoryName):
        return render_name(subtree.value)
    return str(subtree.value).lower() if isinstance(subtree, x509.DNSName) else str(subtree.value)


def _value(subtree: Any) -> Any:
    if isinstance(subtree, x509.DirectoryName):
        return folded(subtree.value)
    return subtree.value.lower() if isinstance(subtree, x509.DNSName) else subtree.value


def _contains(subtree: _Name, name: _Name) -> bool:
    if name.kind is x509.DirectoryName:
        return bool(name.value[: len(subtree.value)] == subtree.value)
    if name.kind is x509.IPAddress:
        return bool(name.value.version == subtree.value.version and name.value in subtree.value)
    if name.kind is x509.RFC822Name:
        return _contains_address(subtree.value, name.value)
    return name.kind is not x509.DNSName or _contains_host(subtree.value, name.value.lower())


def _contains_host(subtree: str, name: str) -> bool:
    if subtree.startswith("."):  # openssl's own: names below the domain, but not the domain itself
        return name.endswith(subtree)
    return not subtree or f".{name}".endswith(f".{subtree}")


def _contains_address(subtree: str, address: str) -> bool:
    """One mailbox, all of a host, or (after a dot) all of the hosts below a domain; local parts are case-sensitive."""
    local, _at, host = address.rpartition("@")
    limit_local, at, limit_host = subtree.rpartition("@")
    if not at and subtree.startswith("."):
        return host.lower().endswith(subtree.lower())
    return host.lower() == limit_host.lower() and (not limit_local or local == limit_local)
