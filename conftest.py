"""What holds for all tests: snippets of the documentation run, the network is off, skips are counted aloud."""

from __future__ import annotations

import collections
import ipaddress
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

_NETWORK_EVENTS = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}


def _enter_scratch(namespace: dict[str, Any]) -> None:
    """Lets the snippets of a page write where they like."""
    scratch = tempfile.TemporaryDirectory(prefix="optarb-docs-")
    namespace["_scratch"], namespace["_back"] = scratch, Path.cwd()
    os.chdir(scratch.name)


def _leave_scratch(namespace: dict[str, Any]) -> None:
    os.chdir(namespace["_back"])
    namespace["_scratch"].cleanup()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/**/*.md"],
    setup=_enter_scratch,
    teardown=_leave_scratch,
).pytest()


def _is_local(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_network(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook, because it also sees what C code and third-party libraries do with sockets."""
    if event not in _NETWORK_EVENTS:
        return
    where = args[0] if event in {"socket.getaddrinfo", "socket.gethostbyname"} else args[1]
    if isinstance(where, tuple):
        where = where[0]
    elif event not in {"socket.getaddrinfo", "socket.gethostbyname"}:
        return  # a unix socket, or a datagram socket that is connected already
    if not _is_local(where):
        # Not an Exception: code under test that survives any transport error must not survive this one.
        pytest.fail(f"a test asked the network for {where!r}; only loopback is allowed")


def pytest_configure() -> None:
    """Closes the network for the whole run."""
    sys.addaudithook(_refuse_network)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Prints, after everything else, what was skipped and why, and one plain line of counts."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.collectonly:
        return
    stats = reporter.stats
    reasons = collections.Counter(_reason(report) for report in stats.get("skipped", []))
    reasons.update(f"expected to fail: {report.wasxfail}" for report in stats.get("xfailed", []))
    for reason, count in reasons.most_common():
        reporter.write_line(f"skipped {count}: {reason}", yellow=True)
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    passed = len(stats.get("passed", []))
    reporter.write_line(f"tests: {passed} passed, {failed} failed, {reasons.total()} skipped")


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
