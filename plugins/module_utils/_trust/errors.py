# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error of this package."""

from __future__ import annotations


class TrustError(Exception):
    """A trust store or an anchor is not as it must be; the message is one sentence that says what to do."""
