"""Brokers, and the fill and fee models of the simulated one."""

from __future__ import annotations

from optarb.brokers.fee_models import PerContractFee
from optarb.brokers.fill_models import CrossSpread
from optarb.brokers.simulator import SimulatedBroker, Simulator

__all__ = ["CrossSpread", "PerContractFee", "SimulatedBroker", "Simulator"]
