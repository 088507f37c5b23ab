# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reloads that are proven: the new certificate is served, and what the server would refuse is found before."""

from __future__ import annotations

import os
import time
from pathlib import Path
from pwd import getpwnam

import pytest
from module_runner import run_module
from openssl_authority import new_authority, openssl


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return new_authority(tmp_path_factory.mktemp("reload") / "ca", "Reload CA")


def install(cluster, pair, key=None):
    cluster.write("server.crt", Path(pair.certificate).read_bytes())
    cluster.write("server.key", Path(key or pair.key).read_bytes())


@pytest.fixture
def tls_cluster(fresh_cluster, authority):
    """A cluster that serves the certificate "one"."""
    install(fresh_cluster, authority.issue("one", "server", "DNS:localhost"))
    fresh_cluster.configure("ssl = on\n")
    fresh_cluster.reload()
    end = time.monotonic() + 60
    while fresh_cluster.sql("SHOW ssl") != [("on",)] and time.monotonic() < end:
        time.sleep(0.1)  # a server that loads late would load what a test writes next, too
    return fresh_cluster


def reload(cluster, check=False, **options):
    return run_module("pg_reload", {"data_directory": cluster.data_directory, **options}, check=check, diff=True)


def codes(result):
    return [reason["code"] for reason in result["reasons"]]


def test_new_certificate_is_served_afterwards(tls_cluster, authority):
    settled = reload(tls_cluster)
    assert not settled["failed"], settled
    two = authority.issue("two", "server", "DNS:localhost")
    install(tls_cluster, two)
    predicted = reload(tls_cluster, check=True)
    assert (predicted["changed"], predicted["reloaded"]) == (True, True)
    assert predicted["served_fingerprint"] != two.fingerprint()
    result = reload(tls_cluster)
    assert set(codes(result)) == {"file_newer", "certificate_not_served"}
    assert result["diff"] == predicted["diff"]
    assert result["served_fingerprint"] == two.fingerprint()
    again = reload(tls_cluster)
    assert (again["changed"], again["reloaded"], again["restarted"], again["reasons"]) == (False, False, False, [])
    assert again["served_fingerprint"] == two.fingerprint()


def test_caller_who_changed_files_gets_a_reload(cluster):
    reload(cluster)
    result = reload(cluster, files_changed=True)
    assert (result["changed"], codes(result), result["served_fingerprint"]) == (True, ["files_changed"], None)
    assert reload(cluster)["changed"] is False


def test_refused_rules_stop_the_reload_with_the_words_of_the_server(fresh_cluster):
    path = fresh_cluster.write("pg_hba.conf", "local all all peer\nhost all all 10.0.0.5 trust\n")
    before = fresh_cluster.sql("SELECT pg_conf_load_time()")
    result = reload(fresh_cluster, files_changed=True)
    assert result["failed"] is True
    assert f"{path} line 2: invalid IP mask" in result["msg"]
    assert fresh_cluster.sql("SELECT pg_conf_load_time()") == before
    fresh_cluster.write("pg_hba.conf", "# nothing\n")
    assert "pg_hba.conf: the file holds no rule" in reload(fresh_cluster)["msg"]


def test_refused_settings_and_maps_stop_the_reload_too(fresh_cluster):
    fresh_cluster.configure("work_mem = 'much'\n")
    fresh_cluster.write("pg_ident.conf", "map only-two\n")
    message = reload(fresh_cluster)["msg"]
    assert "postgresql.conf line" in message
    assert "work_mem: setting could not be applied" in message
    assert "pg_ident.conf line 1: missing entry" in message


def test_tls_rules_are_no_error_while_tls_is_being_turned_on(fresh_cluster, authority):
    one = authority.issue("turned-on", "server", "DNS:localhost")
    install(fresh_cluster, one)
    fresh_cluster.configure("ssl = on\n")
    fresh_cluster.write("pg_hba.conf", "local all all peer\nhostssl all all all scram-sha-256\n")
    result = reload(fresh_cluster)
    assert not result["failed"], result
    assert result["served_fingerprint"] == one.fingerprint()


