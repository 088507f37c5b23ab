# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a hostile user led root to, once: each hole that was found, as the kernel saw it or as it was left."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hostile_users import NOBODY, home_of_nobody, modes_with_set_id, module
from kept_state import state_of
from open_transaction import open_transaction
from pictures import Item
from server_worlds import POSTGRES, RULE, editing_calls, make_stopped
from worlds import PASSPHRASE, do, give, owned_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be fooled into what others may not do")
HBA = b"local all all peer\n"
CONF = b"port = 5433\nssl_cert_file = 'roots.crt'\n"
IDENT = b"clients app1 app1\n"
# By what line in which file of his the owner of a data directory names a file of root, and what is in that.
NAMED = {
    "include": ("postgresql.conf", "include '{file}'\n", CONF),
    "include_if_exists": ("postgresql.conf", "include_if_exists '{file}'\n", CONF),
    "include_dir": ("postgresql.conf", "include_dir '{folder}'\n", CONF),
    "an include of rules": ("pg_hba.conf", "include {file}\n", HBA),
    "an include of rules that may be missing": ("pg_hba.conf", "include_if_exists {file}\n", HBA),
    "a directory of rules": ("pg_hba.conf", "include_dir {folder}\n", HBA),
    "a list of roles": ("pg_hba.conf", "local all @{file} peer\n", b"app1\napp2\n"),
    "an include of maps": ("pg_ident.conf", "include {file}\n", IDENT),
    "a directory of maps": ("pg_ident.conf", "include_dir {folder}\n", IDENT),
    "a way to start": ("postmaster.opts", '/usr/bin/postgres "-D" "{data}" "-c" "config_file={file}"\n', CONF),
    "other rules": ("postgresql.conf", "hba_file = '{file}'\n", HBA),
    "other maps": ("postgresql.conf", "ident_file = '{file}'\n", IDENT),
}


@pytest.fixture
def data():
    """The data directory of a stopped cluster of postgres."""
    folder = owned_folder("hands", POSTGRES)
    made = make_stopped(folder)
    give(folder, POSTGRES)
    yield made
    os.system(f"rm -rf {shlex.quote(folder)} {shlex.quote(state_of(made))}")


@pytest.fixture
def vault(treasury):
    yield treasury
    treasury.empty()


@pytest.mark.parametrize("how", NAMED)
def test_no_file_of_root_is_read_because_the_owner_names_it(stage, vault, data, how):
    name, line, content = NAMED[how]
    file, folder = vault.file(content), vault.tree({".": Item("directory", 0, 0, 0o700, None)})
    for each in (f"{folder}/one.conf",):
        Path(each).write_bytes(content)
        os.chmod(each, 0o600)
    Path(data, name).write_text(line.format(file=file, folder=folder, data=data))
    with vault.guarded() as touched:
        results = [stage.run(call.module, call.args).result for call in editing_calls(data)]
    assert touched == [], "\n".join(touched)
    assert "roots.crt" not in json.dumps(results)


@pytest.mark.parametrize("setting", ["ssl_cert_file", "ssl_key_file", "ssl_ca_file", "ssl_crl_file", "ssl_crl_dir"])
def test_no_tls_file_of_root_is_read_because_a_setting_names_it(stage, vault, fresh_cluster, setting):
    spoils = vault.spoils
    file = vault.file(spoils.private_key if "key" in setting else spoils.certificate)
    folder = vault.tree({".": Item("directory", 0, 0, 0o700, None)})
    for name, content in {"server.crt": spoils.certificate, "server.key": spoils.private_key}.items():
        fresh_cluster.write(name, content)
    fresh_cluster.write("root.crt", spoils.certificate)
    named = folder if setting.endswith("dir") else file
    fresh_cluster.configure(f"ssl = on\nssl_ca_file = 'root.crt'\n{setting} = '{named}'\n")
    with vault.guarded() as touched:
        args = {"data_directory": fresh_cluster.data_directory, "timeout_seconds": 5, **fresh_cluster.login}
        result = stage.run("pg_reload", args).result
    assert touched == [], "\n".join(touched)
    assert result["failed"], result


def test_the_first_lines_of_a_linked_file_of_root_are_not_read(stage, vault, data):
    """They would say that Patroni writes it."""
    os.unlink(f"{data}/pg_hba.conf")
    os.symlink(vault.file(HBA), f"{data}/pg_hba.conf")
    os.lchown(f"{data}/pg_hba.conf", POSTGRES, POSTGRES)
    with vault.guarded() as touched:
        do(stage, "pg_cluster_info", {"data_directory": data, "exactly_one": True})
    assert touched == [], "\n".join(touched)


