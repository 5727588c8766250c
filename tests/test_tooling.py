"""The tools around the library: what the suite itself promises, and the scripts."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def send_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"x", ("192.0.2.1", 53))


@pytest.mark.parametrize(
    "use",
    [
        lambda: socket.create_connection(("192.0.2.1", 80), timeout=0.1),
        lambda: socket.getaddrinfo("example.com", 443),
        send_datagram,
    ],
    ids=["connect", "look-up", "datagram"],
)
def test_network_when_used_beyond_loopback_then_the_test_fails(use):
    with pytest.raises(pytest.fail.Exception, match="only loopback is allowed"):
        use()


def test_network_when_loopback_then_allowed():
    with socket.create_server(("localhost", 0)) as listener, socket.create_connection(listener.getsockname()):
        pass


def test_suite_when_run_then_last_lines_count_skips_by_reason(tmp_path):
    (tmp_path / "test_some.py").write_text(
        """
import pytest

def test_a(): pass
def test_b(): assert False
@pytest.mark.parametrize("n", [1, 2])
def test_c(n): pytest.skip("no moon")
@pytest.mark.xfail(reason="known")
def test_d(): assert False
@pytest.fixture
def broken(): raise OSError
def test_e(broken): pass
"""
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "--rootdir", str(tmp_path), "test_some.py"]

    done = run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(CHECKOUT)})

    assert done.stdout.splitlines()[-3:] == [
        "skipped 2: no moon",
        "skipped 1: expected to fail: known",
        "tests: 1 passed, 2 failed, 3 skipped",
    ]


def test_find_python_when_named_python_is_unusable_then_error_says_which(tmp_path):
    done = run([CHECKOUT / "scripts" / "find-python"], env={**os.environ, "OPTARB_PYTHON": "/no/python"})

    assert done.returncode == 1
    assert "OPTARB_PYTHON is set to '/no/python'" in done.stderr


def test_find_python_when_only_broken_ones_then_error_names_versions(tmp_path):
    for name in ("python3.13", "python3.11", "python3"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 127\n")  # as a shim of pyenv for a version not selected
        (tmp_path / name).chmod(0o755)
    (tmp_path / "bash").symlink_to(shutil.which("bash"))

    done = run([CHECKOUT / "scripts" / "find-python"], env={"PATH": str(tmp_path), "HOME": str(tmp_path)})

    assert done.returncode == 1
    assert "no usable Python 3.11, 3.12, 3.13 or 3.14" in done.stderr


def test_find_python_when_newest_is_broken_then_next_is_taken(tmp_path):
    version = "3.12" if sys.version_info[:2] != (3, 12) else "3.11"
    real = sys._base_executable
    (tmp_path / "python3.13").write_text("#!/bin/sh\nexit 127\n")
    # Stands for an older Python: it answers whatever version it is asked about.
    (tmp_path / f"python{version}").write_text(f"#!/bin/sh\necho {real}\n")
    for name in ("python3.13", f"python{version}"):
        (tmp_path / name).chmod(0o755)
    (tmp_path / "bash").symlink_to(shutil.which("bash"))

    done = run([CHECKOUT / "scripts" / "find-python"], env={"PATH": str(tmp_path), "HOME": str(tmp_path)})

    assert done.stdout.strip() == real


def test_pins_when_read_then_every_one_has_a_hash_and_no_host():
    for name in ("base.txt", "dev.txt"):
        text = (CHECKOUT / "requirements" / name).read_text()
        pins = re.findall(r"^([a-z0-9][\w.-]*)==\S+.*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
        blocks = re.split(r"\n(?=[a-z0-9])", text.strip())

        assert len(pins) == len(blocks) > 20
        assert all("--hash=sha256:" in block for block in blocks)
        assert "://" not in text
