"""Components: what is one, what decides its results, what lies within it, and how its parameters are changed."""

from __future__ import annotations

import functools
import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naming import name_of

from optarb._component import canonical, check_component, component_name, nested, override, source_digest
from optarb.errors import ConfigurationError, UnknownName


class Colour(Enum):
    RED = 1
    BLUE = 2


class Side(StrEnum):
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, kw_only=True)
class Part:
    size: float = 1.0
    count: int = 3
    name: str = "part"
    price: Decimal = Decimal("0.65")
    day: date = date(2018, 1, 17)
    side: Side = Side.LEFT
    limit: float | None = None
    on: bool = False
    steps: tuple[int, ...] = (1, 2)

    def __post_init__(self):
        if self.size < 0:
            raise ValueError(f"size must be zero or more, got {self.size!r}")

    def evaluate(self, view):
        return None


@dataclass(frozen=True, kw_only=True)
class Whole:
    left: Part = field(default_factory=Part)
    right: Part = field(default_factory=lambda: Part(size=2.0))
    more: tuple[Part, ...] = ()
    call: Callable | None = None
    label: str = "whole"

    def evaluate(self, view):
        return None


@dataclass(frozen=True, kw_only=True)
class Bag:
    value: object = None


@dataclass
class Thawed:
    def evaluate(self, view):
        return None


@dataclass(frozen=True, kw_only=True)
class Asynchronous:
    async def evaluate(self, view):
        return None


def plain(view):
    return None


def other(view):
    return None


async def coroutine(view):
    return None


def closed_over(limit):
    def inner(view):
        return limit

    return inner


def local_without_closure():
    def inner(view):
        return None

    return inner


# -- check_component -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (Part, r"pass Part\(\), not Part"),
        (lambda view: None, r"lambda.*frozen dataclass"),
        (closed_over(3), r"closed_over\.<locals>\.inner' is a closure or local function.*frozen dataclass"),
        (local_without_closure(), r"closure or local function"),
        (functools.partial(plain), r"functools\.partial.*frozen dataclass"),
        (coroutine, r"'coroutine' is an async def.*plain def"),
        (Asynchronous(), r"Asynchronous\.evaluate is an async def.*plain def"),
        (Thawed(), r"Thawed is not frozen.*frozen=True, kw_only=True"),
        (object(), r"neither a dataclass nor a module-level function"),
        (3, r"3 is neither"),
        (None, r"None is neither"),
        (Bag(), r"Bag has no evaluate; is it meant for another role"),
        (Part().evaluate, r"neither a dataclass"),
    ],
    ids=name_of,
)
def test_check_component_when_it_cannot_serve_then_role_fault_and_remedy_are_named(thing, words):
    with pytest.raises(ConfigurationError, match=rf"(?s)^expert 'dip': .*{words}"):
        check_component(thing, "expert 'dip'", methods=("evaluate",), function=True)


def test_check_component_when_a_function_has_no_place_then_refused():
    with pytest.raises(ConfigurationError, match=r"store: .*plain.* is no dataclass"):
        check_component(plain, "store")


@pytest.mark.parametrize("thing", [Part(), Whole(), plain])
def test_check_component_when_it_can_serve_then_nothing_happens(thing):
    check_component(thing, "expert 'dip'", methods=("evaluate",), function=True)


@pytest.mark.parametrize("thing", [plain, Part(), closed_over(1)])
def test_component_name_when_asked_then_module_and_qualified_name(thing):
    names = {plain: "plain", "Part": "Part"}
    expected = names.get(thing if thing is plain else type(thing).__name__, "closed_over.<locals>.inner")
    assert component_name(thing) == f"{__name__}:{expected}"


# -- canonical -----------------------------------------------------------------------------------------------------------

parameters = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=4)
    | st.dates()
    | st.datetimes(timezones=st.just(UTC))
    | st.timedeltas()
    | st.sampled_from(Colour),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(parameters)
