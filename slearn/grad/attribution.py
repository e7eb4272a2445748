"""Measured attribution: what each line, demonstration, tool, field and limit does to the loss.

Beside the words of a gradient stand numbers: a part is left out, and the same rows are scored again
in shared prefixes. The words say why, the numbers say whether. All demonstrations of a node are
left out together too: where most of them are wrong, leaving out one changes little. So is a whole
node of a chain: what it read is handed on, and if that is better than what it made, it is at fault.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

from slearn.agent import Agent, Branch, Contract, Field, Node, parts_of, reshape
from slearn.engine import Engine, Watcher
from slearn.errors import ContextError, InputError
from slearn.loss import Measure, measured_losses
from slearn.values import Example

HARM = -0.1  # nats that a part costs an example: less may be noise
_SCORED = 96  # rows times parts, about
_GRADED = 24  # the same where each row is an answer to be written and graded
_FEWEST = 4
_SINGLE = ("demo", "tool")  # there are many of them, and one does little
_FEWEST_WAYS = 8  # where a flow branches: each row takes one way


@dataclass(frozen=True)
class Attribution:
    """What leaving a part of a node out costs: the mean of n rows in nats; above 0 it helps.

    `part` is "line", "demo" or "tool", and `index` its place; or "demos", all of a node; or
    "limit", how long its texts may be; or "field", one that is not the answer; or "node", all that
    it does; or "choice", the way that it sends a row (choices.py).

    >>> Attribution("answer", "line", 0, 0.25, 8).text()
    'line 1 helps by 0.25 nats'
    """

    node: str
    part: str
    index: int
    nats: float
    n: int

    def text(self) -> str:
        """Return it as a person reads it."""
        does = ("help" if self.nats >= 0 else "hurt") + "s" * (self.part != "demos")
        return f"{part_name(self.part, self.index)} {does} by {abs(self.nats):.2f} nats"

    def as_json(self) -> dict[str, object]:
        """Return it as the store keeps it: n as `rows`, for the n of a record is its ordinal."""
        found = asdict(self)
        found["rows"] = found.pop("n")
        return found


def part_name(part: str, index: int) -> str:
    """Return what a person calls a part.

    >>> part_name("line", 0), part_name("demos", 0)
    ('line 1', 'all demos together')
    """
    names = {"demos": "all demos together", "limit": "the limit of its length"}
    names |= {"node": "the whole node", "choice": "the choice of the way"}
    return names.get(part, f"{part} {index + 1}")


def attribute(
    agent: Agent,
    rows: Sequence[Example],
    engine: Engine,
    judge_engine: Engine | None = None,
    watch: Watcher | None = None,
    *,
    task: str = "",
    measure: Measure = measured_losses,
    most: int | None = None,
) -> list[Attribution]:
    """Return an attribution for every part of all nodes, on rows that no demo shows.

    At `most` so many parts are measured, single demonstrations and tools after all others.
    The single line of an agent's only node is not left out: without any instruction it is another
    agent. In a chain it is, because it tells which node is at fault.

    >>> # attribute(agent, rows, engine)[0].nats
    """
    unseen = [row for row in rows if row.id not in agent.sources()]
    places = [place for node in agent.nodes for place in parts(agent, node)]
    if most is not None and len(places) > most:
        places = sorted(places, key=lambda place: (place[1] in _SINGLE, place[2]))[:most]
    if not unseen or not places:
        return []
    unseen = unseen[: rows_each(agent, unseen, len(places))]
    agents = [agent, *(without(agent, *place) for place in places)]
    batches = [unseen] * len(agents)
    try:
        whole, *reduced = measure(agents, batches, engine, judge_engine, watch, task=task)
    except ContextError:  # handed on, or written at length, a text may be too long for the rest
        places = [
            place for place in places if place[1] in ("line", "demo", "demos", "tool", "field")
        ]
        agents = [agent, *(without(agent, *place) for place in places)]
        batches = [unseen] * len(agents)
        whole, *reduced = measure(agents, batches, engine, judge_engine, watch, task=task)
    return [
        Attribution(*place, round(_mean(losses) - _mean(whole), 4), len(unseen))
        for place, losses in zip(places, reduced, strict=True)
    ]


def rows_each(agent: Agent, rows: Sequence[Example], count: int) -> int:
    """Return on how many rows so many parts are measured: many parts, fewer rows for each.

    >>> # rows_each(agent, rows, 12)
    """
    graded = not any(row.targets for row in rows)
    ways = any(isinstance(part, Branch) for part in parts_of(agent.flow.steps))
    fewest = _FEWEST_WAYS if ways and not graded else _FEWEST
    return min(len(rows), max(fewest, (_GRADED if graded else _SCORED) // max(1, count)))


def parts(agent: Agent, node: Node) -> list[tuple[str, str, int]]:
    """Return the parts of a node that can be left out: its name, the kind of part and the place."""
    lines, demos = len(node.instructions), len(node.demos)
    single = 0 if node.nearest else demos  # each is shown for a few rows only
    kinds = [("line", lines if lines > 1 or len(agent.nodes) > 1 else 0), ("demo", single)]
    kinds.append(("tool", len(node.tools)))
    kinds.append(("field", len(spare_fields(agent, node))))
    kinds += [("demos", int(demos > 1)), ("limit", int(widened(node.output) != node.output))]
    kinds.append(("node", int(bypassed(agent, node) != agent)))
    return [(node.name, kind, index) for kind, count in kinds for index in range(count)]


def without(agent: Agent, node: str, part: str, index: int) -> Agent:
    """Return the agent with one part of a node left out.

    >>> # without(agent, "answer", "demo", 2)
    """
    old = agent.node(node)
    if part == "node":
        return bypassed(agent, old)
    match part:
        case "demo":
            new = replace(old, demos=old.demos[:index] + old.demos[index + 1 :])
        case "demos":
            new = replace(old, demos=())
        case "tool":
            new = old.without_tool(old.tools[index].name)
        case "field":
            new = narrowed(old, spare_fields(agent, old)[index])
        case "limit":
            new = replace(old, output=widened(old.output))
        case _:
            lines = old.instructions[:index] + old.instructions[index + 1 :]
            new = replace(old, instructions=lines)
    return agent.with_node(new)


def spare_fields(agent: Agent, node: Node) -> list[str]:
    """Return the names of the fields that an agent can do without: no answer, and read by nobody.

    One behind a text of several lines is none: it says where that text ends.

    >>> # spare_fields(agent, agent.last)
    """
    read = agent.read
    answer = node.output.answer
    fields = node.output.fields
    behind = {after.name for before, after in pairwise(fields) if before.multiline}
    return [
        field.name
        for field in fields
        if field != answer and field.name not in behind and f"{node.name}.{field.name}" not in read
    ]


def narrowed(node: Node, name: str) -> Node:
    """Return a node that does not write a field, nor do its demos.

    >>> [field.name for field in narrowed(Node("n", (), output=Contract((Field("why"), Field()))),
    ...                                   "why").output.fields]
    ['answer']
    """
    fields = tuple(field for field in node.output.fields if field.name != name)
    demos = tuple(
        replace(demo, output={key: text for key, text in demo.output.items() if key != name})
        for demo in node.demos
    )
    return replace(node, output=replace(node.output, fields=fields), demos=demos)


def bypassed(agent: Agent, node: Node) -> Agent:
    """Return the agent without a node: those behind it read what it read.

    The same agent, where that cannot be: the node answers, or the flow asks for what it says, or it
    reads or returns several values, or who reads its answer reads its input too.

    >>> # bypassed(agent, agent.node("first")).flow.steps
    """
    plain = len(node.inputs) == len(node.output.fields) == 1 and not node.writes
    if not plain or node.name in agent.ends:
        return agent
    try:
        return reshape.bypassed(agent, node.name)
    except InputError:
        return agent


def widened(contract: Contract) -> Contract:
    """Return a contract whose texts may be as long as a text is by default.

    >>> widened(Contract((Field(max_chars=3),))).answer.max_chars
    200
    """
    usual = Field()
    fields = tuple(
        replace(
            field,
            max_chars=max(usual.max_chars, field.max_chars),
            max_tokens=max(usual.max_tokens, field.max_tokens),
        )
        if field.type == "text"
        else field
        for field in contract.fields
    )
    return replace(contract, fields=fields)


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)
