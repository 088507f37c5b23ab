# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts and wishes for property tests of the configuration files: made of what the grammars care about."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

VERSIONS = st.sampled_from([13, 14, 15, 16, 17, 18, 19])

_SCRAPS = [
    *(
        "\n",
        "\r\n",
        "\r",
        "\\",
        "\\\n",
        '"',
        '""',
        ",",
        " ",
        "\t",
        "#",
        "@",
        "+",
        "/",
        "=",
        "'",
        "''",
        "\0",
        "\udcff",
        "\x0b",
    ),
    *("local", "host", "hostssl", "all", "replication", "trust", "md5", "cert", "map=x", "include", "10.0.0.0/8", "é"),
    *("host all all 10.0.0.0/8 md5\n", "local all all peer\n", "# BEGIN x\n", "# note \\\n", "a b c\n", "ssl = on\n"),
    *("#ssl = off\n", "work_mem = '4MB' # x\n", "include 'y'\n", "\n\n"),
]
texts = st.lists(st.one_of(st.sampled_from(_SCRAPS), st.text(max_size=3)), max_size=25).map("".join)

_ADDRESSES = [
    "0.0.0.0/0",
    "::/0",
    "all",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.3/32",
    "127.0.0.1/32",
    "samenet",
    ".example.com",
]
_NETWORK_TYPES = ["host", "hostssl", "hostnossl"]
_names = st.lists(st.sampled_from(["all", "app1", "app2", "+staff", "my db", '"all"', "a,b"]), min_size=1, max_size=2)
_databases = st.lists(st.sampled_from(["all", "app1", "db2", "replication", "sameuser"]), min_size=1, max_size=2)


@st.composite
def rules(draw: Any) -> dict[str, Any]:
    """The fields of a rule as a task gives them, valid in every version."""
    rule_type = draw(st.sampled_from(["local", *_NETWORK_TYPES]))
    methods = {"local": ["peer", "trust"], "hostssl": ["cert", "md5", "reject"]}.get(rule_type, ["md5", "reject"])
    return {
        "type": rule_type,
        "database": draw(_databases),
        "user": draw(_names),
        "address": None if rule_type == "local" else draw(st.sampled_from(_ADDRESSES)),
        "method": draw(st.sampled_from(methods)),
        "options": None,
        "comment": draw(st.sampled_from([None, None, "ours", ""])),
    }


mappings = st.fixed_dictionaries(
    {
        "map": st.sampled_from(["m1", "m 2", "#m"]),
        "system_user": st.sampled_from(["PostgreSQL client1", "joe", "/^(.*)@x$", "@joe", 'q"q']),
        "database_user": st.sampled_from(["app1", "all", "+staff", r"\1x", "a b"]),
        "comment": st.sampled_from([None, "why"]),
    }
)
