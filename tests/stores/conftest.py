"""Databases of either kind."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request, tmp_path):
    """Address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'books.db'}"
    return request.getfixturevalue("postgres_database")()
