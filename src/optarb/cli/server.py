"""``optarb server``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from optarb.temporal.server import EmbeddedServer

__all__ = ["server"]


def server(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port on 127.0.0.1; by default one that is free.")] = None,
    database: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep workflows in this file; by default in memory.")
    ] = None,
    ui: Annotated[bool, typer.Option("--ui", help="Serve Temporal's web pages as well.")] = False,
) -> None:
    """Run a Temporal server on this machine until Ctrl-C. Prints its address."""
    import asyncio

    from optarb.temporal.server import EmbeddedServer

    asyncio.run(_serve(EmbeddedServer(port=port, database=database, ui=ui, progress=lambda line: typer.echo(line, err=True))))


async def _serve(embedded: EmbeddedServer) -> None:
    """Runs the server until SIGINT or SIGTERM, which are the ordinary ways to end it."""
    import asyncio
    import signal

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with embedded as running:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        typer.echo(running.address)
        typer.echo("press Ctrl-C to stop", err=True)
        await stopped.wait()
