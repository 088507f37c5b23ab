# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes back from a CA that is not ours: a leaf, its chain, and whether they fit the order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .certificates import describe, load_certificates
from .compat import find_extension, is_issued_by, is_self_signed, not_after, not_before, same_public_key, x509
from .errors import PkiError, UnreadableError
from .identity import build_alternative_names, kinds_of_names, render_name, render_names, subject_of
from .orders import SigningOrder
from .policy import renewal_due
from .profiles import is_authority, usages_of
from .readable import readable
from .validity import render_time

_BEGIN = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----")
_END = re.compile(rb"-----END (?:TRUSTED |X509 )?CERTIFICATE-----")


@dataclass(frozen=True)
class Answer:
    """A signed certificate; chain is the issuing CA first, the root last."""

    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]


def facts_of(certificate: x509.Certificate, now: datetime, source: str) -> dict[str, Any]:
    """The facts of a certificate that anybody may have made; ``source`` names it in messages.

    :raises UnreadableError: when some of them cannot be read.
    """
    with readable(source):
        return describe(certificate, now)


def is_same_request(data: bytes, csr_pem: str) -> bool:
    """Whether a file holds a request that asks the same for the same key; signatures of ECDSA always differ."""
    try:
        found = x509.load_pem_x509_csr(data)
    except ValueError:
        return False
    return found.tbs_certrequest_bytes == x509.load_pem_x509_csr(csr_pem.encode()).tbs_certrequest_bytes


def find_certificates(data: bytes, path: str) -> tuple[x509.Certificate, ...]:
    """All certificates of a text in PEM, which may hold other things; none at all is an empty tuple.

    Line ends may be written with a backslash, as in JSON.

    :raises UnreadableError: when one of them is damaged or cut off.
    """
    text = data.replace(b"\\r", b"").replace(b"\\n", b"\n")
    begins, ends = len(_BEGIN.findall(text)), len(_END.findall(text))
    if begins != ends:
        raise UnreadableError(f"{path}: a certificate is cut off; restore it")
    return load_certificates(text, path) if begins else ()


def leaf_for(order: SigningOrder, certificates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """The certificate for the order's key, the youngest when there are several; None when there is none."""
    own = [one for one in certificates if same_public_key(one.public_key(), order.public_key)]
    return max(own, key=not_before, default=None)


def leaf_differences(leaf: x509.Certificate, order: SigningOrder, now: datetime) -> list[str]:
    """What a signed certificate says otherwise than the order; empty when it fits.

    :raises UnreadableError: when it holds fields that cannot be read.
    """
    with readable(f"what was signed for {order.entry.whose}"):
        problems = _name_differences(leaf, order)
    found = subject_of(leaf.subject)
    if not found.has_subject_of(order.identity):
        problems.insert(0, f"the subject is {found.subject_text}, not {order.identity.subject_text}")
    if is_authority(leaf):
        problems.append("it is the certificate of a CA")
    end = not_after(leaf)
    if order.lifetime.not_after is not None and end != order.lifetime.not_after:
        problems.append(f"it expires on {render_time(end)}, not {render_time(order.lifetime.not_after)}")
    if end <= now:
        problems.append(f"it expired on {render_time(end)}")
    elif (due := renewal_due(leaf, order.entry, now)) is not None:
        problems.append(f"its renewal is due: {due}")
    return problems


def read_answer(order: SigningOrder, data: bytes, more: Sequence[x509.Certificate], now: datetime) -> Answer:
    """What a signer printed for an order; ``more`` are certificates that complete its chain.

    :raises PkiError: when that holds no certificate as ordered.
    """
    whose = order.entry.whose
    certificates = find_certificates(data, f"the signer's answer for {whose}")
    if not certificates:
        raise PkiError(f"{whose}: the signer printed no certificate in PEM; correct the option command")
    leaf = leaf_for(order, certificates)
    if leaf is None:
        raise PkiError(f"{whose}: the signer printed certificates, but none for the key of the request; correct it")
    differences = leaf_differences(leaf, order, now)
    if differences:
        raise PkiError(f"{whose}: the signer did not sign as requested: {'; '.join(differences)}; correct its policy")
    return Answer(leaf, complete_chain(leaf, (*certificates, *more), whose, "add it to the option chain_pem"))


def _name_differences(leaf: x509.Certificate, order: SigningOrder) -> list[str]:
    """Differences in names and usages."""
    found = list(find_extension(leaf, x509.SubjectAlternativeName) or ())
    wanted = list(build_alternative_names(order.identity) or ())
    usages, problems = usages_of(leaf), []
    if kinds_of_names(found) != kinds_of_names(wanted):
        problems.append(f"the names are {render_names(found)}, not {render_names(wanted)}")
    if set(usages) != set(order.usages):
        problems.append(f"the usages are {', '.join(usages) or 'none'}, not {', '.join(order.usages)}")
    return problems


def complete_chain(
    leaf: x509.Certificate, known: Iterable[x509.Certificate], whose: str, remedy: str
) -> tuple[x509.Certificate, ...]:
    """The shortest way from a certificate to a root, in whatever order its issuers are known; the leaf is left out.

    :param remedy: what the operator can do when an issuer is missing.
    :raises PkiError: when there is no way to a root.
    """
    issuers = sorted(dict.fromkeys(known), key=not_after, reverse=True)  # of a CA's renewed certificates the last
    way: tuple[x509.Certificate, ...] = (leaf,)
    ways = [way]
    while ways:
        way = ways.pop(0)
        if is_self_signed(way[-1]):
            break
        ways += [(*way, one) for one in issuers if one not in way and is_authority(one) and is_issued_by(way[-1], one)]
    else:
        missing = render_name(way[-1].issuer)
        raise PkiError(f"{whose}: the certificate of the CA {missing} is missing from its chain; {remedy}")
    if way == (leaf,):
        raise PkiError(f"{whose} is signed by itself, not by a CA; let a CA sign the request")
    return way[1:]