@pytest.mark.parametrize("what", ["conf.d", "hba.d"])
def test_a_linked_directory_of_root_is_not_listed(stage, vault, data, what):
    os.rename(f"{data}/{what}", f"{data}/{what}.aside")
    os.symlink(vault.tree({".": Item("directory", 0, 0, 0o700, None)}), f"{data}/{what}")
    os.lchown(f"{data}/{what}", POSTGRES, POSTGRES)
    with vault.guarded() as touched:
        for call in editing_calls(data):
            stage.run(call.module, call.args)
    assert touched == [], "\n".join(touched)


def test_a_linked_directory_of_certificates_of_root_is_not_listed(stage, vault):
    with home_of_nobody() as home:
        os.symlink(vault.tree({".": Item("directory", 0, 0, 0o700, None)}), home / "certificates")
        os.lchown(home / "certificates", NOBODY, NOBODY)
        with vault.guarded() as touched:
            result = stage.run("certificate_info", {"path": str(home / "certificates")}).result
    assert touched == [], "\n".join(touched)
    assert result["failed"] and "ermission denied" in result["msg"], result


@pytest.mark.parametrize("option", ["private_key_passphrase_file", "private_key", "certificate"])
def test_a_hard_link_to_a_file_of_root_is_not_opened(stage, vault, option):
    """Also where the file is only compared with what it shall be."""
    with home_of_nobody() as home:
        names = ("private_key", "certificate", "private_key_passphrase_file")
        files = {name: str(home / name) for name in names}
        item = {"name": "app", "common_name": "app", "usages": ["client"], "owner": "nobody", **files}
        os.link(vault.file(vault.spoils.private_key), files[option])
        with vault.guarded(is_linked=True) as touched:
            result = stage.run(
                "certificate_request", {"certificates": [{**item, "private_key_passphrase": PASSPHRASE}]}
            ).result
    assert touched == [], "\n".join(touched)
    assert result["failed"] and "leads to a file of uid 0 that uid 65534 may not read" in result["msg"], result


@pytest.mark.parametrize("name", ["app.crt", "app.key", "app.crl", "root.crt", "crls/0123abcd.r0"])
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_no_file_of_a_client_makes_libpq_wait_or_read_what_is_roots(stage, vault, running, kind, name):
    with home_of_nobody() as home:
        (home / "crls").mkdir()
        spoils = vault.spoils
        contents = {"app.crt": spoils.certificate, "app.key": spoils.private_key, "root.crt": spoils.certificate}
        for file, content in contents.items():
            (home / file).write_bytes(content)
            (home / file).chmod(0o600)
        lists = {"sslcrl": str(home / "app.crl")} if name == "app.crl" else {"sslcrldir": str(home / "crls")}
        (home / name).unlink(missing_ok=True)
        if kind == "pipe":
            os.mkfifo(home / name)
        else:
            os.symlink(vault.file(contents.get(name, spoils.certificate)), home / name)
        give(str(home), NOBODY)
        where = {"host": "127.0.0.1", "port": running.cluster.port, "user": "app1", "sslmode": "verify-ca"}
        files = {"sslcert": "app.crt", "sslkey": "app.key", "sslrootcert": "root.crt"}
        conninfo = {**where, **{word: str(home / file) for word, file in files.items()}, **lists}
        args = {"attempts": [{"name": "app1", "conninfo": conninfo}], "fail_on_difference": False}
        with vault.guarded() as touched:
            run, _left = stage.run_within(20, "connection_check", args)
    assert not run.killed, "it waited for the other end of a pipe"
    assert touched == [], "\n".join(touched)
    (attempt,) = run.result["attempts"]
    assert str(home / name) in attempt["error"], attempt


def test_a_backup_has_no_set_id_bit(data):
    os.chmod(f"{data}/pg_hba.conf", 0o6755)
    args = {"path": f"{data}/pg_hba.conf", "rules": [RULE], "validate": "syntax", "server_version": 16, "backup": True}
    result = module("pg_hba", args)
    assert os.path.exists(result["backup_file"])
    assert modes_with_set_id(Path(data)) == []


