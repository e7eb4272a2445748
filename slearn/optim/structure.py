"""Edits of the structure: typed operations on nodes and on the flow that joins them.

They name nodes that are there and nodes that they bring; what no agent can be is refused by the
agent's own checks, before anything runs. Weights of nodes that survive are kept.

>>> # restructure(agent, WrapVote("answer", 5)).flow.steps
"""

from __future__ import annotations

from dataclasses import dataclass

from slearn.agent import Agent, Best, Node, Vote, conditions, narrow, reshape
from slearn.errors import InputError


@dataclass(frozen=True)
class AddNode:
    """Put a new node in front of another, which reads it too, or behind it, in its place.

    In front and not `read`, it decides for the flow (see AddCase).
    """

    node: str
    new: Node
    behind: bool = False
    read: bool = True


@dataclass(frozen=True)
class RemoveNode:
    """Take a node away; who read its answer reads what it read."""

    node: str


@dataclass(frozen=True)
class SplitNode:
    """Put two nodes in a node's place; the second keeps its name."""

    node: str
    first: Node
    second: Node


@dataclass(frozen=True)
class MergeNodes:
    """Make a node and one that reads it a single one, told what both were told."""

    node: str
    following: str


@dataclass(frozen=True)
class MoveNode:
    """Run a node right behind another."""

    node: str
    behind: str


@dataclass(frozen=True)
class Rewire:
    """Let a node read something else in the place of one of its inputs."""

    node: str
    old: str
    new: str


@dataclass(frozen=True)
class Narrow:
    """Let a node read of one input only the pieces that are nearest to another."""

    node: str
    over: str
    to: str
    keep: int = 3


@dataclass(frozen=True)
class WrapAmong:
    """Let a node choose among few: the choices that are most like its inputs (Among)."""

    node: str
    keep: int = 20


@dataclass(frozen=True)
class WrapVote:
    """Ask a node several times and take the commonest answer."""

    node: str
    times: int = 5


@dataclass(frozen=True)
class WrapBest:
    """Ask a node several times, and a new node which answer is best."""

    node: str
    grader: Node
    times: int = 3


@dataclass(frozen=True)
class WrapRetry:
    """Run a node, and a new one that checks it, until the check has a value."""

    node: str
    check: Node
    value: str
    most: int = 3


@dataclass(frozen=True)
class Unwrap:
    """Undo the parts of the flow that hold a node alone."""

    node: str


@dataclass(frozen=True)
class AddCase:
    """Let a new node take a node's place where a name has a value."""

    node: str
    on: str
    value: str
    new: Node


@dataclass(frozen=True)
class ChangeCase:
    """Let another value of what a node says lead where one led, or end the loop that one ended."""

    node: str
    value: str
    new: str


@dataclass(frozen=True)
class SetTimes:
    """Let what repeats a node do so another number of times: turns, items, votes or tries."""

    node: str
    times: int


StructureEdit = (
    AddNode | RemoveNode | SplitNode | MergeNodes | MoveNode | Rewire | Narrow | WrapAmong
    | WrapVote | WrapBest | WrapRetry | Unwrap | AddCase | ChangeCase | SetTimes
)  # fmt: skip


def restructure(agent: Agent, edit: StructureEdit) -> Agent:
    """Return the agent with its structure edited; InputError where it could not be run."""
    for new in brought(edit):
        if any(new.name in (node.name, node.writes) for node in agent.nodes):
            raise InputError(f"{type(edit).__name__} brings {new.name!r}, a name that is taken")
    agent.node(edit.node)
    made = narrow.tidied(_made(agent, edit))
    more = [name for name in made.columns if name not in agent.columns]
    if more:
        raise InputError(f"{type(edit).__name__} reads {more[0]!r}, which nothing gives")
    return made


def _made(agent: Agent, edit: StructureEdit) -> Agent:
    match edit:
        case AddNode(node, new, True):
            return reshape.after(agent, node, new)
        case AddNode(node, new, _, read):
            return reshape.before(agent, node, new, read=read)
        case RemoveNode(node):
            return reshape.removed(agent, node)
        case SplitNode(node, first, second):
            return reshape.split(agent, node, first, second)
        case MergeNodes(node, following):
            return reshape.merged(agent, node, following)
        case MoveNode(node, behind):
            return reshape.moved(agent, node, behind)
        case Rewire(node, old, other):
            return reshape.rewired(agent, node, old, other)
        case Narrow(node, over, to, keep):
            return narrow.narrowed(agent, node, over, to, keep)
        case WrapAmong(node, keep):
            return narrow.among_few(agent, node, keep)
        case WrapVote(node, times):
            return reshape.wrapped(agent, node, lambda block: Vote(block, times))
        case WrapBest(node, grader, times):
            return reshape.wrapped(agent, node, lambda b: Best(b, grader.name, times), grader)
        case WrapRetry(node, check, value, most):
            return reshape.retried(agent, node, check, value, most)
        case Unwrap(node):
            return conditions.unwrapped(agent, node)
        case AddCase(node, on, value, new):
            return reshape.branched(agent, node, on, value, new)
        case ChangeCase(node, value, other):
            return conditions.recased(agent, node, value, other)
        case SetTimes(node, times):
            return conditions.timed(agent, node, times)


def brought(edit: StructureEdit) -> tuple[Node, ...]:
    """Return the nodes that an edit brings.

    >>> brought(RemoveNode("notes"))
    ()
    """
    match edit:
        case AddNode(_, new) | AddCase(_, _, _, new):
            return (new,)
        case SplitNode(_, first, _):
            return (first,)
        case WrapBest(_, grader):
            return (grader,)
        case WrapRetry(_, check):
            return (check,)
    return ()


def told(edit: StructureEdit) -> list[str]:
    """Return what an edit tells nodes anew: their lines, and what their roles are told.

    >>> told(AddNode("answer", Node("notes", ("Note.",))))
    ['Note.']
    """
    nodes = [*brought(edit), *([edit.second] if isinstance(edit, SplitNode) else [])]
    lines = [line for node in nodes for line in node.instructions]
    return [*lines, *(role.says for node in nodes for role in node.roles)]
