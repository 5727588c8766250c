"""Further processes for a sweep: this process hands them numbers of settings, and they write books.

They are started as ``python -m``, not through ``multiprocessing``: that would run the user's script again in each of them,
and its components would there belong to another module than the one the books were claimed for.
"""

from __future__ import annotations

import io
import json
import logging
import os
import pickle
import subprocess
import sys
import warnings
from typing import IO, TYPE_CHECKING, Any, Self

from optarb.errors import OptarbError, error_named

if TYPE_CHECKING:
    from types import TracebackType

    from optarb.backtesting.sweep_book import OpenSweep
    from optarb.desk import Desk

__all__ = ["SweepProcess", "helpers_wanted", "packed_desk"]

_logger = logging.getLogger("optarb")
_WORTH_SECONDS = 2.0
"""Another process is started for no less than this much work: it takes about a second to load."""


def helpers_wanted(processes: int | None, settings: int, seconds: float) -> int:
    """Says how many further processes are worth their start.

    Args:
        processes: What the user asked for; None for one a CPU if it pays.
        settings: Settings left.
        seconds: What they would take in one process.
    """
    if processes is None:
        processes = _cpus() if seconds >= _WORTH_SECONDS else 1
    return min(processes - 1, settings)


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def packed_desk(desk: Desk, opened: OpenSweep, *, asked: bool) -> bytes | None:
    """Pickles what a further process needs.

    Args:
        desk: Data and infrastructure.
        opened: The sweep.
        asked: Whether the user asked for processes, and is to be warned if there can be none.

    Returns:
        None if this desk cannot work in another process; that is said.
    """
    if not desk.store.is_shared:
        reason = f"the store {desk.store!r} lives in this process"
    else:
        try:
            packed = pickle.dumps((desk, opened.sweep, opened.facts, opened.inputs))
            _Loadable(io.BytesIO(packed)).load()
        except Exception as error:  # noqa: BLE001 - whatever a component's pickling raises
            reason = f"the desk cannot be pickled ({error})"
        else:
            return packed
    told = f"sweep {opened.sweep_id!r} runs in this process alone: {reason}"
    if asked:
        warnings.warn(told, stacklevel=2)
    else:
        _logger.info(told)
    return None


class _Loadable(pickle.Unpickler):
    """Refuses what another process could not load: it has a main module of its own."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "__main__":
            raise pickle.UnpicklingError(f"{name} is defined in the script or the notebook; move it to a module")
        return super().find_class(module, name)


class SweepProcess:
    """A further process. It ends with the block, or with this process, whatever it is doing; its book can be resumed."""

    def __init__(self, packed: bytes) -> None:
        """Starts nothing yet.

        Args:
            packed: From :func:`packed_desk`.
        """
        self._packed = packed

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "optarb.backtesting.sweep_worker"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._send(f"{len(self._packed)}\n".encode() + self._packed)
        return self

    def refusal(self) -> str | None:
        """Waits until it has loaded the desk, and says why it cannot work; None if it can. Asked once."""
        line = self._pipe(self._process.stdout).readline()
        if not line:
            return f"it ended with code {self._process.wait()} while it loaded the desk; its words are on standard error"
        return None if json.loads(line)["same"] else "it sees other code or libraries than this one"

    def run(self, number: int) -> None:
        """Lets it run one setting, and waits.

        Args:
            number: The setting.

        Raises:
            OptarbError: What ends the whole sweep, or the process ended by itself.
        """
        self._send(f"{number}\n".encode())
        line = self._pipe(self._process.stdout).readline()
        if not line:
            raise OptarbError(
                f"a process of the sweep ended with code {self._process.wait()} in setting {number}; run the sweep again with "
                "its sweep_id to go on"
            )
        reply: dict[str, str] = json.loads(line)
        if reply:
            kind = error_named(reply["type"])
            raise kind(reply["message"] if kind is not OptarbError else f"{reply['type']}: {reply['message']}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._process:  # it reads the end of its standard input as a request to stop
            self._pipe(self._process.stdin).close()
            try:
                self._process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _send(self, content: bytes) -> None:
        stream = self._pipe(self._process.stdin)
        try:
            stream.write(content)
            stream.flush()
        except BrokenPipeError:
            return  # it is gone; reading its answer tells

    @staticmethod
    def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
        assert stream is not None  # noqa: S101 - both were asked for
        return stream


_PATIENCE_SECONDS = 10.0
"""A component may be at work; what it has not committed by then is computed again when the sweep is resumed."""
