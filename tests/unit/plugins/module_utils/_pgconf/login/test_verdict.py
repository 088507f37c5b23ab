# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server would say about whole files: included ones, limits, builds, methods and options per version."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.environment import DirectoryError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.errors import ConfigError
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import (
    Build,
    Files,
    FileVerdict,
    judge_conf,
    judge_hba,
    judge_ident,
)

TRUST = "local all all trust\n"
ALL = range(13, 20)
Judge = Callable[..., FileVerdict]


def files_of(texts: Mapping[str, str]) -> Files:
    """Files under /etc, by their absolute names; "DENIED" cannot be read, a name that others go through is a directory."""

    def read(path: str) -> str | None:
        if texts.get(path) == "DENIED":
            raise ConfigError(f"{path} cannot be read")
        if any(name.startswith(path + "/") for name in texts):
            raise DirectoryError(f"{path} is a directory")
        return texts.get(path)

    def listing(path: str) -> list[str] | None:
        names = [name[len(path) + 1 :] for name in texts if name.startswith(path + "/")]
        return [name for name in names if "/" not in name] if names else None

    return Files("/etc/pg/main.conf", read, listing)


def errors(verdict: FileVerdict) -> list[tuple[str, int]]:
    assert verdict.accepted == (not verdict.errors)
    return [(one.file.rpartition("/")[2], one.line_number) for one in verdict.errors]


def lines(verdict: FileVerdict) -> list[tuple[str, int, str]]:
    return [(one.file.rpartition("/")[2], one.line_number, one.text.split()[0]) for one in verdict.entries]


def accepts(line: str, version: int, build: Build | None = None) -> bool:
    return judge_hba(line + "\n", version, build=build or Build()).accepted


@pytest.mark.parametrize(
    ("line", "good"),
    [
        ("host all all all pam pamservice=x", ALL),
        ("host all all all ldap ldapserver=h ldapbasedn=x", ALL),
        ("host all all all ldap ldapbasedn=", ALL),
        ("host all all all ldap ldapprefix=", ALL),
        ("host all all all ldap ldapserver=h", ()),
        ("host all all all ldap ldapprefix=x ldapbinddn=y", ()),
        ("host all all all ldap ldapbasedn=x ldapsearchattribute=a ldapsearchfilter=f", ()),
        ("host all all all ldap ldapurl=ldap://h/dc=x", ALL),
        ("host all all all ldap ldapurl=ldap://h/", ALL),
        ("host all all all ldap ldapurl=ldap://h", ()),
        ("host all all all ldap ldapurl=http://h/dc=x", ()),
        ("host all all all ldap ldapurl=ldap://h/dc=x ldapprefix=y", ()),
        ("host all all all ldap ldapurl=ldap://h/dc=x?uid?sub?(a=b)", ()),
        ("host all all all ldap ldapbasedn=x ldapport=0", ()),
        ("host all all all ldap ldapbasedn=x ldapport=1x", ALL),
        ("host all all all ldap ldapbasedn=x ldapport=4294967296", ()),
        ("host all all all ldap ldapbasedn=x ldapscheme=nonsense", ALL),
        ('host all all all radius radiusservers=127.0.0.1 radiussecrets="a b"', ()),
        ("host all all all radius radiusservers=127.0.0.1 radiussecrets=s", range(13, 19)),
        ('host all all all radius "radiusservers=127.0.0.1,::1" radiussecrets=s', range(13, 19)),
        ('host all all all radius "radiusservers=127.0.0.1,::1" "radiussecrets=a,b,c"', ()),
        ('host all all all radius "radiusservers=127.0.0.1," radiussecrets=s', ()),
        ("host all all all radius radiusservers=127.0.0.1 radiussecrets=s radiusports=0", ()),
        ("host all all all radius radiusservers=127.0.0.1", ()),
        ("host all all all radius radiusservers= radiussecrets=s", ()),
        ("host all all all oauth issuer=i scope=s", (18, 19)),
        ("host all all all oauth issuer= scope=", (18, 19)),
        ("host all all all oauth issuer=i", ()),
        ("host all all all oauth issuer=i scope=s delegate_ident_mapping=1", (18, 19)),
        ("host all all all oauth issuer=i scope=s delegate_ident_mapping=1 map=", ()),
        ("host all all all oauth issuer=i scope=s delegate_ident_mapping=true map=x", (18, 19)),
        ("host all all all oauth issuer=i scope=s validator.a-b=1", (19,)),
        ("host all all all oauth issuer=i scope=s validator.=1", ()),
        ("host all all all gss krb_realm=X include_realm=0", ALL),
        ("host all all all gss compat_realm=1", ()),
        ("local all all gss", ()),
        ("host all all all sspi", ()),
        ("host all /[ all trust", range(13, 16)),
        ('host "/[" all all trust', range(13, 16)),
        ('host all all,"/a b" all trust', ALL),
        ("host all all all trust pamservice=x", ()),
        ('host all all all "pam" "pamservice=a b"', ALL),
    ],
)
def test_methods_and_options_per_version(line: str, good: range | tuple[int, ...]) -> None:
    assert [version for version in ALL if accepts(line, version)] == list(good)