def test_a_rule_that_the_server_refuses_puts_no_set_id_bit_back(fresh_cluster):
    path = f"{fresh_cluster.data_directory}/pg_hba.conf"
    os.chmod(path, 0o6600)
    before = Path(path).read_bytes()
    rule = {"type": "hostssl", "address": "all", "method": "md5", "options": {"clientcert": "no-verify"}}
    args = {"path": path, "validate": "server", "server_version": 13, "rules": [rule], **fresh_cluster.login}
    result = module("pg_hba", args)
    assert "PostgreSQL refuses the new" in result["msg"], result
    assert Path(path).read_bytes() == before
    assert modes_with_set_id(Path(path).parent) == []


def test_a_file_of_root_with_the_inode_of_a_remembered_key_is_not_given_away(stage, vault, data):
    """The inode of a file that is gone is given to the next one: a hard link to it is not what was remembered."""
    key, roots = Path(data, "tls.key"), vault.file(vault.spoils.private_key)
    key.write_bytes(vault.spoils.private_key)
    key.chmod(0o600)
    os.chown(key, POSTGRES, POSTGRES)
    open_transaction(data, str(key))
    (hidden,) = Path(data).glob(".tls.key.pgtls-before-*")
    hidden.unlink()
    os.link(roots, hidden)
    key.write_text("changed")
    journal = Path(state_of(data), "pgtls-transaction.json")
    journal.write_text(
        journal.read_text().replace(f'"inode": {key.stat().st_ino}', f'"inode": {os.stat(roots).st_ino}')
    )
    with vault.guarded(is_linked=True) as touched:
        result = stage.run("pg_server", {"data_directory": data, "certificates": []}).result
    assert touched == [], "\n".join(touched)
    assert result["failed"] and os.stat(roots).st_uid == 0, result


def test_no_log_of_root_is_read_because_it_has_the_path_of_a_server_s(stage, vault, fresh_cluster):
    """In a namespace of its own, which any user may make, the file that a server writes to may have any path."""
    log, data = vault.file(b"a line of another log\n"), fresh_cluster.data_directory
    fresh_cluster.stop()
    script = 'mount -t tmpfs tmpfs "$1"; mkdir -m 777 "$2"; shift 2; exec "$@"'
    owner = ("setpriv", f"--reuid={POSTGRES}", f"--regid={POSTGRES}", "--clear-groups")
    start = (f"{fresh_cluster.bin_directory}/pg_ctl", "-D", data, "-l", log, "-w", "start")
    words = ["unshare", "--mount", "sh", "-e", "-c", script, "sh", vault.folder, vault.secret, *owner, *start]
    subprocess.run(words, check=True, capture_output=True, cwd="/", timeout=60)
    pid = Path(data, "postmaster.pid").read_text().split()[0]
    assert os.readlink(f"/proc/{pid}/fd/2") == log
    with vault.guarded() as touched:
        args = {"data_directory": data, "files_changed": True, "timeout_seconds": 5, **fresh_cluster.login}
        result = stage.run("pg_reload", args).result
    assert touched == [], "\n".join(touched)
    assert not result["failed"] and result["changed"], result


ASKERS = {
    "pg_reload": {"files_changed": True},
    "pg_server": {"certificates": []},
    "pg_hba": {"path": "pg_hba.conf", "rules": [RULE]},
    "pg_ident": {"path": "pg_ident.conf", "mappings": [{"map": "m", "system_user": "a", "database_user": "a"}]},
    "pg_conf": {"path": "postgresql.conf", "settings": {"work_mem": "8MB"}},
}


@pytest.mark.parametrize("name", ASKERS)
def test_nobody_waits_for_a_server_that_waits_at_a_pipe(stage, fresh_cluster, name):
    """The server opens the file of ALTER SYSTEM when it is asked about its files, and never answers."""
    path = Path(fresh_cluster.data_directory, "postgresql.auto.conf")
    path.unlink()
    os.mkfifo(path, 0o600)
    os.chown(path, POSTGRES, POSTGRES)
    args = {**ASKERS[name], **fresh_cluster.login}
    if "path" in args:
        args |= {"path": str(path.with_name(args["path"])), "validate": "server"}
    else:
        args |= {"data_directory": fresh_cluster.data_directory, "timeout_seconds": 5}
    run, _left = stage.run_within(30, name, args)
    assert not run.killed, "it waited for a server that waits"
    assert f"{path} is not a regular file" in run.result["msg"]
