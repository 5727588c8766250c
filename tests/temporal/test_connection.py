from __future__ import annotations

import asyncio
import socket
import traceback

import pytest

from optarb.errors import ConfigurationError, ServerUnavailable
from optarb.temporal import connection


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch, tmp_path):
    for name in ("ADDRESS", "NAMESPACE", "API_KEY", "TLS", "PROFILE"):
        monkeypatch.delenv(f"TEMPORAL_{name}", raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))


@pytest.fixture
def silent_address():
    """An address at which nobody listens, held so that nobody else takes it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def connect(*args, **options):
    """Connects and returns (target, namespace)."""

    async def run():
        client = await connection.connect(*args, **options)
        return client.service_client.config.target_host, client.namespace

    return asyncio.run(run())


def test_connect_when_address_given_then_used(temporal_address):
    assert connect(temporal_address) == (temporal_address, "default")


def test_connect_when_variables_set_then_used(monkeypatch, temporal_address):
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "research")

    assert connect() == (temporal_address, "research")


def test_connect_when_argument_and_variable_differ_then_argument_wins(monkeypatch, temporal_address, silent_address):
    monkeypatch.setenv("TEMPORAL_ADDRESS", silent_address)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "research")

    assert connect(temporal_address, namespace="desk") == (temporal_address, "desk")


def test_connect_when_profile_named_then_read_from_file(tmp_path, temporal_address):
    (tmp_path / "temporal.toml").write_text(
        f'[profile.default]\naddress = "nobody:1"\n[profile.own]\naddress = "{temporal_address}"\nnamespace = "mine"\n'
    )

    assert connect(profile="own") == (temporal_address, "mine")


def test_connect_when_nobody_listens_then_server_unavailable_names_address(silent_address):
    with pytest.raises(ServerUnavailable, match=silent_address) as caught:
        connect(silent_address)

    assert caught.value.retryable


def test_connect_when_nothing_configured_then_default_address_is_tried(monkeypatch, silent_address):
    monkeypatch.setattr(connection, "DEFAULT_ADDRESS", silent_address)

    with pytest.raises(ServerUnavailable, match=silent_address):
        connect()


def test_connect_when_address_is_malformed_then_configuration_error():
    with pytest.raises(ConfigurationError, match="'not a host' is not valid"):
        connect("not a host")


def test_connect_when_profile_unknown_then_configuration_error_names_it():
    with pytest.raises(ConfigurationError, match="Profile 'nope' not found"):
        connect(profile="nope")


def test_connect_when_file_broken_then_error_does_not_show_its_secrets(tmp_path):
    (tmp_path / "temporal.toml").write_text('[profile.default]\napi_key = "hunter2\n')

    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        connect()

    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
