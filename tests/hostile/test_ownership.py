# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Root works in directories of others: it follows none of their links, waits for none of their pipes, and gives them nothing."""

from __future__ import annotations

import json
import os
import subprocess
import time
from hashlib import sha256
from pathlib import Path

import pytest
from hostile_users import (
    NOBODY,
    PYTHON,
    as_nobody,
    folder_of_root,
    home_of_nobody,
    modes_with_set_id,
    module,
    planted,
    warnings_of,
)
from kept_state import forget_state, state_of
from open_transaction import open_transaction
from openssl_authority import new_authority

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be fooled into what others may not do")
SECRET = "root's own secret\n"


@pytest.fixture
def home():
    with home_of_nobody() as directory:
        yield directory


@pytest.fixture
def roots():
    with folder_of_root() as directory:
        yield directory


@pytest.fixture
def treasure(tmp_path):
    """A file that root alone may read."""
    path = tmp_path / "treasure"
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


@pytest.fixture
def data(home):
    """The data directory of a stopped cluster that the unprivileged user owns."""
    directory = home / "data"
    directory.mkdir(mode=0o700)
    for name, text in {"PG_VERSION": "15\n", "postgresql.conf": "", "pg_hba.conf": "local all all peer\n"}.items():
        (directory / name).write_text(text)
    (directory / "pg_ident.conf").write_text("")
    for path in (directory, *directory.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    yield directory
    forget_state(str(directory))


def picture(path):
    status = path.stat()
    return path.read_bytes(), status.st_uid, status.st_gid, status.st_mode, status.st_ino


def forged(data, program):
    """A journal as the owner of the data directory would write it to become root."""
    one = {"path": str(program), "target": str(program), "made": True, "existed": True, "linked": True}
    one |= {"uid": 0, "gid": 0, "mode": 0o6755, "size": program.stat().st_size, "written": program.stat().st_mtime_ns}
    base = {"running": False, "served_fingerprint": None, "settings": {}, "complaints": [], "output": None}
    return {"format": 2, "begun_at": time.time(), "base": base, "files": [one], "closed": False}


def hidden_of(path, data):
    mark = sha256(os.path.realpath(data).encode()).hexdigest()[:8]
    return path.parent / f".{path.name}.pgtls-before-{mark}"


def test_a_planted_journal_makes_no_set_uid_program(data):
    program = data / "program"
    hidden = hidden_of(program, data)
    text = json.dumps(forged_for(data, program, hidden))
    as_nobody("tee", str(data / "pgtls-transaction.json"), input=text)
    as_nobody("chmod", "600", str(data / "pgtls-transaction.json"))
    result = module("pg_server", {"data_directory": str(data), "certificates": []})
    assert modes_with_set_id(data) == []
    assert hidden.stat().st_uid == NOBODY
    assert "is ignored, because users other than root can write there" in warnings_of(result)
    assert str(data / "pgtls-transaction.json") in warnings_of(result)


def forged_for(data, program, hidden):
    """The program and its remembered link belong to the user; the journal says that both are root's."""
    as_nobody("cp", "/bin/true", str(hidden))
    as_nobody("ln", "-f", str(hidden), str(program))
    return forged(data, program)


def test_what_was_remembered_cannot_be_swapped(data, treasure):
    open_transaction(str(data))
    hidden = hidden_of(data / "pg_hba.conf", data)
    as_nobody("sh", "-c", f"echo 'host all all all trust' > {hidden}.new; mv -f {hidden}.new {hidden}")
    as_nobody("sh", "-c", f"echo '# changed' >> {data}/pg_hba.conf")
    result = module("pg_server", {"data_directory": str(data), "certificates": []})
    assert "trust" not in (data / "pg_hba.conf").read_text()
    assert result["failed"] is True
    assert "is not what the run saved, because somebody replaced or changed it" in result["msg"]


def test_set_id_bits_are_not_put_back(data):
    os.chmod(data / "pg_ident.conf", 0o6755)
    open_transaction(str(data))
    (data / "pg_ident.conf").write_text("m CN app\n")
    result = module("pg_server", {"data_directory": str(data), "certificates": []})
    assert "not running" in result["msg"], "it is undone before anything else is looked at"
    assert modes_with_set_id(data) == []
    assert (data / "pg_ident.conf").read_text() == ""


@pytest.mark.parametrize("which", ["the place of all", "the place of one cluster", "the journal"])
def test_state_that_is_not_roots_own_is_refused(data, which):
    """In a mount namespace of its own, because the place of all is one for the whole machine."""
    state = Path(state_of(str(data)))
    owned = {"the place of all": state.parent, "the place of one cluster": state, "the journal": state / JOURNAL}[which]
    script = (
        f"mkdir -p {state.parent}; mount -t tmpfs tmpfs {state.parent}; chmod 700 {state.parent}; mkdir -m 700 {state}; "
        f"echo '{{}}' > {state / JOURNAL}; chown {NOBODY} {owned}; exec \"$@\""
    )
    existed = state.parent.exists()
    before = ("unshare", "--mount", "sh", "-c", script, "sh")
    result = module("pg_server", {"data_directory": str(data), "certificates": []}, before=before)
    if not existed:
        state.parent.rmdir()
    assert result["failed"] is True
    assert str(owned) in result["msg"]
    assert "trusted; find out who" in result["msg"]


JOURNAL = "pgtls-transaction.json"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return new_authority(tmp_path_factory.mktemp("ownership") / "ca", "Ownership CA")


def places(directory, **more):
    names = {"private_key": "key", "certificate": "crt", "fullchain": "full", "root": "root", "pkcs12": "p12"}
    names |= {"pkcs8_der": "pk8"}
    files = {option: str(directory / f"app.{end}") for option, end in names.items()}
    item = {"name": "app", "common_name": "app", "usages": ["client"], "owner": "nobody", "group": "nogroup"}
    return [{**item, **files, **more}]


LINKED = ["app.key", "app.key.next", "app.crt", "app.full", "app.root", "app.p12", "app.pk8"]


@pytest.mark.parametrize("kind", ["link", "hard link"])
@pytest.mark.parametrize("name", LINKED)
def test_a_certificate_file_that_is_a_link_gives_nothing_of_root(home, treasure, name, kind):
    key = home.parent / f"{home.name}.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out", str(key)], check=True, capture_output=True)
    try:
        key.chmod(0o600)
        before = picture(key)
        if kind == "link":
            planted(home / name, "link", key)
        else:
            os.link(key, home / name)  # what fs.protected_hardlinks = 0 lets him do himself
        arguments = {"certificates": places(home)}
        results = [module(which, arguments) for which in ("certificate_request", "certificate_install")]
        assert picture(key)[:4] == before[:4]
        for path in home.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_uid == NOBODY:
                assert path.read_bytes() != before[0], results
        assert results[0]["failed"] or name not in ("app.key", "app.key.next")
    finally:
        key.unlink()


