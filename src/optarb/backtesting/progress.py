"""Shows how far a run is: a bar on a terminal or in a notebook, a function of the caller's, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optarb.specs import Progress

__all__ = ["ProgressCallback", "showing"]

ProgressCallback = Callable[["Progress"], None]


@contextmanager
def showing(progress: bool | ProgressCallback | None, title: str) -> Generator[ProgressCallback]:
    """Gives the function to call with each progress.

    Args:
        progress: True for a bar, False for nothing, None for a bar on a terminal or in a notebook only, or a function.
        title: Written beside the bar.
    """
    if callable(progress):
        yield progress
    elif progress or (progress is None and _is_watched()):
        with _bar(title) as show:
            yield show
    else:
        yield lambda _: None


def _is_watched() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


@contextmanager
def _bar(title: str) -> Generator[ProgressCallback]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None)

        def show(progress: Progress) -> None:
            bar.update(task, description=f"{title} {progress.phase}", completed=progress.done, total=progress.total)

        yield show