def test_pair_that_does_not_match_is_found_before_the_reload(tls_cluster, authority):
    served = reload(tls_cluster)["served_fingerprint"]
    three, four = (authority.issue(name, "server", "DNS:localhost") for name in ("three", "four"))
    install(tls_cluster, three, key=four.key)
    result = reload(tls_cluster)
    assert result["failed"] is True
    assert "server.crt and ssl_key_file" in result["msg"]
    assert "key values mismatch" in result["msg"]
    install(tls_cluster, three)
    assert reload(tls_cluster)["served_fingerprint"] == three.fingerprint() != served


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives keys away")
@pytest.mark.parametrize("owner", ["server", "root", "nobody"])
def test_key_file_is_judged_as_the_server_judges_it(tls_cluster, authority, owner):
    server = getpwnam(tls_cluster.owner)
    uid = {"server": server.pw_uid, "root": 0, "nobody": getpwnam("nobody").pw_uid}[owner]
    verdicts = {}
    for mode in (0o600, 0o400, 0o700, 0o640, 0o440, 0o644, 0o660, 0o650, 0o604):
        install(tls_cluster, authority.issue(f"{owner}{mode:o}", "server", "DNS:localhost"))
        key = os.path.join(tls_cluster.data_directory, "server.key")
        os.chown(key, uid, server.pw_gid)
        os.chmod(key, mode)
        ours = reload(tls_cluster)
        said = Path(tls_cluster.log).stat().st_size
        tls_cluster.reload()
        verdicts[mode] = (not ours["failed"], not refused(tls_cluster, said), ours.get("msg"))
    assert all(ours == theirs for ours, theirs, _message in verdicts.values()), verdicts
    said_before = [message for _ours, _theirs, message in verdicts.values() if message]
    assert all(message.startswith("ssl_key_file ") for message in said_before), said_before
    assert said_before


