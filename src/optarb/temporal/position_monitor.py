"""The guardian as a workflow: an undecorated base to build upon."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from types import NoneType
from typing import Any, ClassVar, Literal, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from optarb.temporal.phased_backtest import _stop_if_cancelled, _to_its_end
from optarb.temporal.trading_calls import call_trading, deliver_once
from optarb.temporal.trading_messages import (
    ControlRequest,
    ControlWish,
    DayReport,
    DeliverRequest,
    EntriesAsked,
    Guarded,
    GuardRequest,
    GuardStatus,
    MonitorRequest,
    MonitorState,
    ReportRequest,
    Stepped,
    StepRequest,
)

__all__ = ["PositionMonitor"]

T = TypeVar("T")

_NEVER = datetime.max.replace(tzinfo=UTC)
_TICK = timedelta(milliseconds=1)
_BEAT = timedelta(minutes=1)
"""Least time between two signs of life."""
_LAST_TRIES = 4
"""How often a guardian whose session is over tries to have the rest of the notices delivered."""
_DAY_ANSWERS = timedelta(minutes=5)
"""How long a replay waits for its day to say whether it wants entries."""


class PositionMonitor:
    """Guards one book for one session, and is the only one that moves it. Its workflow id names the book, so there is one.

    It opens the book's day, looks again and again, decides entries once a day has asked for them, and ends with the last
    reconciliation. It outlives the day that started it. People steer it by the updates ``optarb.halt``, ``optarb.resume`` and
    ``optarb.flatten``, which set the flags in the store.

    Build one of your own by overriding the hooks :meth:`after_fill` and :meth:`at_close` in a class with
    ``@workflow.defn(name="acme.Guardian")`` whose ``@workflow.run`` calls :meth:`execute`, and name it in
    :attr:`optarb.temporal.daily_trading.DailyTrading.guardian`. A hook runs beside the guarding, which neither waits for it nor
    stops if it fails.
    """

    heartbeat_timeout: ClassVar[timedelta] = timedelta(seconds=10)
    """After how long without a sign of life another worker goes on with a step."""
    delivery_pause: ClassVar[timedelta] = timedelta(seconds=65)
    """How long to wait, once the session is over, before notices that failed are tried again: no longer than they are left
    alone. What four tries do not bring stays in the outbox for the next day."""

    def __init__(self) -> None:
        """Starts with nothing known."""
        self._request: MonitorRequest | None = None
        self._at: datetime | None = None
        self._paced_from: tuple[datetime, datetime] | None = None
        self._enter_at = _NEVER
        self._decided = False
        self._cycle: Guarded | None = None
        self._cycles = 0
        self._asked: dict[date, EntriesAsked] = {}
        self._woken = False
        self._over = False
        self._hooks: set[asyncio.Task[None]] = set()
        self._delivery: asyncio.Task[None] | None = None
        self._beaten_at: datetime | None = None

    # -- hooks --------------------------------------------------------------------------------------------------------------

    async def after_fill(self, status: GuardStatus) -> None:
        """Called after a cycle in which an order was filled for the first time."""

    async def at_close(self, report: DayReport) -> None:
        """Called after the session's last reconciliation; the workflow ends when it is done."""

    # -- messages -----------------------------------------------------------------------------------------------------------

    @workflow.query(name="optarb.status")
    def status(self) -> GuardStatus:
        """Tells where the guardian stands."""
        request, cycle = self._request, self._cycle
        return GuardStatus(
            book_id="" if request is None else request.spec.book_id,
            session=None if request is None else request.session,
            now=None if cycle is None else cycle.now,
            next_at=None if cycle is None else cycle.next_at,
            cycles=self._cycles,
            open_positions=0 if cycle is None else cycle.open_positions,
            live_orders=0 if cycle is None else cycle.live_orders,
            decided=self._decided,
            over=self._over,
        )

    @workflow.signal(name="optarb.enter")
    def entries_asked(self, asked: EntriesAsked) -> None:
        """Says whether a day wants the session's entries to be decided; a later session is guarded after this one."""
        self._asked[asked.request.session] = asked
        self._woken = True

    @workflow.update(name="optarb.halt")
    async def halt(self, wish: ControlWish) -> None:
        """Asks for no new positions, and wakes the guardian."""
        await self._control("halt", wish)

    @halt.validator
    def _halt_fits(self, wish: ControlWish) -> None:
        _refuse_without_reason(wish)

    @workflow.update(name="optarb.resume")
    async def resume(self, wish: ControlWish) -> None:
        """Takes halt and flatten back, and wakes the guardian."""
        await self._control("resume", wish)

    @resume.validator
    def _resume_fits(self, wish: ControlWish) -> None:
        """Every wish to resume fits: it needs no reason."""

    @workflow.update(name="optarb.flatten")
    async def flatten(self, wish: ControlWish) -> None:
        """Asks for everything to be closed, and wakes the guardian."""
        await self._control("flatten", wish)

    @flatten.validator
    def _flatten_fits(self, wish: ControlWish) -> None:
        _refuse_without_reason(wish)
        if self._over:
            raise ApplicationError(
                "the session is over: nothing can be closed today; set the flag in the store for the next one"
            )

    async def _control(self, action: Literal["halt", "resume", "flatten"], wish: ControlWish) -> None:
        # An update may arrive with the workflow's very first task, before its run has begun.
        await workflow.wait_condition(lambda: self._request is not None)
        asked = ControlRequest(book_id=self.status().book_id, action=action, reason=wish.reason, at=self._at)
        await self._call("controls", asked, NoneType, f"{action}: {wish.reason}"[:200])
        self._woken = True

    # -- the run ------------------------------------------------------------------------------------------------------------

    async def execute(self, request: MonitorRequest) -> DayReport:
        """Guards a session to its end; call it from ``run``.

        Args:
            request: Which book and session.

        Returns:
            What the session came to; ``duplicate`` if another owner moves the book.

        Raises:
            ApplicationError: The spec does not fit the desk; ``type`` is the name of optarb's error.
        """
        self._request = request
        self._restore(request)
        try:
            lost = (request.state is None and await self._open(request)) or await self._guard(request)
        except asyncio.CancelledError:
            await _to_its_end(self._give_back(request))
            raise
        self._over = True
        report = await self._report(request, lost=lost)
        self._beside(self.at_close(report), "at_close")
        if not lost:
            await self._deliver_rest(request)
        await workflow.wait_condition(lambda: not self._hooks and workflow.all_handlers_finished())
        following = self._following(request)
        if following is not None:
            # Named as what follows, too: so the next run knows that its day has asked for entries.
            workflow.continue_as_new(following.model_copy(update={"following": following}))
        return report

    def _restore(self, request: MonitorRequest) -> None:
        state = request.state
        self._at = request.at if state is None else state.at
        if state is not None:
            self._enter_at, self._decided, self._cycles = state.enter_at, state.decided, state.cycles
            if state.asked is not None and request.session not in self._asked:
                asked = request.model_copy(update={"state": None, "following": None})
                self._asked[request.session] = EntriesAsked(request=asked, allowed=state.asked)
        if request.following is not None and request.following.session not in self._asked:
            self._asked[request.following.session] = EntriesAsked(request=request.following, allowed=True)

    async def _open(self, request: MonitorRequest) -> bool:
        """Opens the book's day; returns whether another owner has it."""
        opened = await self._call("open", self._step(request), Stepped, f"open {request.session}")
        self._enter_at = opened.next_at or _NEVER
        return opened.lost

    async def _guard(self, request: MonitorRequest) -> bool:
        """Runs cycle after cycle, and the decision when its time has come; returns whether another owner has the book."""
        while True:
            cycle = await self._look(request)
            if cycle.over:
                return cycle.lost
            if await self._entered(request, cycle):
                continue
            await self._rest(request, cycle)
            self._continue_as_new(request)

    async def _look(self, request: MonitorRequest) -> Guarded:
        _stop_if_cancelled()
        self._woken = False
        step = self._step(request).model_dump()
        until = self._enter_at if self._is_to_enter(request) else None
        before = self._filled()
        cycle = await self._call("guard", GuardRequest(**step, until=until), Guarded, "guard")
        self._cycle = cycle
        self._cycles += cycle.cycles
        workflow.set_current_details(
            f"{cycle.now:%H:%M:%S} UTC: {cycle.open_positions} open positions, {cycle.live_orders} live orders"
        )
        if cycle.filled > before:
            self._beside(self.after_fill(self.status()), "after_fill")
        self._deliver_beside(request, cycle)
        return cycle

    async def _entered(self, request: MonitorRequest, cycle: Guarded) -> bool:
        """Decides the entries if that is due; returns whether they are settled now."""
        if self._decided or cycle.now < self._enter_at:
            return False
        if self._waits(request):
            with suppress(TimeoutError):
                await workflow.wait_condition(lambda: request.session in self._asked, timeout=_DAY_ANSWERS)
            if request.session not in self._asked:
                self._asked[request.session] = EntriesAsked(request=request, allowed=False)
        if not self._is_to_enter(request):
            return False
        _stop_if_cancelled()
        entered = await self._call("enter", self._step(request), Stepped, "decide entries")
        self._decided = entered.next_at is None
        self._enter_at = entered.next_at or self._enter_at
        return self._decided

    async def _rest(self, request: MonitorRequest, cycle: Guarded) -> None:
        """Waits until the next cycle or decision is due, or somebody wakes the guardian; a replay moves its time.

        A replay with a pace waits its share of real time first; woken meanwhile, it looks again from where it stands.
        """
        following = cycle.next_at
        if self._is_to_enter(request) or self._waits(request):
            following = min(following, max(self._enter_at, cycle.now))
        following = max(following, cycle.now + _TICK)
        if self._at is None:
            await self._woken_within(following - cycle.now)
        elif request.pace and await self._woken_within(self._share(cycle.now, following, request.pace)):
            self._at, self._paced_from = cycle.now + _TICK, None
        else:
            self._at = following

    def _share(self, now: datetime, following: datetime, pace: float) -> timedelta:
        """Real time left until a replay of that pace reaches an instant; what one wait lasts too long, the next make up."""
        market, real = self._paced_from = self._paced_from or (now, workflow.now())
        return real + (following - market) / pace - workflow.now()

    async def _woken_within(self, wait: timedelta) -> bool:
        """Waits real time, if any; returns early with True if somebody wakes the guardian.

        A cancellation that came while an activity ended is told to nobody; it must not wait until the next cycle is due.
        """
        if wait <= timedelta(0):
            return False
        try:
            await workflow.wait_condition(lambda: self._woken or workflow.cancellation_reason() is not None, timeout=wait)
        except TimeoutError:
            return False
        return True

    # -- small things -------------------------------------------------------------------------------------------------------

    def _is_to_enter(self, request: MonitorRequest) -> bool:
        asked = self._asked.get(request.session)
        return not self._decided and asked is not None and asked.allowed

    def _waits(self, request: MonitorRequest) -> bool:
        """Whether a replay stands still at the time of entries, since its day has not said yet what it wants."""
        unknown = not self._decided and request.session not in self._asked
        return self._at is not None and request.waits_for_day and unknown

    def _following(self, request: MonitorRequest) -> MonitorRequest | None:
        later = [one.request for session, one in self._asked.items() if session > request.session and one.allowed]
        return max(later, key=lambda one: one.session, default=None)

    def _continue_as_new(self, request: MonitorRequest) -> None:
        quiet = not self._hooks and workflow.all_handlers_finished()
        if not (quiet and workflow.info().is_continue_as_new_suggested()):
            return
        asked = self._asked.get(request.session)
        state = MonitorState(
            at=self._at,
            enter_at=self._enter_at,
            decided=self._decided,
            asked=None if asked is None else asked.allowed,
            filled=self._filled(),
            cycles=self._cycles,
        )
        workflow.continue_as_new(request.model_copy(update={"state": state, "following": self._following(request)}))

    def _filled(self) -> int:
        if self._cycle is not None:
            return self._cycle.filled
        state = None if self._request is None else self._request.state
        return 0 if state is None else state.filled

    def _step(self, request: MonitorRequest) -> StepRequest:
        info = workflow.info()
        owner = f"temporal:{info.namespace}/{info.workflow_id}:{info.first_execution_run_id}"
        return StepRequest(spec=request.spec, session=request.session, owner=owner, at=self._at)

    async def _report(self, request: MonitorRequest, *, lost: bool) -> DayReport:
        named = ReportRequest(spec=request.spec, session=request.session)
        report = await self._call("report", named, DayReport, "report")
        return report.model_copy(update={"outcome": "duplicate"}) if lost else report

    async def _give_back(self, request: MonitorRequest) -> None:
        try:
            await self._call("release", self._step(request), NoneType, "release")
        except ActivityError:
            workflow.logger.warning("book %s could not be released; its lease will end", request.spec.book_id, exc_info=True)

    def _beside(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Does something beside the guarding; what it raises is logged."""

        async def run() -> None:
            try:
                await work
            except Exception:  # noqa: BLE001 - whatever a hook raises, what is open is guarded
                workflow.logger.warning("%s of %s failed", name, type(self).__name__, exc_info=True)

        task = asyncio.create_task(run())
        self._hooks.add(task)
        task.add_done_callback(self._hooks.discard)
        return task

    # -- notices and signs of life -------------------------------------------------------------------------------------------

    def _deliver_beside(self, request: MonitorRequest, cycle: Guarded) -> None:
        """Has notices delivered beside the guarding, and a sign of life given, where there are any; one call at a time."""
        due = cycle.beats and (self._beaten_at is None or cycle.now - self._beaten_at >= _BEAT)
        at_work = self._delivery is not None and not self._delivery.done()
        if cycle.over or at_work or not (cycle.notices or due):
            return
        if due:
            self._beaten_at = cycle.now

        async def deliver() -> None:
            await self._deliver(request, cycle.now if due else None)

        self._delivery = self._beside(deliver(), "delivery")

    async def _deliver_rest(self, request: MonitorRequest) -> None:
        """Tries a few times to have the rest delivered; who is asked to stop meanwhile only tries no further."""
        left = 0 if self._cycle is None else self._cycle.notices
        with suppress(asyncio.CancelledError):
            for number in range(_LAST_TRIES if left else 0):
                await workflow.wait_condition(lambda: self._delivery is None or self._delivery.done())
                if number:
                    await workflow.sleep(self.delivery_pause)
                _stop_if_cancelled()
                with suppress(ActivityError):
                    left = await self._deliver(request, None)
                if not left or self._following(request) is not None:
                    return
            if left:
                workflow.logger.warning("%d notices of %s stay in the outbox", left, request.spec.book_id)

    async def _deliver(self, request: MonitorRequest, beat_at: datetime | None) -> int:
        """Has the book's outbox worked off once; returns how many notices still wait."""
        asked = DeliverRequest(book_id=request.spec.book_id, beat_at=beat_at)
        delivered = await deliver_once(asked, self.heartbeat_timeout)
        return delivered.notices

    async def _call(self, name: str, request: object, reply: type[T], summary: str) -> T:
        return await call_trading(name, request, reply, summary, self.heartbeat_timeout)


def _refuse_without_reason(wish: ControlWish) -> None:
    if not wish.reason.strip():
        raise ApplicationError("halt and flatten need a reason in words, for the record")
