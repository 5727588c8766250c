"""Stores: where books live."""

from __future__ import annotations

from optarb.stores._ownership import process_owner
from optarb.stores.schema_change import SchemaChange
from optarb.stores.sql import SqlStore

__all__ = ["SchemaChange", "SqlStore", "process_owner"]
