"""Notifiers: what brings notices to people, and the work on the outbox."""

from __future__ import annotations

from optarb.notifiers.delivery import Delivery, deliver
from optarb.notifiers.log import LogNotifier
from optarb.notifiers.mail import EmailNotifier
from optarb.notifiers.webhook import WebhookNotifier

__all__ = ["Delivery", "EmailNotifier", "LogNotifier", "WebhookNotifier", "deliver"]
