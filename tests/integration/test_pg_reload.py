# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reloads that are proven: the new certificate is served, and what the server would refuse is found before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from module_runner import run_module
from openssl_authority import new_authority


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


def test_key_that_the_server_refuses_is_reported_with_its_log(tls_cluster, authority):
    install(tls_cluster, authority.issue("open", "server", "DNS:localhost"))
    os.chmod(os.path.join(tls_cluster.data_directory, "server.key"), 0o644)
    result = reload(tls_cluster)
    assert result["failed"] is True
    assert "of ssl_cert_file" in result["msg"]
    assert "has group or world access" in result["msg"]
    assert tls_cluster.log in result["msg"]


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


def test_restart_that_would_fail_is_not_begun(fresh_cluster):
    started = fresh_cluster.sql("SELECT pg_postmaster_start_time()")
    fresh_cluster.configure("max_connections = 'many'\n")
    result = reload(fresh_cluster, restart="if_pending")
    assert result["failed"] is True
    assert "was not restarted" in result["msg"]
    assert 'invalid value for parameter "max_connections": "many"' in result["msg"]
    assert fresh_cluster.sql("SELECT pg_postmaster_start_time()") == started


def test_restart_that_fails_quotes_the_log(fresh_cluster):
    fresh_cluster.configure("unix_socket_directories = '/nowhere/at/all'\n")
    result = reload(fresh_cluster, restart="if_pending", timeout_seconds=5)
    assert result["failed"] is True
    assert "did not restart by pg_ctl" in result["msg"]
    assert "/nowhere/at/all" in result["msg"]
    assert fresh_cluster.log in result["msg"]


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
