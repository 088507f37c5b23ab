# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""May a request leave for a CA that is not ours? Such a CA copies from it, so it must say just what its entry says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .compat import serialization, spki_bytes, x509
from .der import CONTEXT_0, SET, contents, elements, inside, key_of_request
from .errors import PkiError
from .identity import build_alternative_names, kinds_of_names, render_names, subject_of
from .orders import SigningOrder
from .profiles import usages_of
from .readable import readable
from .requests import parse_request

_EXTENSION_REQUEST = bytes.fromhex("06092a864886f70d01090e")  # RFC 2985 section 5.4.2: 1.2.840.113549.1.9.14
_NAMES, _PURPOSES = "2.5.29.17", "2.5.29.37"  # RFC 5280 sections 4.2.1.6 and 4.2.1.12


def exact_request(csr_pem: str, order: SigningOrder) -> str:
    """The request of an order in PEM, without anything around it.

    :raises PkiError: for a request that says more or less than the entry, with the first difference.
    """
    whose = order.entry.whose
    csr = parse_request(csr_pem, whose)
    with readable(f"{whose}: the request"):
        difference = next(_differences(csr, order), None)
    if difference is not None:
        raise PkiError(f"{whose}: the request is not as its entry in certificates: {difference}; make it again")
    return csr.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _differences(csr: x509.CertificateSigningRequest, order: SigningOrder) -> Iterator[str]:
    found = subject_of(csr.subject)
    if not found.has_subject_of(order.identity):
        yield f"the subject is {found.subject_text}, not {order.identity.subject_text}"
    yield from _structure_differences(csr)
    extensions = {extension.oid.dotted_string: extension for extension in csr.extensions}
    yield from (f"it asks for the extension {oid}" for oid in extensions if oid not in (_NAMES, _PURPOSES))
    yield from _name_differences(extensions.get(_NAMES), order)
    usages = usages_of(csr)  # type: ignore[arg-type]  # a request has extensions as well
    if usages != order.usages:
        yield f"the usages are {', '.join(usages) or 'none'}, not {', '.join(order.usages)}"
    if extensions[_PURPOSES].critical:
        yield "its usages are critical"


def _structure_differences(csr: x509.CertificateSigningRequest) -> Iterator[str]:
    """What the library does not show: how the key is written, and attributes that some programs alone would read."""
    if key_of_request(csr) != inside(spki_bytes(csr.public_key())):
        yield "its key is not written as in certificates for TLS"
    attributes = [content for tag, content in elements(inside(csr.tbs_certrequest_bytes)) if tag == CONTEXT_0]
    found = [attribute for each in attributes for attribute in contents(each)]
    if len(found) != 1 or not found[0].startswith(_EXTENSION_REQUEST):
        yield f"it has {len(found)} attributes, not the one that asks for extensions"
    values = [value for tag, content in elements(found[0]) if tag == SET for value in contents(content)]
    if len(values) != 1:
        yield "it asks for extensions more than once"


def _name_differences(found: Any, order: SigningOrder) -> Iterator[str]:
    before, after = list(found.value) if found else [], list(build_alternative_names(order.identity) or ())
    if kinds_of_names(before) != kinds_of_names(after):
        yield f"the names are {render_names(before)}, not {render_names(after)}"
    if found and found.critical == bool(order.identity.subject):
        yield f"its names are {'critical' if found.critical else 'not critical'}"
