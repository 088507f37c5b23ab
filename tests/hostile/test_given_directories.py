# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories that root makes for certificates and for CAs in those of others: none of root's own is given away, and no file in one."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hostile_users import as_nobody, home_of_nobody, module, planted
from test_ownership import SECRET, client_directory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be fooled into what others may not do")


@pytest.fixture
def home():
    with home_of_nobody() as directory:
        yield directory


def authority_in(path):
    return {"directory": str(path), "common_name": "Root", "key_type": "ecdsa-p256", "owner": "nobody", "crl": False}


MAKERS = {"certificate_request": client_directory, "ca": authority_in}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("uid", [0, 1])
def test_a_directory_of_somebody_else_is_not_given_away(home, uid, maker):
    """Its owner could have moved it there."""
    (home / "other").mkdir(mode=0o700)
    os.chown(home / "other", uid, uid)
    assert as_nobody("mv", str(home / "other"), str(home / ".postgresql")).returncode == 0
    result = module(maker, MAKERS[maker](home / ".postgresql"))
    assert (home / ".postgresql").stat().st_uid == uid
    assert not (home / ".postgresql" / "ca.key").exists()
    assert result["failed"] is True
    assert "belongs to" in result["msg"]


@pytest.mark.parametrize("maker", MAKERS)
def test_a_directory_that_was_moved_there_during_a_run_is_not_given_away(home, maker):
    """Whoever locks his directory decides when root goes on."""
    (home / "other" / "deep").mkdir(parents=True)
    (home / "other").chmod(0o700)
    handle = os.open(home, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with ThreadPoolExecutor() as pool:
        run = pool.submit(module, maker, MAKERS[maker](home / "new"))
        try:
            waited_for(home)
            assert as_nobody("mv", str(home / "other"), str(home / "new")).returncode == 0
        finally:
            os.close(handle)
        result = run.result()
    assert ((home / "new").stat().st_uid, (home / "new").stat().st_mode & 0o777) == (0, 0o700)
    assert result["failed"] is True, result


@pytest.mark.parametrize("put", [os.link, os.symlink, os.rename])
def test_the_lock_of_a_ca_gives_nothing_of_root_to_its_owner(home, put):
    secret, lock = home.parent / f"{home.name}.secret", home / "ca" / ".lock"
    assert not module("ca", authority_in(home / "ca"))["failed"]
    secret.write_text(SECRET)
    secret.chmod(0o600)
    put(secret, lock)
    try:
        result = module("ca", authority_in(home / "ca"))
        assert (lock.stat().st_uid, lock.read_text()) == (0, SECRET)
        assert f"{lock} is not the lock file of a CA" in result["msg"], result
    finally:
        secret.unlink(missing_ok=True)


def test_no_lock_is_made_behind_a_link(home):
    """Also where he may look himself, and so nothing else keeps root from it."""
    target = home.parent / f"{home.name}.roots"
    target.mkdir(mode=0o755)
    try:
        planted(home / "ca", "link", target)
        result = module("certificate_revoke", {"directory": str(home / "ca")})
        assert list(target.iterdir()) == []
        assert result["failed"] is True and "leads to a file of somebody else" in result["msg"], result
    finally:
        shutil.rmtree(target)


def waited_for(directory):
    """Return when somebody else has had a directory open for a while, and so waits for its lock."""
    seen, end = 0, time.monotonic() + 30
    while seen < 10 and time.monotonic() < end:
        others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
        seen = seen + 1 if any(holds_open(pid, directory) for pid in others) else 0
        time.sleep(0.05)
    assert seen == 10


def holds_open(pid, directory):
    try:
        return str(directory) in [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
