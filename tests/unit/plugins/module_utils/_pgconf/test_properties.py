# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for all four files and any text: nothing breaks, nothing is lost, twice is once, check mode is true.

PGTLS_EXAMPLES=100000 in the environment makes the run over arbitrary text as long as that for each file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login import verdict
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.maps import hosts, ident
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.rules import hba, hba_edit
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings import postgresql_conf as conf
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.postgresql_conf import Assignment
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.settings.values import canonical_name
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.records import Record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from module_runner import run_module
from pgconf_strategies import VERSIONS, mappings, rules, texts

EXAMPLES = int(os.environ.get("PGTLS_EXAMPLES", "100"))
HOSTS_VERSIONS = st.just(19)


def decode(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


any_text = st.one_of(
    texts,
    st.binary(max_size=60).map(decode),
    st.text(max_size=40),
    st.lists(
        st.sampled_from(["# BEGIN pgtls b\n", "# END pgtls b\n", "a c k\n", "local all all peer\n", "x = 'y'\n", "\n"])
    ).map("".join),
)
host_entries = st.fixed_dictionaries(
    {
        "host": st.sampled_from([["*"], ["/no_sni/"], ["a.example"], ["A.EXAMPLE"], ["b", "c"], ["b"], ["#x", "y z"]]),
        "cert": st.sampled_from(["a.crt", "/etc/a b.crt", "@c"]),
        "key": st.sampled_from(["a.key", 'q"q']),
        "ca": st.sampled_from([None, "root.crt"]),
        "passphrase_command": st.sampled_from([None, 'echo "x", y']),
        "comment": st.sampled_from([None, "why"]),
    }
)
setting_values = st.one_of(st.none(), st.booleans(), st.integers(0, 9999), st.sampled_from(["a'b", "64MB", r"\x"]))


@dataclass(frozen=True)
class Kind:
    """One kind of file: its parser and judges, and how a task edits it."""

    module: str
    option: str
    asked: st.SearchStrategy[Any]
    versions: st.SearchStrategy[int]
    parse: Callable[[str, int], Any]
    look: Callable[[Any, str, verdict.Files], Any]
    ensure: Callable[[Any, dict[str, Any]], Any]
    subjects: Callable[[dict[str, Any], int], set[Any]]


def wished(read: Callable[[Any, int], Any]) -> Callable[[dict[str, Any], int], set[Any]]:
    return lambda params, version: {record.match_key for record in read(params, version).present}


KINDS = [
    Kind(
        "pg_hba",
        "rules",
        st.lists(rules(), max_size=3),
        VERSIONS,
        hba.parse_hba,
        lambda document, text, files: verdict.judge_hba(text, document.version, files),
        lambda document, params: hba_edit.ensure_rules(document, hba_edit.read_wishes(params, document.version)),
        wished(hba_edit.read_wishes),
    ),
    Kind(
        "pg_ident",
        "mappings",
        st.lists(mappings, max_size=3),
        VERSIONS,
        ident.parse_ident,
        lambda document, text, files: verdict.judge_ident(text, document.version, files),
        lambda document, params: ident.ensure_mappings(document, ident.read_wishes(params, document.version)),
        wished(ident.read_wishes),
    ),
    Kind(
        "pg_conf",
        "settings",
        st.dictionaries(st.sampled_from(["ssl", "work_mem", "x.y"]), setting_values, max_size=3),
        VERSIONS,
        conf.parse_conf,
        lambda document, text, files: verdict.judge_conf(text, document.version, files, auto_conf="/auto.conf"),
        lambda document, params: conf.ensure_settings(document, conf.read_settings(params)),
        lambda params, version: {canonical_name(name, version) for name in params["settings"]},
    ),
    Kind(
        "pg_hosts",
        "hosts",
        st.lists(host_entries, max_size=3),
        HOSTS_VERSIONS,
        hosts.parse_hosts,
        lambda document, text, files: [hosts.describe_doubts(document), hosts.describe_hosts(document)],
        lambda document, params: hosts.ensure_hosts(document, hosts.read_wishes(params, document.version)),
        wished(hosts.read_wishes),
    ),
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.module)


def foreign_lines(document: Any, subjects: set[Any]) -> list[str]:
    def is_foreign(entry: Any) -> bool:
        if isinstance(entry, Assignment):
            return canonical_name(entry.name, document.version) not in subjects
        return not isinstance(entry, Record) or entry.match_key not in subjects

    return [line.raw for line in document.lines if is_foreign(line.entry)]


@pytest.mark.parametrize("version", [13, 15, 16, 19])
def test_a_chain_of_ever_new_names_comes_to_an_end(version: int) -> None:
    """A directory that links to itself gives every file of a circle a name of its own."""
    files = verdict.Files("/main", read=lambda path: "@a/b\n")
    (complaint,) = verdict.judge_ident("@a/b\n", version, files).errors
    assert "files deep" in complaint.problem


@every_kind
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(data=st.data(), text=any_text, other=any_text)
def test_any_text_is_read_losslessly_and_judged(kind: Kind, data: st.DataObject, text: str, other: str) -> None:
    document = kind.parse(text, data.draw(kind.versions))
    assert document.render() == text
    files = verdict.Files("/main", read=lambda path: other, list_directory=lambda path: ["a.conf"])
    kind.look(document, text, files)
    try:
        assert kind.ensure(document, {kind.option: {} if kind.module == "pg_conf" else []}) is document
    except ConfigError as error:
        assert "block" in str(error)


@every_kind
@given(data=st.data(), noise=any_text)
def test_twice_is_once_and_foreign_lines_keep_their_bytes(kind: Kind, data: st.DataObject, noise: str) -> None:
    version = data.draw(kind.versions)
    params = {kind.option: data.draw(kind.asked)}
    document = kind.parse(noise + "\n# end\n", version)
    try:
        after = kind.ensure(document, params)
    except ConfigError:
        return
    assert kind.ensure(after, params) is after
    again = kind.parse(after.render(), version)
    assert kind.ensure(again, params) is again
    subjects = kind.subjects(params, version)
    assert foreign_lines(again, subjects) == foreign_lines(document, subjects)


@every_kind
@settings(max_examples=25)
@given(data=st.data(), text=any_text)
def test_check_mode_shows_the_diff_of_the_real_run(kind: Kind, data: st.DataObject, text: str) -> None:
    content = text.encode("utf-8", "surrogateescape")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "file.conf"
        path.write_bytes(content)
        version = data.draw(kind.versions)
        args = {"path": str(path), "server_version": version, "validate": "syntax", kind.option: data.draw(kind.asked)}
        predicted = run_module(kind.module, args, check=True, diff=True)
        assert path.read_bytes() == content
        real = run_module(kind.module, args, diff=True)
        for key in ("changed", "failed", "diff", "msg", kind.option, "warnings"):
            assert real.get(key) == predicted.get(key)
        assert real["failed"] or not run_module(kind.module, args)["changed"]
        assert real.get("changed") == (path.read_bytes() != content) or real["failed"]
