"""Changes of what a flow lets through, of a long input or of many choices, as plain functions."""

from __future__ import annotations

from dataclasses import replace

from slearn.agent import reshape
from slearn.agent.contract import DECIDE
from slearn.agent.flow import Among, Block, Nearest, mapped, parts_of
from slearn.agent.model import LAYOUTS, Agent
from slearn.errors import InputError


def narrowed(agent: Agent, name: str, over: str, to: str, keep: int) -> Agent:
    """Return the agent with a node that reads of one input only what is nearest to another.

    >>> # narrowed(agent, "answer", "context", "question", 3).node("answer").inputs
    """
    node = agent.node(name)
    if over == to or not {over, to} <= {*node.inputs}:
        raise InputError(f"node {name!r} does not read {over!r} and {to!r}")
    part = Nearest(over, to, reshape.fresh_name(agent, "near"), keep)
    # Short inputs stand last, and what was shown are words of what it read before.
    reading = replace(reshape.renamed(node, over, part.into), demos=(), layout=LAYOUTS[0])
    flow = reshape.put(agent.flow, name, lambda name: (part, name))
    return reshape.with_flow(agent.with_node(reading), flow)


def among_few(agent: Agent, name: str, keep: int) -> Agent:
    """Return the agent with a node that chooses, by likelihood, among few of its choices.

    >>> # among_few(agent, "answer", 20).flow.steps
    """
    node = agent.node(name)
    if any(isinstance(p, Among) and p.body[-1] == name for p in parts_of(agent.flow.steps)):
        raise InputError(f"node {name!r} chooses among few already")
    answer = node.output.answer
    if not answer.choices:
        raise InputError(f"node {name!r} has no choices of its own")
    fields = tuple(
        replace(field, decide=DECIDE[1]) if field == answer else field
        for field in node.output.fields
    )
    deciding = replace(node, output=replace(node.output, fields=fields))
    return reshape.wrapped(agent.with_node(deciding), name, lambda block: Among(block, keep))


def tidied(agent: Agent) -> Agent:
    """Return the agent without what its flow picks out for nobody any more.

    >>> # tidied(agent) == agent
    """
    read = agent.read

    def without(block: Block) -> Block:
        return tuple(p for p in block if not isinstance(p, Nearest) or p.into in read)

    steps = mapped(agent.flow.steps, without)
    if steps == agent.flow.steps:
        return agent
    return reshape.with_flow(agent, replace(agent.flow, steps=steps))
