"""For tests of components and of workflows: fakes, and a conformance class for each protocol."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optarb.testing.bar_data_conformance import BarDataConformance as BarDataConformance
    from optarb.testing.broker_conformance import BrokerAdapterConformance as BrokerAdapterConformance
    from optarb.testing.cache_conformance import CacheConformance as CacheConformance
    from optarb.testing.calendar_conformance import TradingCalendarConformance as TradingCalendarConformance
    from optarb.testing.conformance import ComponentConformance as ComponentConformance
    from optarb.testing.conformance import Conformance as Conformance
    from optarb.testing.expert_conformance import ExpertConformance as ExpertConformance
    from optarb.testing.fake_accounts import fake_account as fake_account
    from optarb.testing.fake_accounts import fake_position as fake_position
    from optarb.testing.fake_bar_series import FAKE_SESSION as FAKE_SESSION
    from optarb.testing.fake_bar_series import fake_bars as fake_bars
    from optarb.testing.fake_calendar import FakeCalendar as FakeCalendar
    from optarb.testing.fake_candidates import fake_candidate as fake_candidate
    from optarb.testing.fake_chains import fake_chain as fake_chain
    from optarb.testing.fake_market_data import FakeMarketData as FakeMarketData
    from optarb.testing.fake_quote_tables import QuoteRow as QuoteRow
    from optarb.testing.fake_quote_tables import fake_quote_rows as fake_quote_rows
    from optarb.testing.fake_quote_tables import fake_quotes as fake_quotes
    from optarb.testing.fake_views import fake_view as fake_view
    from optarb.testing.faulty_broker import FaultyBroker as FaultyBroker
    from optarb.testing.faulty_broker import OrderFault as OrderFault
    from optarb.testing.fee_model_conformance import FeeModelConformance as FeeModelConformance
    from optarb.testing.fill_model_conformance import FillModelConformance as FillModelConformance
    from optarb.testing.indicator_conformance import IndicatorConformance as IndicatorConformance
    from optarb.testing.margin_model_conformance import MarginModelConformance as MarginModelConformance
    from optarb.testing.market_data_conformance import MarketDataConformance as MarketDataConformance
    from optarb.testing.memory_trading_store import MemoryTradingStore as MemoryTradingStore
    from optarb.testing.notifier_conformance import NotifierConformance as NotifierConformance
    from optarb.testing.policy_conformance import PolicyEngineConformance as PolicyEngineConformance
    from optarb.testing.position_manager_conformance import PositionManagerConformance as PositionManagerConformance
    from optarb.testing.scripted_broker import OrderScript as OrderScript
    from optarb.testing.scripted_broker import ScriptedBroker as ScriptedBroker
    from optarb.testing.scripted_expert import ScriptedExpert as ScriptedExpert
    from optarb.testing.store_conformance import BacktestStoreConformance as BacktestStoreConformance
    from optarb.testing.structure_conformance import StructureConformance as StructureConformance
    from optarb.testing.trading_store_conformance import TradingStoreConformance as TradingStoreConformance

_NAMES = {
    "bar_data_conformance": ("BarDataConformance",),
    "broker_conformance": ("BrokerAdapterConformance",),
    "cache_conformance": ("CacheConformance",),
    "calendar_conformance": ("TradingCalendarConformance",),
    "conformance": ("ComponentConformance", "Conformance"),
    "expert_conformance": ("ExpertConformance",),
    "fake_accounts": ("fake_account", "fake_position"),
    "fake_bar_series": ("FAKE_SESSION", "fake_bars"),
    "fake_calendar": ("FakeCalendar",),
    "fake_candidates": ("fake_candidate",),
    "fake_chains": ("fake_chain",),
    "fake_market_data": ("FakeMarketData",),
    "fake_quote_tables": ("QuoteRow", "fake_quote_rows", "fake_quotes"),
    "fake_views": ("fake_view",),
    "faulty_broker": ("FaultyBroker", "OrderFault"),
    "fee_model_conformance": ("FeeModelConformance",),
    "fill_model_conformance": ("FillModelConformance",),
    "indicator_conformance": ("IndicatorConformance",),
    "margin_model_conformance": ("MarginModelConformance",),
    "market_data_conformance": ("MarketDataConformance",),
    "memory_trading_store": ("MemoryTradingStore",),
    "notifier_conformance": ("NotifierConformance",),
    "policy_conformance": ("PolicyEngineConformance",),
    "position_manager_conformance": ("PositionManagerConformance",),
    "scripted_broker": ("OrderScript", "ScriptedBroker"),
    "scripted_expert": ("ScriptedExpert",),
    "store_conformance": ("BacktestStoreConformance",),
    "structure_conformance": ("StructureConformance",),
    "trading_store_conformance": ("TradingStoreConformance",),
}
"""Public names by the module that defines them. Loaded on first use: a fake view needs neither pytest nor Temporal."""

_HOMES = {name: f"optarb.testing.{module}" for module, names in _NAMES.items() for name in names}

__all__ = [
    "FAKE_SESSION",
    "BacktestStoreConformance",
    "BarDataConformance",
    "BrokerAdapterConformance",
    "CacheConformance",
    "ComponentConformance",
    "Conformance",
    "ExpertConformance",
    "FakeCalendar",
    "FakeMarketData",
    "FaultyBroker",
    "FeeModelConformance",
    "FillModelConformance",
    "IndicatorConformance",
    "MarginModelConformance",
    "MarketDataConformance",
    "MemoryTradingStore",
    "NotifierConformance",
    "OrderFault",
    "OrderScript",
    "PolicyEngineConformance",
    "PositionManagerConformance",
    "QuoteRow",
    "ScriptedBroker",
    "ScriptedExpert",
    "StructureConformance",
    "TradingCalendarConformance",
    "TradingStoreConformance",
    "fake_account",
    "fake_bars",
    "fake_candidate",
    "fake_chain",
    "fake_position",
    "fake_quote_rows",
    "fake_quotes",
    "fake_view",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return list(__all__)
