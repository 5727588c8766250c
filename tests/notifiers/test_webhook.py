"""Notices by webhook."""

from __future__ import annotations

import logging
import socket
import traceback

import pytest
from tests.notifiers import services
from tests.notifiers.services import notice_of

from optarb.errors import ConfigurationError, TransientError
from optarb.notifiers import WebhookNotifier
from optarb.testing import NotifierConformance

TOKEN = "T0PSECRET"


@pytest.fixture
def address(web, monkeypatch):
    """Sets the variable to an address of the web server."""
    monkeypatch.setenv("OPTARB_WEBHOOK_URL", f"http://127.0.0.1:{web.port}/hooks/{TOKEN}")


def notifier(kind="json", **fields):
    fields = {"chat_id": "-1001" if kind == "telegram" else None, "timeout_seconds": 30, **fields}
    return WebhookNotifier(kind=kind, **fields)


class TestWebhookNotifier(NotifierConformance):
    @pytest.fixture(params=["slack", "discord", "telegram", "json"])
    def component(self, request, address):
        return notifier(request.param)

    @pytest.fixture
    def away(self, monkeypatch):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        monkeypatch.setenv("AWAY_URL", f"http://127.0.0.1:{port}/hooks/{TOKEN}")
        return notifier(url_variable="AWAY_URL")

    @pytest.fixture
    def secrets(self):
        return (TOKEN,)


# The formats, as each service documents them


def test_slack_when_sent_then_text_with_its_special_characters_escaped(web, address):
    notifier("slack").notify(notice_of(title="a <b> & c", text="d"))
    assert web.bodies == [{"text": "[alarm] paper.dips: a &lt;b&gt; &amp; c\n2024-06-03 14:35:20 UTC\nd"}]


def test_discord_when_sent_then_content_that_calls_nobody_and_no_name_of_python(web, address):
    notifier("discord").notify(notice_of(severity="info", title="Traded", text="@everyone"))
    told = "[info] paper.dips: Traded\n2024-06-03 14:35:20 UTC\n@everyone"
    assert web.bodies == [{"content": told, "allowed_mentions": {"parse": []}}]
    _, headers, _ = web.requests[0]
    assert (headers["User-Agent"], headers["Content-Type"]) == ("optarb", "application/json")


def test_telegram_when_sent_then_chat_and_text(web, address):
    notifier("telegram").notify(notice_of(title="Line\nbreak", text=""))
    assert web.bodies == [{"chat_id": "-1001", "text": "[alarm] paper.dips: Line break\n2024-06-03 14:35:20 UTC"}]


def test_json_when_sent_then_every_field(web, address):
    notifier().notify(notice_of("20240603:naked:x"))
    assert web.bodies == [
        {
            "key": "20240603:naked:x",
            "book_id": "paper.dips",
            "session": "2024-06-03",
            "at": "2024-06-03T14:35:20+00:00",
            "severity": "alarm",
            "title": "Naked short options",
            "text": "10 SPY calls have no cover",
        }
    ]
    assert web.requests[0][0] == f"/hooks/{TOKEN}"


@pytest.mark.parametrize("service", [("discord", "content", 2000), ("telegram", "text", 4096)])
@pytest.mark.parametrize("character", ["x", "🚀"])
def test_notify_when_longer_than_the_service_takes_then_cut_to_its_limit(web, address, service, character):
    kind, field, limit = service
    notifier(kind).notify(notice_of(text=character * 10_000))
    (body,) = web.bodies
    units = len(body[field].encode("utf-16-le")) // 2
    assert limit - 1 <= units <= limit  # half of a pair is not sent
    assert body[field].endswith(f"{character}…")


# Services that misbehave


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_notify_when_the_service_asks_for_another_try_then_transient_error_names_the_status(web, address, status):
    web.answers.append(status)
    with pytest.raises(TransientError, match=f"json webhook of OPTARB_WEBHOOK_URL answered {status}"):
        notifier().notify(notice_of())
    notifier().notify(notice_of())
    assert len(web.requests) == 2  # nothing was tried again by itself


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 400, 401, 403, 404, 413, 499])
def test_notify_when_the_service_refuses_then_configuration_error_and_no_redirect_is_followed(web, address, status):
    web.answers.append(status)
    with pytest.raises(ConfigurationError, match=f"answered {status}.*check the address in OPTARB_WEBHOOK_URL"):
        notifier().notify(notice_of())
    assert [path for path, _, _ in web.requests] == [f"/hooks/{TOKEN}"]


