"""What a decision was made on comes back to the last bit, and what is damaged is told apart."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
import zlib
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from optarb.domain.bars import Bars
from optarb.domain.contract_keys import pack_keys
from optarb.domain.quotes import Chain
from optarb.errors import BadData, BookError
from optarb.protocols.brokers import Capabilities
from optarb.protocols.trading import Controls
from optarb.testing import fake_bars, fake_chain
from optarb.testing.memory_trading_store import MemoryTradingStore
from optarb.trading.day_spec import DaySpec
from optarb.trading.limits import LiveLimits
from optarb.trading.recording import Recording, load_recording, store_recording

MONDAY = date(2024, 6, 3)
AT = datetime(2024, 6, 3, 13, 35, 0, 123_457, tzinfo=UTC)
COLUMNS = ("open", "high", "low", "close", "volume")


def recording(**changes):
    return dataclasses.replace(
        Recording(
            at=AT,
            session=MONDAY,
            previous=date(2024, 5, 31),
            following=date(2024, 6, 4),
            spec=DaySpec(strategy="live"),
            chains={"SPX": fake_chain()},
            bars={"SPX": fake_bars([5000.0, 5010.5, 4990.25], last=date(2024, 5, 31))},
            state='{"format":1}',
            at_most_usd=None,
            controls=Controls(),
            capabilities=Capabilities(
                multi_leg=True, cross_underlying=False, uncovered_shorts=False, unique_client_ids=True, end_of_day="16:15"
            ),
            parameters={"policy.quantity": "00ff"},
        ),
        **changes,
    )


def bits(values):
    """Floats as the numbers their bits stand for: NaN differs from no NaN, and -0.0 from 0.0."""
    return np.asarray(values, np.float64).view(np.int64).tolist()


def chain_facts(chain):
    keys = chain.columns
    return (
        chain.symbol,
        chain.session,
        chain.taken_at,
        chain.modelled,
        bits([chain.underlying_price]),
        chain.root_names,
        chain.roots.tolist(),
        keys.expiries.tolist(),
        keys.calls.tolist(),
        keys.thousandths.tolist(),
        *(None if sizes is None else bits(sizes) for sizes in (chain.bid_sizes, chain.ask_sizes)),
        bits(chain.bids),
        bits(chain.asks),
    )


def bar_facts(bars):
    return (bars.symbol, bars.sessions.tolist(), [bits(getattr(bars, name)) for name in COLUMNS])


ODD = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True),
    st.integers(0, 2**64 - 1).map(lambda number: struct.unpack("<d", struct.pack("<Q", number))[0]),
)
"""Every float there is: signed zeros, subnormal ones, infinities, and NaN with any payload."""


@st.composite
def chains(draw):
    rows = draw(st.integers(0, 12))
    roots = tuple(sorted(draw(st.sets(st.sampled_from(["SPX", "SPXW", "SPXQ"]), min_size=1))))
    keys = pack_keys(
        np.array(draw(st.lists(st.integers(0, len(roots) - 1), min_size=rows, max_size=rows)), np.int64),
        np.array(draw(st.lists(st.dates(date(1990, 1, 1), date(2080, 1, 1)), min_size=rows, max_size=rows)), "datetime64[D]"),
        np.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), np.bool_),
        np.array(draw(st.lists(st.integers(1, 99_999_999), min_size=rows, max_size=rows)), np.int64) / 1000.0,
    )
    keys = np.unique(keys)
    offsets = st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    return Chain(
        symbol="SPX",
        session=draw(st.dates(date(1990, 1, 1), date(2080, 1, 1))),
        taken_at=draw(st.none() | st.datetimes(timezones=offsets)),
        modelled=draw(st.booleans()),
        underlying_price=draw(ODD),
        roots=roots,
        keys=keys,
        bids=draw(arrays(np.float64, len(keys), elements=ODD)),
        asks=draw(arrays(np.float64, len(keys), elements=ODD)),
        bid_sizes=draw(st.none() | arrays(np.float64, len(keys), elements=ODD)),
        ask_sizes=draw(st.none() | arrays(np.float64, len(keys), elements=ODD)),
    )


@settings(max_examples=60, deadline=None)
@given(chains(), st.data())
def test_recording_when_read_back_then_every_chain_and_bar_to_the_bit(chain, data):
    rows = data.draw(st.integers(0, 5))
    sessions = np.array(data.draw(st.lists(st.dates(date(1900, 1, 1), date(2100, 1, 1)), min_size=rows, max_size=rows)))
    columns = {name: data.draw(arrays(np.float64, rows, elements=ODD)) for name in COLUMNS}
    bars = Bars(symbol="SPX", sessions=np.sort(sessions.astype("datetime64[D]")), **columns)

    found = Recording.load(recording(chains={"SPX": chain}, bars={"SPX": bars}).dump())

    assert chain_facts(found.chains["SPX"]) == chain_facts(chain)
    assert bar_facts(found.bars["SPX"]) == bar_facts(bars)


@pytest.mark.parametrize("pattern", [1 << 63, 1, 0x7FF0 << 48, 0xFFF8_0000_0000_BEEF, 0x7FF0_0000_0000_0001])
def test_recording_when_a_float_is_odd_then_its_very_bits(pattern):
    """Negative zero, the smallest number, infinity, and NaN of two kinds."""
    odd = np.array([pattern], np.uint64).view(np.float64)
    chain = Chain(
        symbol="SPX",
        session=MONDAY,
        taken_at=AT,
        modelled=False,
        underlying_price=struct.unpack("<d", struct.pack("<Q", pattern))[0],
        roots=("SPXW",),
        keys=pack_keys(np.array([0]), np.array([MONDAY], "datetime64[D]"), np.array([True]), np.array([5000.0])),
        bids=odd,
        asks=odd,
    )
    bars = Bars(symbol="SPX", sessions=np.array(["2024-05-31"], "datetime64[D]"), **dict.fromkeys(COLUMNS, odd))

    found = Recording.load(recording(chains={"SPX": chain}, bars={"SPX": bars}).dump())

    assert bits([found.chains["SPX"].underlying_price]) == bits([chain.underlying_price])
    assert bits(found.chains["SPX"].bids) == bits(found.chains["SPX"].asks) == bits(odd)
    assert bar_facts(found.bars["SPX"]) == bar_facts(bars)


def test_recording_when_read_back_then_all_the_rest_too():
    spec = DaySpec(
        strategy="live",
        account="two",
        capital="12345.67",
        overrides={"policy.quantity": 3, "one.drop": 0.1},
        limits=LiveLimits(max_loss=0.3),
    )
    written = recording(
        spec=spec,
        chains={"SPY": fake_chain(symbol="SPY", spot=500.0), "SPX": fake_chain()},
        bars={"VIX": fake_bars([12.0], symbol="VIX", last=date(2024, 5, 31)), "SPX": fake_bars([1.0], last=date(2024, 5, 31))},
        at_most_usd=Decimal("100.10"),
        controls=Controls(halted=True, reason='"ünd"', changed_at=AT),
        state="a document with \n lines and ü",
    )

    found = Recording.load(written.dump())

    plain = [field.name for field in dataclasses.fields(Recording) if field.name not in {"chains", "bars"}]
    assert {name: getattr(found, name) for name in plain} == {name: getattr(written, name) for name in plain}
    assert str(found.at_most_usd) == "100.10"
    assert list(found.chains) == ["SPY", "SPX"]  # in the order of the view
    assert [bar_facts(one) for one in found.bars.values()] == [bar_facts(one) for one in written.bars.values()]


def test_recording_when_read_back_then_its_chains_answer_as_those_of_the_day():
    chain = fake_chain()
    found = Recording.load(recording(chains={"SPX": chain}).dump()).chains["SPX"]

    assert [found.quote(found.contract(row)) for row in range(len(found))] == [
        chain.quote(chain.contract(row)) for row in range(len(chain))
    ]
    assert not found.bids.flags.writeable


def test_bytes_when_written_twice_or_again_after_reading_then_the_same():
    first = recording().dump()

    assert recording().dump() == first
    assert Recording.load(first).dump() == first


@pytest.mark.parametrize(
    "changes",
    [
        {"at": AT + timedelta(microseconds=1)},
        {"at_most_usd": Decimal(0)},
        {"state": "{}"},
        {"chains": {"SPX": fake_chain(volatility=0.2000001)}},
        {"bars": {"SPX": fake_bars([5000.0, 5010.5, np.nextafter(4990.25, 0)], last=date(2024, 5, 31))}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_bytes_when_anything_differs_then_others(changes):
    assert recording(**changes).dump() != recording().dump()


def test_bytes_when_the_chain_is_as_large_as_that_of_spx_then_few():
    """40 expiries of 175 strikes, with prices in cents as a market has them: 24 bytes a contract before, 10 at most after."""
    rng = np.random.default_rng(5)
    days, strikes, calls = np.meshgrid(np.arange(40), 3000.0 + 25 * np.arange(175), [True, False], indexing="ij")
    keys = pack_keys(np.zeros(days.size, np.int64), np.datetime64(MONDAY) + days.ravel(), calls.ravel(), strikes.ravel())
    order = np.argsort(keys)
    inner = np.maximum(np.where(calls, 5000 - strikes, strikes - 5000), 0).ravel() + days.ravel()
    bids = (np.round(inner + rng.uniform(0, 5, days.size), 1))[order]
    chain = Chain(
        symbol="SPX",
        session=MONDAY,
        taken_at=AT,
        modelled=False,
        underlying_price=5000.0,
        roots=("SPXW",),
        keys=keys[order],
        bids=bids,
        asks=np.round(bids + 0.3, 1),
    )

    assert len(chain) == 14_000
    assert len(recording(chains={"SPX": chain}).dump()) < 140_000


# -- what cannot be read -----------------------------------------------------------------------------------------------------


def test_load_when_of_another_version_then_says_which():
    content = recording().dump().replace(b"optarb recording 1\n", b"optarb recording 2\n", 1)

    with pytest.raises(BadData, match=r"version 2, this optarb reads 1; read it with the optarb that wrote it"):
        Recording.load(content)


@pytest.mark.parametrize("content", [b"", b"{}", b"optarb recording x\n", b"optarb recording 1"])
def test_load_when_no_recording_then_says_so(content):
    with pytest.raises(BadData, match="no recording of a decision"):
        Recording.load(content)


HEAD = b"optarb recording 1\n"
WHOLE = zlib.decompress(recording().dump()[len(HEAD) :])
START = 8 + struct.unpack_from("<Q", WHOLE)[0]


@pytest.mark.parametrize(
    "content",
    [
        recording().dump()[:-1],
        recording().dump()[:200],
        HEAD,
        HEAD + b"not compressed",
        HEAD + zlib.compress(b""),
        HEAD + zlib.compress(WHOLE[:-8]),
        HEAD + zlib.compress(WHOLE + b"\0" * 8),
        HEAD + zlib.compress(WHOLE.replace(b'"session"', b'"sessiom"')),
        HEAD + zlib.compress(WHOLE[:8] + b"x" + WHOLE[9:]),
        HEAD + zlib.compress(struct.pack("<Q", START + 10_000) + WHOLE[8:]),
        HEAD + zlib.compress(WHOLE.replace(b'"at":"2024', b'"at":"20x4')),
        HEAD + zlib.compress(WHOLE.replace(b'\\"strategy\\"', b'\\"stratogy\\"')),
    ],
    ids=range(12),
)
def test_load_when_damaged_then_says_so(content):
    with pytest.raises(BadData, match="the recording of the decision is damaged"):
        Recording.load(content)


def test_store_when_read_by_its_digest_then_the_recording_and_another_stays_beside_it():
    store = MemoryTradingStore()
    one, two = recording(), recording(at_most_usd=Decimal(1))

    digests = [store_recording(store, "paper.live", each) for each in (one, two, one)]

    assert digests[0] == digests[2] == hashlib.sha256(one.dump()).hexdigest()
    found = [load_recording(store, "paper.live", MONDAY, digest).at_most_usd for digest in digests]
    assert found == [None, Decimal(1), None]


def test_store_when_the_decision_names_none_or_it_is_gone_or_another_then_says_so():
    store = MemoryTradingStore()
    digest = hashlib.sha256(recording().dump()).hexdigest()

    with pytest.raises(BookError, match=r"book 'b', session 2024-06-03: the decision was stored without a recording"):
        load_recording(store, "b", MONDAY, None)
    with pytest.raises(BadData, match=f"the recording {digest[:12]} of the decision is not in the store"):
        load_recording(store, "b", MONDAY, digest)
    store.once("b", MONDAY, f"recording/{digest}", recording(at_most_usd=Decimal(1)).dump())
    with pytest.raises(BadData, match=f"damaged: its digest is [0-9a-f]{{12}}, not {digest[:12]}"):
        load_recording(store, "b", MONDAY, digest)
