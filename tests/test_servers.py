"""The servers of the tests."""

from __future__ import annotations

import pytest
from tests import servers


def test_postgres_when_killed_and_started_then_the_data_is_there(postgres_url):
    import psycopg

    with servers.running_postgres() as server:
        url = server.create_database()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE seen (n int)")
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        server.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM seen").fetchone() == (0,)


def test_postgres_when_two_databases_then_apart(postgres_database):
    import psycopg

    first, second = postgres_database(), postgres_database()
    assert first != second
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE seen (n int)")
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT to_regclass('seen')").fetchone() == (None,)


def test_redis_when_asked_then_it_is_a_real_one(redis_url, redis_prefix):
    import redis

    with redis.from_url(redis_url) as client:
        assert client.set(f"{redis_prefix}key", b"\0\xff", nx=True)
        assert not client.set(f"{redis_prefix}key", b"other", nx=True)
        assert client.get(f"{redis_prefix}key") == b"\0\xff"
