"""What a live day's decision was made on, as bytes from which it can be made again."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from optarb.domain.bars import Bars
from optarb.domain.contract_keys import pack_keys
from optarb.domain.quotes import Chain
from optarb.errors import BadData, BookError, OptarbError
from optarb.protocols.brokers import Capabilities
from optarb.protocols.trading import Controls
from optarb.trading.day_spec import DaySpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.protocols.trading import TradingStore

__all__ = ["Recording", "load_recording", "store_recording"]

_VERSION = 1
_HEAD = re.compile(rb"optarb recording (\d+)\n")
_LEVEL = 6
_LENGTH = struct.Struct("<Q")
_BAR_COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """All that a decision read. What is loaded is what was dumped, to the last bit of every float.

    The bytes hold no time of their own and nothing that is random: with one version of zlib equal recordings are equal bytes.
    """

    at: datetime
    """When the day was decided, aware UTC."""
    session: date
    """The session."""
    previous: date
    """The session before: the last whose bars were visible."""
    following: date
    """The session after."""
    spec: DaySpec
    """What was traded."""
    chains: Mapping[str, Chain]
    """The chains of the view, by underlying."""
    bars: Mapping[str, Bars]
    """Bars through the session before, by symbol."""
    state: str
    """The book before the decision, with its working orders; the JSON document that the store kept of it."""
    at_most_usd: Decimal | None
    """What the broker let new positions bind, dollars; None where it did not say."""
    controls: Controls
    """What people asked of the book."""
    capabilities: Capabilities
    """What the broker could do."""
    parameters: Mapping[str, str]
    """Hashes of the parameters and the sources of strategy and simulator, by path, such as ``"policy.quantity"``."""

    def dump(self) -> bytes:
        """Writes everything, compressed."""
        columns: list[bytes] = []
        fields = {
            "at": self.at.isoformat(),
            "session": self.session.isoformat(),
            "previous": self.previous.isoformat(),
            "following": self.following.isoformat(),
            "spec": self.spec.model_dump_json(),
            "chains": [[symbol, _dump_chain(chain, columns)] for symbol, chain in self.chains.items()],
            "bars": [[symbol, _dump_bars(bars, columns)] for symbol, bars in self.bars.items()],
            "state": self.state,
            "at_most_usd": None if self.at_most_usd is None else str(self.at_most_usd),
            "controls": asdict(self.controls) | {"changed_at": _text(self.controls.changed_at)},
            "capabilities": asdict(self.capabilities),
            "parameters": dict(self.parameters),
        }
        text = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
        content = b"".join((_LENGTH.pack(len(text)), text, *columns))
        return b"optarb recording %d\n" % _VERSION + zlib.compress(content, _LEVEL)

    @classmethod
    def load(cls, content: bytes) -> Recording:
        """Reads a recording back.

        Args:
            content: From :meth:`dump`.

        Raises:
            BadData: It is no recording, is damaged, or was written in a version that is not known here.
        """
        head = _HEAD.match(content)
        if head is None:
            raise BadData(f"no recording of a decision: it begins with {content[:20]!r}")
        version = int(head[1])
        if version != _VERSION:
            raise BadData(
                f"the recording of the decision has version {version}, this optarb reads {_VERSION}; read it with the optarb "
                "that wrote it"
            )
        try:
            return _loaded(zlib.decompress(content[head.end() :]))
        except (ArithmeticError, IndexError, KeyError, OptarbError, TypeError, ValueError, struct.error, zlib.error) as error:
            raise BadData(f"the recording of the decision is damaged: {type(error).__name__}: {error}") from error


def store_recording(store: TradingStore, book_id: str, recording: Recording) -> str:
    """Stores a recording under its digest and returns that. One that no decision names in the end does no harm.

    Args:
        store: Where the book is.
        book_id: The book.
        recording: What is about to be decided on.
    """
    content = recording.dump()
    digest = hashlib.sha256(content).hexdigest()
    store.once(book_id, recording.session, f"recording/{digest}", content)
    return digest


def load_recording(store: TradingStore, book_id: str, session: date, digest: str | None) -> Recording:
    """Reads the recording that a decision names.

    Args:
        store: Where the book is.
        book_id: The book.
        session: The session.
        digest: From the stored decision; None if it names none.

    Raises:
        BookError: The decision names none.
        BadData: It is not there, is damaged, or was written in a version that is not known here.
    """
    shown = f"book {book_id!r}, session {session}"
    if digest is None:
        raise BookError(f"{shown}: the decision was stored without a recording, so it cannot be made again")
    content = store.decided(book_id, session, f"recording/{digest}")
    if content is None:
        raise BadData(f"{shown}: the recording {digest[:12]} of the decision is not in the store")
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise BadData(f"{shown}: the recording of the decision is damaged: its digest is {found[:12]}, not {digest[:12]}")
    return Recording.load(content)


# -- columns -----------------------------------------------------------------------------------------------------------------


def _dump_chain(chain: Chain, columns: list[bytes]) -> dict[str, Any]:
    keys = chain.columns
    packed = pack_keys(keys.root_indices, keys.expiries, keys.calls, keys.strikes)
    sizes = [one for one in (chain.bid_sizes, chain.ask_sizes) if one is not None]
    columns += [_steps(packed), *map(_floats, (chain.bids, chain.asks, *sizes))]
    return {
        "symbol": chain.symbol,
        "session": chain.session.isoformat(),
        "taken_at": _text(chain.taken_at),
        "modelled": chain.modelled,
        "underlying_price": struct.pack("<d", chain.underlying_price).hex(),
        "roots": chain.root_names,
        "contracts": len(chain),
        "sizes": [chain.bid_sizes is not None, chain.ask_sizes is not None],
    }


def _dump_bars(bars: Bars, columns: list[bytes]) -> dict[str, Any]:
    columns.append(_steps(bars.sessions.astype("datetime64[D]").astype(np.int64)))
    columns += [_floats(getattr(bars, name)) for name in _BAR_COLUMNS]
    return {"symbol": bars.symbol, "sessions": len(bars)}


def _steps(values: NDArray[np.int64]) -> bytes:
    """Ascending numbers as the steps between them, which zlib makes smaller."""
    return np.diff(values, prepend=np.int64(0)).astype("<i8").tobytes()


def _floats(values: NDArray[np.float64]) -> bytes:
    return np.asarray(values, np.float64).astype("<f8").tobytes()


class _Columns:
    """Columns one after the other."""

    def __init__(self, content: memoryview) -> None:
        self._content = content

    def ascending(self, rows: int) -> NDArray[np.int64]:
        return np.cumsum(np.frombuffer(self._next(rows), "<i8"), dtype=np.int64)

    def floats(self, rows: int) -> NDArray[np.float64]:
        return np.frombuffer(self._next(rows), "<f8").astype(np.float64)

    def end(self) -> None:
        if self._content:
            raise ValueError(f"{len(self._content)} bytes too many")

    def _next(self, rows: int) -> memoryview:
        size = 8 * rows
        if not 0 <= size <= len(self._content):
            raise ValueError(f"{size} bytes of a column, {len(self._content)} are left")
        column, self._content = self._content[:size], self._content[size:]
        return column


def _loaded(content: bytes) -> Recording:
    (length,) = _LENGTH.unpack_from(content)
    start = _LENGTH.size + length
    fields: dict[str, Any] = json.loads(content[_LENGTH.size : start])
    columns = _Columns(memoryview(content)[start:])
    chains = {symbol: _load_chain(entry, columns) for symbol, entry in fields["chains"]}
    bars = {symbol: _load_bars(entry, columns) for symbol, entry in fields["bars"]}
    columns.end()
    controls = fields["controls"]
    return Recording(
        at=datetime.fromisoformat(fields["at"]),
        session=date.fromisoformat(fields["session"]),
        previous=date.fromisoformat(fields["previous"]),
        following=date.fromisoformat(fields["following"]),
        spec=DaySpec.model_validate_json(fields["spec"]),
        chains=chains,
        bars=bars,
        state=fields["state"],
        at_most_usd=None if fields["at_most_usd"] is None else Decimal(fields["at_most_usd"]),
        controls=Controls(
            halted=controls["halted"],
            flatten=controls["flatten"],
            reason=controls["reason"],
            changed_at=_instant(controls["changed_at"]),
        ),
        capabilities=Capabilities(**fields["capabilities"]),
        parameters=fields["parameters"],
    )


def _load_chain(entry: Mapping[str, Any], columns: _Columns) -> Chain:
    rows, (bid_sizes, ask_sizes) = entry["contracts"], entry.get("sizes", (False, False))
    (underlying_price,) = struct.unpack("<d", bytes.fromhex(entry["underlying_price"]))
    return Chain(
        symbol=entry["symbol"],
        session=date.fromisoformat(entry["session"]),
        taken_at=_instant(entry["taken_at"]),
        modelled=entry["modelled"],
        underlying_price=underlying_price,
        roots=tuple(entry["roots"]),
        keys=columns.ascending(rows),
        bids=columns.floats(rows),
        asks=columns.floats(rows),
        bid_sizes=columns.floats(rows) if bid_sizes else None,
        ask_sizes=columns.floats(rows) if ask_sizes else None,
    )


def _load_bars(entry: Mapping[str, Any], columns: _Columns) -> Bars:
    rows = entry["sessions"]
    sessions = columns.ascending(rows).astype("datetime64[D]")
    return Bars(symbol=entry["symbol"], sessions=sessions, **{name: columns.floats(rows) for name in _BAR_COLUMNS})


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