def refused(cluster, offset):
    """Whether the server refused its TLS files at the reload that its log tells of from an offset on."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        said = Path(cluster.log).read_bytes()[offset:].decode()
        if "SIGHUP" in said:
            cluster.sql("SELECT 1")  # accepted after the server was done
            return "SSL configuration was not reloaded" in Path(cluster.log).read_bytes()[offset:].decode()
        time.sleep(0.05)
    raise AssertionError("the server did not hear of the reload")


def test_key_of_root_that_the_server_cannot_open_is_found(tls_cluster):
    if os.geteuid() == 0:
        key = os.path.join(tls_cluster.data_directory, "server.key")
        os.chown(key, 0, 0)
        result = reload(tls_cluster, files_changed=True)
        assert f"ssl_key_file {key} cannot be read by {tls_cluster.owner} (Permission denied)" in result["msg"]


def test_what_only_the_log_tells_is_a_failure(tls_cluster):
    assert reload(tls_cluster, files_changed=True)["rules_evidence"] == "log"
    tls_cluster.configure("ssl_ecdh_curve = 'nonsense'\n")
    result = reload(tls_cluster)
    assert result["failed"] is True
    assert "did not load them all" in result["msg"]
    assert "SSL configuration was not reloaded" in result["msg"]
    assert tls_cluster.log in result["msg"]


def test_settings_that_wait_are_no_refusal_in_the_log(fresh_cluster):
    fresh_cluster.configure("max_connections = 38\n")
    result = reload(fresh_cluster)
    assert (result["failed"], result["rules_evidence"]) == (False, "log")
    assert "contains errors; unaffected changes were applied" in Path(fresh_cluster.log).read_text()


def test_log_of_the_collector_is_read_too(fresh_cluster):
    fresh_cluster.configure("logging_collector = on\n")
    assert reload(fresh_cluster, restart="if_pending")["restarted"] is True
    assert reload(fresh_cluster, files_changed=True)["rules_evidence"] == "log"
    fresh_cluster.configure("log_destination = 'syslog'\n")
    assert not reload(fresh_cluster)["failed"]
    assert reload(fresh_cluster, files_changed=True)["rules_evidence"] == "views"


def test_every_address_serves_the_certificate(tls_cluster, authority):
    tls_cluster.configure("listen_addresses = '127.0.0.1,127.0.0.2'\n")
    pair = authority.issue("everywhere", "server", "DNS:localhost")
    install(tls_cluster, pair)
    result = reload(tls_cluster, restart="if_pending")
    expected = {"port": tls_cluster.port, "server_name": None, "fingerprint": pair.fingerprint()}
    assert result["listeners"] == [{"address": address, **expected} for address in ("127.0.0.1", "127.0.0.2")]
    tls_cluster.configure("listen_addresses = '*'\n")
    result = reload(tls_cluster, restart="if_pending")
    assert result["listeners"][0] == {"address": "0.0.0.0", **expected}
    assert {listener["fingerprint"] for listener in result["listeners"]} == {pair.fingerprint()}


def test_a_way_in_that_is_lost_is_told(fresh_cluster):
    fresh_cluster.write("pg_hba.conf", "local all all peer\nhost all all 127.0.0.1/32 trust\n")
    assert not reload(fresh_cluster)["failed"]
    fresh_cluster.write("pg_hba.conf", "local all all peer\nhost all all 127.0.0.1/32 reject\n")
    result = reload(fresh_cluster)
    assert "the login over TCP to 127.0.0.1 worked before the reload and does not any more" in result["msg"]
    assert "pg_hba.conf rejects connection" in result["msg"]
    assert not reload(fresh_cluster, files_changed=True)["failed"]  # it did not work before this one
    fresh_cluster.write("pg_hba.conf", "local all all reject\nhost all all 127.0.0.1/32 trust\n")
    assert "worked before the reload and does not any more" in reload(fresh_cluster)["msg"]


def test_protocol_range_that_is_empty_is_found(tls_cluster):
    tls_cluster.configure("ssl_min_protocol_version = 'TLSv1.3'\nssl_max_protocol_version = 'TLSv1.2'\n")
    message = reload(tls_cluster, files_changed=True)["msg"]
    assert message.startswith("ssl_min_protocol_version TLSv1.3 is above ssl_max_protocol_version TLSv1.2")


@pytest.mark.parametrize("setting", ["ssl_ca_file", "ssl_crl_file"])
def test_ca_and_crl_files_are_found_before_the_reload(tls_cluster, authority, setting):
    loaded = tls_cluster.sql("SELECT pg_conf_load_time()")
    path = os.path.join(tls_cluster.data_directory, "trusted.pem")
    tls_cluster.configure(f"{setting} = 'trusted.pem'\n")
    assert f"{setting} {path} cannot be read by {tls_cluster.owner} (No such file" in reload(tls_cluster)["msg"]
    tls_cluster.write("trusted.pem", "nothing\n")
    assert f"{setting} {path} holds no" in reload(tls_cluster)["msg"]
    if os.geteuid() == 0:
        tls_cluster.write("trusted.pem", Path(authority.pair.certificate).read_bytes())
        os.chown(path, 0, 0)
        assert "(Permission denied)" in reload(tls_cluster)["msg"]
    assert tls_cluster.sql("SELECT pg_conf_load_time()") == loaded


def test_crls_that_keep_every_client_out_are_found(tls_cluster, authority, tmp_path):
    other = new_authority(tmp_path / "other", "Other CA")
    tls_cluster.configure("ssl_ca_file = 'ca.pem'\nssl_crl_file = 'crl.pem'\n")
    one, two = (Path(who.pair.certificate).read_text() for who in (authority, other))
    tls_cluster.write("ca.pem", one)
    tls_cluster.write("crl.pem", revocation_list(other))
    loaded = tls_cluster.sql("SELECT pg_conf_load_time()")
    message = reload(tls_cluster)["msg"]
    assert "crl.pem holds no CRL of CN=Reload CA, so the server would refuse every client certificate below" in message
    tls_cluster.write("ca.pem", one + two)
    for check in (True, False):
        refused = reload(tls_cluster, check=check)
        assert refused["failed"], refused
        assert refused["msg"].count(" holds no CRL of ") == 1, "the other CA has one"
        assert "crl.pem holds no CRL of CN=Reload CA, so the server would refuse" in refused["msg"]
        assert f"ssl_ca_file {tls_cluster.data_directory}/ca.pem trusts; put a current CRL" in refused["msg"]
    assert tls_cluster.sql("SELECT pg_conf_load_time()") == loaded, "the old files stay in use"
    (warning,) = reload(tls_cluster, check=True, files_changed=True)["warnings"]
    assert "holds no CRL of CN=Reload CA" in warning and "(unless this run does)" in warning
    tls_cluster.write("crl.pem", revocation_list(other) + revocation_list(authority))
    mended = reload(tls_cluster)
    assert (mended["failed"], mended["warnings"]) == (False, []), mended
    tls_cluster.write("crl.pem", revocation_list(other) + revocation_list(authority, ended=True))
    message = reload(tls_cluster)["msg"]
    assert "the CRL of CN=Reload CA in ssl_crl_file" in message
    assert "expired at 2020-01-02 00:00:00 UTC, so the server would refuse every client certificate" in message


def test_crls_that_run_out_after_the_server_loaded_them_fail_a_run_that_leaves_them(tls_cluster, authority):
    tls_cluster.configure("ssl_ca_file = 'ca.pem'\nssl_crl_file = 'crl.pem'\n")
    tls_cluster.write("ca.pem", Path(authority.pair.certificate).read_bytes())
    tls_cluster.write("crl.pem", revocation_list(authority, ended=True))
    tls_cluster.reload()
    end = time.monotonic() + 10
    while tls_cluster.sql("SHOW ssl_crl_file") != [("crl.pem",)] and time.monotonic() < end:
        time.sleep(0.1)
    for check in (True, False):
        left = reload(tls_cluster, check=check)
        assert left["failed"] and "the CRL of CN=Reload CA in ssl_crl_file" in left["msg"], left
    tls_cluster.write("crl.pem", revocation_list(authority))
    mended = reload(tls_cluster)
    assert (mended["failed"], mended["reloaded"]) == (False, True), mended


def test_rules_that_the_server_loads_although_nobody_can_meet_them_are_told(tls_cluster, authority):
    rule = "hostssl all all 192.0.2.0/24 cert\n"
    tls_cluster.write("pg_hba.conf", "local all all trust\nhost all all 127.0.0.1/32 trust\n" + rule)
    (warning,) = reload(tls_cluster)["warnings"]
    path = os.path.join(tls_cluster.data_directory, "pg_hba.conf")
    assert warning.startswith(
        f'{path} line 3: "hostssl all all 192.0.2.0/24 cert" requires a client certificate and refuses'
    )
    tls_cluster.write("ca.pem", Path(authority.pair.certificate).read_bytes())
    tls_cluster.configure("ssl_ca_file = 'ca.pem'\n")
    assert reload(tls_cluster)["warnings"] == []
    tls_cluster.configure("ssl = off\n")
    (warning,) = reload(tls_cluster)["warnings"]
    assert "is never met while ssl is off" in warning


def revocation_list(authority, ended=False):
    """A list made by openssl, good for 30 days or over since 2020."""
    folder = authority.directory
    (folder / "crl.txt").write_text("")
    (folder / "crl.cnf").write_text(f"[ca]\ndefault_ca=x\n[x]\ndatabase={folder}/crl.txt\ndefault_md=sha256\n")
    times = (
        ["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200102000000Z"] if ended else ["-crldays", "30"]
    )
    signer = ["-cert", authority.pair.certificate, "-keyfile", authority.pair.key]
    openssl("ca", "-config", str(folder / "crl.cnf"), "-gencrl", *signer, *times, "-out", str(folder / "list.pem"))
    return (folder / "list.pem").read_text()


def test_missing_certificate_is_one_sentence(fresh_cluster):
    fresh_cluster.configure("ssl = on\n")
    result = reload(fresh_cluster)
    assert result["failed"] is True
    assert f"ssl_cert_file {fresh_cluster.data_directory}/server.crt holds no certificate" in result["msg"]


def test_without_a_login_the_server_is_signalled_and_the_certificate_proven(tls_cluster, authority):
    five = authority.issue("five", "server", "DNS:localhost")
    install(tls_cluster, five)
    result = reload(tls_cluster, login_user="nobody_here")
    assert not result["failed"], result
    assert result["served_fingerprint"] == five.fingerprint()
    assert "No login" in result["warnings"][0]
    assert "nobody_here" in result["warnings"][0]


def test_restart_happens_only_when_a_setting_waits_for_it(fresh_cluster):
    pid = fresh_cluster.sql("SELECT pg_postmaster_start_time()")
    assert reload(fresh_cluster, restart="if_pending")["restarted"] is False
    fresh_cluster.configure("max_connections = 37\n")
    waiting = reload(fresh_cluster)
    assert (waiting["pending_restart"], waiting["restarted"]) == (["max_connections"], False)
    predicted = reload(fresh_cluster, restart="if_pending", check=True)
    assert (predicted["restarted"], predicted["changed"]) == (True, True)
    assert fresh_cluster.sql("SELECT pg_postmaster_start_time()") == pid
    result = reload(fresh_cluster, restart="if_pending")
    assert not result["failed"], result
    assert (result["restarted"], result["pending_restart"]) == (True, [])
    assert fresh_cluster.sql("SHOW max_connections") == [("37",)]
    assert Path(fresh_cluster.log).read_text().count("ready to accept connections") == 2
    again = reload(fresh_cluster, restart="if_pending")
    assert (again["changed"], again["restarted"]) == (False, False)


RESTART_ONLY = {
    "max_connections": "41",  # a whole number
    "hot_standby": "off",
    "wal_level": "logical",  # one of several words
    "cluster_name": "'one'",
    "shared_buffers": "'17MB'",
    "shared_preload_libraries": "'pg_stat_statements'",
    "pg_stat_statements.max": "1001",  # of an extension
}


@pytest.mark.parametrize("case", ["removed by the editor", "removed by hand", "changed by hand"])
def test_a_setting_that_only_a_restart_changes_is_no_fault_of_the_files(fresh_cluster, case):
    c = fresh_cluster
    path = Path(c.data_directory, "postgresql.conf")
    before = path.read_text()
    path.write_text(before + "".join(f"{name} = {value}\n" for name, value in RESTART_ONLY.items()))
    assert reload(c, restart="if_pending")["restarted"] is True
    editor = {"path": str(path), "validate": "server", **c.login}
    names = sorted(RESTART_ONLY)
    if case == "removed by the editor":
        done = run_module("pg_conf", {**editor, "settings": dict.fromkeys(names)})
        assert not done["failed"], done["msg"]
        assert done["restart_required"] == names
        assert not run_module("pg_conf", {**editor, "settings": dict.fromkeys(names)})["changed"]
    elif case == "removed by hand":
        path.write_text("\n".join(line for line in path.read_text().split("\n") if line.split(" = ")[0] not in names))
    else:
        other = {**RESTART_ONLY, "max_connections": "42", "hot_standby": "on", "wal_level": "replica"}
        path.write_text(before + "".join(f"{name} = {value}\n" for name, value in other.items()))
        names = ["hot_standby", "max_connections", "wal_level"]
    beside = run_module("pg_conf", {**editor, "settings": {"work_mem": "5MB"}})
    assert not beside["failed"], beside["msg"]
    reloaded = reload(c)
    assert not reloaded["failed"], reloaded["msg"]
    assert (reloaded["reloaded"], reloaded["restarted"], reloaded["pending_restart"]) == (True, False, names)
    assert c.sql("SHOW work_mem") == [("5MB",)]
    assert c.sql("SELECT name FROM pg_settings WHERE pending_restart ORDER BY name") == [(name,) for name in names]
    again = reload(c)
    assert (again["failed"], again["changed"], again["pending_restart"]) == (False, False, names)
    for fault in ("work_mem = 'many'", "no_such_setting = 1", "no sense at all"):
        good = path.read_text()
        path.write_text(f"{good}{fault}\n")
        refused = reload(c)
        assert refused["failed"], fault
        assert f"postgresql.conf line {len(good.splitlines()) + 1}: " in refused["msg"], fault
        assert "line 0" not in refused["msg"]
        path.write_text(good)
    restarted = reload(c, restart="if_pending")
    assert not restarted["failed"], restarted["msg"]
    assert (restarted["restarted"], restarted["pending_restart"]) == (True, [])
    if case != "changed by hand":
        assert c.sql("SHOW max_connections") == [("100",)]


def test_restart_that_would_fail_is_not_begun(fresh_cluster):
    started = fresh_cluster.sql("SELECT pg_postmaster_start_time()")
    fresh_cluster.configure("max_connections = 'many'\n")
    result = reload(fresh_cluster, restart="if_pending")
    assert result["failed"] is True
    assert "was not restarted" in result["msg"]
    assert 'invalid value for parameter "max_connections": "many"' in result["msg"]
    assert fresh_cluster.sql("SELECT pg_postmaster_start_time()") == started


def test_restart_that_fails_quotes_the_log_and_the_server_runs_with_its_old_values(fresh_cluster):
    fresh_cluster.configure("shared_preload_libraries = '/nowhere/at/all'\n")
    result = reload(fresh_cluster, restart="if_pending", timeout_seconds=5)
    assert result["failed"] is True
    assert "did not restart by pg_ctl" in result["msg"]
    assert "/nowhere/at/all" in result["msg"]
    assert fresh_cluster.log in result["msg"]
    assert "it runs again with the values that it used before" in result["msg"]
    assert fresh_cluster.sql("SHOW shared_preload_libraries") == [()]


def test_restart_that_fails_whatever_the_settings_says_how_to_start(fresh_cluster):
    os.chmod(fresh_cluster.data_directory, 0o777)  # of which a server takes notice when it starts
    fresh_cluster.configure("max_connections = 44\n")
    result = reload(fresh_cluster, restart="if_pending", timeout_seconds=5)
    assert result["failed"] is True
    assert "has invalid permissions" in result["msg"]
    start = f"pg_ctl -D {fresh_cluster.data_directory} start"
    assert "it is down, so correct that and start it with " in result["msg"] and start in result["msg"]
    os.chmod(fresh_cluster.data_directory, 0o700)
    fresh_cluster.start()


def test_restart_always_restarts_when_files_changed(fresh_cluster):
    reload(fresh_cluster)
    assert reload(fresh_cluster, restart="always")["restarted"] is False
    assert reload(fresh_cluster, restart="always", files_changed=True)["restarted"] is True


def test_sockets_only_means_no_served_certificate(tls_cluster):
    tls_cluster.configure("listen_addresses = ''\n")
    assert reload(tls_cluster, restart="if_pending")["served_fingerprint"] is None


def test_stopped_cluster_is_one_sentence(fresh_cluster):
    fresh_cluster.stop()
    result = reload(fresh_cluster)
    assert result["failed"] is True
    assert result["msg"].startswith(f"the cluster {fresh_cluster.data_directory} is not running; start it with")


def test_no_key_material_in_any_result(tls_cluster, authority):
    install(tls_cluster, authority.issue("six", "server", "DNS:localhost"))
    assert "PRIVATE KEY" not in reload(tls_cluster)["_output"]
