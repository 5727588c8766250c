"""``optarb server``."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from optarb.cli.exit_codes import ExitCode

# A background job of a shell is born deaf to SIGINT, and so would be what a test starts in it.
_LISTENING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
COMMAND = [sys.executable, "-c", _LISTENING + "from optarb.cli import main; main()", "server"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_server_when_signalled_then_it_has_served_and_ends_well(temporal_cli, number):
    environment = {**os.environ, "OPTARB_TEMPORAL_CLI": str(temporal_cli)}
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            host, _, port = process.stdout.readline().strip().rpartition(":")
            with socket.create_connection((host, int(port)), timeout=10):
                pass
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()

    assert process.returncode == 0, err
    assert out == ""


def test_server_when_executable_is_wrong_then_error_and_exit_code_2(tmp_path):
    environment = {**os.environ, "OPTARB_TEMPORAL_CLI": str(tmp_path / "missing")}

    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60, env=environment, check=False)

    assert done.returncode == ExitCode.USAGE
    assert done.stderr.startswith("error: ConfigurationError: OPTARB_TEMPORAL_CLI is set to")
