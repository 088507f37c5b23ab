# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_hosts.conf against a PostgreSQL 19 server: ``hosts.py [FILES [SEED]]``.

No view shows the file, so the judge is the log of a reload: whether the file was taken, and the lines named in it.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.maps.hosts import hosts_problems, parse_hosts
from ansible_collections.pgtls.postgresql.plugins.module_utils._pgconf.text.records import Broken, Opaque

sys.path.insert(0, str(Path(__file__).parent))

from servers import Server, running

HOSTS = ["*", "/no_sni/", "a", "A", "b.example.com", "B.Example.com", "*.x", '"*"', '"a"', "c", "d", "e", "10.0.0.1"]
HOSTS += ["/NO_SNI/", '""', '"x y"', "é", "É", 'g"h"', '*"*"', '"/no_sni/"', '"@x"', "@", "+z", "h#i"]
BOOLEANS = ["on", "off", "true", "1", "0", "ye", "n", "ON", '"on"', "of", "o", "2", '""', '" on"', "on,off"]
BLANKS = [" ", "  ", "\t", " \t"]
TAILS = ["", "", "", "# c", "#c", "\\", "# c \\", "\r", '"', "\x0b"]
ENDS = ["\n", "\n", "\n", "\r\n", "\\\n", "\\\r\n"]
# A certificate that cannot be loaded says nothing about the format.
OF_THE_FILES = re.compile(r"could not load (server|private|root) |could not access|private key file")


def make_line(chance: random.Random, certificate: str, key: str) -> str:
    if chance.random() < 0.08:
        return chance.choice(["", "# x", "# note \\", " \t", '"', ",", "include", "include x y"])
    glue = chance.choice([",", ", ", ",,", " ,"])
    names = glue.join(chance.choice(HOSTS) for _unused in range(chance.choices([1, 2, 3], [6, 3, 1])[0]))
    spoilt = ["", ",", ",x", '"x"'] if chance.random() < 0.1 else [""]
    words = [names, certificate + chance.choice(spoilt), key + chance.choice(spoilt)]
    words += [chance.choice([certificate, '""']), chance.choice(['"echo x"', '""', "cmd", "a,b"])]
    words += [chance.choice(BOOLEANS), "more"]
    count = chance.choices([1, 2, 3, 4, 5, 6, 7], [2, 2, 50, 15, 10, 15, 3])[0]
    return "".join(word + chance.choice(BLANKS) for word in words[:count]) + chance.choice(TAILS)


def make_text(chance: random.Random, certificate: str, key: str) -> str:
    count = chance.choices([1, 2, 3, 4], [4, 3, 2, 1])[0]
    text = "".join(make_line(chance, certificate, key) + chance.choice(ENDS) for _unused in range(count))
    if chance.random() < 0.15:
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice('",#\\\n \r*@') + text[place + chance.choice([0, 1]) :]
    return text


def is_broken(entry: object) -> bool:
    """Whether it is the format that is wrong; a certificate without a name the server finds out later."""
    return isinstance(entry, Broken) and "has no name" not in entry.problem


def disagreement(text: str, log: str) -> str | None:
    """What the server says otherwise than we do, None when it agrees."""
    document = parse_hosts(text, 19)
    problems = hosts_problems(document)
    accepted = "not reloaded" not in log
    if accepted == bool(problems):
        return f"server: {accepted}, here: {problems}"
    broken = {number for number, line in document.numbered() if is_broken(line.entry)}
    named = {int(number) for number in re.findall(r"CONTEXT: +line (\d+) of", log)}
    return f"lines of the server: {named}, here: {broken}" if broken and broken != named else None


def compare(server: Server, count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    path = Path(server.root + str(server.query("SHOW hosts_file")[0][0]))
    found, compared, lines, accepted = [], 0, 0, 0
    while compared < count:
        text = make_text(chance, server.path("server.crt"), server.path("server.key"))
        if any(isinstance(line.entry, Opaque) for line in parse_hosts(text, 19).lines):
            continue
        path.write_bytes(text.encode("utf-8"))
        server.new_log()
        server.reload()
        log = server.new_log()
        if OF_THE_FILES.search(log):
            continue
        compared, lines, accepted = compared + 1, lines + text.count("\n"), accepted + ("not reloaded" not in log)
        difference = disagreement(text, log)
        if difference:
            found.append(f"{text!r}: {difference}")
    print(
        f"pg_hosts.conf, PostgreSQL 19: {compared} files, {lines} lines, {accepted} accepted; {len(found)} disagreements"
    )
    return found


def main(count: int = 300, seed: int = 1) -> int:
    with running(19, ssl="on", ssl_sni="on") as server:
        found = compare(server, count, seed)
    print("\n".join(found[:10]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