def content_of(path):
    """What stands there itself, not behind a link; None where it is gone or a link by now."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            return stream.read()
    except OSError:
        return None


def test_a_key_that_is_swapped_for_a_link_gives_nothing_of_root(home):
    """Another user's process swaps key and link as fast as it can, while root installs again and again."""
    key = home.parent / f"{home.name}.key"
    command = ["openssl", "genpkey", "-algorithm", "ED25519", "-out"]
    subprocess.run([*command, str(key)], check=True, capture_output=True)
    assert as_nobody(*command, str(home / "own")).returncode == 0
    swap = (
        "import os, time\n"
        "end = time.monotonic() + 600\n"  # longer than any machine needs for the turns below
        "while time.monotonic() < end:\n"
        "    os.link('own', 'a'); os.rename('a', 'app.key')\n"
        f"    os.symlink({str(key)!r}, 'b'); os.rename('b', 'app.key')\n"
    )
    words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", PYTHON, "-c", swap]
    key.chmod(0o600)
    before = picture(key)[:4]
    swapper = subprocess.Popen(words, cwd=home)
    try:
        for turn in range(12):
            module("certificate_install", {"certificates": places(home, key_mode=["0600", "0640"][turn % 2])})
            assert picture(key)[:4] == before, "root's key is another one now, or somebody else's"
            for name in os.listdir(home):
                assert content_of(home / name) != before[0], f"{name} holds root's key"
        assert swapper.poll() is None
    finally:
        swapper.kill()
        swapper.wait()
        key.unlink()


@pytest.mark.parametrize("kind", ["pipe", "huge"])
@pytest.mark.parametrize("name", LINKED)
def test_no_certificate_file_makes_root_wait_or_read_for_ever(home, authority, name, kind):
    pair = authority.issue("app", "client", "DNS:app")
    for file, source in {"app.key": pair.key, "app.crt": pair.certificate}.items():
        (home / file).write_bytes(Path(source).read_bytes())
        os.chown(home / file, NOBODY, NOBODY)
    planted(home / name, kind)
    arguments = {"certificates": places(home)}
    results = [module(which, arguments) for which in ("certificate_request", "certificate_install")]
    refused = [result["msg"] for result in results if result["failed"]]
    assert refused, results
    for said in refused:
        assert str(home / name) in said
        assert ("is not a regular file" if kind == "pipe" else "larger than 16 MiB") in said