def test_canonical_when_any_parameter_is_given_then_json_that_is_the_same_again(value):
    written = json.dumps(canonical(value), sort_keys=True, allow_nan=False)
    assert json.dumps(canonical(value), sort_keys=True) == written


APART = [
    None,
    False,
    True,
    0,
    1,
    "1",
    "None",
    0.5,
    math.nextafter(0.5, 1),
    math.inf,
    Decimal("0.5"),
    Decimal("0.50001"),
    date(2018, 1, 17),
    "2018-01-17",
    datetime(2018, 1, 17, tzinfo=UTC),
    datetime(2018, 1, 17, 0, 0, 0, 1, tzinfo=UTC),
    time(9, 30),
    timedelta(seconds=1),
    timedelta(seconds=1, microseconds=1),
    Colour.RED,
    Colour.BLUE,
    Side.LEFT,
    (),
    (1,),
    (1, 2),
    (2, 1),
    ((1,), 2),
    {},
    {"a": 1},
    {"a": 2},
    {"b": 1},
    frozenset({1}),
    frozenset({1, 2}),
    Path("a/b"),
    Part(),
    Part(size=1.5),
    Part(limit=0.0),
    Whole(),
    Whole(left=Part(count=4)),
    Whole(right=Part(size=2.0, count=4)),
    Bag(),
    Bag(value=Part()),
    plain,
    other,
]


def test_canonical_when_parameters_differ_then_the_forms_do():
    forms = [json.dumps(canonical(value)) for value in APART]
    assert len(set(forms)) == len(APART)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (Part(), Part()),
        (Decimal("1.50"), Decimal("1.5")),
        (Decimal(100), Decimal("1E+2")),
        (frozenset({"b", "a", "c"}), frozenset({"c", "a", "b"})),
        (Whole(more=(Part(), Part(size=4.0))), Whole(more=(Part(), Part(size=4.0)))),
    ],
)
def test_canonical_when_parameters_are_equal_then_the_forms_are(one, same):
    assert one == same
    assert canonical(one) == canonical(same)


def test_canonical_when_a_component_then_its_class_and_every_field():
    assert canonical(Bag(value=2.0)) == {
        "component": f"{__name__}:Bag",
        "parameters": {"value": {"float": "0x1.0000000000000p+1"}},
    }


@pytest.mark.parametrize("value", [object(), b"bytes", 1j, sys.stdout, Part])
def test_canonical_when_a_value_has_no_form_then_value_type_and_remedy_are_named(value):
    with pytest.raises(
        ConfigurationError, match=rf"of type {type(value).__name__} has no canonical form; use numbers"
    ) as caught:
        canonical(Bag(value=value))
    assert repr(value) in str(caught.value)


# -- nested --------------------------------------------------------------------------------------------------------------


def test_nested_when_components_lie_in_fields_then_all_with_their_paths():
    tree = Whole(left=Part(count=1), more=(Part(count=8), Part(count=9)), call=plain)

    assert list(nested(tree, "dip")) == [
        ("dip", tree),
        ("dip.left", tree.left),
        ("dip.right", tree.right),
        ("dip.more.0", tree.more[0]),
        ("dip.more.1", tree.more[1]),
        ("dip.call", plain),
    ]
    assert [path for path, _ in nested(tree)][:2] == ["", "left"]


def test_nested_when_deep_then_every_level():
    tree = Bag(value=Bag(value=Bag(value=Part())))
    assert [path for path, _ in nested(tree, "x")] == ["x", "x.value", "x.value.value", "x.value.value.value"]


@pytest.mark.parametrize("thing", [plain, 3, Part])
def test_nested_when_no_dataclass_then_itself_alone(thing):
    assert list(nested(thing, "x")) == [("x", thing)]


# -- source_digest -------------------------------------------------------------------------------------------------------

