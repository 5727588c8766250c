"""Reading logs that grow."""

from __future__ import annotations

import pytest

from optarb.cli._logs import LogReader


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, ["three"]), (2, ["two", "three"]), (3, ["one", "two", "three"]), (9, ["one", "two", "three"])],
)
def test_last_when_asked_then_that_many_whole_lines(tmp_path, count, expected):
    (tmp_path / "log").write_text("one\ntwo\nthree\nhal")

    assert list(LogReader(tmp_path / "log").last(count)) == expected


def test_last_when_the_log_is_larger_than_a_chunk_then_found_all_the_same(tmp_path):
    lines = [f"{number} {'x' * 1000}" for number in range(300)]
    (tmp_path / "log").write_text("".join(f"{line}\n" for line in lines))

    assert list(LogReader(tmp_path / "log").last(200)) == lines[100:]


def test_added_when_lines_come_then_each_once_and_whole(tmp_path):
    log = tmp_path / "log"
    log.write_text("one\nhal")
    reader = LogReader(log)
    assert list(reader.last(5)) == ["one"]
    with log.open("a") as opened:
        opened.write("f\ntwo\nth")

    assert list(reader.added()) == ["half", "two"]
    assert list(reader.added()) == []
    with log.open("a") as opened:
        opened.write("ree\n")
    assert list(reader.added()) == ["three"]


def test_added_when_a_new_file_takes_its_place_then_read_from_its_beginning(tmp_path):
    log = tmp_path / "log"
    log.write_text("old\n")
    reader = LogReader(log)
    reader.last(1)
    log.rename(tmp_path / "log.1")
    assert list(reader.added()) == []
    log.write_text("new\n")

    assert list(reader.added()) == ["new"]


def test_last_when_there_is_no_log_yet_then_empty_and_what_comes_is_read(tmp_path):
    reader = LogReader(tmp_path / "log")
    assert list(reader.last(5)) == []
    (tmp_path / "log").write_bytes(b"caf\xe9\n")

    assert list(reader.added()) == ["caf�"]
