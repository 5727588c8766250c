"""Benchmarks: ``make bench`` prints what optarb takes beside a reference in the same run."""