EXPERT = """
from dataclasses import dataclass

FACTOR = {factor}

def helper(x):
    return FACTOR * x

@dataclass(frozen=True, kw_only=True)
class Expert{base}:
    drop: float = 0.05
    inner: object = None

    def evaluate(self, view):
        return helper(self.drop)

def function(view):
    return helper(1)
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Writes a module and imports it as a new process would."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write_and_load(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        module = type(sys)(name)
        module.__file__ = str(tmp_path / f"{name}.py")
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(text, module.__file__, "exec"), module.__dict__)  # an import, without bytecode of old times
        return module

    return write_and_load


def expert_text(factor=2, base=""):
    return EXPERT.format(factor=factor, base=base)


def test_source_digest_when_nothing_changed_then_the_same_in_another_process(load):
    digests = {source_digest(load("made_up_expert", expert_text()).Expert()) for _ in range(2)}
    (digest,) = digests
    assert len(digest) == 64


@pytest.mark.parametrize("what", ["Expert", "function"])
def test_source_digest_when_a_helper_beside_it_changes_then_another(load, what):
    def digest(factor):
        made = getattr(load("made_up_expert", expert_text(factor)), what)
        return source_digest(made() if what == "Expert" else made)

    assert digest(2) != digest(3)


def test_source_digest_when_a_parameter_changes_then_the_same(load):
    module = load("made_up_expert", expert_text())
    assert source_digest(module.Expert(drop=0.01)) == source_digest(module.Expert(drop=0.02))


def test_source_digest_when_the_module_of_a_base_changes_then_another(load):
    def digest(factor):
        load("made_up_base", expert_text(factor))
        text = f"from made_up_base import Expert as Base\n{expert_text(base='(Base)')}"
        return source_digest(load("made_up_expert", text).Expert())

    assert digest(2) != digest(3)


@pytest.mark.parametrize("wrap", [lambda inner: inner, lambda inner: (inner,)], ids=["field", "tuple"])
def test_source_digest_when_the_module_of_a_nested_component_changes_then_another(load, wrap):
    def digest(factor):
        inner = load("made_up_inner", expert_text(factor)).Expert()
        return source_digest(load("made_up_expert", expert_text()).Expert(inner=wrap(inner)))

    assert digest(2) != digest(3)


def test_source_digest_when_a_module_has_no_file_then_none(load):
    module = load("made_up_expert", expert_text())
    expert = module.Expert()
    Path(module.__file__).unlink()
    assert source_digest(expert) is None
    del module.__file__
    assert source_digest(expert) is None


def digest_of_script(arguments, **options):
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=60, **options)
    return done.stdout.strip()


def test_source_digest_when_component_lives_in_the_script_then_of_the_script(tmp_path):
    def run(factor):
        tail = "from optarb._component import source_digest\nprint(source_digest(Expert()))\n"
        (tmp_path / "script.py").write_text(expert_text(factor) + tail)
        return digest_of_script([str(tmp_path / "script.py")])

    first = run(2)
    assert len(first) == 64
    assert run(2) == first
    assert run(3) != first


def test_source_digest_when_typed_at_a_prompt_then_none():
    code = expert_text() + "from optarb._component import source_digest\nprint(source_digest(Expert()))"
    assert digest_of_script(["-c", code]) == "None"


# -- override ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("size", 2.5, Part(size=2.5)),
        ("size", 2, Part(size=2.0)),
        ("count", 7, Part(count=7)),
        ("name", "7", Part(name="7")),
        ("price", "0.35", Part(price=Decimal("0.35"))),
        ("price", 1, Part(price=Decimal(1))),
        ("day", "2018-02-01", Part(day=date(2018, 2, 1))),
        ("side", "right", Part(side=Side.RIGHT)),
        ("limit", 0.5, Part(limit=0.5)),
        ("limit", None, Part()),
        ("on", True, Part(on=True)),
        ("steps", [4, 5, 6], Part(steps=(4, 5, 6))),
    ],
)
def test_override_when_the_value_fits_then_a_copy_with_the_annotated_type(path, value, expected):
    before = Part()
    found = override(before, path, value)

    assert found == expected
    assert type(getattr(found, path)) is type(getattr(expected, path))
    assert before == Part()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("size", "large"),
        ("size", True),
        ("size", [1.0]),
        ("count", 1.5),
        ("count", "many"),
        ("count", True),
        ("name", 7),
        ("price", "cheap"),
        ("day", "2018-02-30"),
        ("side", "middle"),
        ("on", "perhaps"),
        ("steps", [1, "two"]),
        ("steps", 3),
    ],
)
def test_override_when_the_value_does_not_fit_then_path_value_and_field_are_named(path, value):
    with pytest.raises(ConfigurationError) as caught:
        override(Part(), path, value, full_path=f"dip.{path}")
    assert f"override 'dip.{path}' = {value!r} does not fit Part.{path}: " in str(caught.value)


def test_override_when_the_component_refuses_then_its_own_words():
    with pytest.raises(ConfigurationError, match=r"'size' = -1\.0 is refused: size must be zero or more, got -1\.0"):
        override(Part(), "size", -1.0)
    with pytest.raises(ConfigurationError, match=r"'dip\.left\.size' = -1\.0 is refused: size must be zero"):
        override(Whole(), "left.size", -1.0, full_path="dip.left.size")


def test_override_when_the_path_goes_down_then_only_that_leaf_changes():
    tree = Bag(value=Whole(label="inner"))
    assert override(tree, "value.right.count", 9) == Bag(value=Whole(label="inner", right=Part(size=2.0, count=9)))


@pytest.mark.parametrize(
    ("component", "path", "words"),
    [
        (Part(), "siez", r"unknown parameter 'siez' of Part: 'siez'; did you mean 'size'"),
        (Whole(), "left.cuont", r"'left\.cuont' of Part: 'cuont'; did you mean 'count'"),
        (Whole(), "lft.count", r"of Whole: 'lft'; did you mean 'left'"),
        (Part(), "zzzzzz", r"known: count, day, limit, name, on, price, side, size, steps"),
        (Part(), "", "known: count"),
        (Part(), "size.more", r"override 'size\.more': 1\.0 has no parameters"),
        (plain, "limit", r"override 'limit': .*plain.* has no parameters"),
        (Part, "size", r"Part'> has no parameters"),
    ],
)
def test_override_when_the_path_leads_nowhere_then_the_nearest_or_all_are_named(component, path, words):
    with pytest.raises(UnknownName, match=words):
        override(component, path, 1)


def test_override_when_a_field_is_no_argument_then_unknown():
    @dataclass(frozen=True, kw_only=True)
    class Derived:
        base: int = 1
        made: int = field(init=False, default=2)

    with pytest.raises(UnknownName, match="'made'; known: base"):
        override(Derived(), "made", 3)


@settings(deadline=None)
@given(st.integers(-(2**60), 2**60))
def test_override_when_an_int_is_written_for_a_float_then_the_float(number):
    found = override(Part(), "limit", number)
    assert found.limit == float(number)
    assert type(found.limit) is float


@dataclass(frozen=True, kw_only=True)
class Priced:
    fee: Decimal = Decimal(1)
    part: Part = field(default_factory=Part)
    parts: dict = field(default_factory=dict)


def test_override_when_a_float_is_written_for_a_decimal_then_what_it_says():
    assert override(Priced(), "fee", 0.1).fee == Decimal("0.1")


def test_override_when_it_names_a_component_then_refused_with_the_remedy():
    with pytest.raises(ConfigurationError, match=r"'part' names a component.*part\.<parameter>"):
        override(Priced(), "part", 3)


def test_nested_when_components_stand_in_a_mapping_or_functions_in_a_tuple_then_found():
    inner = Part()
    found = dict(nested(Priced(parts={"a": inner, "b": (json.loads,)})))
    assert found["parts.a"] is inner


def test_source_digest_when_a_module_is_edited_in_place_then_another(load):
    module = load("edited_expert", expert_text(factor=2))
    before = source_digest(module.Expert())
    Path(module.__file__).write_text(expert_text(factor=12))
    assert source_digest(module.Expert()) != before
