"""The simulated broker."""

from __future__ import annotations

from decimal import Decimal

import optarb
from benchmarks.bench import Bench
from benchmarks.table import line, timed

_COUNT = 2_000


def simulated(bench: Bench) -> None:  # noqa: ARG001 - every row is given it
    """One order through submit and find."""
    from optarb.testing import fake_view

    chain = fake_view().view.chain("SPX")
    if chain is None:
        raise RuntimeError("the fake view has no chain")
    leg = optarb.OrderLeg(contract=chain.contract(len(chain) // 2), quantity=1)

    def orders() -> None:
        broker = optarb.Simulator().broker()
        for number in range(_COUNT):
            order = optarb.OrderIntent(
                book_id="b", position_id=str(number), purpose=optarb.Purpose.OPEN, attempt=1, legs=(leg,), limit=Decimal(10_000)
            )
            broker.submit(order)
            broker.find(order.order_id)

    line("a simulated order through submit and find", f"{timed(orders, 5) / _COUNT * 1e6:.1f} us", "30 us")
