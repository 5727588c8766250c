"""Real services on this machine that behave as they are told: a web server, and an SMTP server."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from optarb.protocols.trading import Notice


@contextlib.contextmanager
def serving(server):
    """Runs a server in a thread; connections that hang are let go at the end."""
    server.released = threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


class WebServer(http.server.ThreadingHTTPServer):
    """Answers each request with the next of ``answers``: a status, ``"hang"`` or ``"close"``; then with 200."""

    def __init__(self, certificate=None):
        super().__init__(("127.0.0.1", 0), _Posts)
        self.answers, self.requests = [], []
        self.lock = threading.Lock()
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def port(self):
        return self.server_address[1]

    @property
    def bodies(self):
        return [json.loads(body) for _, _, body in self.requests]

    def handle_error(self, request, client_address):
        """Says nothing of clients that went away."""


class _Posts(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def do_GET(self):
        self._answer(b"null")

    def _answer(self, body):
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers), body))
            answer = self.server.answers.pop(0) if self.server.answers else 200
        if answer == "hang":
            self.server.released.wait(60)
            return
        if answer == "close":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        # A service that repeats what it was told.
        told = f"you posted to {self.path}".encode()
        self.send_response(answer, f"no {self.path}" if answer != 200 else None)
        if 300 <= answer < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_):
        """Stays silent."""


@dataclass
class Mail:
    """A mail as the server took it."""

    sender: str
    recipients: list[str]
    content: bytes
    user: str | None
    encrypted: bool


@dataclass
class SmtpRules:
    """What an SMTP server offers, and how it answers each command: ``"hang"``, ``"close"``, or a line."""

    certificate: str | None = None
    tls_at_once: bool = False
    password: str | None = None
    answers: dict = field(default_factory=dict)


class SmtpServer(socketserver.ThreadingTCPServer):
    """Speaks as much of SMTP as a client needs to hand in a mail."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, rules):
        super().__init__(("127.0.0.1", 0), _Smtp)
        self.rules, self.mails, self.commands = rules, [], []

    @property
    def port(self):
        return self.server_address[1]

    def handle_error(self, request, client_address):
        """Says nothing of clients that went away."""


class _Smtp(socketserver.BaseRequestHandler):
    def handle(self):
        self.rules = self.server.rules
        self.encrypted = self.rules.tls_at_once
        self.user, self.sender, self.recipients = None, "", []
        self.lines = self.request.makefile("rb")
        if self.rules.tls_at_once:
            self._encrypt()
        if not self._say("GREETING", "220 ready"):
            return
        while line := self.lines.readline():
            command = line.decode().strip()
            word = command.partition(" ")[0].upper()
            self.server.commands.append(word)
            if not getattr(self, f"on_{word.lower()}")(command):
                return

    def finish(self):
        self.lines.close()
        self.request.close()

    def _say(self, word, line):
        """Answers as the rules say for a command, else with a line; False ends the connection."""
        told = self.rules.answers.get(word, line)
        if told == "hang":
            self.server.released.wait(60)
            return False
        if told == "close":
            return False
        self.request.sendall(told.encode() + b"\r\n")
        return True

    def _encrypt(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.rules.certificate)
        self.lines.close()
        self.request = context.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
        self.lines = self.request.makefile("rb")
        self.request.do_handshake()
        self.encrypted = True

    def on_ehlo(self, command):
        offers = ["here"]
        if self.rules.certificate and not self.encrypted:
            offers.append("STARTTLS")
        if self.rules.password:
            offers.append("AUTH PLAIN")
        lines = [f"250{' ' if one is offers[-1] else '-'}{one}" for one in offers]
        return self._say("EHLO", "\r\n".join(lines))

    def on_starttls(self, command):
        if not self._say("STARTTLS", "220 go ahead"):
            return False
        self._encrypt()
        return True

    def on_auth(self, command):
        _, user, password = base64.b64decode(command.split()[2]).decode().split("\0")
        if password != self.rules.password:
            return self._say("AUTH", f"535 {password} is not the password")  # a server that repeats what it was told
        self.user = user
        return self._say("AUTH", "235 welcome")

    def on_mail(self, command):
        self.sender = command.partition("<")[2].partition(">")[0]
        return self._say("MAIL", "250 ok")

    def on_rcpt(self, command):
        address = command.partition("<")[2].partition(">")[0]
        told = self.rules.answers.get(address, "250 ok")
        if told.startswith("250"):
            self.recipients.append(address)
        return self._say("RCPT", told)

    def on_data(self, command):
        if not self._say("DATA-BEGIN", "354 go on"):
            return False
        text = []
        for line in iter(self.lines.readline, b".\r\n"):
            if not line:
                return False
            text.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        mail = Mail(self.sender, self.recipients, b"".join(text), self.user, self.encrypted)
        if "DATA" not in self.rules.answers:
            self.server.mails.append(mail)
        return self._say("DATA", "250 taken")

    def on_rset(self, command):
        return self._say("RSET", "250 ok")

    def on_quit(self, command):
        self._say("QUIT", "221 bye")
        return False


def notice_of(key="k", **changes):
    """A notice as a book would raise it."""
    fields = {
        "severity": "alarm",
        "title": "Naked short options",
        "text": "10 SPY calls have no cover",
        "book_id": "paper.dips",
    }
    fields |= {"session": date(2024, 6, 3), "at": datetime(2024, 6, 3, 14, 35, 20, tzinfo=UTC)}
    return Notice(key=key, **{**fields, **changes})
