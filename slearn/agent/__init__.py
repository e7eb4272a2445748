"""Agents: symbolic networks, their files, and the forward pass."""

from slearn.agent.abstain import doubt
from slearn.agent.contract import DECIDE, NO_CALL, TYPES, Contract, Field, Functions
from slearn.agent.decide import weighing
from slearn.agent.document import read_document
from slearn.agent.file import agent_digest, agent_from_text, agent_to_text, load_agent, save_agent
from slearn.agent.forward import forward, last_inputs, node_inputs, run_nodes
from slearn.agent.model import LAYOUTS, TOOL_CHOICES, Agent, Demo, Flow, Node, ToolCall
from slearn.agent.render import inputs_text, instructions, render, signature
from slearn.agent.trajectory import Step, Trajectory
from slearn.agent.use import room
from slearn.agent.write import write, write_before_answer

__all__ = [
    "DECIDE",
    "LAYOUTS",
    "NO_CALL",
    "TOOL_CHOICES",
    "TYPES",
    "Agent",
    "Contract",
    "Demo",
    "Field",
    "Flow",
    "Functions",
    "Node",
    "Step",
    "ToolCall",
    "Trajectory",
    "agent_digest",
    "agent_from_text",
    "agent_to_text",
    "doubt",
    "forward",
    "inputs_text",
    "instructions",
    "last_inputs",
    "load_agent",
    "node_inputs",
    "read_document",
    "render",
    "room",
    "run_nodes",
    "save_agent",
    "signature",
    "weighing",
    "write",
    "write_before_answer",
]
