"""The seams: what optarb asks of experts, policies, position managers, brokers, data, caches and stores.

All are synchronous and called from several threads; all are structural, so no base class is needed.
"""

from __future__ import annotations

from optarb.protocols.brokers import (
    BrokerAdapter,
    Capabilities,
    FeeModel,
    FillModel,
    MarginModel,
    NoMargin,
    SupportsAdvance,
    SupportsPricedFees,
)
from optarb.protocols.caches import Cache, CacheUsage, SupportsUsage
from optarb.protocols.experts import Expert, Indicator, SupportsFeatures, SupportsTraining, SupportsWarmUp
from optarb.protocols.market_data import DataKind, MarketData, SupportsDividends, SupportsSettlement, TradingCalendar
from optarb.protocols.policies import PolicyEngine, PositionManager, SupportsEntryCheck
from optarb.protocols.stores import (
    BacktestStore,
    BlockKey,
    BookInfo,
    BookStatus,
    Checkpoint,
    Claim,
    ClaimKind,
    SupportsTrading,
)
from optarb.protocols.views import MarketView, Model, SessionView

__all__ = [
    "BacktestStore",
    "BlockKey",
    "BookInfo",
    "BookStatus",
    "BrokerAdapter",
    "Cache",
    "CacheUsage",
    "Capabilities",
    "Checkpoint",
    "Claim",
    "ClaimKind",
    "DataKind",
    "Expert",
    "FeeModel",
    "FillModel",
    "Indicator",
    "MarginModel",
    "MarketData",
    "MarketView",
    "Model",
    "NoMargin",
    "PolicyEngine",
    "PositionManager",
    "SessionView",
    "SupportsAdvance",
    "SupportsDividends",
    "SupportsEntryCheck",
    "SupportsFeatures",
    "SupportsPricedFees",
    "SupportsSettlement",
    "SupportsTrading",
    "SupportsTraining",
    "SupportsUsage",
    "SupportsWarmUp",
    "TradingCalendar",
]
