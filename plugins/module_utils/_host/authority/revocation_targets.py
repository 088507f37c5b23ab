# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificates an element of the option ``revocations`` stands for."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..._pki.compat import not_after
from ..._pki.identity import identity_of
from ..._pki.profiles import is_authority
from ..._pki.revocation import parse_serial
from ..errors import ModuleError
from .issued_copies import IssuedCopy
from .records import Records

# A certificate in a home: the directory of its CA, and its serial number.
Key = tuple[str, int]


@dataclass(frozen=True)
class Targets:
    """The certificates that an element stands for, how it is called in sentences, and what to warn of."""

    whose: str
    keys: Sequence[Key]
    warnings: Sequence[str] = ()


def find_targets(
    home: str, records: Sequence[Records], revoked: Container[Key], item: Mapping[str, Any], now: datetime
) -> Targets:
    """The certificates of a serial number; or of a name, a common name and a host, all those given, that have not expired.

    :raises PkiError: for a damaged copy, and for a serial number that is none.
    :raises ModuleError: when nothing was issued to whoever is meant.
    """
    if item["serial_number"] is not None:
        keys, warnings = _by_serial(home, records, revoked, parse_serial(item["serial_number"]))
        return Targets(f"the certificate {item['serial_number']}", keys, warnings)
    copies = list(_copies(records, item))
    found = [(directory, copy.certificate) for directory, copy in copies if _is_meant(copy, item)]
    leaves = [(directory, certificate) for directory, certificate in found if not is_authority(certificate)]
    if not leaves:
        what = (
            "a CA, which is revoked by its" if found else f"nothing that the CA in {home} issued; correct it, or give a"
        )
        raise ModuleError(f"revocations: {_meant(item)} is of {what} serial_number")
    alive = [(directory, leaf.serial_number) for directory, leaf in leaves if not_after(leaf) >= now]
    warnings = [] if alive else ["all that was issued to it has expired, so there is nothing to revoke"]
    unknown = 0 if item["host"] is None else sum(_may_be_anybodys(copy, now) for _directory, copy in copies)
    if unknown:
        warnings.append(
            f"{unknown} copies do not say which host they are for, so revoke those by name or serial_number"
        )
    return Targets(_called(item), alive, warnings)


def is_issued(records: Sequence[Records], item: Mapping[str, Any]) -> bool:
    """Whether anything was ever issued to whoever an element means; a serial number needs no copy."""
    if item["serial_number"] is not None:
        return True
    return any(_is_meant(copy, item) for _directory, copy in _copies(records, item))


def is_valid(records: Sequence[Records], item: Mapping[str, Any], now: datetime) -> bool:
    """Whether anything that an element means is neither expired nor revoked; a serial number needs no copy."""
    if item["serial_number"] is not None:
        return True
    revoked = {(each.directory, entry.serial) for each in records if each.current for entry in each.current.entries}
    return any(
        _is_meant(copy, item)
        and not is_authority(copy.certificate)
        and not_after(copy.certificate) >= now
        and (directory, copy.certificate.serial_number) not in revoked
        for directory, copy in _copies(records, item)
    )


def _copies(records: Sequence[Records], item: Mapping[str, Any]) -> Iterator[tuple[str, IssuedCopy]]:
    """The copies to look into: all of them where no name is given."""
    for each in records:
        for name in each.issued.serials if item["name"] is None else (item["name"],):
            for copy in each.issued.copies(name):
                yield each.directory, copy


def _is_meant(copy: IssuedCopy, item: Mapping[str, Any]) -> bool:
    if item["host"] not in (None, copy.host):
        return False
    return item["common_name"] is None or identity_of(copy.certificate).common_name == item["common_name"]


def _may_be_anybodys(copy: IssuedCopy, now: datetime) -> bool:
    return copy.host is None and not_after(copy.certificate) >= now and not is_authority(copy.certificate)


def _meant(item: Mapping[str, Any]) -> str:
    words = {"name": "the name", "common_name": "the common name", "host": "the host"}
    return " with ".join(f"{said} {item[option]}" for option, said in words.items() if item[option] is not None)


def _called(item: Mapping[str, Any]) -> str:
    if item["common_name"] is None and item["host"] is None:
        return f"the certificate {item['name']}"
    return f"the certificates of {_meant(item)}"


def _by_serial(
    home: str, records: Sequence[Records], revoked: Container[Key], serial: int
) -> tuple[list[Key], list[str]]:
    """What nobody here has issued is from the time before a CA was adopted, and only the first generation is."""
    known = [each.directory for each in records]
    directories = [each.directory for each in records if serial in each.issued.names]
    directories = directories or [directory for directory in known if (directory, serial) in revoked]
    if directories:
        return [(directory, serial) for directory in directories], []
    first = home if home in known else known[0]
    return [(first, serial)], [f"no copy of it is kept here, so only its number is used, for the CA in {first}"]
