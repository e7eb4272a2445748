"""What a function tells of itself: its parameters as JSON Schema, from annotations and docstring.

Source is read, never run: the same reading serves code for the sandbox and a user's function.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

from slearn.errors import InputError
from slearn.values import Tool

_PLAIN = {
    "int": "integer", "float": "number", "complex": "string", "str": "string", "bool": "boolean",
    "list": "array", "tuple": "array", "set": "array", "frozenset": "array", "Sequence": "array",
    "Iterable": "array", "List": "array", "Tuple": "array", "Set": "array", "dict": "object",
    "Mapping": "object", "Dict": "object",
}  # fmt: skip
_NOTE = re.compile(r"^\s*(?::param\s+)?\**(\w+)\s*(?:\([^)]*\))?\s*(?::|--|-)\s+(\S.*)$")


def tool_from_code(code: str, name: str = "", description: str = "") -> Tool:
    """Return the tool that Python source defines; of several functions the named or the last one.

    >>> tool = tool_from_code("def double(n: int) -> int:\\n    '''Doubles a number.'''\\n    return 2 * n")
    >>> tool.name, tool.description, tool.parameters
    ('double', 'Doubles a number.', '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}')

    Raises InputError where the source is no Python, or has no such function.
    """  # noqa: E501
    found = _function(code, name)
    said = ast.get_docstring(found) or ""
    return Tool(found.name, description or summary(said), _schema(found.args, said), code=code)


def tools_in(code: str, where: str = "code") -> list[Tool]:
    """Return the tools that Python source defines: its functions, but for those named with "_".

    >>> [tool.name for tool in tools_in("def _a(): ...\\ndef b(): ...")]
    ['b']

    `left_out` tells which of them cannot be called.
    """
    names = dict.fromkeys(function.name for function in _functions(code, where))
    unfit = left_out(code, where)
    return [tool_from_code(code, name) for name in names if name[0] != "_" and name not in unfit]


def left_out(code: str, where: str = "code") -> dict[str, str]:
    """Return the functions of Python source that can be no tools, and why.

    >>> left_out("def a(x, /): ...\\nasync def b(): ...")
    {'a': "takes 'x' by position only", 'b': 'is async'}
    """
    found = {function.name: _unfit(function) for function in _parsed(code, where)}
    return {name: why for name, why in found.items() if why and name[0] != "_"}


def tool_from_function(named: str, function: Any, description: str = "") -> Tool:
    """Return the tool that a user's function is; `named` is its `module:function`.

    >>> tool_from_function("math:gcd", lambda a, b: a).name
    'gcd'

    Raises InputError where its signature cannot be read.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise InputError("is no function with a signature", where=named) from None
    heads = []
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise InputError(f"takes {parameter.name!r} by position only", where=named)
        kind = parameter.annotation
        words = kind if isinstance(kind, str) else inspect.formatannotation(kind)
        kind = "" if parameter.annotation is parameter.empty or not _reads(words) else f": {words}"
        heads.append(
            f"{parameter.name}{kind}" + (" = ..." * (parameter.default is not parameter.empty))
        )
    said = inspect.getdoc(function) or ""
    parsed = ast.parse(f"def f(*, {', '.join(heads)}): ..." if heads else "def f(): ...").body[0]
    assert isinstance(parsed, ast.FunctionDef)
    name = named.partition(":")[2].rpartition(".")[2] or named
    schema = _schema(parsed.args, said)
    return Tool(name, description or summary(said), schema, function=named)


def summary(docstring: str) -> str:
    """Return a docstring's first paragraph as one line.

    >>> summary("Doubles a number.\\n\\nArgs:\\n  n: the number")
    'Doubles a number.'
    """
    return " ".join(docstring.strip().split("\n\n")[0].split())


def _reads(words: str) -> bool:
    """Say whether words are an expression; a type need not have a name of its own."""
    try:
        ast.parse(words, mode="eval")
    except (SyntaxError, ValueError):
        return False
    return True


