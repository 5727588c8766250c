"""The script that finds a browser."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from tests.reports.browser import CHECKOUT

SCRIPT = CHECKOUT / "scripts" / "find-browser"


@pytest.fixture
def machine(tmp_path):
    """A machine with nothing but what the script itself needs; give it programs that work or fail."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "dirname"):
        (programs / name).symlink_to(shutil.which(name))

    class Machine:
        home = tmp_path / "home"

        def install(self, path, *, works=True):
            path = programs / path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#!{shutil.which('bash')}\nexit {0 if works else 1}\n")
            path.chmod(0o755)
            return path

        def find(self, **environment):
            return subprocess.run(
                [SCRIPT],
                env={"PATH": str(programs), "HOME": str(self.home), **environment},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )

    return Machine()


def test_find_when_on_path_then_that_one(machine):
    path = machine.install("chromium")
    machine.install("google-chrome")

    assert machine.find().stdout.strip() == str(path)


def test_find_when_one_on_path_does_not_run_then_the_next(machine):
    machine.install("chromium-browser", works=False)
    path = machine.install("google-chrome")

    assert machine.find().stdout.strip() == str(path)


@pytest.mark.parametrize(
    "path",
    [
        ".cache/ms-playwright/chromium-1/chrome-linux64/chrome",
        "Library/Caches/ms-playwright/chromium-1/chrome-mac/Chromium.app/Contents/MacOS/Chromium",
    ],
)
def test_find_when_playwright_has_one_then_that(machine, path):
    path = machine.install(machine.home / path)

    assert machine.find().stdout.strip() == str(path)


def test_find_when_named_then_before_all_others(machine):
    machine.install("chromium")
    path = machine.install(machine.home / "mine")

    assert machine.find(OPTARB_BROWSER=str(path)).stdout.strip() == str(path)


def test_find_when_the_named_one_does_not_run_then_error_names_it(machine):
    machine.install("chromium")

    done = machine.find(OPTARB_BROWSER="/no/browser")

    assert (done.returncode, done.stdout) == (1, "")
    assert "OPTARB_BROWSER is set to '/no/browser'" in done.stderr


def test_find_when_there_is_none_then_error_says_what_to_do(machine):
    done = machine.find()

    assert (done.returncode, done.stdout) == (1, "")
    assert "run scripts/find-browser --fetch" in done.stderr
