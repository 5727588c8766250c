"""The cache in Redis, on a real server."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import sys

import pytest
from tests import servers

from optarb.caches import RedisCache
from optarb.errors import ConfigurationError, MissingExtra, StoreError, StoreUnavailable
from optarb.testing import CacheConformance

LARGE = bytes(range(256)) * 1024


@pytest.fixture
def cache(redis_url, redis_prefix):
    cache = RedisCache(url=redis_url, prefix=redis_prefix)
    yield cache
    cache.clear()
    cache.close()


class TestRedisCache(CacheConformance):
    @pytest.fixture
    def cache(self, redis_url, redis_prefix):
        cache = RedisCache(url=redis_url, prefix=redis_prefix)
        yield cache
        cache.clear()
        cache.close()


@pytest.fixture
def raw(redis_url):
    """A client of one's own."""
    import redis

    with redis.from_url(redis_url) as client:
        yield client


@pytest.mark.parametrize(("length", "kind"), [(65_535, bytes), (65_536, memoryview)])
def test_get_when_large_then_a_read_only_view(cache, length, kind):
    cache.put("key", bytes(length))
    value = cache.get("key")
    assert type(value) is kind
    if kind is memoryview:
        assert value.readonly


# Damage


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


@pytest.mark.parametrize("value", [b"small" * 10, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "harm",
    [lambda content: content[:-1], lambda content: content + b"\0", lambda content: b"", lambda content: flipped(content, -2)],
    ids=["cut", "longer", "empty", "flipped"],
)
def test_get_when_damaged_then_none_deleted_and_writable(cache, raw, caplog, value, harm):
    cache.put("key", value)
    name = f"{cache.prefix}key"
    raw.set(name, harm(raw.get(name)) if harm(b"xy") else b"")
    with caplog.at_level(logging.WARNING, logger="optarb.caches"):
        assert cache.get("key") is None
    assert "damaged" in caplog.text
    assert not raw.exists(name)
    cache.put("key", value)
    assert bytes(cache.get("key")) == value


def test_get_when_the_value_of_another_key_then_none(cache, raw):
    cache.put("other", b"value")
    raw.rename(f"{cache.prefix}other", f"{cache.prefix}key")
    assert cache.get("key") is None


def test_put_when_present_but_damaged_then_written_anew(cache, raw):
    raw.set(f"{cache.prefix}key", b"rubbish")
    cache.put("key", b"new")
    assert cache.get("key") == b"new"


def test_get_when_something_else_lies_there_then_error(cache, raw):
    raw.rpush(f"{cache.prefix}key", b"a list")
    with pytest.raises(StoreError, match="WRONGTYPE") as raised:
        cache.get("key")
    assert not raised.value.retryable


# Keys and times


def test_put_when_ttl_then_the_server_keeps_the_time(cache, raw):
    cache.put("passing", b"value", ttl=100)
    cache.put("lasting", b"value")
    cache.put("aeons", b"value", ttl=1e300)
    assert 99_000 < raw.pttl(f"{cache.prefix}passing") <= 100_000
    assert raw.pttl(f"{cache.prefix}lasting") == -1
    assert cache.get("aeons") == b"value"


def test_clear_when_prefix_looks_like_a_pattern_then_taken_literally(cache):
    odd = ["a*b", "axb", "[a]", "a", "?", "\\", "^a-", "*"]
    for key in odd:
        cache.put(key, b"value")
    cache.clear("a*")
    assert [key for key in odd if cache.get(key) is not None] == ["axb", "[a]", "a", "?", "\\", "^a-", "*"]
    assert cache.usage("[a").entries == cache.usage("\\").entries == cache.usage("^").entries == cache.usage("*").entries == 1
    cache.clear("?")
    assert [key for key in odd if cache.get(key) is not None] == ["axb", "[a]", "a", "\\", "^a-", "*"]


def test_clear_when_there_are_many_keys_and_others_then_only_its_own_go(cache, raw):
    stranger = RedisCache(url=cache.url, prefix=f"other-{cache.prefix}")
    stranger.put("key", b"theirs")
    with raw.pipeline() as pipeline:
        for number in range(2500):
            pipeline.set(f"{cache.prefix}{number}", b"x")
        pipeline.execute()
    assert cache.usage().entries == 2500
    cache.clear()
    assert cache.usage().entries == 0
    assert stranger.get("key") == b"theirs"
    stranger.clear()


@pytest.mark.parametrize(("key", "ttl"), [("k" * 513, None), ("key", -1), ("key", float("nan"))])
def test_put_when_key_or_ttl_is_out_of_range_then_error(cache, key, ttl):
    with pytest.raises(StoreError, match=r"512|>= 0"):
        cache.put(key, b"", ttl)


def test_put_when_value_is_too_large_for_redis_then_not_kept_and_told(cache, monkeypatch, caplog):
    monkeypatch.setattr("optarb.caches.redis._LARGEST", 1000)
    with caplog.at_level(logging.WARNING, logger="optarb.caches"):
        cache.put("key", bytes(1000))
    assert "'key' has 1000 bytes" in caplog.text
    assert cache.get("key") is None
    cache.put("key", bytes(800))
    assert cache.get("key") == bytes(800)


def _put_in_child(cache, number, barrier, answers):
    barrier.wait()
    cache.put("key", bytes([number]) * 100_000)
    answers.put(bytes(cache.get("key")[:1])[0])
    cache.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_put_when_processes_race_then_all_read_one_value(cache):
    cache.get("key")  # a forked child inherits an open connection
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(3), context.SimpleQueue()
    children = [context.Process(target=_put_in_child, args=(cache, number, barrier, answers)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    seen = {answers.get() for _ in children}
    assert len(seen) == 1
    assert cache.get("key") == bytes(seen) * 100_000


# A server that is away


@pytest.fixture
def server(redis_url):
    """A server of the test's own."""
    with servers.running_redis() as server:
        yield server


def test_get_when_the_server_is_away_then_none_and_one_warning_until_it_is_back(server, caplog):
    cache = RedisCache(url=server.url, away_seconds=0)
    cache.put("key", b"value")
    server.kill()
    with caplog.at_level(logging.INFO, logger="optarb.caches"):
        for _ in range(3):
            assert cache.get("key") is None
            cache.put("key", b"another")
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "computed anew" in caplog.text
        server.start()
        assert cache.get("key") is None  # that server keeps nothing on disk
        cache.put("key", b"value")
        assert cache.get("key") == b"value"
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    cache.close()


def test_get_when_the_server_was_away_a_moment_ago_then_not_asked_again(server, monkeypatch):
    now = 1000.0
    monkeypatch.setattr("optarb.caches._redis_link.time.monotonic", lambda: now)
    cache = RedisCache(url=server.url, away_seconds=15)
    server.stop()
    assert cache.get("key") is None
    server.start()
    cache.put("key", b"value")
    now = 1014.9
    assert cache.get("key") is None
    now = 1015.0
    cache.put("key", b"value")
    assert cache.get("key") == b"value"
    cache.close()


@pytest.mark.parametrize("call", [RedisCache.clear, RedisCache.usage, lambda cache: cache.delete("key")])
def test_clear_when_the_server_is_away_then_unavailable(tmp_path, call):
    pytest.importorskip("redis")
    cache = RedisCache(url=f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(StoreUnavailable, match="cannot be used right now") as raised:
        call(cache)
    assert raised.value.retryable


def test_put_when_the_server_is_full_then_not_kept_and_told(server, caplog):
    import redis

    cache = RedisCache(url=server.url, away_seconds=0)
    with redis.from_url(server.url) as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 200_000)
        with caplog.at_level(logging.WARNING, logger="optarb.caches"):
            for number in range(20):
                cache.put(str(number), bytes(100_000))
        assert "maxmemory" in caplog.text
        assert cache.get("19") is None
        client.config_set("maxmemory", 0)
    cache.put("19", b"value")
    assert cache.get("19") == b"value"
    cache.close()


# What is wrong with the parameters


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "http://localhost"}, "redis://"),
        ({"url": "user:hunter2@localhost"}, "redis://"),
        ({"prefix": ""}, "prefix"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds"),
        ({"away_seconds": -1}, "away_seconds"),
    ],
)
def test_build_when_parameter_is_wrong_then_error(fields, said):
    with pytest.raises(ConfigurationError, match=said) as raised:
        RedisCache(**fields)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("url", ["redis://user:hunter2@host:no-port/0", "redis://:hunter2/3@host:6379/0"])
