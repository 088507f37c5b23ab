# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Long lists: one call for all, and a run that is killed keeps what was finished."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from certificate_site import Site
from openssl_judge import openssl

RUN = (
    "import sys, json; sys.path.insert(0, sys.argv[1]); from module_runner import run_module;"
    "sys.exit(run_module(sys.argv[2], json.load(sys.stdin))['failed'])"
)
# The same, and it kills itself the moment it gives a file the name in sys.argv[3].
RUN_UNTIL = (
    "import os, signal, sys; sys.addaudithook(lambda event, args: event == 'os.rename' and args[1] == sys.argv[3]"
    " and os.kill(os.getpid(), signal.SIGKILL));" + RUN
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def many(site: Site, count: int, **more) -> list[dict]:
    """Certificates of one holder in one folder, as a pool of clients has them."""
    place = site.folder / "pool"
    place.mkdir(exist_ok=True)
    return [
        {
            "name": f"app{number}",
            "common_name": f"client{number}",
            "usages": ["client"],
            "private_key": str(place / f"{number}.key"),
            "certificate": str(place / f"{number}.crt"),
            "root": str(place / "root.crt"),
            **more,
        }
        for number in range(count)
    ]


def kill_when(name: str, args: dict, done) -> int:
    """Run a module in a process of its own and end it the hard way as soon as ``done`` says so.

    Returns how many processes were at work for it just then.
    """
    command = [sys.executable, "-c", RUN, str(Path(__file__).parents[2]), name]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        process.stdin.write(json.dumps(args).encode())
        process.stdin.close()
        end = time.monotonic() + 120
        while not done() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.001)
        at_work = sum(_group(status) == process.pid for status in Path("/proc").glob("[0-9]*/stat"))
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
        while _is_group_alive(process.pid):  # what it started ends by itself
            assert time.monotonic() < end
            time.sleep(0.05)
    return at_work


def kill_before(name: str, args: dict, file: str) -> None:
    """Run a module in a process that is killed at the moment when it would give a file its name."""
    command = [sys.executable, "-c", RUN_UNTIL, str(Path(__file__).parents[2]), name, file]
    done = subprocess.run(command, input=json.dumps(args).encode(), capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def _group(status: Path) -> int:
    try:
        return int(status.read_text().rpartition(")")[2].split()[2])
    except OSError:  # it has ended
        return -1


def _is_group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_long_list_is_issued_in_one_call_of_each_module(site):
    chain = site.ca()["chain_pem"]
    items = many(site, 150)
    predicted = site.request(*items, check=True, diff=True)
    requested = site.request(*items, diff=True)
    assert predicted["diff"] == requested["diff"]
    assert requested["keys_made"] == [item["private_key"] for item in items]
    assert [request["name"] for request in requested["requests"]] == [item["name"] for item in items]
    signed = site.sign(requested["requests"])["certificates"]
    assert site.install(*items, signed=signed)["failed"] is False
    assert len({(site.folder / "pool" / f"{number}.key").read_bytes() for number in range(150)}) == 150
    output = openssl(
        "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", items[0]["root"], *certificates(items)
    )
    assert output.count(": OK\n") == 150
    assert site.codes(*items, issuer_pem=chain) == []
    assert site.install(*items, signed=[])["changed"] is False


def certificates(items: list[dict]) -> list[str]:
    return [item["certificate"] for item in items]


def test_keys_of_all_kinds_come_back_in_the_order_of_the_list(site):
    types = ["rsa-2048", "ecdsa-p256", "ed25519", "rsa-3072", "ecdsa-p384", "rsa-2048", "rsa-2048", "ecdsa-p256"]
    items = [{**item, "key_type": key_type} for item, key_type in zip(many(site, len(types)), types)]
    requested = site.request(*items, diff=True)
    assert requested["keys_made"] == [item["private_key"] for item in items]
    assert [diff["after_header"] for diff in requested["diff"][: len(types)]] == requested["keys_made"]
    for item, request in zip(items, requested["requests"]):
        of_request = openssl("req", "-pubkey", "-noout", "-verify", stdin=request["csr_pem"])
        assert of_request == openssl("pkey", "-pubout", "-in", item["private_key"])
    site.ca()
    site.install(*items, signed=site.sign(requested["requests"])["certificates"])
    assert site.codes(*items) == []


def test_a_request_that_is_killed_keeps_the_keys_that_were_finished(site):
    items = many(site, 60, key_type="rsa-3072")
    pool = site.folder / "pool"
    at_work = kill_when("certificate_request", {"certificates": items}, lambda: any(pool.glob("*.key")))
    cores = len(os.sched_getaffinity(0))
    assert at_work == (1 + min(cores, len(items)) if cores > 1 else 1)  # the first were written while others were made

    kept = {path: path.read_bytes() for path in pool.glob("*.key")}
    assert 0 < len(kept) < len(items)
    for path in kept:
        openssl("pkey", "-check", "-noout", "-in", path)
    rest = [{**item, "key_type": "rsa-3072"} for item in items if Path(item["private_key"]) in kept]
    left = next(item for item in items if Path(item["private_key"]) not in kept)
    requested = site.request(*rest, left)
    assert requested["keys_made"] == [left["private_key"]]
    assert len(requested["requests"]) == len(rest) + 1
    assert {path: path.read_bytes() for path in kept} == kept
    assert {path.suffix for path in pool.iterdir()} == {".key"}


def test_an_install_that_is_killed_leaves_whole_files_and_the_next_run_does_the_rest(site):
    chain = site.ca()["chain_pem"]
    items = many(site, 200)
    signed = site.sign(site.request(*items)["requests"])["certificates"]
    pool = site.folder / "pool"
    kill_before("certificate_install", {"certificates": items, "signed": signed}, "100.crt")

    done = sorted(pool.glob("*.crt"))
    assert {pool / "0.crt", pool / "99.crt"} < {*done}
    assert not {pool / "100.crt", pool / "199.crt"} & {*done}
    assert all(path.read_text().endswith("-----END CERTIFICATE-----\n") for path in done)
    missing = [item for item in items if not Path(item["certificate"]).exists()]
    requested = site.request(*items, issuer_pem=chain)
    assert requested["keys_made"] == []
    assert [request["name"] for request in requested["requests"]] == [item["name"] for item in missing]
    again = [one for one in signed if one["name"] in {item["name"] for item in missing}]
    assert site.install(*items, signed=again)["failed"] is False
    assert site.codes(*items, issuer_pem=chain) == []
    assert {path.suffix for path in pool.iterdir()} == {".key", ".crt"}


def test_nothing_is_made_when_one_place_of_a_long_list_is_wrong(site):
    items = many(site, 120)
    items[-1]["private_key"] = str(site.folder / "missing" / "a.key")
    refused = site.request(*items)
    assert refused["msg"] == (
        f"the directory {site.folder}/missing does not exist; create it before {site.folder}/missing/a.key"
    )
    items[-1] = {**items[-1], "private_key": str(site.folder / "a.key"), "owner": "nobody-by-this-name"}
    assert "there is no owner 'nobody-by-this-name'" in site.request(*items)["msg"]
    assert list((site.folder / "pool").iterdir()) == []
