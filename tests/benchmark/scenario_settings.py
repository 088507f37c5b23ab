# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible's own settings do to a converged run on five servers; docs/performance.md has the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from measuring import Case, Figures, Found, take_turns
from sides import Side, our_sides
from sites import SAME_KEYS, Site, converging, converging_again, play, site_of_servers
from wanted import Wanted

AS_SHIPPED = "as shipped"
SETTINGS: dict[str, dict[str, str]] = {
    AS_SHIPPED: {},
    "forks 1": {"ANSIBLE_FORKS": "1"},
    "forks 20": {"ANSIBLE_FORKS": "20"},
    "pipelining off": {"ANSIBLE_PIPELINING": "false"},
    "strategy free": {"ANSIBLE_STRATEGY": "ansible.builtin.free"},
}
GATHERED = "facts gathered first"
CACHED = "facts gathered first, from a cache"


def measure(asked: Wanted) -> Found:
    """Run site.yml again and again on one site, each time with other settings."""
    case = Case("settings", "converged")
    (ours,) = our_sides(None)
    (servers,) = asked.sizes(5)
    with site_of_servers(servers) as (site, more):
        options = (*SAME_KEYS, *more)
        converging(ours, site, *options)()
        works = {name: converging_again(ours, _with(site, chosen), *options) for name, chosen in SETTINGS.items()}
        cache = {
            "ANSIBLE_GATHERING": "smart",
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(site.directory / "facts"),
        }
        works[GATHERED] = _after_facts(ours, site, *options)
        works[CACHED] = _after_facts(ours, _with(site, cache), *options)
        works[CACHED]()  # fills the cache
        for _pair in range(asked.pairs):
            take_turns(case, works)
    return Found([case])


def _with(site: Site, chosen: Mapping[str, str]) -> Site:
    return replace(site, environment={**site.environment, **chosen})


def _after_facts(side: Side, site: Site, *options: str) -> Callable[[], Figures]:
    command = site.command("site", *options)
    command.insert(command.index("playbooks/site.yml"), str(Path(__file__).with_name("facts_first.yml")))
    return lambda: play(side, site, command, unchanged=True)