@pytest.mark.parametrize("answer", ["hang", "close"])
def test_notify_when_no_answer_comes_then_transient_error(web, address, answer):
    web.answers.append(answer)
    with pytest.raises(TransientError, match="cannot be reached"):
        notifier(timeout_seconds=0.2 if answer == "hang" else 30).notify(notice_of())
    assert len(web.requests) == 1


@pytest.mark.parametrize("answer", [200, 302, 404, 500, "hang", "close"])
def test_secret_when_the_service_repeats_it_then_in_no_error_and_no_log(web, address, answer, caplog):
    caplog.set_level(logging.DEBUG)
    web.answers.append(answer)
    shown = repr(notifier())
    try:
        notifier(timeout_seconds=0.2 if answer == "hang" else 30).notify(notice_of())
    except (TransientError, ConfigurationError) as error:
        shown += "".join(traceback.format_exception(error)) + f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert TOKEN not in shown + caplog.text
    assert web.requests[0][0].endswith(TOKEN)


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        f"http://example.com/{TOKEN}",
        f"https://user:{TOKEN}@example.com/",
        f"https://{TOKEN}@example.com/",
        f"https://example.com:{TOKEN}/",
        f"https://[{TOKEN}/",
        f"ftp://example.com/{TOKEN}",
        f"https:///{TOKEN}",
        f"https://example..com/{TOKEN}",
        f"https://example.com/{TOKEN} x",
        f"https://example.com/{TOKEN}☃",
        TOKEN,
    ],
)
def test_address_when_unusable_then_configuration_error_without_it(url, monkeypatch):
    monkeypatch.setenv("OPTARB_WEBHOOK_URL", url)
    with pytest.raises(ConfigurationError, match="address in OPTARB_WEBHOOK_URL cannot be used") as raised:
        notifier().notify(notice_of())
    assert TOKEN not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_address_when_missing_then_the_variable_is_named(monkeypatch, value):
    monkeypatch.delenv("OPTARB_WEBHOOK_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("OPTARB_WEBHOOK_URL", value)
    with pytest.raises(ConfigurationError, match="set the environment variable OPTARB_WEBHOOK_URL"):
        notifier().notify(notice_of())


def test_address_when_read_from_a_file_with_a_line_end_then_used(web, address, monkeypatch):
    monkeypatch.setenv("OPTARB_WEBHOOK_URL", f"http://localhost:{web.port}/x\n")
    notifier().notify(notice_of())
    assert web.requests[0][0] == "/x"


def test_build_when_the_address_stands_in_the_field_then_error_without_it():
    with pytest.raises(ConfigurationError, match="name of an environment variable") as raised:
        WebhookNotifier(kind="slack", url_variable=f"https://hooks.slack.com/{TOKEN}")
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"kind": "teams"}, "kind must be one of"),
        ({"kind": "telegram", "chat_id": None}, "chat_id"),
        ({"kind": "slack", "chat_id": "1"}, "chat_id"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": float("inf")}, "timeout_seconds"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds"),
    ],
)
def test_build_when_a_parameter_is_wrong_then_error(fields, told):
    with pytest.raises(ConfigurationError, match=told):
        notifier(**fields)


# TLS and proxies


def test_notify_when_the_certificate_is_trusted_then_sent_and_else_not(trusted, monkeypatch):
    with services.serving(services.WebServer(trusted)) as server:
        monkeypatch.setenv("OPTARB_WEBHOOK_URL", f"https://localhost:{server.port}/{TOKEN}")
        notifier().notify(notice_of())
        assert len(server.requests) == 1
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(TransientError, match="SSLCertVerificationError") as raised:
            notifier().notify(notice_of())
        assert TOKEN not in "".join(traceback.format_exception(raised.value))
        assert len(server.requests) == 1


def test_notify_when_the_environment_names_a_proxy_then_it_is_used(web, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{web.port}")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("OPTARB_WEBHOOK_URL", "http://localhost:9/hook")
    notifier().notify(notice_of())
    assert web.requests[0][0] == "http://localhost:9/hook"
