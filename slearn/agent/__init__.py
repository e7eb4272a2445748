"""Agents: symbolic networks, their files, and the forward pass."""

from slearn.agent import conditions, narrow, reshape
from slearn.agent.abstain import doubt
from slearn.agent.ask import Ask
from slearn.agent.contract import DECIDE, NO_CALL, TYPES, Contract, Field, Functions
from slearn.agent.decide import weigh_all, weighing
from slearn.agent.document import read_document
from slearn.agent.drawing import flow_lines
from slearn.agent.file import agent_digest, agent_from_text, agent_to_text, load_agent, save_agent
from slearn.agent.flow import (
    Among,
    Best,
    Block,
    Branch,
    Each,
    Flow,
    Loop,
    Nearest,
    Part,
    Vote,
    mapped,
    names_of,
    parts_of,
)
from slearn.agent.forward import Pairs, forward, forward_all, last_asks, take
from slearn.agent.model import LAYOUTS, TOOL_CHOICES, Agent, Demo, Node, Role, ToolCall
from slearn.agent.nearest import likeness, nearest, pieces, rank
from slearn.agent.render import inputs_text, instructions, render, signature
from slearn.agent.toolfile import check_tool
from slearn.agent.trajectory import Step, Trajectory
from slearn.agent.use import room
from slearn.agent.walk import LUCKY
from slearn.agent.write import Weighed, write_before_answer, write_then_weigh

__all__ = [
    "DECIDE",
    "LAYOUTS",
    "LUCKY",
    "NO_CALL",
    "TOOL_CHOICES",
    "TYPES",
    "Agent",
    "Among",
    "Ask",
    "Best",
    "Block",
    "Branch",
    "Contract",
    "Demo",
    "Each",
    "Field",
    "Flow",
    "Functions",
    "Loop",
    "Nearest",
    "Node",
    "Pairs",
    "Part",
    "Role",
    "Step",
    "ToolCall",
    "Trajectory",
    "Vote",
    "Weighed",
    "agent_digest",
    "agent_from_text",
    "agent_to_text",
    "check_tool",
    "conditions",
    "doubt",
    "flow_lines",
    "forward",
    "forward_all",
    "inputs_text",
    "instructions",
    "last_asks",
    "likeness",
    "load_agent",
    "mapped",
    "names_of",
    "narrow",
    "nearest",
    "parts_of",
    "pieces",
    "rank",
    "read_document",
    "render",
    "reshape",
    "room",
    "save_agent",
    "signature",
    "take",
    "weigh_all",
    "weighing",
    "write_before_answer",
    "write_then_weigh",
]
