# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection into a local podman container through its namespaces."""

from __future__ import annotations

DOCUMENTATION = """
name: namespaces
short_description: Enter the namespaces of a local podman container
description:
  - Runs commands with C(nsenter), which costs milliseconds where C(podman exec) costs a good part of a second.
  - Needs root on a Linux controller. It exists for this collection's test hosts alone.
author: the pgtls.postgresql authors (@pgtls)
options:
  remote_addr:
    description: Name of the container.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
"""

import os
import shutil
import subprocess

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.connection import ConnectionBase

NAMESPACES = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
ENVIRONMENT = [
    "HOME=/root",
    "LANG=C.UTF-8",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "container=podman",
]


class Connection(ConnectionBase):
    """One container; its process id is asked once."""

    transport = "namespaces"
    has_pipelining = True

    def _connect(self):
        if self._connected:
            return self
        name = self.get_option("remote_addr")
        asked = subprocess.run(
            ["podman", "inspect", "--format", "{{.State.Pid}}", name], capture_output=True, text=True, check=False
        )
        self._pid = asked.stdout.strip()
        if asked.returncode != 0 or self._pid in ("", "0"):
            raise AnsibleConnectionFailure(f"The container {name} is not running: {asked.stderr.strip()}")
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        enter = ["nsenter", "--target", self._pid, *NAMESPACES, "--", "/usr/bin/env", "-i", *ENVIRONMENT]
        done = subprocess.run(
            [to_bytes(word) for word in (*enter, "/bin/sh", "-c", cmd)],
            input=in_data or b"",
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        self._copy(in_path, self._inside(out_path))

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        self._copy(self._inside(in_path), out_path)

    def close(self):
        self._connected = False

    def _inside(self, path):
        return f"/proc/{self._pid}/root{os.path.normpath('/' + to_text(path))}"

    @staticmethod
    def _copy(source, target):
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise AnsibleConnectionFailure(f"Copying {source} to {target} failed: {error}") from error
