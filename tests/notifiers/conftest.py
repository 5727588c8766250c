"""Services on this machine, and a certificate for them."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from tests.notifiers import services


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def web():
    with services.serving(services.WebServer()) as server:
        yield server


@pytest.fixture
def smtp():
    """Starts SMTP servers by their rules."""
    running = []

    def start(**rules):
        serving = services.serving(services.SmtpServer(services.SmtpRules(**rules)))
        running.append(serving)
        return serving.__enter__()

    yield start
    for serving in running:
        serving.__exit__(None, None, None)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A file with key and certificate of ``localhost``, signed by itself."""
    tool = shutil.which("openssl")
    if tool is None:
        if os.environ.get("OPTARB_REQUIRE_SERVER") == "1":
            pytest.fail("OPTARB_REQUIRE_SERVER=1, and there is no openssl to make a certificate with")
        pytest.skip("no openssl to make a certificate with")
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    command = [tool, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-keyout", str(file), "-out", str(file.with_suffix(".crt"))]
    for extension in ("subjectAltName=DNS:localhost,IP:127.0.0.1", "keyUsage=digitalSignature,keyCertSign"):
        command += ["-addext", extension]
    subprocess.run(command, check=True, capture_output=True)
    file.write_text(file.read_text() + file.with_suffix(".crt").read_text())
    return str(file)


@pytest.fixture
def trusted(certificate, monkeypatch):
    """The same, and clients of this test trust it."""
    monkeypatch.setenv("SSL_CERT_FILE", certificate.replace(".pem", ".crt"))
    return certificate
