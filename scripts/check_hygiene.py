"""Checks that no tracked file names a package registry or a path of somebody's machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

# Written in pieces so that this file does not find itself.
_REGISTRIES = ("pypi" + r"\.org", "files" + r"\.pythonhosted", "registry" + r"\.npmjs", "proxy" + r"\.golang")
_MACHINE_PATHS = ("/" + r"root/", "/" + r"home/\w", "/" + r"Users/\w", "/" + r"work/", "/" + r"tmp/w\b")
_FORBIDDEN = re.compile("|".join((*_REGISTRIES, *_MACHINE_PATHS)))


def main() -> int:
    """Prints each line that should not be there, and returns 1 if there is one."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True)  # noqa: S607
    found = 0
    for name in filter(None, listed.stdout.split("\0")):
        path = Path(name)
        if not path.is_file():
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # not text
        for number, line in enumerate(lines, start=1):
            match = _FORBIDDEN.search(line)
            if match:
                found += 1
                print(f"{name}:{number}: names {match[0]!r}")
    print(f"hygiene: {found} lines to clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