def test_url_when_it_cannot_be_read_then_error_without_password(url):
    pytest.importorskip("redis")
    with pytest.raises(ConfigurationError, match="cannot be read") as raised:
        RedisCache(url=url).get("key")
    assert "hunter2" not in f"{raised.value!r} {raised.value.__cause__!r}"


def test_get_when_the_package_is_missing_then_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "optarb.caches._redis_link", raising=False)
    with pytest.raises(MissingExtra, match=r"optarb\[redis\]"):
        RedisCache().get("key")


# Passwords


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@host:6379/0",
        "redis://user:hunter2@host:6379/0",
        "redis://user:hunter2/hunter2@hunter2@host:6379/0",
        "rediss://user:hunter2@host/0?ssl_password=hunter2",
        "unix://user@/run/redis.sock?db=0&password=hunter2",
    ],
)
def test_repr_when_url_has_a_password_then_it_is_hidden(url):
    cache = RedisCache(url=url)
    assert "hunter2" not in repr(cache)
    assert "***" in repr(cache)
    assert pickle.loads(pickle.dumps(cache)).url == url


def test_password_when_in_the_environment_then_used_and_never_shown(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    with servers.running_redis("--requirepass", "correct horse") as server:
        cache = RedisCache(url=server.url)
        said = []
        for password in (None, "wrong horse"):
            if password is not None:
                monkeypatch.setenv("OPTARB_REDIS_PASSWORD", password)
            for call in (lambda: cache.get("key"), lambda: cache.put("key", b"value"), cache.clear):
                with pytest.raises(ConfigurationError, match="OPTARB_REDIS_PASSWORD") as raised:
                    call()
                said.append(f"{raised.value!r} {raised.value.__cause__!r}")
            cache.close()
        monkeypatch.setenv("OPTARB_REDIS_PASSWORD", "correct horse")
        cache.put("key", b"value")
        assert cache.get("key") == b"value"
        assert "horse" not in f"{said} {cache!r} {caplog.text}"
        cache.close()


def test_password_when_in_the_address_then_used(monkeypatch):
    monkeypatch.setenv("OPTARB_REDIS_PASSWORD", "another")
    with servers.running_redis("--requirepass", "correct horse") as server:
        cache = RedisCache(url=f"{server.url}&password=correct%20horse")
        cache.put("key", b"value")
        assert cache.get("key") == b"value"
        cache.close()