@pytest.mark.parametrize("kind", ["pipe", "huge"])
def test_no_file_that_is_looked_at_makes_root_wait(home, kind):
    path = planted(home / "some.crt", kind)
    assert module("certificate_info", {"path": str(path)})["failed"] is True


def test_a_link_into_his_own_directory_goes_on(home):
    """What the owner himself may read and write he may link to."""
    (home / "elsewhere").mkdir()
    os.chown(home / "elsewhere", NOBODY, NOBODY)
    planted(home / "app.root", "link", home / "elsewhere" / "root.crt")
    as_nobody("touch", str(home / "elsewhere" / "root.crt"))
    planted(home / ".pg_service.conf", "link", home / "elsewhere" / "services")
    as_nobody("touch", str(home / "elsewhere" / "services"))
    service = {"path": str(home / ".pg_service.conf"), "services": [{"name": "s", "parameters": {"host": "h"}}]}
    assert module("pg_service", service)["changed"] is True
    assert "[s]\nhost=h\n" in (home / "elsewhere" / "services").read_text()
    assert (home / ".pg_service.conf").is_symlink()


def test_a_data_directory_behind_a_link_of_root_goes_on(home, data):
    link = home.parent / f"{home.name}.link"
    link.symlink_to(data)
    try:
        rule = {"type": "local", "database": "all", "user": "app", "method": "peer"}
        result = module("pg_hba", {"path": str(link / "pg_hba.conf"), "rules": [rule], "validate": "syntax"})
        assert result["changed"] is True, result
    finally:
        link.unlink()


def client_directory(path):
    return {"certificates": [], "directories": [{"path": str(path), "owner": "nobody", "mode": "0700"}]}


def test_a_linked_directory_is_not_given_away(home, tmp_path):
    target = tmp_path / "roots"
    target.mkdir(mode=0o755)
    planted(home / ".postgresql", "link", target)
    result = module("certificate_request", client_directory(home / ".postgresql"))
    assert result["failed"] is True
    assert f"{home / '.postgresql'} is a symbolic link, not a directory" in result["msg"]
    assert (target.stat().st_uid, target.stat().st_mode & 0o777) == (0, 0o755)


def test_a_directory_below_a_link_is_not_made(home, tmp_path):
    planted(home / "link", "link", tmp_path)
    result = module("certificate_request", client_directory(home / "link" / ".postgresql"))
    assert result["failed"] is True
    assert list(tmp_path.iterdir()) == []


def test_directories_are_made_and_then_kept(home):
    deep = home / "a" / "b"
    predicted = module("certificate_request", client_directory(deep), check=True)
    assert not deep.exists()
    made = module("certificate_request", client_directory(deep))
    assert (made["changed"], made["files_changed"], made["diff"]) == (True, True, predicted["diff"])
    assert [(path.stat().st_uid, path.stat().st_mode & 0o777) for path in (deep, deep.parent)] == [(NOBODY, 0o700)] * 2
    assert module("certificate_request", client_directory(deep))["changed"] is False
    deep.chmod(0o750)
    assert module("certificate_request", client_directory(deep))["changed"] is True
    assert deep.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("there", [True, False])
def test_a_linked_service_file_is_not_written(home, roots, there):
    target = roots / "profile"
    if there:
        target.write_text("root's\n")
    planted(home / ".pg_service.conf", "link", target)
    services = [{"name": "shop", "parameters": {"host": "evil; command"}}]
    arguments = {"path": str(home / ".pg_service.conf"), "services": services, "owner": "nobody", "mode": "0644"}
    result = module("pg_service", arguments)
    assert result["failed"] is True
    assert target.exists() == there
    assert not there or target.read_text() == "root's\n"


