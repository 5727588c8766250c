"""A second referee: put credit spreads, several at a time, on little capital, in a plain loop from the rules' words alone.

Nothing of optarb is imported here. Prices are integers of cents a share, cash is integers of 1/10,000 dollar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from tests.oracle.plain_loop import COMMISSION, UNITS_PER_CENT_A_CONTRACT, Chain, is_usable

MONEYNESS, WIDTH, DAYS = 0.97, 40, 30
MAX_OPEN, MAX_HOLD = 3, 5


@dataclass
class Spread:
    expiry: date
    bought: int
    sold: int
    """Strikes in dollars; the bought one is the lower."""
    entered: date
    credit: int
    """Cents a share."""
    bought_mark: int
    sold_mark: int
    age: int = 0
    unquoted: int = 0
    left: date | None = None
    reason: str = ""
    paid: int = 0
    """Cents a share to be rid of it."""
    fees: int = 2 * COMMISSION

    @property
    def max_loss(self) -> int:
        return (self.sold - self.bought) * 100 - self.credit

    @property
    def to_pay(self) -> int:
        """What buying back at the last marks costs."""
        return self.sold_mark - self.bought_mark

    @property
    def pnl(self) -> int:
        return (self.credit - self.paid) * UNITS_PER_CENT_A_CONTRACT - self.fees

    def look(self, chain: Chain, session: date) -> bool:
        """Marks what is quoted and tells whether both legs are. At the close an expiring contract has ceased to trade."""
        bought = chain.get((self.expiry, "P", self.bought)) if self.expiry > session else None
        sold = chain.get((self.expiry, "P", self.sold)) if self.expiry > session else None
        if bought is not None and is_usable(bought):
            self.bought_mark = bought[0]
        if sold is not None and is_usable(sold):
            self.sold_mark = sold[1]
        self.unquoted = (not is_usable(bought)) + (not is_usable(sold))
        return not self.unquoted

    def exit_reason(self) -> str | None:
        gain = self.credit - self.to_pay
        if gain * 2 >= self.credit:
            return "profit_target"
        if gain * 100 <= -35 * self.max_loss:
            return "stop_loss"
        return "time_exit" if self.age >= MAX_HOLD else None

    def settle(self, close: float) -> int:
        """What the short leg pays less what the long one receives at a close, cents a share."""
        at = round(close * 100)
        return max(self.sold * 100 - at, 0) - max(self.bought * 100 - at, 0)


@dataclass
class Outcome:
    spreads: list[Spread] = field(default_factory=list)
    equity: list[tuple[date, int, int, int]] = field(default_factory=list)
    """Session, cash and marked positions in 1/10,000 dollar, spreads open, legs unquoted."""
    denied: dict[str, int] = field(default_factory=dict)


def choose(chain: Chain, session: date, close: float) -> tuple[date, int, int] | None:
    """Expiry, bought and sold strike: nearest to 30 days; sold nearest to 97 % of the close; bought 40 below that."""
    puts = [one for one, quote in chain.items() if one[1] == "P" and one[0] > session and is_usable(quote)]
    if not puts:
        return None
    expiry = min({one[0] for one in puts}, key=lambda day: (abs((day - session).days - DAYS), day))
    strikes = sorted(one[2] for one in puts if one[0] == expiry)
    sold = min(strikes, key=lambda strike: (abs(strike - MONEYNESS * close), strike))
    below = [strike for strike in strikes if strike < sold]
    if not below or chain[expiry, "P", sold][0] == 0:
        return None
    return expiry, min(below, key=lambda strike: (abs(strike - (sold - WIDTH)), strike)), sold


def run(sessions: Sequence[date], closes: Sequence[float], chains: Mapping[date, Chain], capital_usd: int) -> Outcome:
    """Wants one spread at every session.

    Sold at the bid and bought at the ask, both legs or none; closed the other way round at half of the credit, at -35 % of
    the maximum loss or 5 sessions after the fill. A slot and the capital that an exit frees may be used in the same
    session. A spread binds its maximum loss; to be opened, that and the fees of both sides must be there: capital plus
    results so far less what is bound. On the last session nothing is opened and what is left is closed.
    """
    outcome, cash, realised = Outcome(), capital_usd * 10_000, 0
    held: list[Spread] = []
    for i, (session, close) in enumerate(zip(sessions, closes, strict=True)):
        chain, is_last = chains.get(session, {}), i == len(sessions) - 1
        for spread in list(held):
            spread.age += 1
            reason = (spread.exit_reason() or ("end_of_backtest" if is_last else None)) if spread.look(chain, session) else None
            if reason is not None:
                spread.left, spread.reason, spread.paid = session, reason, spread.to_pay
                spread.fees += 2 * COMMISSION
                cash -= spread.paid * UNITS_PER_CENT_A_CONTRACT + 2 * COMMISSION
                realised += spread.pnl
                held.remove(spread)
        free = capital_usd * 10_000 + realised - sum(spread.max_loss * UNITS_PER_CENT_A_CONTRACT for spread in held)
        opened = None if is_last else _opened(chain, session, close, n_held=len(held), free=free, denied=outcome.denied)
        if opened is not None:
            cash += opened.credit * UNITS_PER_CENT_A_CONTRACT - opened.fees
            held.append(opened)
            outcome.spreads.append(opened)
        for spread in [spread for spread in held if spread.expiry == session]:
            spread.left, spread.reason, spread.paid = session, "expiry", spread.settle(close)
            cash -= spread.paid * UNITS_PER_CENT_A_CONTRACT
            realised += spread.pnl
            held.remove(spread)
        marked = -sum(spread.to_pay for spread in held) * UNITS_PER_CENT_A_CONTRACT
        outcome.equity.append((session, cash + marked, len(held), sum(spread.unquoted for spread in held)))
    assert not held, "the run ends with unquoted spreads; choose another market"
    return outcome


def _opened(chain: Chain, session: date, close: float, *, n_held: int, free: int, denied: dict[str, int]) -> Spread | None:
    chosen = choose(chain, session, close)
    if chosen is None:
        return None
    expiry, bought, sold = chosen
    legs = [chain[expiry, "P", bought], chain[expiry, "P", sold]]
    spread = Spread(expiry, bought, sold, session, legs[1][0] - legs[0][1], legs[0][0], legs[1][1])
    assert spread.credit != 0, "neither debit nor credit; choose another market"
    rule = None
    if spread.credit < 0:
        rule = "target_unreachable"
    elif any(4 * (ask - bid) > ask + bid for bid, ask in legs):
        rule = "too_wide"
    elif n_held >= MAX_OPEN:
        rule = "max_open_positions"
    elif spread.max_loss * UNITS_PER_CENT_A_CONTRACT + 4 * COMMISSION > free:
        rule = "capital"
    if rule is not None:
        denied[rule] = denied.get(rule, 0) + 1
        return None
    return spread
