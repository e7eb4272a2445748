"""Changes of what a flow goes by: its conditions, and the parts that hold and repeat nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from slearn.agent.flow import (
    Among,
    Best,
    Block,
    Branch,
    Each,
    Loop,
    Part,
    Vote,
    mapped,
    names_of,
)
from slearn.agent.model import Agent
from slearn.agent.reshape import asks, with_flow
from slearn.errors import InputError


def recased(agent: Agent, name: str, value: str, new: str) -> Agent:
    """Return the agent with what a value of a node leads to led to by another value.

    In branches a value that leads elsewhere changes places with it; a loop ends at the other one.

    >>> # recased(agent, "kind", "refund", "delivery").flow.steps
    """
    places = {value: new, new: value}

    def change(part: Part) -> Part:
        match part:
            case Branch() if asks(part) == name and value in dict(part.cases):
                cases = tuple((places.get(case, case), block) for case, block in part.cases)
                return replace(part, cases=cases)
            case Loop(value=end) if asks(part) == name and end == value:
                return replace(part, value=new)
        return part

    return _changed(agent, change, f"nothing goes by node {name!r} being {value!r}")


def timed(agent: Agent, name: str, times: int) -> Agent:
    """Return the agent with the parts that repeat a node doing so so many times, at most or always.

    >>> # timed(agent, "answer", 7).flow.steps
    """

    def change(part: Part) -> Part:
        match part:
            case Loop() | Each() if name in names_of(part.body):
                return replace(part, most=times)
            case Vote() | Best() if name in names_of(part.body):
                return replace(part, times=times)
        return part

    return _changed(agent, change, f"nothing repeats node {name!r} another number of times")


def unwrapped(agent: Agent, name: str) -> Agent:
    """Return the agent with the parts undone that hold a node alone.

    >>> # unwrapped(agent, "answer").flow.steps
    """

    def undone(block: Block) -> Block:
        return tuple(
            new
            for part in block
            for new in (
                part.body
                if isinstance(part, Among | Vote | Loop | Best) and part.body == (name,)
                else (part,)
            )
        )

    flow = replace(agent.flow, steps=mapped(agent.flow.steps, undone))
    if flow == agent.flow:
        raise InputError(f"nothing holds node {name!r} alone")
    return with_flow(agent, flow)


def _changed(agent: Agent, change: Callable[[Part], Part], otherwise: str) -> Agent:
    """Return the agent with all parts of its flow changed; InputError where nothing changes."""
    steps = mapped(agent.flow.steps, lambda block: tuple(map(change, block)))
    if steps == agent.flow.steps:
        raise InputError(otherwise)
    return with_flow(agent, replace(agent.flow, steps=steps))
