"""Phased backtests: claim, ingest, features, signals, trade, close; in process, or as what Temporal's activities call."""
