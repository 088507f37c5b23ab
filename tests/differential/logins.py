# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what the explainer says of a connection with real logins, and its rule with the one in the server's log.

    python logins.py [--files N] [--versions "13 15"] [--seed WORD]

Every file gets a dozen attempts: through the socket, by TCP with and without TLS, with and without a certificate.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from getpass import getuser
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import servers
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.authentication import (
    ServerContext as ExplainedServer,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.explain import (
    Explanation,
    explain,
    read_attempt,
)
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.login.verdict import judge_hba, judge_ident

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from openssl_authority import Pair, new_authority

# Memberships, direct and indirect; a superuser is no implicit member of anything.
ROLES = {
    "alice": frozenset({"staff"}),
    "bob": frozenset({"crew", "staff"}),
    "carol": frozenset(),
    "Dora": frozenset({"db1"}),
    "boss": frozenset(),
}
GROUPS = ("staff", "crew", "db1")
DATABASES = ("db1", "alice", "staff", "Db 2")
PASSWORD = "right"
COMMON_NAMES = ("alice", "bob", "carol x")
RULE_IN_LOG_SINCE, TRUST_IN_LOG_SINCE = 14, 17
ATTEMPTS_A_FILE = 12
_ACCEPTED_BY = re.compile(r"connection authenticated: .* method=\S+ \((?P<file>[^\n]*):(?P<line>\d+)\)")
_REFUSED_BY = re.compile(r'Connection matched (?:file "(?P<file>[^"]*)"|pg_hba\.conf) line (?P<line>\d+):')
_SUPERUSER = "local all postgres trust\n"

# fmt: off
_DATABASE_WORDS = (
    "all", "all", "db1", "db1,alice", "sameuser", "samerole", "samegroup", "replication", "all,replication", '"all"',
    '"Db 2"', "staff", "DB1", '"replication"', "/^d", '"/^Db 2$"', "/(?i)DB", "/a|b", "/.*", "/", "nodb",
)
_USER_WORDS = (
    "all", "all", "alice", "bob", "alice,carol", "+staff", "+crew", '"+staff"', "+db1", "+nobody", "Dora", '"Dora"',
    "+alice", "+bob", "boss", "/^a", "/o", "/(?i)dora", "/^(bob|carol)$", "/e$", "+staff,carol", '"all"',
)
_ADDRESS_WORDS = (
    "all", "all", "127.0.0.1/32", "127.0.0.0/8", "0.0.0.0/0", "127.0.0.2/32", "::1/128", "::/0", "10.0.0.0/8",
    "127.0.0.1 255.255.255.255", "127.0.0.1 255.0.0.255", "samehost", "127.9.9.9/8", "0.0.0.1 0.0.0.1",
    "::ffff:127.0.0.1/128", "127.1/32",
)
_METHOD_WORDS = (
    "trust", "trust", "reject", "password", "scram-sha-256", "md5", "cert", "cert map=m", "cert map=k clientname=DN",
    "trust clientcert=verify-full", "scram-sha-256 clientcert=verify-full", "password clientcert=verify-ca",
    "trust clientcert=verify-ca", "reject clientcert=verify-full", "peer", "peer map=m", "peer map=none",
    "cert clientname=DN", "cert map=", "trust clientcert=verify-full clientname=CN",
)
_MAPPINGS = (
    "m alice alice", "m alice bob", "m /^(.*)$ \\1", "m /^(.*)\\sx$ \\1", 'm "carol x" carol', "m root alice",
    "m root all", "m alice +staff", "m bob /^a", "m /^b boss", 'm "alice" "all"', "k /^CN=(.*)$ \\1",
    'k "CN=alice" alice', 'k /^CN=bob "Dora"', "k /CN=a(lic)e x\\1", "k alice alice", "m /o+ +crew",
    "k CN=bob +staff", "m /^(c)(.*)l bob", "m /^a \\1",
)
# fmt: on


@dataclass
class Tally:
    """One line of the closing table."""

    version: int
    files: int = 0
    attempts: int = 0
    accepted: int = 0
    rules: int = 0
    open: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Real:
    """What became of an attempt: whether it got in, the rule in the log (file and line) if any, and the log."""

    accepted: bool
    place: tuple[str, int] | None
    log: str


def make_files(random: Random, version: int) -> tuple[str, str]:
    """pg_hba.conf and pg_ident.conf that the version loads."""
    rules = [_make_rule(random, version) for _unused in range(random.randint(1, 6))]
    if random.random() < 0.6:  # somebody should get in
        method = random.choice(("trust", "scram-sha-256", "trust clientcert=verify-full", "cert map=m", "password"))
        kind = "hostssl" if "cert" in method else "host"
        rules += [f"{kind} all,replication all all {method}\n", "local all,replication all trust\n"]
    mappings = [random.choice(_MAPPINGS) for _unused in range(random.randint(0, 4))]
    return _SUPERUSER + "".join(rules), "".join(f"{one}\n" for one in mappings)


def _make_rule(random: Random, version: int) -> str:
    while True:
        kind = random.choice(("local", "host", "host", "hostssl", "hostnossl", "hostnogssenc"))
        address = "" if kind == "local" else " " + random.choice(_ADDRESS_WORDS)
        words = f"{random.choice(_DATABASE_WORDS)} {random.choice(_USER_WORDS)}{address} {random.choice(_METHOD_WORDS)}"
        line = f"{kind} {words}\n"
        if judge_hba(line, version).accepted:
            return line


def make_attempt(random: Random) -> dict[str, Any]:
    """The fields of an attempt, as a task would give them, and the common name of the certificate to present."""
    user = random.choice(sorted(ROLES))
    fields: dict[str, Any] = {"user": user, "database": random.choice(DATABASES), "roles": sorted(ROLES[user])}
    fields["physical_replication"] = random.random() < 0.15
    fields["type"] = random.choice(("local", "hostssl", "hostssl", "hostnossl"))
    if fields["type"] == "local":
        fields["system_user"] = getuser()
        return fields
    fields["address"] = "127.0.0.1"
    if fields["type"] == "hostssl" and random.random() < 0.7:
        name = random.choice(COMMON_NAMES)
        name = user if user in COMMON_NAMES and random.random() < 0.6 else name
        fields.update(certificate_common_name=name, certificate_dn=f"CN={name}")
    return fields


class Door:
    """A server, and the people who knock."""

    def __init__(self, server: servers.Server) -> None:
        self._server = server
        authority = new_authority(server.directory / "authority", "differential")
        self._pairs: dict[str, Pair] = {name: authority.issue(name.replace(" ", "_"), name) for name in COMMON_NAMES}
        server.write("root.crt", Path(authority.pair.certificate).read_text())
        server.configure(ssl="on", ssl_ca_file=server.path("root.crt"), password_encryption="scram-sha-256")
        for name in (*ROLES, *GROUPS):
            server.connection.execute(f"CREATE ROLE \"{name}\" LOGIN REPLICATION PASSWORD '{PASSWORD}'".encode())
        for text in (
            "GRANT crew TO bob",
            "GRANT staff TO alice, crew",
            'GRANT db1 TO "Dora"',
            "ALTER ROLE boss SUPERUSER",
        ):
            server.connection.execute(text.encode())
        for name in DATABASES:
            server.connection.execute(f'CREATE DATABASE "{name}"'.encode())

    def load(self, hba: str, ident: str) -> None:
        """Let the server load these files."""
        self._server.write("pg_hba.conf", hba)
        self._server.write("pg_ident.conf", ident)
        self._server.new_log()
        self._server.reload()
        text = self._server.new_log()
        if "was not reloaded" in text:
            raise RuntimeError(f"PostgreSQL {self._server.version} does not load what we accept:\n{hba}{ident}\n{text}")

    def knock(self, fields: dict[str, Any], password: str) -> Real:
        """Try it for real."""
        keywords: dict[str, Any] = {"user": fields["user"], "dbname": fields["database"], "password": password}
        if fields["physical_replication"]:
            keywords["replication"] = "true"
        if fields["type"] != "local":
            keywords.update(host="127.0.0.1", sslmode="require" if fields["type"] == "hostssl" else "disable")
            pair = self._pairs.get(fields.get("certificate_common_name", ""))
            nothing = str(self._server.directory / "nothing")
            keywords["sslcert"] = pair.certificate if pair else nothing
            keywords["sslkey"] = pair.key if pair else nothing
            keywords["sslrootcert"] = nothing
        self._server.new_log()
        try:
            self._server.connect(**keywords).close()
            accepted = True
        except psycopg.OperationalError:
            accepted = False
        log = self._server.new_log()
        found = (_ACCEPTED_BY if accepted else _REFUSED_BY).search(log)
        place = None
        if found is not None:
            place = (found["file"] or self._server.path("pg_hba.conf"), int(found["line"]))
        return Real(accepted, place, log)


def _prediction(explanation: Explanation) -> tuple[bool | None, tuple[str, int] | None]:
    """Whether it gets in with the right password (None: depends), and the rule that it meets."""
    accepted = {"accepted": True, "needs_password": True, "refused": False}.get(explanation.outcome)
    rule = explanation.rule
    return accepted, None if rule is None else (rule.file, rule.line_number)


def _difference(version: int, explanation: Explanation, real: Real) -> str | None:
    accepted, place = _prediction(explanation)
    if accepted is not None and accepted != real.accepted:
        return f"predicted {explanation.outcome}, but the server {'accepts' if real.accepted else 'refuses'}"
    if version < RULE_IN_LOG_SINCE and real.accepted:
        return None
    possible = {(one.file, one.line_number) for one in explanation.possible}
    if real.place is not None and real.place != place and real.place not in possible:
        return f"predicted the rule {place}, but the log names {real.place}"
    if real.place is None and explanation.rule is not None and version >= TRUST_IN_LOG_SINCE and real.accepted:
        return f"predicted the rule {place}, but the log names none"
    return None


def compare(server: servers.Server, files: int, seed: str) -> Tally:
    """Try this many files."""
    door = Door(server)
    tally = Tally(server.version)
    start = time.monotonic()
    for number in range(files):
        random = Random(f"{seed}/logins/{server.version}/{number}")
        hba, ident = make_files(random, server.version)
        door.load(hba, ident)
        entries = judge_hba(hba, server.version, server.files("pg_hba.conf")).entries
        mappings = judge_ident(ident, server.version, server.files("pg_ident.conf")).entries
        tally.files += 1
        for _unused in range(ATTEMPTS_A_FILE):
            fields = make_attempt(random)
            explanation = explain(entries, read_attempt(fields), ExplainedServer(True, False, True, mappings))
            for password in (PASSWORD, "wrong") if explanation.outcome == "needs_password" else (PASSWORD,):
                real = door.knock(fields, password)
                tally.attempts += 1
                tally.accepted += real.accepted
                tally.rules += real.place is not None
                tally.open += explanation.outcome == "depends"
                words = _difference(server.version, explanation, real) if password == PASSWORD else None
                if password != PASSWORD and real.accepted:
                    words = "predicted needs_password, but a wrong password is as good"
                if words:
                    story = f"PostgreSQL {server.version} file {number}: {words}\n  {fields}\n  {hba!r}\n  {ident!r}"
                    tally.differences.append(f"{story}\n  {explanation.sentence}\n  {real.log.strip()}")
    server.write("pg_hba.conf", _SUPERUSER)
    tally.seconds = time.monotonic() - start
    return tally


def table(tallies: Sequence[Tally]) -> str:
    """The closing table."""
    rows = ["version  files  attempts  accepted  rules in log  depends  seconds  differences"]
    for one in tallies:
        counts = (
            f"{one.version:>7}  {one.files:>5}  {one.attempts:>8}  {one.accepted:>8}  {one.rules:>12}  {one.open:>7}"
        )
        rows.append(f"{counts}  {one.seconds:>7.1f}  {len(one.differences):>11}")
    return "\n".join(rows)


def compare_all(versions: Sequence[int], files: int, seed: str) -> Iterator[Tally]:
    """One tally a version."""
    for version in versions:
        with servers.running(version, listen="127.0.0.1") as server:
            yield compare(server, files, seed)


def main() -> int:
    """Compare as the command line says; 1 when anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=int(os.environ.get("PGTLS_DIFFERENTIAL_LOGINS", "30")))
    parser.add_argument("--versions", default=os.environ.get("PGTLS_DIFFERENTIAL_VERSIONS", ""))
    parser.add_argument("--seed", default=os.environ.get("PGTLS_DIFFERENTIAL_SEED", "pgtls"))
    options = parser.parse_args()
    versions = [int(word) for word in options.versions.split()] or servers.available_versions()
    tallies = []
    for tally in compare_all(versions, options.files, options.seed):
        tallies.append(tally)
        for words in tally.differences[:20]:
            print(words, end="\n\n")
    print(table(tallies))
    return 1 if any(one.differences for one in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
