"""Runs the programs of examples as a stranger would: in processes of their own, in a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


class Example:
    """One folder of examples, and a scratch folder to run it in."""

    def __init__(self, name, scratch):
        self.folder = EXAMPLES / name
        self.scratch = scratch

    def environment(self, **variables):
        found_on = os.pathsep.join(filter(None, (str(self.folder), os.environ.get("PYTHONPATH"))))
        return {**os.environ, "PYTHONPATH": found_on, **variables}

    def start(self, *command, **variables):
        """Starts Python on a program and returns the process."""
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=self.scratch,
            env=self.environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command, **variables):
        """Runs Python on a program and returns what it printed."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.scratch,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def example(tmp_path):
    return lambda name: Example(name, tmp_path)
