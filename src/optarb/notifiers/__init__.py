"""Notifiers: what brings notices to people, the work on the outbox, and signs of life."""

from __future__ import annotations

from optarb.notifiers.delivery import Delivery, count_waiting, deliver
from optarb.notifiers.heartbeat_url import HeartbeatUrl
from optarb.notifiers.log import LogNotifier
from optarb.notifiers.mail import EmailNotifier
from optarb.notifiers.webhook import WebhookNotifier

__all__ = ["Delivery", "EmailNotifier", "HeartbeatUrl", "LogNotifier", "WebhookNotifier", "count_waiting", "deliver"]