def _unfit(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return why a function can be no tool; '' where it can."""
    if isinstance(function, ast.AsyncFunctionDef):
        return "is async"
    alone = function.args.posonlyargs  # a call names its arguments
    return f"takes {alone[0].arg!r} by position only" if alone else ""


def _functions(code: str, where: str) -> list[ast.FunctionDef]:
    return [node for node in _parsed(code, where) if isinstance(node, ast.FunctionDef)]


def _parsed(code: str, where: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    try:
        with warnings.catch_warnings():  # of an escape, say: who wrote it does not read them
            warnings.simplefilter("ignore")
            body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = f" (line {line})" if line else ""
        fault = getattr(error, "msg", None) or error
        raise InputError(f"its code is no Python: {fault}{place}", where=where) from None
    return [node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _function(code: str, name: str) -> ast.FunctionDef:
    where = f"tool {name!r}"
    functions = _functions(code, where)
    wanted = [function for function in functions if function.name == name or not name]
    if not wanted:
        if name in left_out(code, where):
            raise InputError("its function is async", where=where, hint="a plain def is called")
        defined = ", ".join(function.name for function in functions) or "none"
        hint = f"the functions are: {defined}"
        raise InputError("its code defines no function of its name", where=where, hint=hint)
    if fault := _unfit(wanted[-1]):
        raise InputError(fault, where=f"function {wanted[-1].name!r}")
    return wanted[-1]


def _schema(arguments: ast.arguments, docstring: str) -> str:
    """Return parameters as JSON Schema text, with what the docstring says of each."""
    notes = dict(_notes(docstring))
    properties: dict[str, Any] = {}
    needed = []
    defaults: list[ast.expr | None] = [None] * (len(arguments.args) - len(arguments.defaults))
    both = [*zip(arguments.args, [*defaults, *arguments.defaults], strict=True)]
    both += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    for argument, default in both:
        kind = _told(argument.annotation)
        if argument.arg in notes:
            kind["description"] = notes[argument.arg]
        properties[argument.arg] = kind
        if default is None:
            needed.append(argument.arg)
    schema = {"type": "object", "properties": properties, "required": needed}
    return json.dumps(schema, ensure_ascii=False)


def _notes(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield what a docstring says of each parameter, in Google's, Sphinx's or a plain style."""
    for line in docstring.splitlines()[1:]:
        if found := _NOTE.match(line):
            yield found[1], found[2].strip()


def _told(annotation: ast.expr | None) -> dict[str, Any]:
    try:
        return _kind(annotation)
    except RecursionError:  # of a type with thousands of parts
        return {}


def _kind(annotation: ast.expr | None) -> dict[str, Any]:
    """Return the schema of an annotation; {}, anything, where it says nothing that we know."""
    match annotation:
        case ast.Constant(value=None):
            return {"type": "null"}
        case ast.Constant(value=str() as words):
            try:
                return _kind(ast.parse(words, mode="eval").body)
            except SyntaxError:
                return {}
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return {"type": _PLAIN[name]} if name in _PLAIN else {}
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either([left, right])
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            if name == "Literal":
                values = [_literal(part) for part in parts]
                return {"enum": [one for (one,) in values]} if all(values) else {}
            if name == "Optional":
                return _either([*parts, ast.Constant(None)])
            if name == "Union":
                return _either(parts)
            if name == "Annotated":
                return _kind(parts[0])
            if _PLAIN.get(name) == "array":
                return {"type": "array", "items": _kind(parts[0])}
            return {"type": _PLAIN[name]} if name in _PLAIN else {}
    return {}


def _literal(part: ast.expr) -> tuple[Any, ...]:
    """Return the one value of a Literal, () where it is no constant of JSON."""
    try:
        value = ast.literal_eval(part)
    except ValueError:
        return ()
    return (value,) if isinstance(value, str | int | None) else ()


def _either(parts: list[ast.expr]) -> dict[str, Any]:
    kinds = list(map(_kind, parts))
    return {"anyOf": kinds} if all(kinds) else {}
