# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give ansible-test a pip without a download, from the pip that each Python carries.

Run it with the Python whose ansible-test is about to run. ansible-test keeps a ``get_pip_<version>.py`` in its cache
and downloads it when it is missing; a machine behind a firewall cannot. A real one that is there is left alone.
"""

from __future__ import annotations

import pathlib
import re

from ansible_test._internal import python_requirements

STAND_IN = '''\
"""Stand-in for get-pip.py, made by tests/tools/seed_pip.py: installs the pip that this Python carries."""
import ensurepip, glob, os, runpy, sys
bundled = os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")
# Debian moves the wheels of its own Python elsewhere
wheels = glob.glob(os.path.join(bundled, "pip-*.whl")) or glob.glob("/usr/share/python-wheels/pip-*.whl")
sys.path.insert(0, wheels[0])
wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.argv = ["pip", "install", "--force-reinstall"] + wanted
runpy.run_module("pip", run_name="__main__", alter_sys=True)
'''


def pip_versions() -> set[str]:
    """The versions of pip that this ansible-test may ask for, as they stand in its source."""
    source = pathlib.Path(python_requirements.__file__).read_text(encoding="utf-8")
    return set(re.findall(r"\b(2\d\.\d(?:\.\d)?)\b", source))


def main() -> None:
    cache = pathlib.Path("~/.ansible/test/cache").expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    for version in pip_versions():
        file = cache / f"get_pip_{version.replace('.', '_')}.py"
        if not file.exists() or file.read_text(encoding="utf-8").startswith(STAND_IN.splitlines()[0]):
            file.write_text(STAND_IN, encoding="utf-8")


if __name__ == "__main__":
    main()
