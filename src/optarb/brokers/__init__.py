"""Brokers, and the fill, fee and margin models of the simulated one."""

from __future__ import annotations

from optarb.brokers.cabinet_sales import CabinetSales
from optarb.brokers.fee_models import PerContractFee
from optarb.brokers.fee_table import FeeRate, FeeTable
from optarb.brokers.fill_models import CrossSpread, FractionOfSpread, Mid
from optarb.brokers.margin_models import PortfolioMargin, StrategyBasedMargin
from optarb.brokers.published_fees import COMMISSION, US_OPTION_FEES, PublishedFees
from optarb.brokers.simulator import SimulatedBroker, Simulator
from optarb.brokers.size_limited import SizeLimited

__all__ = [
    "COMMISSION",
    "US_OPTION_FEES",
    "CabinetSales",
    "CrossSpread",
    "FeeRate",
    "FeeTable",
    "FractionOfSpread",
    "Mid",
    "PerContractFee",
    "PortfolioMargin",
    "PublishedFees",
    "SimulatedBroker",
    "Simulator",
    "SizeLimited",
    "StrategyBasedMargin",
]
