"""The tables of this version, held to a fingerprint."""

from __future__ import annotations

import hashlib

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from optarb.stores._schema import METADATA, SCHEMA_VERSION
from optarb.stores.migrations import STEPS

# Tables changed? Then raise SCHEMA_VERSION, write the step that leads to it in optarb.stores.migrations, keep the old
# tables' text in tests/stores/schemas, and put the new version's fingerprint here.
FINGERPRINTS = {4: "f55fc19c978a5a21a29ff45808d23360995df8cc62ac424a67794c74caf40ffb"}


def fingerprint():
    dialects = (sqlite.dialect(), postgresql.dialect())
    made = [made for table in METADATA.sorted_tables for made in (CreateTable(table), *map(CreateIndex, table.indexes))]
    texts = [str(one.compile(dialect=dialect)) for dialect in dialects for one in made]
    return hashlib.sha256("\n".join(" ".join(text.split()) for text in texts).encode()).hexdigest()


def test_tables_when_changed_then_so_is_the_version():
    assert FINGERPRINTS[SCHEMA_VERSION] == fingerprint()


def test_steps_when_counted_then_one_for_each_version_after_the_first():
    assert list(STEPS) == list(range(2, SCHEMA_VERSION + 1))
