"""The tables of this version, held to a fingerprint."""

from __future__ import annotations

import hashlib

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from optarb.stores._schema import METADATA, SCHEMA_VERSION
from optarb.stores.migrations import STEPS

# Tables changed? Then raise SCHEMA_VERSION, write the step that leads to it in optarb.stores.migrations, keep the old
# tables' text in tests/stores/schemas, and put the new version's fingerprint here.
FINGERPRINTS = {2: "7330a3a785058d368fb729b649f249487d7fe1113fd0e68c48d86456becee618"}


def fingerprint():
    dialects = (sqlite.dialect(), postgresql.dialect())
    texts = [str(CreateTable(table).compile(dialect=dialect)) for dialect in dialects for table in METADATA.sorted_tables]
    return hashlib.sha256("\n".join(" ".join(text.split()) for text in texts).encode()).hexdigest()


def test_tables_when_changed_then_so_is_the_version():
    assert FINGERPRINTS[SCHEMA_VERSION] == fingerprint()


def test_steps_when_counted_then_one_for_each_version_after_the_first():
    assert list(STEPS) == list(range(2, SCHEMA_VERSION + 1))
