"""A simulated broker account that lies in a store, so that the workers of a replay can die and share it."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from optarb.brokers.overnight import OfficialValues, overnight
from optarb.brokers.simulated_account import SIMULATED_CAPABILITIES, SimulatedAccount
from optarb.brokers.simulator import Simulator
from optarb.domain.orders import Unknown
from optarb.errors import BrokerUnavailable, ConfigurationError, StoreUnavailable
from optarb.protocols.brokers import Capabilities
from optarb.protocols.stores import SupportsTrading
from optarb.protocols.trading import SupportsSimulatedAccounts

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.domain.orders import OrderIntent, OrderReport, Rejected, SubmitAnswer
    from optarb.protocols.trading import BrokerAccount
    from optarb.protocols.views import SessionView

__all__ = ["StoredAccount"]

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class StoredAccount:
    """A :class:`~optarb.brokers.simulated_account.SimulatedAccount` whose whole state is in a store.

    Each call reads the account, and writes what it changed unless somebody else has written meanwhile: then it begins again. So
    any number of threads and processes may share it, and none that dies leaves half a change. An order whose sender died after
    it was taken is found by its id, and refused as a duplicate if it comes again. Reading writes nothing; a new instant is one
    small write, since every worker must see the same time.

    Before the first instant of a session, contracts whose last day is over are dealt with as
    :func:`~optarb.brokers.overnight.overnight` says, if ``values`` is given.

    Raises:
        ConfigurationError: The store keeps no simulated accounts, or a parameter is out of its range.
    """

    store: SupportsTrading
    """Where the account is: a store of live books, such as :class:`~optarb.SqlStore`."""
    name: str = "replay"
    """Which of the store's accounts; letters, digits, ``_``, ``.`` and ``-``, at most 100."""
    simulator: Simulator = field(default_factory=Simulator)
    """Fill and fee models."""
    cash_usd: Decimal = Decimal(1_000_000)
    """Cash at the beginning, dollars, positive; it has no effect on an account that exists."""
    capabilities: Capabilities = SIMULATED_CAPABILITIES
    """What the broker can do."""
    values: OfficialValues | None = None
    """On what contracts settle; None for a broker that does nothing overnight."""

    def __post_init__(self) -> None:
        store: object = self.store
        if not isinstance(store, SupportsTrading) or not isinstance(store.trading, SupportsSimulatedAccounts):
            raise ConfigurationError(f"a stored account needs a store that keeps such accounts, as SqlStore, not {store!r}")
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(f"name must be 1 to 100 letters, digits, '_', '.' or '-', got {self.name!r}")
        cash: object = self.cash_usd
        if not (isinstance(cash, Decimal) and cash.is_finite() and cash > 0):
            raise ConfigurationError(f"cash_usd must be a positive Decimal, got {cash!r}")

    def preflight(self, orders: Sequence[OrderIntent]) -> Sequence[Rejected]:
        """Refuses orders of several legs that the capabilities do not allow."""
        return SimulatedAccount(self.simulator, capabilities=self.capabilities).preflight(orders)

    def submit(self, order: OrderIntent) -> SubmitAnswer:
        """Takes an order; one of an id that was sent before is rejected as ``duplicate_id``.

        Returns:
            ``Unknown`` too, if the store failed: the order may have landed.
        """
        try:
            return self._changed(lambda account: account.submit(order))
        except BrokerUnavailable as error:
            return Unknown(reason=str(error))

    def find(self, order_id: str) -> OrderReport | None:
        """Returns the order's report with its terms, or None if it was never accepted."""
        return self._loaded()[0].find(order_id)

    def cancel(self, order_id: str) -> None:
        """Cancels a working order.

        Raises:
            BrokerUnavailable: The store cannot be reached; it may have been cancelled.
        """
        self._changed(lambda account: account.cancel(order_id))

    def advance(self, view: SessionView) -> None:
        """Shows the market of a new instant: settles what expired before its session, and fills what can be filled.

        A view that is older than the one shown last, by a worker that was taken for dead, changes nothing.

        Raises:
            BrokerUnavailable: The store cannot be reached.
            OptarbError: An official value is not known.
        """
        self._changed(lambda account: self._moved(account, view))

    def positions(self) -> Mapping[OptionContract, int]:
        """Returns the contracts held, netted."""
        return self._loaded()[0].positions()

    def shares(self) -> Mapping[str, int]:
        """Returns the shares held, signed, by symbol."""
        return self._loaded()[0].shares()

    def account(self) -> BrokerAccount:
        """Returns the account's figures, at the prices shown last."""
        return self._loaded()[0].account()

    def is_open(self) -> bool:
        """Always open: a view is only shown while the market is."""
        return True

    def now(self) -> datetime:
        """Returns the instant shown last, by whichever worker.

        Raises:
            BrokerUnavailable: No market has been shown, or the store cannot be reached.
        """
        return self._loaded()[0].now()

    def exists(self) -> bool:
        """Whether the account has been written to the store, which the first instant shown to it does.

        Raises:
            BrokerUnavailable: The store cannot be reached.
        """
        return self._loaded()[1] > 0

    def adjust(
        self,
        contracts: Mapping[OptionContract, int] | None = None,
        *,
        shares: Mapping[str, int] | None = None,
        cash_usd: Decimal = Decimal(0),
    ) -> None:
        """Changes the account from outside, as an assignment before expiry or another program does.

        Args:
            contracts: Contracts to add, signed.
            shares: Shares to add, signed, by symbol.
            cash_usd: Cash to add, signed.

        Raises:
            BrokerUnavailable: The store cannot be reached; it may have been changed.
        """
        self._changed(lambda account: account.adjust(contracts, shares=shares, cash_usd=cash_usd))

    def _moved(self, account: SimulatedAccount, view: SessionView) -> None:
        last = account.last_session
        if last and view.at < account.now():
            return
        if self.values is not None and last != view.session.isoformat():
            account.settle(overnight(account.positions(), view.session, self.values))
        account.advance(view)

    def _changed(self, change: Callable[[SimulatedAccount], T]) -> T:
        while True:
            account, version, text = self._loaded()
            result = change(account)
            document = account.dump()
            if document == text:
                return result
            with _answering():
                if self._accounts.save_simulated_account(self.name, version, document):
                    return result

    def _loaded(self) -> tuple[SimulatedAccount, int, str]:
        with _answering():
            version, text = self._accounts.simulated_account(self.name)
        if not text:
            account = SimulatedAccount(self.simulator, cash_usd=self.cash_usd, capabilities=self.capabilities)
        else:
            account = SimulatedAccount.load(text, self.simulator, capabilities=self.capabilities)
        return account, version, text

    @property
    def _accounts(self) -> SupportsSimulatedAccounts:
        return self.store.trading  # type: ignore[return-value]  # checked when it was built


@contextmanager
def _answering() -> Generator[None]:
    """Says of a store that is away what a broker says."""
    try:
        yield
    except StoreUnavailable as error:
        raise BrokerUnavailable(f"the simulated account cannot be reached: {error}") from error
