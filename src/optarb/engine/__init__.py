"""One session, for backtests and live days alike: views, evaluation, candidates, decisions, orders, settlement."""
