"""optarb: typed building blocks for options trading on Temporal.

Everything public is a name of this module, loaded when it is first used::

    import optarb

    result = optarb.backtest(spec, desk)
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from optarb._names import NAMES

if TYPE_CHECKING:
    from optarb.backtesting.runner import backtest as backtest
    from optarb.backtesting.sweep import sweep as sweep
    from optarb.brokers import CabinetSales as CabinetSales
    from optarb.brokers import CrossSpread as CrossSpread
    from optarb.brokers import FeeRate as FeeRate
    from optarb.brokers import FeeTable as FeeTable
    from optarb.brokers import FractionOfSpread as FractionOfSpread
    from optarb.brokers import Mid as Mid
    from optarb.brokers import PerContractFee as PerContractFee
    from optarb.brokers import PortfolioMargin as PortfolioMargin
    from optarb.brokers import PublishedFees as PublishedFees
    from optarb.brokers import SimulatedBroker as SimulatedBroker
    from optarb.brokers import Simulator as Simulator
    from optarb.brokers import SizeLimited as SizeLimited
    from optarb.brokers import StrategyBasedMargin as StrategyBasedMargin
    from optarb.brokers.simulated_account import SimulatedAccount as SimulatedAccount
    from optarb.brokers.stored_account import StoredAccount as StoredAccount
    from optarb.caches import FileCache as FileCache
    from optarb.caches import MemoryCache as MemoryCache
    from optarb.caches import NoCache as NoCache
    from optarb.caches import RedisCache as RedisCache
    from optarb.calendars import ExchangeCalendar as ExchangeCalendar
    from optarb.decisions import Candidate as Candidate
    from optarb.decisions import Decision as Decision
    from optarb.decisions import Denial as Denial
    from optarb.decisions import Entry as Entry
    from optarb.decisions import Exit as Exit
    from optarb.decisions import Review as Review
    from optarb.desk import Desk as Desk
    from optarb.domain.bars import Bars as Bars
    from optarb.domain.contracts import OptionContract as OptionContract
    from optarb.domain.contracts import Right as Right
    from optarb.domain.contracts import Settlement as Settlement
    from optarb.domain.dividends import Dividend as Dividend
    from optarb.domain.dividends import with_estimates as with_estimates
    from optarb.domain.legs import Leg as Leg
    from optarb.domain.legs import NoFit as NoFit
    from optarb.domain.legs import Structure as Structure
    from optarb.domain.orders import Accepted as Accepted
    from optarb.domain.orders import LegFill as LegFill
    from optarb.domain.orders import OrderIntent as OrderIntent
    from optarb.domain.orders import OrderLeg as OrderLeg
    from optarb.domain.orders import OrderReport as OrderReport
    from optarb.domain.orders import OrderStatus as OrderStatus
    from optarb.domain.orders import OrderTerms as OrderTerms
    from optarb.domain.orders import Purpose as Purpose
    from optarb.domain.orders import Rejected as Rejected
    from optarb.domain.orders import TimeInForce as TimeInForce
    from optarb.domain.orders import Unknown as Unknown
    from optarb.domain.quote_table import QuoteTable as QuoteTable
    from optarb.domain.quotes import Chain as Chain
    from optarb.domain.quotes import Quote as Quote
    from optarb.domain.signals import Direction as Direction
    from optarb.domain.signals import Proposal as Proposal
    from optarb.domain.signals import Signal as Signal
    from optarb.errors import AlreadyRunning as AlreadyRunning
    from optarb.errors import BadData as BadData
    from optarb.errors import BookConflict as BookConflict
    from optarb.errors import BookError as BookError
    from optarb.errors import BookNotFound as BookNotFound
    from optarb.errors import BrokerUnavailable as BrokerUnavailable
    from optarb.errors import Cancelled as Cancelled
    from optarb.errors import ComponentError as ComponentError
    from optarb.errors import ConfigurationError as ConfigurationError
    from optarb.errors import DataChanged as DataChanged
    from optarb.errors import DataError as DataError
    from optarb.errors import MissingExtra as MissingExtra
    from optarb.errors import OptarbError as OptarbError
    from optarb.errors import SchemaMismatch as SchemaMismatch
    from optarb.errors import ServerUnavailable as ServerUnavailable
    from optarb.errors import StoreError as StoreError
    from optarb.errors import StoreUnavailable as StoreUnavailable
    from optarb.errors import Superseded as Superseded
    from optarb.errors import TransientError as TransientError
    from optarb.errors import UnknownName as UnknownName
    from optarb.experts import ElliottWaveExpert as ElliottWaveExpert
    from optarb.experts import InvertedExpert as InvertedExpert
    from optarb.experts import PairExpert as PairExpert
    from optarb.experts import RegimeExpert as RegimeExpert
    from optarb.experts import RulesExpert as RulesExpert
    from optarb.experts import UltraBullExpert as UltraBullExpert
    from optarb.experts import VetoExpert as VetoExpert
    from optarb.experts import VotingExpert as VotingExpert
    from optarb.ledger.account import Account as Account
    from optarb.ledger.account import Position as Position
    from optarb.ledger.account import PositionLeg as PositionLeg
    from optarb.lookahead.check import check_lookahead as check_lookahead
    from optarb.lookahead.report import LookaheadFinding as LookaheadFinding
    from optarb.lookahead.report import LookaheadReport as LookaheadReport
    from optarb.lookahead.report import LookaheadTry as LookaheadTry
    from optarb.lookahead.report import ReachedInput as ReachedInput
    from optarb.market_data import ArchMarketData as ArchMarketData
    from optarb.market_data import CombinedMarketData as CombinedMarketData
    from optarb.market_data import CsvMarketData as CsvMarketData
    from optarb.market_data import ModelledOptions as ModelledOptions
    from optarb.market_data import ParquetMarketData as ParquetMarketData
    from optarb.market_data import ScaledBars as ScaledBars
    from optarb.market_data import demo_market_data as demo_market_data
    from optarb.market_data import demo_pair_market_data as demo_pair_market_data
    from optarb.notifiers import Delivery as Delivery
    from optarb.notifiers import EmailNotifier as EmailNotifier
    from optarb.notifiers import HeartbeatUrl as HeartbeatUrl
    from optarb.notifiers import LogNotifier as LogNotifier
    from optarb.notifiers import WebhookNotifier as WebhookNotifier
    from optarb.notifiers import count_waiting as count_waiting
    from optarb.notifiers import deliver as deliver
    from optarb.policies import RiskPolicy as RiskPolicy
    from optarb.position_managers import ExitRules as ExitRules
    from optarb.protocols import BacktestStore as BacktestStore
    from optarb.protocols import BrokerAdapter as BrokerAdapter
    from optarb.protocols import Cache as Cache
    from optarb.protocols import CacheUsage as CacheUsage
    from optarb.protocols import Capabilities as Capabilities
    from optarb.protocols import Expert as Expert
    from optarb.protocols import FeeModel as FeeModel
    from optarb.protocols import FillModel as FillModel
    from optarb.protocols import Indicator as Indicator
    from optarb.protocols import MarginModel as MarginModel
    from optarb.protocols import MarketData as MarketData
    from optarb.protocols import MarketView as MarketView
    from optarb.protocols import Model as Model
    from optarb.protocols import NoMargin as NoMargin
    from optarb.protocols import PolicyEngine as PolicyEngine
    from optarb.protocols import PositionManager as PositionManager
    from optarb.protocols import SessionView as SessionView
    from optarb.protocols import SupportsAdvance as SupportsAdvance
    from optarb.protocols import SupportsDividends as SupportsDividends
    from optarb.protocols import SupportsEntryCheck as SupportsEntryCheck
    from optarb.protocols import SupportsFeatures as SupportsFeatures
    from optarb.protocols import SupportsPricedFees as SupportsPricedFees
    from optarb.protocols import SupportsSettlement as SupportsSettlement
    from optarb.protocols import SupportsTrading as SupportsTrading
    from optarb.protocols import SupportsTraining as SupportsTraining
    from optarb.protocols import SupportsUsage as SupportsUsage
    from optarb.protocols import SupportsWarmUp as SupportsWarmUp
    from optarb.protocols import TradingCalendar as TradingCalendar
    from optarb.protocols.accounts import Activity as Activity
    from optarb.protocols.accounts import SupportsActivities as SupportsActivities
    from optarb.protocols.accounts import SupportsHoldings as SupportsHoldings
    from optarb.protocols.heartbeat import Heartbeat as Heartbeat
    from optarb.protocols.trading import BookState as BookState
    from optarb.protocols.trading import BrokerAccount as BrokerAccount
    from optarb.protocols.trading import Clock as Clock
    from optarb.protocols.trading import Controls as Controls
    from optarb.protocols.trading import JournalEntry as JournalEntry
    from optarb.protocols.trading import Lease as Lease
    from optarb.protocols.trading import Notice as Notice
    from optarb.protocols.trading import Notifier as Notifier
    from optarb.protocols.trading import QuoteFeed as QuoteFeed
    from optarb.protocols.trading import SupportsAccount as SupportsAccount
    from optarb.protocols.trading import SupportsMarketClock as SupportsMarketClock
    from optarb.protocols.trading import SupportsSimulatedAccounts as SupportsSimulatedAccounts
    from optarb.protocols.trading import TradingStore as TradingStore
    from optarb.reports import Result as Result
    from optarb.reports import load_result as load_result
    from optarb.reports.sweep_result import SweepResult as SweepResult
    from optarb.reports.sweep_result import load_sweep as load_sweep
    from optarb.specs import BacktestSpec as BacktestSpec
    from optarb.specs import BacktestSummary as BacktestSummary
    from optarb.specs import ExecutionSpec as ExecutionSpec
    from optarb.specs import Progress as Progress
    from optarb.specs import SweepSpec as SweepSpec
    from optarb.specs import SweepSummary as SweepSummary
    from optarb.statistics import BacktestOverfitting as BacktestOverfitting
    from optarb.statistics import ConfidenceInterval as ConfidenceInterval
    from optarb.statistics import SharpeEstimate as SharpeEstimate
    from optarb.statistics import backtest_overfitting as backtest_overfitting
    from optarb.statistics import bootstrap_interval as bootstrap_interval
    from optarb.statistics import deflated_sharpe_ratio as deflated_sharpe_ratio
    from optarb.statistics import expected_maximum_sharpe as expected_maximum_sharpe
    from optarb.statistics import minimum_track_record as minimum_track_record
    from optarb.statistics import probabilistic_sharpe_ratio as probabilistic_sharpe_ratio
    from optarb.statistics import sharpe_ratios as sharpe_ratios
    from optarb.stores import SchemaChange as SchemaChange
    from optarb.stores import SqlStore as SqlStore
    from optarb.stores.sql_trading import SqlTradingStore as SqlTradingStore
    from optarb.strategy import Strategy as Strategy
    from optarb.structures import Box as Box
    from optarb.structures import Butterfly as Butterfly
    from optarb.structures import Calendar as Calendar
    from optarb.structures import CallPair as CallPair
    from optarb.structures import Condor as Condor
    from optarb.structures import Diagonal as Diagonal
    from optarb.structures import IronButterfly as IronButterfly
    from optarb.structures import IronCondor as IronCondor
    from optarb.structures import LongCall as LongCall
    from optarb.structures import LongPut as LongPut
    from optarb.structures import PairMatch as PairMatch
    from optarb.structures import RatioSpread as RatioSpread
    from optarb.structures import Straddle as Straddle
    from optarb.structures import Strangle as Strangle
    from optarb.structures import Vertical as Vertical
    from optarb.structures import pair_match as pair_match
    from optarb.temporal.activities import BacktestActivities as BacktestActivities
    from optarb.temporal.backtest_workflow import PhasedBacktestWorkflow as PhasedBacktestWorkflow
    from optarb.temporal.connection import connect as connect
    from optarb.temporal.daily_trading import DailyTrading as DailyTrading
    from optarb.temporal.daily_trading_workflow import DailyTradingWorkflow as DailyTradingWorkflow
    from optarb.temporal.parameter_sweep import ParameterSweep as ParameterSweep
    from optarb.temporal.phased_backtest import PhasedBacktest as PhasedBacktest
    from optarb.temporal.plugin import OptarbPlugin as OptarbPlugin
    from optarb.temporal.position_monitor import PositionMonitor as PositionMonitor
    from optarb.temporal.position_monitor_workflow import PositionMonitorWorkflow as PositionMonitorWorkflow
    from optarb.temporal.schedules import DailySchedule as DailySchedule
    from optarb.temporal.schedules import follow_schedule as follow_schedule
    from optarb.temporal.schedules import schedule_daily as schedule_daily
    from optarb.temporal.server import EmbeddedServer as EmbeddedServer
    from optarb.temporal.starting import BacktestHandle as BacktestHandle
    from optarb.temporal.starting import follow_backtest as follow_backtest
    from optarb.temporal.starting import start_backtest as start_backtest
    from optarb.temporal.sweep_activities import SweepActivities as SweepActivities
    from optarb.temporal.sweep_starting import SweepHandle as SweepHandle
    from optarb.temporal.sweep_starting import follow_sweep as follow_sweep
    from optarb.temporal.sweep_starting import start_sweep as start_sweep
    from optarb.temporal.sweep_workflow import ParameterSweepWorkflow as ParameterSweepWorkflow
    from optarb.temporal.trading_activities import TradingActivities as TradingActivities
    from optarb.temporal.trading_controls import flatten_book as flatten_book
    from optarb.temporal.trading_controls import halt_book as halt_book
    from optarb.temporal.trading_controls import resume_book as resume_book
    from optarb.temporal.trading_messages import DayReport as DayReport
    from optarb.temporal.trading_messages import DayRequest as DayRequest
    from optarb.temporal.trading_messages import GuardStatus as GuardStatus
    from optarb.temporal.trading_messages import MonitorRequest as MonitorRequest
    from optarb.temporal.trading_starting import DayHandle as DayHandle
    from optarb.temporal.trading_starting import GuardianHandle as GuardianHandle
    from optarb.temporal.trading_starting import follow_guardian as follow_guardian
    from optarb.temporal.trading_starting import start_day as start_day
    from optarb.temporal.trading_starting import start_guardian as start_guardian
    from optarb.trading.clocks import LiveClock as LiveClock
    from optarb.trading.clocks import PacedClock as PacedClock
    from optarb.trading.clocks import SimulatedClock as SimulatedClock
    from optarb.trading.day_report import SessionReport as SessionReport
    from optarb.trading.day_report import day_report as day_report
    from optarb.trading.day_spec import DaySpec as DaySpec
    from optarb.trading.intraday_feed import IntradayFeed as IntradayFeed
    from optarb.trading.limits import LiveLimits as LiveLimits
    from optarb.trading.parity import Parity as Parity
    from optarb.trading.parity import Rerun as Rerun
    from optarb.trading.parity import check_parity as check_parity
    from optarb.trading.recording import Recording as Recording
    from optarb.trading.replay_feed import ReplayFeed as ReplayFeed
    from optarb.trading.replay_orders import OrdersCompared as OrdersCompared
    from optarb.trading.replay_orders import compare_orders as compare_orders
    from optarb.trading.replay_path import DayCourse as DayCourse
    from optarb.trading.replay_path import PathFeed as PathFeed
    from optarb.trading.replaying import Replay as Replay
    from optarb.trading.replaying import plan_replay as plan_replay
    from optarb.trading.replaying import replay as replay
    from optarb.trading.replaying import replay_desk as replay_desk
    from optarb.trading.rules import LiveRules as LiveRules
    from optarb.trading.running import DayResult as DayResult
    from optarb.trading.running import run_day as run_day
    from optarb.trial import evaluate as evaluate
    from optarb.trial import view as view

_HOMES = {name: module for module, names in NAMES.items() for name in names}

__all__ = sorted(_HOMES)  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll] - one list of names
__version__ = "0.1.0"

logging.getLogger("optarb").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'optarb' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
