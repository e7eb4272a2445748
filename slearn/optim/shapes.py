"""Shapes: structures that are worth a try, each as typed edits with new nodes told their jobs.

A small library that needs no model to be thought of; `direct` says which of them fit an agent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from slearn.agent import (
    Agent,
    Among,
    Branch,
    Contract,
    Each,
    Field,
    Loop,
    Nearest,
    Node,
    names_of,
    parts_of,
    reshape,
)
from slearn.errors import InputError
from slearn.loss import task_text
from slearn.optim.base import Proposal
from slearn.optim.blame import by_blame
from slearn.optim.structure import (
    AddCase,
    AddNode,
    ChangeCase,
    MoveNode,
    RemoveNode,
    Rewire,
    SetTimes,
    SplitNode,
    StructureEdit,
    WrapBest,
    WrapRetry,
    WrapVote,
    restructure,
)

MOST_NODES = 5
NOTE = Contract((Field("answer", max_chars=240, max_tokens=60),))
_MANY = 8  # choices from which on a shortlist may help
_LISTED = 100
LONG = 120  # tokens of an input of which a part may suffice
_CITED = Contract((Field("answer", max_chars=480, max_tokens=110),))
_YES_NO = Field("answer", "choice", choices=("yes", "no"))
_GRADES = Contract((Field("answer", "choice", choices=tuple("12345"), decide="likelihood"),))
_TURNS = 2  # of a node that writes again, its first try included
_TRIES = 3  # of which the best is taken
_OFFERED = 12  # moves that a model may choose from, of each sort

# Jobs of a node in front of another: its name, and what it is told.
JOBS = (
    ("notes", "Write down in a few words what in the input decides the answer."),
    ("plan", "Write in a few words the steps that lead to the answer, without the answer."),
    ("plain", "Say the input again in short and simple words."),
)
CHECK = "Look at the input and at the draft, and give the right answer."
MEND = "Write the draft again so that it does all that the task asks for: {task}"
REVIEW = "Say what the draft does not do of what the task asks for, then whether it does all of it."
GRADE = "Grade how well the draft does what the task asks for, from 1 (badly) to 5 (perfectly)."
BRIEF = "Copy the answer out of the draft, in as few words as it can be said."
CITE = "Copy out of the input the few sentences that the answer depends on, and nothing else."

Shape = tuple[str, tuple[StructureEdit, ...]]  # its name and its edits


def direct(proposal: Proposal) -> list[Shape]:
    """Return the shapes that fit an agent, the likeliest to pay first.

    >>> # [name for name, edits in direct(proposal)]
    """
    return [shape for shape in _library(proposal) if fits(proposal.agent, shape[1])]


def _library(proposal: Proposal) -> list[Shape]:
    agent, last = proposal.agent, proposal.agent.last
    judged = agent.metric == "judge"
    found: list[Shape] = []
    for name in reversed(by_blame(proposal)):
        if len(agent.nodes) > 1 and name not in agent.ends:
            found.append((f"without {name}", (RemoveNode(name),)))
    reasons = last.output.fields[0] != last.output.answer
    held = last.name in repeated(agent)
    if reasons and not held and agent.metric not in ("judge", "tests"):
        found.append(("vote", (WrapVote(last.name),)))
    if len(agent.nodes) >= MOST_NODES or len(agent.ends) > 1:
        return found
    choices = last.output.answer.choices or ()
    if _MANY <= len(choices) <= _LISTED:
        told = "Name the three labels that fit the input best, out of: " + ", ".join(choices) + "."
        found.append(("shortlist", (noting(agent, last, "shortlist", told),)))
    names = {node.name for node in agent.nodes}
    column = longest(proposal, last, LONG)
    if column and last.output.answer.type == "text" and not judged and "brief" not in names:
        found.append(("brief", (shortening(agent, last, BRIEF, column),)))
    if column and "cited" not in names:
        found.append(("cited", (reading(agent, last, "cited", CITE, column),)))
    if "check" not in names:
        found.append(("check", (checking(agent, last, CHECK),)))
    retry: list[Shape] = []
    if not held and last.output.answer.type in ("text", "json"):
        retry = [("review", (retrying(agent, last, REVIEW),))]
        retry += [("best", (grading(agent, last, GRADE),))] if judged else []
    before = [
        (name, (noting(agent, last, name, told),)) for name, told in JOBS if name not in names
    ]
    return [*found, *retry, *before] if judged else [*found, *before, *retry]


def longest(proposal: Proposal, node: Node, least: int = 0) -> str:
    """Return what a node reads most of that no node wrote; '' where it is less than so many tokens.

    >>> # longest(proposal, agent.last)
    """
    steps = [taken.step_of(node.name) for taken in proposal.trajectories]
    sizes: Counter[str] = Counter()
    for step in steps:
        for name in node.inputs if step else ():
            if step and name in proposal.agent.given:
                sizes[name] += proposal.engine.count_tokens(step.inputs[name])
    name, size = max(sizes.items(), key=lambda item: item[1], default=("", 0))
    return name if size >= least * len(steps) else ""


def noting(agent: Agent, node: Node, name: str, told: str) -> AddNode:
    """Return the edit that puts a node of a job in front of another.

    >>> # noting(agent, agent.last, "notes", JOBS[0][1]).new.inputs
    """
    new = Node(reshape.fresh_name(agent, name), (told,), _own(agent, node), NOTE)
    return AddNode(node.name, replace(new, layout=node.layout))


def reading(agent: Agent, node: Node, name: str, told: str, column: str) -> SplitNode:
    """Return the edit that lets a new node read for another, which reads what is left of a column.

    >>> # reading(agent, agent.last, "cited", CITE, "context").second.inputs
    """
    new = Node(reshape.fresh_name(agent, name), (told,), node.inputs, _CITED, layout=node.layout)
    return SplitNode(node.name, new, replace(reshape.renamed(node, column, new.name), demos=()))


def checking(agent: Agent, node: Node, told: str) -> AddNode:
    """Return the edit that puts a node behind the last one, which gives the answer anew.

    >>> # checking(agent, agent.last, CHECK).new.inputs
    """
    if agent.metric == "judge":
        told = MEND.format(task=" ".join(node.instructions)) if told == CHECK else told
    answer = replace(node.output.answer, decide="writing", bias=(), abstain=0.0)
    inputs = (*_own(agent, node), node.name)
    new = Node(reshape.fresh_name(agent, "check"), (told,), inputs, Contract((answer,)))
    return AddNode(node.name, new, behind=True)


def shortening(agent: Agent, node: Node, told: str, column: str) -> AddNode:
    """Return the edit that puts a node behind the last one, which reads its draft and no column.

    Where inputs are long there is no room to show a node what its answers should look like; what
    reads only a draft is short enough to be shown many.

    >>> # shortening(agent, agent.last, BRIEF, "context").new.inputs
    """
    edit = checking(agent, node, told)
    inputs = tuple(name for name in edit.new.inputs if name != column)
    new = replace(edit.new, name=reshape.fresh_name(agent, "brief"), inputs=inputs)
    return replace(edit, new=new)


def retrying(agent: Agent, node: Node, told: str) -> WrapRetry:
    """Return the edit that lets a node write again until a new one finds that nothing is missing.

    >>> # retrying(agent, agent.last, REVIEW).check.output.fields[0].name
    """
    missing = replace(NOTE.answer, name="missing")
    inputs = (*_own(agent, node), node.name)
    lines = (told, _task(agent))
    new = Node(reshape.fresh_name(agent, "review"), lines, inputs, Contract((missing, _YES_NO)))
    return WrapRetry(node.name, new, "yes", _TURNS)


def grading(agent: Agent, node: Node, told: str) -> WrapBest:
    """Return the edit that takes the best of some tries, as a new node grades them.

    >>> # grading(agent, agent.last, GRADE).times
    """
    inputs = (*_own(agent, node), node.name)
    new = Node(reshape.fresh_name(agent, "grade"), (told, _task(agent)), inputs, _GRADES)
    return WrapBest(node.name, new, _TRIES)


def parting(agent: Agent, node: Node, when: str, job: str) -> tuple[StructureEdit, ...]:
    """Return the edits that treat some inputs apart: a new node chooses, another one is told more.

    >>> # parting(agent, agent.last, "The input is a question.", "Write yes or no.")
    """
    asked = f"Answer yes where this is so, else no: {when}"
    name = reshape.fresh_name(agent, "kind")
    router = Node(name, (asked,), _own(agent, node), Contract((_YES_NO,)), layout=node.layout)
    apart = reshape.fresh_name(agent, f"{node.name}_apart")
    new = replace(node, name=apart, instructions=(*node.instructions, job), writes="")
    return AddNode(node.name, router, read=False), AddCase(node.name, name, "yes", new)


def moves(agent: Agent) -> dict[str, StructureEdit]:
    """Return the small changes of a flow that need no new words, in words.

    Nodes in another order, nodes that read something else, conditions by other values, and parts
    that repeat more or less often. Only those that the checks let through.

    >>> # moves(agent)["answer reads input in place of notes"]
    """
    names = [node.name for node in agent.nodes]
    orders = {f"{a} right after {b}": MoveNode(a, b) for a in names for b in names if a != b}
    known = [*agent.given, *names]
    wires = {
        f"{node.name} reads {new} in place of {old}": Rewire(node.name, old, new)
        for node in agent.nodes
        for old in node.inputs
        for new in known
        if new not in (node.name, *node.inputs)
    }
    found: dict[str, StructureEdit] = {}
    for edits in (orders, wires, _conditions(agent), _counts(agent)):
        fit = [(words, edit) for words, edit in edits.items() if fits(agent, [edit])]
        found.update(fit[:_OFFERED])
    return found


def _conditions(agent: Agent) -> dict[str, StructureEdit]:
    """Return the other values that branches and loops could go by, of those a node can say."""
    found: dict[str, StructureEdit] = {}
    for part in parts_of(agent.flow.steps):
        if not isinstance(part, Branch | Loop):
            continue
        on = part.on if isinstance(part, Branch) else part.until
        node = next((one for one in agent.nodes if one.name == on.partition(".")[0]), None)
        if node is None:
            continue
        named = on.partition(".")[2] or node.output.answer.name
        said = next((f.choices or () for f in node.output.fields if f.name == named), ())
        used = [case for case, _ in part.cases] if isinstance(part, Branch) else [part.value]
        found |= {
            f"{on}: {new} in place of {value}": ChangeCase(node.name, value, new)
            for value in used
            for new in said
            if new != value
        }
    return found


def _counts(agent: Agent) -> dict[str, StructureEdit]:
    """Return how often else the parts that repeat a node could do so: one more, or one less."""
    found: dict[str, StructureEdit] = {}
    for part in parts_of(agent.flow.steps):
        if isinstance(part, str | Branch | Nearest | Among):
            continue
        times = part.most if isinstance(part, Loop | Each) else part.times
        name = next(names_of(part.body))
        found |= {f"{name} {n} times": SetTimes(name, n) for n in (times + 1, times - 1) if n > 1}
    return found


def repeated(agent: Agent) -> set[str]:
    """Return the nodes that a loop, a list, a vote or the best of some may run more than once.

    >>> # repeated(agent)
    """
    parts = parts_of(agent.flow.steps)
    once = (str, Branch, Nearest, Among)
    bodies = [part.body for part in parts if not isinstance(part, once)]
    return {name for body in bodies for name in names_of(body)}


def fits(agent: Agent, edits: Sequence[StructureEdit]) -> bool:
    """Say whether edits can be made, one after the other, and make another agent.

    >>> # fits(agent, [RemoveNode("notes")])
    """
    made = agent
    try:
        for edit in edits:
            made = restructure(made, edit)
    except InputError:
        return False
    # Nodes in another order on paper are the same agent.
    same = made.flow == agent.flow and len(made.nodes) == len(agent.nodes)
    return not (same and all(node in agent.nodes for node in made.nodes))


def _own(agent: Agent, node: Node) -> tuple[str, ...]:
    """Return what a node reads that no node wrote, or all that it reads where that is nothing."""
    return tuple(own for own in node.inputs if own in agent.given) or node.inputs


def _task(agent: Agent) -> str:
    return f"The task: {task_text(agent)}"
