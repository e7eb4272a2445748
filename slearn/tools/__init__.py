"""Tools: what they tell of themselves, and what runs them."""

from slearn.tools.code import code_grammar
from slearn.tools.engine import ToolEngine
from slearn.tools.functions import function_tool
from slearn.tools.server import server_tools
from slearn.tools.signature import left_out, tool_from_code, tools_in
from slearn.tools.toolbox import SANDBOX, Toolbox

__all__ = [
    "SANDBOX",
    "ToolEngine",
    "Toolbox",
    "code_grammar",
    "function_tool",
    "left_out",
    "server_tools",
    "tool_from_code",
    "tools_in",
]
