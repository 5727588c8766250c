"""Finding a desk by its name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from optarb.cli.desks import load_desk, load_shared_desk
from optarb.desk import Desk
from optarb.errors import ConfigurationError, UnknownName


def test_load_desk_when_module_is_in_the_current_folder_then_found(folder):
    assert isinstance(load_desk("my_desk:desk"), Desk)
    assert sys.path[0] == str(Path.cwd())


def test_load_desk_when_called_twice_then_the_same_and_path_grows_once(folder):
    assert load_desk("my_desk:desk") is load_desk("my_desk:desk")
    assert sys.path.count(str(Path.cwd())) == 1


@pytest.mark.parametrize("name", ["my_desk", "my_desk:", ":desk", "my_desk:a.b", ""])
def test_load_desk_when_not_module_and_attribute_then_error_shows_the_form(folder, name):
    with pytest.raises(ConfigurationError, match="module:attribute, such as my_desk:desk; got "):
        load_desk(name)


@pytest.mark.parametrize("name", ["no_such_module:desk", "no_such.deeper:desk"])
def test_load_desk_when_module_is_missing_then_error_names_it_and_the_folder(folder, name):
    with pytest.raises(ConfigurationError) as caught:
        load_desk(name)

    assert f"no module {name.partition(':')[0].partition('.')[0]!r} in {str(folder)!r}" in str(caught.value)


def test_load_desk_when_module_is_in_no_package_then_configuration_error(folder):
    with pytest.raises(ConfigurationError, match=r"no module 'my_desk\.deeper'"):
        load_desk("my_desk.deeper:desk")


def test_load_desk_when_module_needs_something_missing_then_that_error_is_not_hidden(folder):
    (folder / "broken_desk.py").write_text("import no_such_library\n")

    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        load_desk("broken_desk:desk")


def test_load_desk_when_attribute_is_missing_then_suggestion_among_desks(folder):
    with pytest.raises(UnknownName, match=r"module 'my_desk': unknown attribute 'desk2'; did you mean 'desk'\?"):
        load_desk("my_desk:desk2")


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("number", "'my_desk:number' is no Desk but 'int'; name an optarb.Desk"),
        ("make_desk", "is no Desk but 'function'; call it in the module"),
        ("nothing", "is no Desk but 'NoneType'"),
    ],
)
def test_load_desk_when_attribute_is_no_desk_then_error_says_what_it_is(folder, attribute, message):
    with pytest.raises(ConfigurationError, match=message):
        load_desk(f"my_desk:{attribute}")


def test_load_shared_desk_when_books_live_in_one_process_then_error_names_a_store(folder):
    assert load_shared_desk("my_desk:desk") is load_desk("my_desk:desk")
    with pytest.raises(ConfigurationError, match=r"'my_desk:in_memory' live and end with the process.*SqlStore"):
        load_shared_desk("my_desk:in_memory")
