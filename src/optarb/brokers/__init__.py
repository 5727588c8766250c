"""Brokers, and the fill, fee and margin models of the simulated one."""

from __future__ import annotations

from optarb.brokers.fee_models import PerContractFee
from optarb.brokers.fill_models import CrossSpread
from optarb.brokers.margin_models import PortfolioMargin, StrategyBasedMargin
from optarb.brokers.simulator import SimulatedBroker, Simulator

__all__ = ["CrossSpread", "PerContractFee", "PortfolioMargin", "SimulatedBroker", "Simulator", "StrategyBasedMargin"]
