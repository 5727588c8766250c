"""Connects to a Temporal server by the same settings as Temporal's own tools."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.client import Client
from temporalio.envconfig import ClientConfig, ClientConnectConfig

from optarb.errors import ConfigurationError, ServerUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporalio.client import Plugin

__all__ = ["DEFAULT_ADDRESS", "connect"]

DEFAULT_ADDRESS = "localhost:7233"
"""Where a server is looked for when neither the caller nor the configuration names an address."""

_CONNECT_TIMEOUT = timedelta(seconds=10)


async def connect(
    address: str | None = None,
    *,
    namespace: str | None = None,
    profile: str | None = None,
    plugins: Sequence[Plugin] = (),
) -> Client:
    """Connects to a Temporal server: a local one, a self-hosted one or Temporal Cloud.

    What is not given comes from the environment (``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE``, ``TEMPORAL_API_KEY``,
    ``TEMPORAL_TLS...``) and then from a profile of ``temporal.toml``, found by ``TEMPORAL_CONFIG_FILE`` or in the
    user's configuration folder. Keys and certificates come from there alone, never from an argument.

    Args:
        address: ``host:port``; None takes the configured one, or ``localhost:7233``.
        namespace: Temporal namespace; None takes the configured one, or ``default``.
        profile: Profile of ``temporal.toml``; None takes ``TEMPORAL_PROFILE``, or ``default``.
        plugins: Plugins of the client, such as ``OptarbPlugin``.

    Returns:
        A connected client. It needs no closing.

    Raises:
        ConfigurationError: The configuration cannot be read, or the address is no address.
        ServerUnavailable: No Temporal server answers at the address within 10 seconds. Trying again can help.
    """
    config = _configured(profile)
    if address is not None:
        config["target_host"] = address
    if namespace is not None:
        config["namespace"] = namespace
    target = config.setdefault("target_host", DEFAULT_ADDRESS)
    try:
        return await Client.connect(**config, plugins=plugins, connect_timeout=_CONNECT_TIMEOUT)
    except ValueError as error:
        raise ConfigurationError(f"the Temporal address {target!r} is not valid: {error}; write host:port") from error
    except RuntimeError as error:
        raise ServerUnavailable(
            f"no Temporal server answers at {target!r}: {error}. Start one, or set TEMPORAL_ADDRESS to one that runs"
        ) from error


def _configured(profile: str | None) -> ClientConnectConfig:
    try:
        return ClientConfig.load_client_connect_config(profile)
    except Exception as error:  # noqa: BLE001 - the SDK's own error type lives in a private module of it
        # Later lines of the message quote the file, and so perhaps a key; `from None` keeps them out of the traceback.
        reason = str(error).partition("\n")[0]
        raise ConfigurationError(f"Temporal's configuration (temporal.toml, TEMPORAL_*) cannot be read: {reason}") from None