def test_builds() -> None:
    stripped = Build(ssl=False, gss=False, ldap=False, pam=False)
    for line in (
        "host all all all gss",
        "host all all all pam",
        "host all all all ldap ldapbasedn=x",
        "hostssl all all all cert",
    ):
        assert accepts(line, 16)
        assert not accepts(line, 16, stripped)
    assert accepts("host all all all oauth issuer=i scope=s", 18, Build(oauth_validators=("v",)))
    assert not accepts("host all all all oauth issuer=i scope=s", 18, Build(oauth_validators=()))
    assert not accepts("host all all all oauth issuer=i scope=s", 18, Build(oauth_validators=("v", "w")))
    assert accepts("host all all all oauth issuer=i scope=s validator=w", 18, Build(oauth_validators=("v", "w")))
    assert not accepts("host all all all oauth issuer=i scope=s validator=x", 18, Build(oauth_validators=("v", "w")))
    radius = "host all all all radius radiusservers=nowhere radiussecrets=s"
    assert accepts(radius, 16)
    assert not accepts(radius, 16, Build(resolvable=frozenset({"localhost"})))


def test_rules_without_connections_are_warnings() -> None:
    verdict = judge_hba(TRUST + "hostssl all all all cert\nhostgssenc all all all trust\n", 15)
    assert verdict.lines == ()
    verdict = judge_hba(
        TRUST + "hostssl all all all cert\nhostgssenc all all all trust\n", 15, build=Build(ssl_on=False, gss=False)
    )
    assert verdict.accepted
    assert [(one.line_number, "ssl is off" in one.problem) for one in verdict.warnings] == [(2, True), (3, False)]
    assert len(verdict.entries) == 3


def test_every_bad_line_is_told_with_its_place() -> None:
    verdict = judge_hba("# x\nlocal all all\n\n  host all all 10.0.0.1 md5\nlocal all all peer x=y\n", 15)
    assert [(one.line_number, one.column) for one in verdict.lines] == [(2, 0), (4, 16), (5, 15)]
    assert not verdict.accepted


@pytest.mark.parametrize("text", ["", "# x\n", " , \n", "\n\n"])
def test_a_file_without_rules_is_refused_but_one_without_mappings_is_fine(text: str) -> None:
    assert errors(judge_hba(text, 15, files_of({}))) == [("main.conf", 0)]
    assert judge_ident(text, 15).accepted


