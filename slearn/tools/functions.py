"""A user's own function as a tool, by import path: `module:function`, trusted as their code is.

It runs in this process. Take such a name from the user's own agent or command, never from a file
that somebody else wrote.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from slearn.imported import import_named
from slearn.tools.signature import tool_from_function
from slearn.values import Tool


@lru_cache(maxsize=256)
def imported(named: str) -> Any:
    """Import the function named `module:function`; InputError where there is none.

    >>> imported("math:gcd")(4, 6)
    2
    """
    return import_named(named)


def function_tool(named: str, description: str = "") -> Tool:
    """Return the tool of a user's function, its schema from type hints and docstring.

    >>> function_tool("math:sqrt").parameters  # doctest: +SKIP
    """
    return tool_from_function(named, imported(named), description)
