"""How the workflows of a live day call its activities."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, RetryState, is_cancelled_exception

from optarb.temporal.trading_messages import Delivered, DeliverRequest

__all__ = ["call_trading", "deliver_once"]

T = TypeVar("T")


async def call_trading(name: str, request: object, reply: type[T], summary: str, heartbeat_timeout: timedelta) -> T:
    """Calls one activity of a live day: without limit, until it answers or says that trying again cannot help.

    Args:
        name: Last word of its name.
        request: Its argument.
        reply: What it returns.
        summary: Shown beside it.
        heartbeat_timeout: After how long without a sign of life another worker tries.

    Raises:
        ActivityError: Trying again cannot help.
        CancelledError: The workflow was cancelled before it could be done.
    """
    call = workflow.start_activity(
        f"optarb.trading.{name}",
        request,
        result_type=reply,
        summary=summary,
        start_to_close_timeout=timedelta(minutes=15),
        heartbeat_timeout=heartbeat_timeout,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=1),
            maximum_interval=timedelta(seconds=10),
            non_retryable_error_types=["PayloadSizeError"],
        ),
    )
    try:
        answer: T = await call
    except ActivityError as error:
        # It was cancelled between two attempts; one that is at work is never interrupted.
        if is_cancelled_exception(error) or error.retry_state is RetryState.CANCEL_REQUESTED:
            raise asyncio.CancelledError("the workflow was asked to stop") from error
        raise
    return answer


async def deliver_once(request: DeliverRequest, heartbeat_timeout: timedelta) -> Delivered:
    """Has a book's outbox worked off once. What fails is left to the next call.

    Args:
        request: Which book, and whether a sign of life is due.
        heartbeat_timeout: After how long without a sign of life the call is given up.

    Raises:
        ActivityError: It failed, or the workflow was cancelled.
    """
    delivered: Delivered = await workflow.start_activity(
        "optarb.trading.deliver",
        request,
        result_type=Delivered,
        summary="deliver notices",
        start_to_close_timeout=timedelta(minutes=10),
        heartbeat_timeout=heartbeat_timeout,
        retry_policy=RetryPolicy(maximum_attempts=1),
    )
    return delivered
