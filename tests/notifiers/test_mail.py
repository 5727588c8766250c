"""Notices by e-mail."""

from __future__ import annotations

import email
import email.policy
import logging
import socket
import traceback

import pytest
from tests.notifiers.services import notice_of

from optarb.errors import ConfigurationError, OptarbError, TransientError
from optarb.notifiers import EmailNotifier
from optarb.testing import NotifierConformance

PASSWORD = "correct-horse"


@pytest.fixture(autouse=True)
def _password(monkeypatch):
    monkeypatch.setenv("OPTARB_SMTP_PASSWORD", PASSWORD)


def notifier(server, **fields):
    fields = {"sender": "desk@example.com", "recipients": ("one@example.com",), "timeout_seconds": 30, **fields}
    return EmailNotifier(host="localhost", port=server.port, **fields)


def relay(server, **fields):
    return notifier(server, security="none", **fields)


class TestEmailNotifier(NotifierConformance):
    @pytest.fixture
    def component(self, smtp, trusted):
        return notifier(smtp(certificate=trusted, password=PASSWORD), user="desk")

    @pytest.fixture
    def away(self):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        return EmailNotifier(host="127.0.0.1", port=port, sender="a@b", recipients=("c@d",), user="desk")

    @pytest.fixture
    def secrets(self):
        return (PASSWORD, "AGRlc2sAY29ycmVjdC1ob3JzZQ==")  # as it travels, by `printf '\0desk\0correct-horse' | base64`


def test_notify_when_sent_then_subject_text_and_addresses(smtp):
    server = smtp()
    relay(server, recipients=("one@example.com", "two@example.com")).notify(notice_of(title="Wörter\nund mehr"))
    (mail,) = server.mails
    assert (mail.sender, mail.recipients) == ("desk@example.com", ["one@example.com", "two@example.com"])
    read = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert read["Subject"] == "[alarm] paper.dips: Wörter und mehr"
    assert (read["From"], read["To"]) == ("desk@example.com", "one@example.com, two@example.com")
    told = ["[alarm] paper.dips: Wörter und mehr", "2024-06-03 14:35:20 UTC", "10 SPY calls have no cover"]
    assert read.get_content().splitlines() == told
    assert read["Date"]


def test_notify_when_repeated_then_the_same_message_id_and_for_another_notice_another(smtp):
    server = smtp()
    for notice in (notice_of("a"), notice_of("a", text="b"), notice_of("b"), notice_of("a", book_id="paper.other")):
        relay(server).notify(notice)
    first, again, *others = (email.message_from_bytes(mail.content)["Message-ID"] for mail in server.mails)
    assert first == again
    assert len({first, *others}) == 3


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_notify_when_a_user_signs_in_then_encrypted_before_anything_is_told(smtp, trusted, security):
    server = smtp(certificate=trusted, tls_at_once=security == "tls", password=PASSWORD)
    notifier(server, security=security, user="desk").notify(notice_of())
    (mail,) = server.mails
    assert (mail.user, mail.encrypted) == ("desk", True)
    before = server.commands[: server.commands.index("AUTH")]
    assert before == (["EHLO", "STARTTLS", "EHLO"] if security == "starttls" else ["EHLO"])


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_notify_when_the_certificate_is_not_trusted_then_nothing_is_told(smtp, certificate, security):
    server = smtp(certificate=certificate, tls_at_once=security == "tls", password=PASSWORD)
    with pytest.raises(TransientError, match="SSLCertVerificationError"):
        notifier(server, security=security, user="desk").notify(notice_of())
    assert "AUTH" not in server.commands
    assert server.mails == []


def test_notify_when_the_server_offers_no_tls_then_refused_and_nothing_is_told(smtp):
    server = smtp(password=PASSWORD)
    with pytest.raises(ConfigurationError, match=r"SMTPNotSupportedError.*check security"):
        notifier(server, user="desk").notify(notice_of())
    assert server.commands == ["EHLO"]


def test_notify_when_the_password_is_wrong_then_configuration_error_without_it(smtp, trusted, monkeypatch):
    server = smtp(certificate=trusted, password="another")
    with pytest.raises(ConfigurationError, match=r"refuses user 'desk' \(535\); check OPTARB_SMTP_PASSWORD") as raised:
        notifier(server, user="desk").notify(notice_of())
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))
    monkeypatch.delenv("OPTARB_SMTP_PASSWORD")
    with pytest.raises(ConfigurationError, match="set the environment variable OPTARB_SMTP_PASSWORD"):
        notifier(server, user="desk").notify(notice_of())
    monkeypatch.setenv("OPTARB_SMTP_PASSWORD", "hörse")
    with pytest.raises(ConfigurationError, match="must be ASCII") as raised:
        notifier(server, user="desk").notify(notice_of())
    assert raised.value.__context__ is None


