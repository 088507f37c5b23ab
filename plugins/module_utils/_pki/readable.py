# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is wrong with the fields of something that others made becomes one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .compat import UnsupportedAlgorithm, x509
from .errors import UnreadableError


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Extensions are parsed when they are asked for, so everything that asks stands inside.

    :raises UnreadableError: for fields that cannot be read.
    """
    try:
        yield
    except (
        ValueError,
        TypeError,
        IndexError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        words = " ".join(str(error).split())
        raise UnreadableError(f"{what} has fields that cannot be read ({words}); have it made again") from error
