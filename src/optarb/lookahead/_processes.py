"""Where runs happen: each in a process that has asked the component nothing before, or all in this one."""

from __future__ import annotations

import io
import os
import pickle
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol, Self

from optarb.errors import ComponentError, OptarbError, error_named
from optarb.lookahead._tasks import Keep, Load, Outcome, Task, perform

if TYPE_CHECKING:
    from types import TracebackType

    from optarb.lookahead._material import Material
    from optarb.lookahead._tasks import Subject

__all__ = ["FreshProcesses", "Place", "ThisProcess", "packed"]


class Place(Protocol):
    """Runs tasks of one subject on one material."""

    def start_from(self, kept: Any) -> None:
        """Gives what the first run kept to all later ones."""
        ...

    def run(self, task: Task) -> Outcome:
        """Runs a task."""
        ...


class ThisProcess:
    """Runs everything here, one task after the other: what a component leaves behind in one run is there in the next."""

    def __init__(self, subject: Subject, material: Material) -> None:
        """Runs nothing yet."""
        self._subject = subject
        self._material = material
        self._kept: Any = None

    def start_from(self, kept: Any) -> None:
        """Gives what the first run kept to all later ones."""
        self._kept = kept

    def run(self, task: Task) -> Outcome:
        """Runs a task; see :class:`Place`."""
        return perform(self._subject, self._material, task, self._kept)


class FreshProcesses:
    """Another interpreter that has loaded the component and the market, and splits off a process for each task."""

    def __init__(self, packed: bytes, *, hash_seed: int) -> None:
        """Starts nothing yet.

        Args:
            packed: From :func:`packed`.
            hash_seed: Decides the order of sets of text.
        """
        self._packed: bytes | None = packed
        self._kept: bytes | None = None
        self._hash_seed = hash_seed

    def __enter__(self) -> Self:
        # Not through multiprocessing: that would run the user's script again.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "optarb.lookahead._fresh_program"],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "PYTHONHASHSEED": str(self._hash_seed),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a group of its own, so that it can be ended with the process it has split off
        )
        return self

    def start_from(self, kept: Any) -> None:
        """Gives what the first run kept to all later ones."""
        self._kept = pickle.dumps(Keep(kept))

    def run(self, task: Task) -> Outcome:
        """Runs a task; see :class:`Place`.

        Raises:
            OptarbError: What the component met; or its process died.
        """
        for waiting in (self._packed, self._kept):  # not sent before: two of them start side by side
            if waiting is not None:
                self._send(waiting)
        self._packed = self._kept = None
        self._send(pickle.dumps(task))
        size = self._read(8)
        content = self._read(int.from_bytes(size, "big")) if len(size) == 8 else b""
        if not content:
            raise ComponentError(
                "the process that asked the component ended; its words are on standard error. Ask in this process instead: "
                "check_lookahead(..., processes=False)"
            )
        answer: Outcome | tuple[str, str] = pickle.loads(content)  # noqa: S301 - from the process started here
        if isinstance(answer, Outcome):
            return answer
        name, message = answer
        kind = error_named(name)
        raise kind(message if kind is not OptarbError else f"{name}: {message}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._process:
            assert self._process.stdin is not None  # noqa: S101 - it was asked for
            self._process.stdin.close()  # it reads the end of its standard input as a request to stop
            try:
                self._process.wait(_PATIENCE_SECONDS if error is None else 0.0)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)

    def _send(self, content: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        try:
            self._process.stdin.write(len(content).to_bytes(8, "big") + content)
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # it is gone; reading its answer tells

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        return self._process.stdout.read(size)


_PATIENCE_SECONDS = 10.0


def packed(subject: Subject, material: Material) -> bytes | str:
    """Pickles what another interpreter needs; or says, as text, why there can be none."""
    if not hasattr(os, "fork"):
        return "this platform cannot split processes"
    try:
        content = pickle.dumps(Load(subject, material))
        _Loadable(io.BytesIO(content)).load()
    except Exception as error:  # noqa: BLE001 - whatever a component's pickling raises
        return f"it cannot be pickled ({error})"
    return content


class _Loadable(pickle.Unpickler):
    """Refuses what another interpreter could not load: it has a main module of its own."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "__main__":
            raise pickle.UnpicklingError(f"{name} is defined in the script or the notebook; move it to a module")
        return super().find_class(module, name)