@pytest.mark.parametrize("kind", ["pipe", "huge"])
@pytest.mark.parametrize(
    "name", ["pg_hba.conf", "pg_ident.conf", "postgresql.conf", "postgresql.auto.conf", "included.conf"]
)
def test_no_file_of_a_data_directory_makes_root_wait(data, name, kind):
    (data / "postgresql.conf").write_text("include 'included.conf'\n")
    (data / "included.conf").write_text("")
    os.chown(data / "included.conf", NOBODY, NOBODY)
    planted(data / name, kind)
    rule = {"type": "local", "database": "all", "user": "app", "method": "peer"}
    mapping = {"map": "m", "system_user": "app", "database_user": "app"}
    calls = [
        ("pg_hba", {"path": str(data / "pg_hba.conf"), "rules": [rule], "validate": "syntax"}),
        ("pg_ident", {"path": str(data / "pg_ident.conf"), "mappings": [mapping], "validate": "syntax"}),
        ("pg_conf", {"path": str(data / "postgresql.conf"), "settings": {"work_mem": "8MB"}, "validate": "syntax"}),
        ("pg_hba_info", {"path": str(data / "pg_hba.conf")}),
        ("pg_ident_info", {"path": str(data / "pg_ident.conf")}),
        ("pg_conf_info", {"path": str(data / "postgresql.conf")}),
        ("pg_cluster_info", {"data_directory": str(data)}),
        ("pg_server", {"data_directory": str(data), "certificates": []}),
        ("pg_reload", {"data_directory": str(data)}),
    ]
    for which, arguments in calls:
        result = module(which, arguments)
        if result["failed"]:
            assert "Traceback" not in result["msg"]
        elif kind == "pipe":
            assert (data / name).is_fifo()


@pytest.mark.parametrize("name", ["PG_VERSION", "postmaster.pid", "postmaster.opts", "current_logfiles", JOURNAL])
def test_no_file_about_a_server_makes_root_wait(data, name):
    planted(data / name, "pipe")
    for which, more in (("pg_cluster_info", {}), ("pg_server", {"certificates": []}), ("pg_reload", {})):
        result = module(which, {"data_directory": str(data), **more})
        assert "Traceback" not in result["msg"]


@pytest.mark.parametrize("name", ["server.crt", "server.key", "root.crt", "revoked.crl"])
def test_no_tls_file_of_a_server_makes_root_wait(fresh_cluster, authority, name):
    pair = authority.issue("server", "server", "DNS:localhost")
    texts = {"server.crt": pair.certificate, "server.key": pair.key, "root.crt": authority.pair.certificate}
    for file, source in texts.items():
        fresh_cluster.write(file, Path(source).read_bytes())
    settings = "ssl = on\nssl_ca_file = 'root.crt'\n" + ("ssl_crl_file = 'revoked.crl'\n" if "crl" in name else "")
    fresh_cluster.configure(settings)
    path = Path(fresh_cluster.data_directory, name)
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    os.chown(path, path.parent.stat().st_uid, path.parent.stat().st_gid)
    result = module("pg_reload", {"data_directory": fresh_cluster.data_directory, "timeout_seconds": 5})
    path.unlink()
    assert result["failed"] is True
    assert "is not a regular file" in result["msg"]


def test_an_odd_byte_in_a_configuration_fails_no_run(data):
    """A result with it would not be taken by Ansible, for any cluster of the host."""
    (data / "postgresql.conf").write_bytes(b"ssl_cert_file = '\xfc.crt'\n")
    result = module("pg_cluster_info", {"data_directory": str(data), "exactly_one": True})
    assert result["cluster"]["settings"]["ssl_cert_file"] == "\\xfc.crt"
    json.dumps(result, ensure_ascii=False).encode()


@pytest.mark.parametrize("setting", ["config_file", "hba_file", "ident_file"])
@pytest.mark.parametrize("by", ["postmaster.opts", "postgresql.conf"])
@pytest.mark.parametrize("spelling", ["{}", "/etc/postgresql/../..{}"])
def test_the_owner_names_no_file_of_root_for_an_edit(data, treasure, setting, by, spelling):
    """The role edits what pg_cluster_info returns, so that must be the owner's own, whatever way leads there."""
    treasure.write_text("")
    treasure = spelling.format(treasure)
    if by == "postgresql.conf":
        as_nobody("tee", str(data / by), input=f"{setting} = '{treasure}'\n")
    else:
        as_nobody("tee", str(data / by), input=f'/usr/bin/postgres "-D" "{data}" "-c" "{setting}={treasure}"\n')
    result = module("pg_cluster_info", {"data_directory": str(data), "exactly_one": True})
    assert str(treasure) not in json.dumps(result.get("cluster"))
    assert result["failed"] == (by != "postgresql.conf" or setting != "config_file")
    assert (
        not result["failed"]
        or f"{setting} of the cluster in {data} is {treasure}, which belongs to uid 0" in result["msg"]
    )
