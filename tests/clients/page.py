# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page "Which file for which client" says."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/which-file-for-which-client.md"


def page_text() -> str:
    return PAGE.read_text(encoding="utf-8")


def table(first: str) -> list[list[str]]:
    """The rows of the table whose first column has this title, its head first."""
    rows: list[list[str]] = []
    for line in page_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells and (rows or cells[0] == first):
            rows.append(cells)
        elif rows:
            break
    return [row for row in rows if set("".join(row)) != {"-"}]


def who_opens_what() -> dict[tuple[str, str], str]:
    """The word of each cell, by form and client."""
    head, *rows = table("Files")
    return {(row[0], client): word for row in rows for client, word in zip(head[1:], row[1:], strict=True)}


def messages() -> dict[str, list[str]]:
    """By which words each client refuses files that are not for it."""
    found: dict[str, list[str]] = {}
    for clients, message in table("Client")[1:]:
        for client in clients.split(", "):
            found.setdefault(client, []).append(message.strip("`"))
    return found


def snippets() -> list[str]:
    """The blocks of code, each as one line of words."""
    return [" ".join(block.split("\n", 1)[1].split()) for block in page_text().split("```")[1::2]]
