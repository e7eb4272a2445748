"""What a function tells of itself: annotations, docstrings and defaults as JSON Schema."""

from __future__ import annotations

import enum
import json
import keyword
import types
import typing
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.engine import call_grammar, parameters_of
from slearn.engine.scripted import accepts
from slearn.errors import InputError
from slearn.tools import function_tool, left_out, tool_from_code, tools_in
from slearn.tools.signature import summary, tool_from_function

INTEGER = {"type": "integer"}
NAMES = st.from_regex(r"[a-zé_][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)


def schema(head: str, docstring: str = "") -> dict[str, Any]:
    """Return the parameters of a function with these parameters and this docstring."""
    body = f"def f({head}):\n    {docstring!r}\n" if docstring else f"def f({head}): ...\n"
    found: dict[str, Any] = json.loads(tool_from_code(body).parameters)
    return found


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("str", {"type": "string"}),
        ("None", {"type": "null"}),
        ("list", {"type": "array"}),
        ("List", {"type": "array"}),
        ("dict", {"type": "object"}),
        ("dict[str, int]", {"type": "object"}),
        ("typing.Dict[str, int]", {"type": "object"}),
        ("list[int]", {"type": "array", "items": {"type": "integer"}}),
        ("typing.List[int]", {"type": "array", "items": {"type": "integer"}}),
        ("collections.abc.Sequence[float]", {"type": "array", "items": {"type": "number"}}),
        ("set[str]", {"type": "array", "items": {"type": "string"}}),
        ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        (
            "list[list[bool]]",
            {"type": "array", "items": {"type": "array", "items": {"type": "boolean"}}},
        ),
        ("Optional[str]", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("typing.Optional[str]", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("int | None", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("Union[int, str]", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ('str | "int"', {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ("Literal['a', 1, None, True]", {"enum": ["a", 1, None, True]}),
        ("Annotated[int, 'how many']", {"type": "integer"}),
        ("'list[str]'", {"type": "array", "items": {"type": "string"}}),
        ("'no python('", {}),
        (r"'\0'", {}),
        ("Any", {}),
        ("Point", {}),
        ("datetime.date", {}),
        ("Optional[Point]", {}),
        ("list[Point]", {"type": "array", "items": {}}),
        ("Callable[[int], str]", {}),
        ("bytes", {}),
        ("3", {}),
    ],
)
def test_annotations(annotation: str, kind: dict[str, Any]) -> None:
    assert schema(f"x: {annotation}")["properties"] == {"x": kind}


def test_a_literal_keeps_its_negative_numbers() -> None:
    assert schema("x: Literal[-1, 0, 1]")["properties"]["x"] == {"enum": [-1, 0, 1]}


def test_without_annotations_an_argument_is_anything() -> None:
    found = schema("a, b")
    assert found == {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]}


@pytest.mark.parametrize(
    ("head", "names", "required"),
    [
        ("", [], []),
        ("a, b=1", ["a", "b"], ["a"]),
        ("a=None", ["a"], []),
        ("a, *, b, c=1", ["a", "b", "c"], ["a", "b"]),
        ("*, a", ["a"], ["a"]),
        ("*args, **kwargs", [], []),
        ("a, *args, b, **kwargs", ["a", "b"], ["a", "b"]),
        ("a: int = 3, *, b: str", ["a", "b"], ["b"]),
    ],
)
def test_what_has_a_default_need_not_be_given(
    head: str, names: list[str], required: list[str]
) -> None:
    found = schema(head)
    assert [*found["properties"]] == names and found["required"] == required


@given(
    st.lists(NAMES, unique=True, max_size=5),
    st.data(),
)
def test_every_parameter_is_told_once_and_can_be_called(
    names: list[str], data: st.DataObject
) -> None:
    kinds = ["", ": int", ": list[str]", ": Optional[bool]"]
    heads = [f"{name}{data.draw(st.sampled_from(kinds))}" for name in names]
    optional = data.draw(st.integers(0, len(names)))
    shown = heads[: len(heads) - optional]
    shown += [f"{head} = None" for head in heads[len(heads) - optional :]]
    found = schema(", ".join(shown))
    assert [*found["properties"]] == names
    assert found["required"] == names[: len(names) - optional]
    jsonschema.Draft202012Validator.check_schema(found)


@pytest.mark.parametrize("code", ["def f(a, /): ...", "def f(a, b=1, /, c=2): ..."])
def test_a_parameter_by_position_only_is_refused(code: str) -> None:
    with pytest.raises(InputError, match="function 'f': takes 'a' by position only"):
        tool_from_code(code)
    assert tools_in(code) == [] and left_out(code) == {"f": "takes 'a' by position only"}


def test_what_can_be_no_tool_is_left_out_and_told() -> None:
    code = "def a(x, /): ...\nasync def b(): ...\ndef c(): ...\nasync def _d(): ...\n"
    assert [tool.name for tool in tools_in(code)] == ["c"]
    assert left_out(code) == {"a": "takes 'x' by position only", "b": "is async"}
    assert tool_from_code(code, "c").name == "c"
    with pytest.raises(InputError, match="tool 'b': its function is async"):
        tool_from_code(code, "b")


def test_a_type_of_very_many_parts_is_anything() -> None:
    assert schema("x: " + " | ".join(["int"] * 700))["properties"] == {"x": {}}


GOOGLE = """Adds two numbers,
    quickly.

    Long words about it.

    Args:
        a (int): the first one: not the last
        *rest: left out
        b: the second one

    Returns:
        Their sum.
    """
SPHINX = """Adds two numbers, quickly.

    :param a: the first one: not the last
    :param b: the second one
    :returns: their sum
    """
PLAIN = """Adds two numbers, quickly.

    a -- the first one: not the last
    b - the second one
    """


@pytest.mark.parametrize("docstring", [GOOGLE, SPHINX, PLAIN])
def test_docstrings_of_several_styles(docstring: str) -> None:
    code = f'def add(a: int, b: int = 1, c=2):\n    """{docstring}"""\n    return a + b\n'
    tool = tool_from_code(code)
    assert tool.description == "Adds two numbers, quickly."
    assert json.loads(tool.parameters)["properties"] == {
        "a": {"type": "integer", "description": "the first one: not the last"},
        "b": {"type": "integer", "description": "the second one"},
        "c": {},
    }


def test_a_given_description_stands_for_the_docstrings() -> None:
    assert tool_from_code(DOUBLE, description="Twice.").description == "Twice."
    assert tool_from_code("def f(): ...").description == ""
    assert summary("  One\n  line.\n\n  More.") == "One line."


def test_the_first_line_of_a_docstring_notes_no_parameter() -> None:
    assert schema("n", "n: the number\n\nn: this one")["properties"]["n"] == {
        "description": "this one"
    }


DOUBLE = "def double(n: int) -> int:\n    '''Doubles a number.'''\n    return 2 * n\n"
SEVERAL = f"""import math

LIMIT = 3

def _help(n):
    return n

{DOUBLE}

class Point:
    def method(self): ...

async def later(n): ...

def half(größe: float) -> float:
    '''Hälfte.'''
    def inner(): ...
    return größe / 2
"""


def test_of_several_functions_the_named_or_the_last_one() -> None:
    assert tool_from_code(SEVERAL).name == "half"
    assert tool_from_code(SEVERAL, "double").description == "Doubles a number."
    assert tool_from_code(SEVERAL, "_help").name == "_help"
    assert tool_from_code(SEVERAL, "double").code == SEVERAL
    assert [tool.name for tool in tools_in(SEVERAL)] == ["double", "half"]
    assert tools_in("x = 1") == []


def test_a_function_that_is_defined_again_is_the_last_one() -> None:
    (tool,) = tools_in("def f(a): ...\ndef f(b): ...")
    assert [*json.loads(tool.parameters)["properties"]] == ["b"]


def test_names_and_words_of_any_script() -> None:
    tool = tool_from_code(SEVERAL)
    assert tool.description == "Hälfte." and '"größe"' in tool.parameters
    assert accepts(call_grammar([tool]).grammar, '{"name": "half", "arguments": {"größe": 0.5}}')


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("def f(:\n    ...", "", r"its code is no Python: .*\(line 1\)"),
        ("x = 1\ndef f():\nreturn 2", "f", r"tool 'f': its code is no Python: .*\(line 3\)"),
        ("def f():\n    return 'a", "f", r"\(line 2\)"),
        ("\0", "", "null bytes"),
        ("(" * 5000, "", "no Python"),
        ("", "f", "its code defines no function of its name .*the functions are: none"),
        ("def f(): ...\ndef g(): ...", "h", "tool 'h': .*the functions are: f, g"),
        ("class A:\n    def f(self): ...", "f", "no function"),
        ("async def f(): ...", "f", "its function is async"),
    ],
)
def test_code_that_is_no_tool(code: str, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as told:
        tool_from_code(code, name)
    assert "\n" not in str(told.value)


def test_a_syntax_error_names_the_file() -> None:
    with pytest.raises(InputError, match=r"^tools\.py: its code is no Python: .*\(line 2\)$"):
        tools_in("x = 1\ny = = 2", "tools.py")


@given(st.text(max_size=40) | st.text("def f(a:,)=\n \"'[]|*.1#", max_size=40))
def test_whatever_the_code_it_is_a_tool_or_an_input_error(code: str) -> None:
    try:
        tools = tools_in(code)
    except InputError:
        return
    assert all(isinstance(json.loads(tool.parameters), dict) for tool in tools)


def test_code_is_read_and_never_run() -> None:
    (tool,) = tools_in("raise SystemExit\n@nothing.there\ndef f(a=1 / 0): ...")
    assert tool.runs and json.loads(tool.parameters)["required"] == []


class Colour(enum.Enum):
    RED = "red"


def lookup(
    place: str,
    days: "list[int]",  # noqa: UP037
    *more: int,
    unit: typing.Literal["C", "F"] = "C",
    near: str | None = None,
    **rest: int,
) -> str:
    """Tells the weather.

    Args:
        place: a town
        days: which ones
    """
    return place


def test_a_users_function_tells_the_same_as_its_code_would() -> None:
    tool = tool_from_function("weather:lookup", lookup)
    assert (tool.name, tool.description) == ("lookup", "Tells the weather.")
    assert (tool.function, tool.code, tool.server) == ("weather:lookup", "", "")
    found = json.loads(tool.parameters)
    assert found["required"] == ["place", "days"]
    assert found["properties"] == {
        "place": {"type": "string", "description": "a town"},
        "days": {"type": "array", "items": {"type": "integer"}, "description": "which ones"},
        "unit": {"enum": ["C", "F"]},
        "near": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    }


def live(source: str, name: str = "f") -> Any:
    """Return a function whose annotations are values, as without `from __future__`."""
    module = types.ModuleType("live")
    exec(compile(source, "live", "exec", dont_inherit=True), module.__dict__)
    return getattr(module, name)


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("int", {"type": "integer"}),
        ("list[list[int]]", {"type": "array", "items": {"type": "array", "items": INTEGER}}),
        ("typing.Optional[int]", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("int | str", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ("typing.Annotated[int, 'x']", {"type": "integer"}),
        ("typing.Literal['a', 2]", {"enum": ["a", 2]}),
        ("typing.Mapping[str, int]", {"type": "object"}),
        ("typing.Any", {}),
        ("Colour", {}),
        ("'Colour'", {}),
        ("typing.Callable[[int], str]", {}),
    ],
)  # fmt: skip
def test_annotations_that_are_values(annotation: str, kind: dict[str, Any]) -> None:
    head = "import enum, typing\nclass Colour(enum.Enum):\n    RED = 1\n"
    function = live(f"{head}def f(x: {annotation}, y: int = 2): ...")
    found = json.loads(tool_from_function("m:f", function).parameters)
    assert found["properties"] == {"x": kind, "y": {"type": "integer"}}
    assert found["required"] == ["x"]


ODD = """import enum, typing
class Colour(enum.Enum):
    RED = 1
def f(x: typing.Literal[Colour.RED], y: int, z: int = 2): ...
"""


def test_a_type_without_a_name_says_nothing() -> None:
    found = json.loads(tool_from_function("m:f", live(ODD)).parameters)
    assert found["properties"]["x"] == {} and found["required"] == ["x", "y"]


def test_a_type_without_a_name_leaves_the_others_their_types() -> None:
    found = json.loads(tool_from_function("m:f", live(ODD)).parameters)
    assert found["properties"] == {"x": {}, "y": {"type": "integer"}, "z": {"type": "integer"}}


def test_methods_classes_and_callables() -> None:
    source = """class K:
    'Makes one.'
    def __init__(self, a: int): ...
    def m(self, b: str):
        'Does it.'
    def __call__(self, c: bool): ...
"""
    made = live(source, "K")
    tool = tool_from_function("m:K", made)
    assert tool.name == "K" and [*json.loads(tool.parameters)["properties"]] == ["a"]
    tool = tool_from_function("m:k.m", made(1).m)
    assert (tool.name, tool.description) == ("m", "Does it.")
    assert [*json.loads(tool.parameters)["properties"]] == ["b"]
    assert [*json.loads(tool_from_function("m:k", made(1)).parameters)["properties"]] == ["c"]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("math:pi", "math:pi: is no function with a signature"),
        ("builtins:min", "builtins:min: is no function with a signature"),
        ("builtins:len", "builtins:len: takes 'obj' by position only"),
        ("math:nothing", "math:nothing: no function 'nothing' in 'math'"),
        ("no_such_module:f", "cannot import 'no_such_module'.*without .py"),
        ("math", "no function '' in 'math'"),
        ("", "cannot import ''"),
    ],
)
def test_what_is_no_function_of_a_user(named: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as told:
        function_tool(named)
    assert "\n" not in str(told.value)


def test_a_function_from_the_standard_library() -> None:
    tool = function_tool("textwrap:shorten", "Shortens a text.")
    assert (tool.name, tool.description) == ("shorten", "Shortens a text.")
    assert parameters_of(tool)["properties"].keys() >= {"text", "width"}
