"""Agents: symbolic networks, their files, and the forward pass."""

from slearn.agent.contract import TYPES, Contract, Field
from slearn.agent.document import read_document
from slearn.agent.file import agent_digest, agent_from_text, agent_to_text, load_agent, save_agent
from slearn.agent.forward import Step, Trajectory, forward, node_inputs, run_nodes
from slearn.agent.model import LAYOUTS, Agent, Demo, Flow, Node
from slearn.agent.render import inputs_text, instructions, render

__all__ = [
    "LAYOUTS",
    "TYPES",
    "Agent",
    "Contract",
    "Demo",
    "Field",
    "Flow",
    "Node",
    "Step",
    "Trajectory",
    "agent_digest",
    "agent_from_text",
    "agent_to_text",
    "forward",
    "inputs_text",
    "instructions",
    "load_agent",
    "node_inputs",
    "read_document",
    "render",
    "run_nodes",
    "save_agent",
]
