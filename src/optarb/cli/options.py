"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["TASK_QUEUE", "AddressOption", "InProcessOption", "RunAddressOption", "TaskQueueOption"]

TASK_QUEUE = "optarb"
"""Task queue of the command line's workers, unless another is named."""

AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT", help="Temporal server; by default what TEMPORAL_ADDRESS or temporal.toml names."
    ),
]
"""The option ``--address`` of a command."""

TaskQueueOption = Annotated[str, typer.Option("--task-queue", metavar="NAME", help="Task queue where workers listen.")]
"""The option ``--task-queue`` of a command."""

InProcessOption = Annotated[bool, typer.Option("--in-process", help="Run it in this process instead of on a Temporal server.")]
"""The option ``--in-process`` of commands that run a backtest."""

RunAddressOption = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT", help="Temporal server to run it on; by default the one found, else an embedded one."
    ),
]
"""The option ``--address`` of commands that run a backtest."""
