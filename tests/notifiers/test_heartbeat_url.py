"""Signs of life to a service on this machine."""

from __future__ import annotations

import logging
import pickle
import socket
import traceback
from datetime import UTC, datetime

import pytest

from optarb._component import canonical
from optarb.errors import ConfigurationError, TransientError
from optarb.notifiers import HeartbeatUrl

TOKEN = "T0PSECRET"
AT = datetime(2024, 6, 3, 14, tzinfo=UTC)


@pytest.fixture
def address(web, monkeypatch):
    """Sets the variable to an address of the web server."""
    monkeypatch.setenv("OPTARB_HEARTBEAT_URL", f"http://127.0.0.1:{web.port}/ping/{TOKEN}")


@pytest.mark.parametrize("variable", ["OPTARB_HEARTBEAT_URL", "MINE"])
def test_beat_when_given_then_the_address_is_got_once(web, address, monkeypatch, variable):
    monkeypatch.setenv("MINE", f"http://127.0.0.1:{web.port}/mine")
    HeartbeatUrl(variable=variable).beat("paper.dips", AT)

    ((path, headers, _),) = web.requests
    assert path == ("/mine" if variable == "MINE" else f"/ping/{TOKEN}")
    assert headers["User-Agent"] == "optarb"


def test_beat_when_the_address_names_the_book_then_each_has_its_own(web, monkeypatch):
    monkeypatch.setenv("OPTARB_HEARTBEAT_URL", f"http://127.0.0.1:{web.port}/{TOKEN}/{{book}}?create=1")
    for book_id in ("paper.dips", "U-1.Iron_Condor"):
        HeartbeatUrl().beat(book_id, AT)
    assert [path for path, _, _ in web.requests] == [f"/{TOKEN}/paper-dips?create=1", f"/{TOKEN}/u-1-iron_condor?create=1"]


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (503, TransientError, "answered 503 Service Unavailable"),
        (429, TransientError, "answered 429"),
        ("close", TransientError, "cannot be reached"),
        ("hang", TransientError, "cannot be reached"),
        (404, ConfigurationError, "answered 404 Not Found; check the address in OPTARB_HEARTBEAT_URL"),
        (302, ConfigurationError, "answered 302"),
    ],
)
def test_beat_when_it_is_not_taken_then_error_without_the_address(*, web, address, caplog, answer, kind, told):
    caplog.set_level(logging.DEBUG)
    web.answers.append(answer)
    with pytest.raises(kind, match=told) as raised:
        HeartbeatUrl(timeout_seconds=0.2 if answer == "hang" else 30).beat("paper.dips", AT)

    error = raised.value
    shown = "".join(traceback.format_exception(error)) + f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert TOKEN not in shown + caplog.text
    assert len(web.requests) == 1  # nothing was tried again, and no redirect followed


def test_beat_when_nobody_listens_then_transient_error_without_the_address(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    monkeypatch.setenv("OPTARB_HEARTBEAT_URL", f"http://127.0.0.1:{port}/{TOKEN}")
    with pytest.raises(TransientError, match="OPTARB_HEARTBEAT_URL cannot be reached") as raised:
        HeartbeatUrl().beat("paper.dips", AT)
    assert TOKEN not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("url", ["", f"http://example.com/{TOKEN}", f"https://user:{TOKEN}@example.com/", TOKEN])
def test_beat_when_the_address_is_missing_or_unusable_then_configuration_error_without_it(monkeypatch, url):
    monkeypatch.setenv("OPTARB_HEARTBEAT_URL", url)
    with pytest.raises(ConfigurationError, match="OPTARB_HEARTBEAT_URL") as raised:
        HeartbeatUrl().beat("paper.dips", AT)
    assert TOKEN not in "".join(traceback.format_exception(raised.value))


def test_heartbeat_when_shown_or_stored_then_the_address_is_not_seen(address):
    heartbeat = HeartbeatUrl()
    assert TOKEN not in f"{heartbeat!r} {canonical(heartbeat)} {pickle.dumps(heartbeat)!r}"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"variable": f"https://hc-ping.com/{TOKEN}"}, "name of an environment variable"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds"),
    ],
)
def test_heartbeat_when_a_parameter_is_wrong_then_error_without_the_address(fields, told):
    with pytest.raises(ConfigurationError, match=told) as raised:
        HeartbeatUrl(**fields)
    assert TOKEN not in str(raised.value)
