# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The info modules against a real server: its views give the same verdict, and real logins end as explained."""

from __future__ import annotations

import itertools
import os
import random
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.regex_matching import search
from module_runner import run_module
from openssl_authority import Authority, new_authority

PASSWORD = "secret of app1"
FILES = {"hba": "pg_hba.conf", "ident": "pg_ident.conf", "conf": "postgresql.conf"}


@dataclass(frozen=True)
class Rig:
    """A cluster with TLS, roles and databases, and clients that psql plays."""

    cluster: Any
    authority: Authority
    version: int

    def path(self, kind: str) -> str:
        return str(Path(self.cluster.data_directory, FILES[kind]))

    def write(self, kind: str, text: str) -> str:
        return str(self.cluster.write(FILES[kind], text))

    def load(self) -> None:
        """Reload and wait until new connections are met by the new files."""
        load_time = "SELECT pg_conf_load_time()"
        before = self.cluster.sql(load_time)
        self.cluster.reload()
        deadline = time.monotonic() + 20
        while self.cluster.sql(load_time) == before:
            assert time.monotonic() < deadline, "the server does not reload"
            time.sleep(0.05)

    def login(self, conninfo: str, query: str) -> str | None:
        """None when psql gets in, else what it complains about."""
        try:
            self.cluster.run("psql", "-X", "-w", "-q", "-t", "-d", f"{conninfo} gssencmode=disable", "-c", query)
        except subprocess.CalledProcessError as error:
            return str(error.stderr)
        return None

    def log(self) -> str:
        return Path(self.cluster.log).read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="module")