def test_includes_are_followed_since_16() -> None:
    files = files_of(
        {
            "/etc/pg/a.conf": TRUST + "include_if_exists nothing.conf\n",
            "/etc/pg/d/9-b.conf": "host all all all trust\n",
            "/etc/pg/d/10-a.conf": "hostssl all all all trust\n",
            "/etc/pg/d/.hidden.conf": "nonsense\n",
            "/etc/pg/d/note.txt": "nonsense\n",
            "/etc/pg/d/.conf": "nonsense\n",
        }
    )
    text = 'include a.conf\n"include_dir" d,ignored\nlocal all all peer\n'
    assert errors(judge_hba(text, 15, files)) == [("main.conf", 1), ("main.conf", 2)]
    verdict = judge_hba(text, 16, files)
    assert lines(verdict) == [
        ("a.conf", 1, "local"),
        ("10-a.conf", 1, "hostssl"),
        ("9-b.conf", 1, "host"),
        ("main.conf", 3, "local"),
    ]
    assert verdict.accepted


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("include missing.conf", [("main.conf", 2)]),
        ("include_dir missing", [("main.conf", 2)]),
        ('include_dir ""', [("main.conf", 2)]),
        ("include_if_exists missing.conf", []),
        ("include denied.conf", [("main.conf", 2)]),
        ("include_if_exists denied.conf", [("main.conf", 2)]),
        ("include a.conf b.conf", [("main.conf", 2)]),
        ("INCLUDE a.conf", [("main.conf", 2)]),
        ("include bad.conf", [("bad.conf", 2)]),
        ("include loop.conf", [("loop.conf", 1)]),
        ("include d", []),
        ("local @missing all peer", [("main.conf", 2)]),
        ("local @bad.conf all peer", []),
        ("local @denied.conf all peer", [("main.conf", 2)]),
        ("local @loop.conf all peer", [("main.conf", 2)]),
        ("local @empty all peer", [("main.conf", 2)]),
        ("local @empty all peer trust", []),
        ("local @empty all all peer", []),
        ("local all @d peer peer", []),
        ('local "@missing" all peer', []),
        ("local @ all peer", []),
    ],
)
def test_what_is_wrong_with_an_include(line: str, expected: list[tuple[str, int]]) -> None:
    files = files_of(
        {
            "/etc/pg/a.conf": TRUST,
            "/etc/pg/bad.conf": TRUST + "local all\n",
            "/etc/pg/denied.conf": "DENIED",
            "/etc/pg/loop.conf": "include loop.conf\n",
            "/etc/pg/empty": "# nothing\n",
            "/etc/pg/d/x": "",
        }
    )
    assert errors(judge_hba(TRUST + line + "\n", 16, files)) == expected


def test_at_files_work_in_every_field_and_version() -> None:
    files = files_of(
        {
            "/etc/pg/lists/dbs": 'a b,c\n"all" @more\n',
            "/etc/pg/lists/more": "d # e\n",
            "/etc/pg/method": "peer map=m\n",
        }
    )
    for version in (13, 15, 19):
        verdict = judge_hba("local @lists/dbs all @method\n", version, files)
        # The words of the method file are one field: too many for a method.
        assert errors(verdict) == [("main.conf", 1)]
        verdict = judge_hba("local @lists/dbs all peer @method\n", version, files)
        assert errors(verdict) == [("main.conf", 1)]
        verdict = judge_hba("local @lists/dbs all peer\n", version, files)
        (rule,) = [one.entry for one in verdict.entries]
        assert [(name.kind, name.text) for name in rule.databases] == [
            ("name", word) for word in ("a", "b", "c", "all", "d")
        ]


def test_a_circle_of_at_files_is_never_given_to_a_server() -> None:
    files = files_of({"/etc/pg/a": "@b\n", "/etc/pg/b": "x @a\n", "/etc/pg/self": "@self @self @self\n"})
    for version in ALL:
        for name in ("a", "self"):
            verdict = judge_hba(f"local @{name} all peer\n", version, files)
            assert errors(verdict) == [("main.conf", 1)]
            assert ("crashes PostgreSQL" in verdict.lines[0].problem) == (version < 16)


def test_nesting_ends_at_ten_since_16() -> None:
    deep = files_of({f"/etc/pg/{number}": f"include {number + 1}\n" for number in range(1, 12)} | {"/etc/pg/12": TRUST})
    assert errors(judge_hba("include 1\n", 16, deep)) == [("10", 1)]
    assert judge_hba("include 3\n", 16, deep).accepted
    at_files = files_of({f"/etc/pg/{number}": f"@{number + 1}\n" for number in range(1, 12)} | {"/etc/pg/12": "x"})
    assert not judge_hba("local @1 all peer\n", 16, at_files).accepted
    assert judge_hba("local @1 all peer\n", 15, at_files).accepted
    assert judge_hba("local @3 all peer\n", 16, at_files).accepted


def test_many_files_inside_themselves_end_too() -> None:
    files = files_of({"/etc/pg/a": "include a\n" * 9})
    assert not judge_hba("include a\n", 17, files).accepted
    conf = files_of({"/etc/pg/a": "include b\n" * 9, "/etc/pg/b": "include a\n" * 9})
    assert not judge_conf("include a\n", 17, conf).accepted


