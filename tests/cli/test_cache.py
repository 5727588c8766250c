"""``optarb cache``."""

from __future__ import annotations

import json

import pytest

from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode

DESK = ("--desk", "my_desk:desk")


@pytest.fixture
def cache(folder):
    cache = load_desk("my_desk:desk").cache
    for key in ("bars/SPX", "bars/VIX", "models/x"):
        cache.put(key, b"x" * 1000)
    return cache


def test_info_when_asked_then_entries_and_size(run, cache):
    found = json.loads(run("cache", "info", *DESK, "--json").stdout)
    text = run("cache", "info", *DESK).stdout

    assert found == {
        "cache": repr(cache),
        "prefix": "",
        "entries": 3,
        "size_bytes": cache.usage().size_bytes,
    }
    assert 3000 <= found["size_bytes"] < 4000  # values, and the head of each file
    assert text.splitlines()[0] == repr(cache)
    assert text.splitlines()[1].startswith("3 entries, ")
    assert json.loads(run("cache", "info", *DESK, "--prefix", "bars/", "--json").stdout)["entries"] == 2


def test_info_when_the_cache_cannot_count_then_not_known(run, folder):
    (folder / "plain_desk.py").write_text(
        "import dataclasses, my_desk\n"
        "@dataclasses.dataclass(frozen=True, kw_only=True)\n"
        "class Plain:\n"
        "    def get(self, key): return None\n"
        "    def put(self, key, value, ttl=None): pass\n"
        "    def delete(self, key): pass\n"
        "    def clear(self, prefix=''): pass\n"
        "desk = dataclasses.replace(my_desk.desk, cache=Plain())\n"
    )

    assert run("cache", "info", "--desk", "plain_desk:desk").stdout == "Plain()\nhow full it is, is not known\n"
    found = json.loads(run("cache", "info", "--desk", "plain_desk:desk", "--json").stdout)
    assert (found["entries"], found["size_bytes"]) == (None, None)


def test_clear_when_prefix_then_the_others_stay(run, cache):
    done = run("cache", "clear", *DESK, "--prefix", "bars/", "--yes")

    assert done.exit_code == 0
    assert done.stdout == f"removed the entries of {cache!r} that begin with 'bars/'\n"
    assert [cache.get(key) is None for key in ("bars/SPX", "bars/VIX", "models/x")] == [True, True, False]


def test_clear_when_nobody_can_be_asked_then_refused(run, cache):
    done = run("cache", "clear", *DESK)

    assert done.exit_code == ExitCode.USAGE
    assert "add --yes" in done.stderr
    assert cache.get("models/x") is not None
