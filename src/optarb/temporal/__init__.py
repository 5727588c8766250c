"""Everything that imports ``temporalio``.

This module re-exports nothing: the workflow sandbox executes it for every workflow, so it must stay empty.
"""
