"""``optarb store``."""

from __future__ import annotations

import json

from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode
from optarb.stores import SchemaChange, SqlStore

DESK = ("--desk", "my_desk:desk")


def test_upgrade_when_store_is_up_to_date_then_nothing_to_do(run, folder):
    load_desk("my_desk:desk").store.books()

    done = run("store", "upgrade", *DESK)
    found = json.loads(run("store", "upgrade", *DESK, "--json").stdout)

    assert done.exit_code == 0
    assert done.stdout.endswith(f"has schema version {found['after']}: nothing to do\n")
    assert found["before"] == found["after"]


def test_upgrade_when_tables_were_changed_then_both_versions(run, folder, monkeypatch):
    monkeypatch.setattr(SqlStore, "upgrade", lambda store: SchemaChange(before=1, after=2))

    assert run("store", "upgrade", *DESK).stdout.endswith("was upgraded from schema version 1 to 2\n")


WITHOUT_TABLES = """
import dataclasses, my_desk

@dataclasses.dataclass(frozen=True, kw_only=True)
class Other:
    is_shared: bool = True
    def claim(self): pass
    def commit(self): pass
    def checkpoint(self): pass
    def rows(self): pass

desk = dataclasses.replace(my_desk.desk, store=Other())
"""


def test_upgrade_when_store_has_no_such_tables_then_usage_error(run, folder):
    (folder / "other_desk.py").write_text(WITHOUT_TABLES)

    done = run("store", "upgrade", "--desk", "other_desk:desk")

    assert (done.exit_code, done.stdout) == (ExitCode.USAGE, "")
    assert "Other(is_shared=True) cannot be upgraded from here" in done.stderr


def test_upgrade_when_books_live_in_memory_then_usage_error(run):
    assert run("store", "upgrade", "--desk", "my_desk:in_memory").exit_code == ExitCode.USAGE