def rig(make_cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Rig:
    cluster = make_cluster()
    authority = new_authority(tmp_path_factory.mktemp("authority") / "ca", "Test CA")
    pairs = {
        "server": authority.issue("server", "localhost", names="IP:127.0.0.1"),
        "app1": authority.issue("app1", "app1"),
        "client1": authority.issue("client1", "PostgreSQL client1"),
    }
    for name, pair in pairs.items():
        cluster.write(f"{name}.crt", Path(pair.certificate).read_bytes())
        cluster.write(f"{name}.key", Path(pair.key).read_bytes())
    cluster.write("root.crt", Path(authority.pair.certificate).read_bytes())
    cluster.configure("ssl = on\nssl_ca_file = 'root.crt'\n")
    for role in ("app1", "app2"):
        cluster.sql(f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD '{PASSWORD}'")
    cluster.sql("CREATE ROLE staff")
    cluster.sql("CREATE ROLE db")
    cluster.sql("GRANT staff TO app1")
    cluster.sql("GRANT db TO app2")
    for database in ("db", "app1"):
        cluster.sql(f"CREATE DATABASE {database}")
    version = int(cluster.sql("SHOW server_version_num")[0][0]) // 10000
    return Rig(cluster, authority, version)


@pytest.fixture
def kept(rig: Rig) -> Iterator[Rig]:
    """The rig, whose files are put back afterwards."""
    before = {kind: Path(rig.path(kind)).read_bytes() for kind in FILES}
    yield rig
    for kind, content in before.items():
        rig.cluster.write(FILES[kind], content)
    rig.load()


# How a client can come: what the module is told, and the words of libpq.
WAYS: dict[str, tuple[dict[str, Any], str]] = {
    "socket": ({}, "host={sockets}"),
    "plain": ({"address": "127.0.0.1", "tls": False}, "host=127.0.0.1 sslmode=disable"),
    "tls": ({"address": "127.0.0.1", "tls": True}, "host=127.0.0.1 sslmode=require sslcert=/nowhere"),
    "cn app1": (
        {"address": "127.0.0.1", "tls": True, "certificate_common_name": "app1", "certificate_dn": "CN=app1"},
        "host=127.0.0.1 sslmode=require sslcert={data}/app1.crt sslkey={data}/app1.key",
    ),
    "cn client1": (
        {"address": "127.0.0.1", "tls": True, "certificate_common_name": "PostgreSQL client1"},
        "host=127.0.0.1 sslmode=require sslcert={data}/client1.crt sslkey={data}/client1.key",
    ),
}
TARGETS = [("db", False), ("app1", False), ("", True)]
ROLES = {"app1": ["staff"], "app2": ["db"]}

IDENT = r"""certs "PostgreSQL client1" app1
certs "PostgreSQL client1" app2
ends "/^PostgreSQL (.*)1$" app1
ends "/^PostgreSQL (.*)1$" \1x
second /^PostgreSQL.cli(.*)$ app1
broken /^PostgreSQL \1
broken "PostgreSQL client1" app1
admins {owner} app1
suffix /^(app)1$ \12
"""
SCENARIOS = {
    "kinds of connections": """
        local db app1 trust
        local db all reject
        local sameuser all peer map=admins
        hostssl all app1 samehost cert
        hostssl all all samenet cert map=certs
        hostnossl db all 127.0.0.0 255.0.0.0 scram-sha-256
        host replication all 127.0.0.1/32 md5
        local replication app2 trust""",
    "roles and databases": """
        local samerole all trust
        host db +staff all trust
        host db +app2 all scram-sha-256
        host samegroup all all password
        hostssl replication +staff all scram-sha-256 clientcert=verify-ca
        host app1,"replication" all 127.0.0.0/31 reject
        host all "all",app1 0.0.0.0/0 trust""",
    "certificates": """
        hostssl db app1 all cert
        hostssl db app2 all cert map=certs
        hostssl app1 app1 all scram-sha-256 clientcert=verify-full
        hostssl app1 app2 all trust clientcert=verify-ca
        hostssl replication app1 all trust clientcert=verify-full
        hostssl replication all all cert map=second
        host all all all reject""",
    "maps": """
        hostssl db app1 all cert map=second
        hostssl db app2 all cert map=suffix
        hostssl app1 app1 all cert map=ends
        hostssl app1 app2 all cert map=nowhere
        hostssl replication app1 all cert map=broken
        hostssl replication all all cert map=admins
        local all app1 ident map=admins
        local all app2 peer map=admins
        local replication all peer""",
    "names of hosts": """
        host db app1 localhost trust
        host db app2 .localhost trust
        host app1 all LOCALHOST scram-sha-256
        host app1 all 127.0.0.256 trust
        host replication all elsewhere.example trust
        host replication all samehost trust""",
    "addresses": """
        host db app1 127.1/32 trust
        host db app2 0x7f.0.0.2/31 trust
        host app1 app1 ::ffff:127.0.0.1/128 trust
        host app1 app1 127.0.0.1 255.0.0.255 scram-sha-256
        host app1 app2 ::/0 trust
        host replication all 128.0.0.0/0 trust""",
}
SINCE_16 = """
        local "/^d(b)$" all trust
        hostssl all /^app1$ all cert map=new
        hostssl all /2$ all cert map=new
        hostnossl /app +staff all trust"""
IDENT_SINCE_16 = 'new app1 +staff\nnew /client1$ "/^app[12]$"\n'


def attempts(rig: Rig) -> list[tuple[dict[str, Any], str]]:
    """Every user, target and way: the element of the option explain, and the words of libpq."""
    reverse = socket.getnameinfo(("127.0.0.1", 0), 0)[0]
    found = []
    for user, (database, physical), (told, words) in itertools.product(ROLES, TARGETS, WAYS.values()):
        words = words.format(sockets=rig.cluster.socket_directory, data=rig.cluster.data_directory)
        target = "replication=true" if physical else f"dbname={database}"
        connection = {"user": user, "physical_replication": physical, "roles": ROLES[user], **told}
        connection.update(system_user=rig.cluster.owner, client_host_names=[reverse])
        if not physical:
            connection["database"] = database
        found.append((connection, f"{words} port={rig.cluster.port} user={user} {target}"))
    return found


def real_outcome(rig: Rig, conninfo: str) -> tuple[str, set[int]]:
    """What becomes of a real login, and the lines of rules that the server's log names for it."""
    query = "IDENTIFY_SYSTEM" if "replication=true" in conninfo else "SELECT 1"
    seen = len(rig.log())
    outcome = "accepted"
    if rig.login(conninfo, query) is not None:
        outcome = "refused" if rig.login(f"{conninfo} password='{PASSWORD}'", query) else "needs_password"
    named = re.findall(r'(?:pg_hba\.conf"? line (\d+): |pg_hba\.conf:(\d+)\))', rig.log()[seen:])
    return outcome, {int(one or other) for one, other in named}


def compare(rig: Rig, rules: str, ident: str, **options: Any) -> int:
    """Explain every attempt and make it; the number of attempts whose rule the server's log names."""
    owner = rig.cluster.owner
    lines = [line.strip() for line in rules.strip().splitlines()]
    path = rig.write("hba", "\n".join([f"local postgres {owner} peer", *lines, ""]))
    ident_path = rig.write("ident", ident.replace("{owner}", owner))
    rig.load()
    tried = attempts(rig)
    args = {"path": path, "ident_path": ident_path, "server_version": rig.version, **options}
    done = run_module("pg_hba_info", {**args, "explain": [connection for connection, _conninfo in tried]})
    assert done["accepted"], done
    assert done["ident_accepted"], done
    named = 0
    for (connection, conninfo), explained in zip(tried, done["explain"], strict=True):
        outcome, numbers = real_outcome(rig, conninfo)
        assert explained["outcome"] == outcome, (connection, explained["sentence"])
        if numbers:
            assert numbers == {explained["rule"]["line"]}, (connection, explained["sentence"])
            named += 1
    return named


@pytest.mark.parametrize("name", SCENARIOS)
def test_real_logins_end_as_explained(kept: Rig, name: str) -> None:
    named = compare(kept, SCENARIOS[name], IDENT, ssl_ca_file="root.crt")
    assert named > 0 or name == "addresses" or kept.version < 14  # before, the log names the lines of refusals only


def test_real_logins_by_expressions_end_as_explained(kept: Rig) -> None:
    rules, ident = (SINCE_16, IDENT_SINCE_16) if kept.version >= 16 else (SCENARIOS["maps"], IDENT)
    assert compare(kept, rules, ident) > 0


def test_real_logins_without_a_ca_file_end_as_explained(kept: Rig) -> None:
    kept.cluster.configure("ssl_ca_file = ''\n")
    assert compare(kept, SCENARIOS["certificates"], IDENT, ssl_ca_file="") == 0


def test_real_logins_without_tls_end_as_explained(kept: Rig) -> None:
    kept.cluster.configure("ssl = off\n")
    compare(kept, SCENARIOS["kinds of connections"], IDENT, ssl=False)


DATABASES = ["all", "all", "db", "app1", "sameuser", "samerole", "replication", '"all"', "db,replication", "DB"]
USERS = ["all", "all", "app1", "app2", "+staff", "+db", "+app1", "app2,+staff", '"+db"']
ADDRESSES = ["all", "127.0.0.1/32", "127.0.0.0/8", "0.0.0.0/0", "samehost", "samenet", "localhost", ".localhost", "::1/128",
             "10.0.0.0/8", "127.0.0.1 255.0.0.255", "127.0.0.2/31"]  # fmt: skip
MAP_NAMES = ["one", "two", "three", "none"]
IDENTITIES = [
    "app1",
    "app2",
    '"PostgreSQL client1"',
    "{owner}",
    "/^app",
    r"/^(app1)$",
    r"/^([a-z]*)",
    r'"/ (client1)$"',
    r"/^(.*)1$",
]
MAPPED = ["app1", "app2", r"\1", r"\11", r"x\1"]
METHODS = ["trust", "reject", "md5", "scram-sha-256", "password"]


def random_rule(choose: random.Random, version: int) -> str:
    kind = choose.choice(["local", "host", "hostssl", "hostssl", "hostnossl", "hostnogssenc"])
    patterns = ["/^db$", "/p1", "/", '"/^(db|x)$"'] if version >= 16 else []
    database = choose.choice(DATABASES + patterns)
    user = choose.choice([*USERS, "/^app[12]$", "/2$"] if version >= 16 else USERS)
    method = choose.choice({"local": ["peer"], "hostssl": ["cert", "cert", "cert"]}.get(kind, []) + METHODS)
    words = [kind, database, user, "" if kind == "local" else choose.choice(ADDRESSES), method]
    if method in ("peer", "cert") and choose.random() < 0.8:
        words.append(f"map={choose.choice(MAP_NAMES)}")
    if kind == "hostssl" and method != "cert" and choose.random() < 0.5:
        words.append("clientcert=" + choose.choice(["verify-ca", "verify-full"]))
    return " ".join(words)


def random_mapping(choose: random.Random, version: int) -> str:
    mapped = [*MAPPED, "all", "+staff", "+db", "/^app", '"all"'] if version >= 16 else MAPPED
    return " ".join([choose.choice(MAP_NAMES[:3]), choose.choice(IDENTITIES), choose.choice(mapped)])


@pytest.mark.parametrize("seed", range(int(os.environ.get("PGTLS_RANDOM_FILES", "8"))))
def test_real_logins_by_random_rules_end_as_explained(kept: Rig, seed: int) -> None:
    choose = random.Random(seed)
    rules = [random_rule(choose, kept.version) for _unused in range(choose.randint(3, 14))]
    maps = [random_mapping(choose, kept.version) for _unused in range(choose.randint(0, 10))]
    compare(kept, "\n".join(rules), "\n".join([*maps, ""]))


HBA_LINES = """local all all peer
local all all
host all all 10.0.0.5 trust
host all all 10.0.0.256 md5
host all all 10.0.0.0/8 md5 map=x
hostssl all all all cert clientcert=verify-ca
host all all all cert
host all all all peer
local a, b all "trust" # comment \\
local all all trust
hostssl all all 127.1/32 scram-sha-256 clientcert=verify-full
hostssl all all all md5 clientcert=1
hostssl all all all md5 clientname=XN
Local all all trust
local /( all trust
include nothing
local @missing all trust
local all all "trust
"""


def test_the_views_give_the_same_verdict_on_rules(kept: Rig) -> None:
    path = kept.write("hba", HBA_LINES)
    done = run_module("pg_hba_info", {"path": path, "server_version": kept.version})
    rows = kept.cluster.sql(
        "SELECT line_number, type IS NULL, error, auth_method, address, netmask FROM pg_hba_file_rules"
    )
    refused = [int(row[0]) for row in rows if row[1] == "t"]
    assert [one["line"] for one in done["errors"]] == refused
    loaded = [(int(row[0]), row[3]) for row in rows if row[1] == "f"]
    assert [(rule["line"], rule["method"]) for rule in done["rules"]] == loaded
    assert not done["accepted"]
    kept.write("hba", f"local all all peer\nhostssl all {kept.cluster.owner} all cert\n")
    kept.cluster.configure("ssl = off\n")
    kept.load()
    done = run_module("pg_hba_info", {"path": path, "server_version": kept.version, "ssl": False})
    rows = kept.cluster.sql("SELECT line_number, type FROM pg_hba_file_rules WHERE error IS NOT NULL")
    assert (done["accepted"], [str(one["line"]) for one in done["line_warnings"]]) == (True, [rows[0][0]])
    assert (len(rows), rows[0][1]) == (1, "hostssl")


IDENT_LINES = r"""m x y
m x
m "x y" "+g" ignored words
m a,b y
m /( y
m /x \1
@missing x y
m x all # comment
"""


def test_the_server_gives_the_same_verdict_on_maps(kept: Rig) -> None:
    seen = len(kept.log())
    path = kept.write("ident", IDENT_LINES)
    done = run_module("pg_ident_info", {"path": path, "server_version": kept.version})
    refused = [one["line"] for one in done["errors"]]
    if kept.version < 15:  # no view; the log tells about the file as a whole
        kept.load()
        assert refused
        assert "pg_ident.conf was not reloaded" in kept.log()[seen:]
        return
    rows = kept.cluster.sql("SELECT line_number, error, map_name, sys_name, pg_username FROM pg_ident_file_mappings")
    assert refused == [int(row[0]) for row in rows if row[1]]
    # The view shows no quotes.
    shown = [(one["line"], one["map"], one["system_user"], one["database_user"].strip('"')) for one in done["mappings"]]
    assert shown == [(int(row[0]), *row[2:]) for row in rows if not row[1]]


def test_the_view_gives_the_same_settings(kept: Rig) -> None:
    kept.cluster.write("more.conf", "WORK_MEM = '3MB'\nlog_line_prefix = '%m \\'x\\' '\n")
    kept.cluster.configure("work_mem = 1MB\ninclude 'more.conf'\ninclude_if_exists nothing\nsearch_path = 'a, b'\n")
    kept.cluster.sql("ALTER SYSTEM SET search_path = a, c")
    auto = Path(kept.cluster.data_directory, "postgresql.auto.conf")
    args = {"path": kept.path("conf"), "auto_conf": str(auto), "server_version": kept.version}
    try:
        done = run_module("pg_conf_info", args)
        rows = kept.cluster.sql(
            "SELECT DISTINCT ON (lower(name)) lower(name), setting, sourcefile, sourceline FROM pg_file_settings"
            " ORDER BY lower(name), seqno DESC"
        )
    finally:
        kept.cluster.sql("ALTER SYSTEM RESET search_path")
    assert done["accepted"], done["errors"]
    shown = sorted((name, one["value"], one["file"], str(one["line"])) for name, one in done["settings"].items())
    assert shown == sorted(rows)
    kept.cluster.configure("work_mem = 64 MB\nport = \n")
    done = run_module("pg_conf_info", args)
    (first,) = kept.cluster.sql("SELECT min(sourceline) FROM pg_file_settings WHERE error = 'syntax error'")
    assert (done["accepted"], str(done["errors"][0]["line"])) == (False, first[0])


ATOMS = ["a", "b", "ab", ".", "[ab]", "[^a]", "[a-c_]", r"\w", r"\d", r"\.", "@", "(a|b)", "(ab|a)", "(a|ab)", "(.*)", "(.+)",
         "([a-z]+)", "([^@]*)", "(?:b|a)", "(a)?", "(a*b)", "|"]  # fmt: skip
TEXTS = ["", "a", "b", "ab", "aab", "abab", "a@b", "ab@ab.a", "a@b@c", "app1@x", "1", "_a", "ba.b", "é", "A"]


def test_postgresql_finds_the_same_by_expressions(rig: Rig) -> None:
    """Whatever is not left to PostgreSQL: thousands of expressions on every text, matches and the content of parentheses."""
    choose = random.Random(20260101)
    patterns = set()
    while len(patterns) < 4000:
        parts = (
            choose.choice(ATOMS) + choose.choice(["", "", "", "*", "+", "?", "{1,2}"])
            for _unused in range(choose.randint(1, 4))
        )
        patterns.add(choose.choice(["", "^"]) + "".join(parts) + choose.choice(["", "$"]))
    known = sorted(pattern for pattern in patterns if search(pattern, "") is not None)
    assert len(known) > 1500
    values = ",".join(f"($r${pattern}$r$)" for pattern in known)
    texts = ",".join(f"($r${text}$r$)" for text in TEXTS)
    rows = rig.cluster.sql(
        f'SELECT p, t, t ~ p COLLATE "C", (regexp_match(t, p COLLATE "C"))[1] FROM (VALUES {values}) AS a(p), '
        f"(VALUES {texts}) AS b(t)"
    )
    assert len(rows) == len(known) * len(TEXTS)
    differences, certain = [], 0
    for pattern, text, matches, group in rows:
        found = search(pattern, text)
        assert found is not None
        if found.matches != (matches == "t"):
            differences.append((pattern, text, matches))
        elif found.matches and "(" in pattern.replace("(?:", "") and found.is_group_certain:
            certain += 1
            if (found.group or "") != group:
                differences.append((pattern, text, group, found.group))
    assert differences == []
    assert certain > 500