def test_an_included_directory_is_an_empty_file_since_14() -> None:
    files = files_of({"/etc/pg/d/x": ""})
    assert judge_hba(TRUST + "local @d all peer peer peer\n", 13, files).errors
    assert lines(judge_hba(TRUST + "include d\n", 16, files)) == [("main.conf", 1, "local")]


@pytest.mark.parametrize(
    ("length", "quoted", "comma", "good"),
    [
        (10_239, False, False, True),
        (10_240, False, False, False),
        (10_238, True, False, True),
        (10_239, True, False, False),
        (10_239, False, True, False),
        (10_238, False, True, True),
    ],
)
def test_words_have_a_limit_until_15(length: int, quoted: bool, comma: bool, good: bool) -> None:
    word = "é" * (length // 2) + "x" * (length % 2)
    written = f'"{word}"' if quoted else word
    line = f"local {written}{',y' if comma else ''} all peer\n"
    assert judge_hba(line, 15).accepted is good
    assert judge_hba(line, 13).accepted is good
    assert judge_hba(line, 16).accepted


def test_lines_have_a_limit_in_13() -> None:
    fits = TRUST.rstrip("\n") + " # "
    fits += "x" * (20_478 - len(fits) - 1) + "\n"
    assert judge_hba(fits, 13).accepted
    long = fits[:-1] + "x\n"
    assert errors(judge_hba(long + "local\n", 13)) == [("", 1), ("", 2)]
    assert judge_hba(long, 14).accepted


def test_a_nul_hides_the_rest_of_its_line() -> None:
    assert judge_hba("local all all peer\0nonsense\n", 13).accepted
    assert judge_hba("local all all peer\0nonsense\n", 16).accepted
    assert lines(judge_hba("# x\0\nlocal all all peer\nhost all all all trust\n", 16)) == [("", 2, "host")]
    assert len(judge_hba("# x\0\nlocal all all peer\n", 13).entries) == 1


def test_a_zone_beyond_its_numbers_makes_a_host_name() -> None:
    assert judge_hba("host all all ::%9999999999 md5\n", 15).accepted
    assert not judge_hba("host all all ::%4294967295 md5\n", 15).accepted


@pytest.mark.parametrize(
    ("line", "good"),
    [
        ("m sys role", ALL),
        ("m sys", ()),
        ("m a,b role", ()),
        ("m sys role ignored x,y", ALL),
        ("m /^(.*)$ \\1", ALL),
        ("m /( role", ()),
        ('m "/(" role', ()),
        ("m sys /(", range(13, 16)),
        ("m sys +role", ALL),
        ("m sys all", ALL),
        ("include x", ()),
        ("include_if_exists x", range(16, 20)),
        ("m sys @missing", ()),
        ("m sys role @missing", ()),
    ],
)
def test_ident_lines_per_version(line: str, good: range | tuple[int, ...]) -> None:
    assert [version for version in ALL if judge_ident(line + "\n", version).accepted] == list(good)


CONF_FILES = {
    "/etc/pg/conf.d/20.conf": "work_mem = 2MB\n",
    "/etc/pg/conf.d/10.conf": "work_mem = 1MB\nINCLUDE_IF_EXISTS='more'\n",
    "/etc/pg/conf.d/more": "port = 1\n",
    "/data/postgresql.auto.conf": "port = '2'\n",
}


def test_conf_is_read_in_order_with_its_includes() -> None:
    text = "port = 5\ninclude_dir = 'conf.d'\nssl = on\n"
    verdict = judge_conf(text, 15, files_of(CONF_FILES), auto_conf="/data/postgresql.auto.conf")
    assert verdict.accepted
    assert [(one.file.rpartition("/")[2], one.entry.name, one.entry.value) for one in verdict.entries] == [
        ("main.conf", "port", "5"),
        ("10.conf", "work_mem", "1MB"),
        ("more", "port", "1"),
        ("20.conf", "work_mem", "2MB"),
        ("main.conf", "ssl", "on"),
        ("postgresql.auto.conf", "port", "2"),
    ]


@pytest.mark.parametrize(
    "line",
    ["include 'x'", "include_dir 'x'", "include ''", "include 'main.conf'", "ssl on off", "work_mem = 64 MB", "= 1"],
)
def test_broken_conf_lines(line: str) -> None:
    files = files_of({"/etc/pg/main.conf": "ssl = on\n"})
    assert errors(judge_conf(f"# x\n{line}\n", 15, files)) == [("main.conf", 2)]
