"""Records the histories of real runs, which the tests replay on the workflows as they are.

``python -m scripts.record_histories`` in the project's folder writes one file for each run of each scenario into
``tests/temporal/histories/<version>/``. Histories of a released version are of runs that users may have under way: they are
never recorded anew. Until the release, ``--replace`` does that.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gzip
import json
import logging
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from tests.temporal import rig
from tests.temporal.histories.scenarios import SCENARIOS, Stage

import optarb
from optarb.temporal.server import resolve_cli

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "temporal" / "histories"
_CONTINUED_AT = 200
"""Events after which the server suggests to continue as new, so that the histories of that stay small."""


async def record(folder: Path, scratch: Path) -> None:
    """Plays every scenario and writes what it left on the server."""
    market = rig.write_market(scratch / "market")
    settings = ["--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={_CONTINUED_AT}"]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(resolve_cli()), dev_server_log_level="error", dev_server_extra_args=settings
    ) as server:
        for scenario in SCENARIOS:
            stage_folder = scratch / scenario.__name__.replace("_", "-")
            stage_folder.mkdir()
            keeper = rig.Keeper(stage_folder / "gate")
            address = server.client.service_client.config.target_host
            stage = Stage(address=address, market=market, folder=stage_folder, keeper=keeper)
            for number, history in enumerate(await scenario(stage), start=1):
                file = folder / f"{scenario.__name__}.{number}.json.gz"
                text = written(history, secrets=(str(scratch), str(Path.cwd()), str(Path.home()), socket.gethostname()))
                file.write_bytes(gzip.compress(text.encode(), mtime=0))
                print(f"{file.name}: {len(history.events)} events, {file.stat().st_size:,} bytes")
            keeper.close()
    await asyncio.sleep(0.5)  # the SDK can crash at interpreter exit when the loop ends with the server


def written(history: WorkflowHistory, *, secrets: Sequence[str]) -> str:
    """Writes a history as JSON, without the stack traces of failures, which name files of the machine.

    Raises:
        ValueError: It names something of the machine all the same, in plain text or in a payload.
    """
    fields = history.to_json_dict()
    _remove_traces(fields)
    said = "\n".join(texts(fields))
    for secret in secrets:
        if re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", said, re.IGNORECASE):
            raise ValueError(f"the history of {history.workflow_id!r} names {secret!r}; it must not be kept")
    return json.dumps(fields, separators=(",", ":"))


def _remove_traces(node: Any) -> None:
    if isinstance(node, dict):
        node.pop("stackTrace", None)
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            _remove_traces(child)


def texts(node: Any) -> Iterator[str]:
    """Yields every text of a history; payloads as what they hold."""
    if isinstance(node, dict):
        for name, child in node.items():
            encoded = name == "data" or (name == "encoding" and isinstance(child, str))
            yield from [base64.b64decode(child).decode()] if encoded else texts(child)
    elif isinstance(node, list):
        for child in node:
            yield from texts(child)
    elif isinstance(node, str):
        yield node


def main() -> int:
    """Records all scenarios of this version."""
    parser = argparse.ArgumentParser(description="Record the histories that the tests replay.")
    parser.add_argument("--replace", action="store_true", help="record this version anew; only before its release")
    folder = FOLDER / optarb.__version__
    replace = parser.parse_args().replace
    if folder.exists() and not replace:
        print(f"{folder} is there already; pass --replace if version {optarb.__version__} is not released yet")
        return 1
    logging.disable()  # what fails here is meant to
    with tempfile.TemporaryDirectory(prefix="optarb-histories-") as name:
        fresh = Path(name) / "fresh"
        fresh.mkdir()
        asyncio.run(record(fresh, Path(name)))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(fresh, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
