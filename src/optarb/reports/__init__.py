"""What a book came to: figures, tables and explanations."""

from __future__ import annotations

from optarb.reports.explain import Explanation
from optarb.reports.result import Result, load_result

__all__ = ["Explanation", "Result", "load_result"]