TEMPORARY = [
    {"GREETING": "421 busy"},
    {"GREETING": "hang"},
    {"GREETING": "close"},
    {"EHLO": "close"},
    {"MAIL": "451 later"},
    {"one@example.com": "450 later"},
    {"DATA-BEGIN": "451 later"},
    {"DATA": "452 full"},
    {"DATA": "close"},
    {"DATA": "hang"},
]
FINAL = [{"MAIL": "550 no"}, {"one@example.com": "550 nobody"}, {"DATA": "554 no"}, {"GREETING": "554 go away"}]


@pytest.mark.parametrize("answers", TEMPORARY, ids=str)
def test_notify_when_the_server_cannot_now_then_transient_error(smtp, answers):
    server = smtp(answers=answers)
    with pytest.raises(TransientError, match="takes no mail now"):
        relay(server, timeout_seconds=0.2 if "hang" in answers.values() else 30).notify(notice_of())
    assert server.mails == []


@pytest.mark.parametrize("answers", FINAL, ids=str)
def test_notify_when_the_server_refuses_then_configuration_error_names_the_code(smtp, answers):
    server = smtp(answers=answers)
    with pytest.raises(ConfigurationError, match=r"refuses the mail \(55[04]\)"):
        relay(server).notify(notice_of())
    assert server.mails == []


def test_notify_when_one_of_two_is_refused_then_sent_and_told(smtp, caplog):
    server = smtp(answers={"one@example.com": "550 nobody"})
    relay(server, recipients=("one@example.com", "two@example.com")).notify(notice_of())
    assert server.mails[0].recipients == ["two@example.com"]
    assert "takes no mail for one@example.com" in caplog.text


def test_notify_when_both_are_refused_but_one_for_now_then_transient_error(smtp):
    server = smtp(answers={"one@example.com": "550 nobody", "two@example.com": "450 later"})
    with pytest.raises(TransientError, match="450, 550"):
        relay(server, recipients=("one@example.com", "two@example.com")).notify(notice_of())


@pytest.mark.parametrize("farewell", ["close", "500 what"])
def test_notify_when_only_the_farewell_fails_then_sent(smtp, farewell):
    server = smtp(answers={"QUIT": farewell})
    relay(server).notify(notice_of())
    assert len(server.mails) == 1


@pytest.mark.parametrize("answers", [{}, {"AUTH": "close"}, {"AUTH": f"454 {PASSWORD} later"}, {"DATA": f"554 {PASSWORD}"}])
def test_secret_when_the_server_repeats_it_then_in_no_error_and_no_log(smtp, trusted, answers, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    server = smtp(certificate=trusted, password=PASSWORD, answers=answers)
    shown = repr(notifier(server, user="desk"))
    try:
        notifier(server, user="desk").notify(notice_of())
    except OptarbError as error:
        shown += "".join(traceback.format_exception(error)) + f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert PASSWORD not in shown + caplog.text + "".join(capfd.readouterr())
    assert "AUTH" in server.commands


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"recipients": ()}, "recipients"),
        ({"recipients": "one@example.com"}, "no plain address"),
        ({"recipients": ("one@example.com\nBcc: all@example.com",)}, "no plain address"),
        ({"recipients": ("One <one@example.com>",)}, "no plain address"),
        ({"sender": "desk"}, "'desk' is no plain address"),
        ({"sender": "dësk@example.com"}, "no plain address"),
        ({"security": "ssl"}, "security must be one of"),
        ({"security": "none"}, "very machine"),
        ({"security": "none", "host": "localhost", "user": "desk"}, "very machine"),
        ({"password_variable": "correct-horse"}, "name of an environment variable"),
        ({"timeout_seconds": -1}, "timeout_seconds"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds"),
    ],
)
def test_build_when_a_parameter_is_wrong_then_error(fields, told):
    fields = {"host": "smtp.example.com", "sender": "desk@example.com", "recipients": ("one@example.com",), **fields}
    with pytest.raises(ConfigurationError, match=told) as raised:
        EmailNotifier(**fields)
    assert PASSWORD not in str(raised.value)
