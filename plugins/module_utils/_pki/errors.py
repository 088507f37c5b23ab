# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of this package; each message is one sentence that says what to do."""

from __future__ import annotations


class PkiError(Exception):
    """Something about a key, request or certificate is not as it must be."""


class UnreadableError(PkiError):
    """Bytes that should be a key, a request or a certificate are not."""
