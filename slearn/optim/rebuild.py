"""The flow optimizer: nodes added, removed, joined, asked again; each trained before it is judged.

A new node starts from an instruction written for its job, by a small library or by the model. It is
shown what it should write, by measure (`wanted`), and the last node what it should make of that, by
the targets: structure is not to be rejected for being untrained. What costs more tokens must win
more, because a race prices every prompt that a flow reads.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

from slearn.agent import Agent, Contract, Field, Node, Vote, flow_lines, forward, parts_of, reshape
from slearn.call import call
from slearn.errors import ContextError, InputError
from slearn.evaluate import score_trajectories
from slearn.loss import RIGHT, task_text
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.demos import balanced, demo_from, demo_of, led_to, within
from slearn.optim.edits import Edit, SetDemos, apply_all
from slearn.optim.lines import by_blame
from slearn.optim.structure import AddNode, MergeNodes, RemoveNode, StructureEdit, WrapVote
from slearn.optim.tries import LUCKY
from slearn.optim.wanted import hands_on, wanted

_TRAINED = 8  # rows of the pool that a new structure is trained on
_KEPT = 2  # candidates a step
_JUDGED = 110  # rows that are read to race a structure and to validate it, about
_ENOUGH = 0.9  # of the batch's score: more is not worth another structure
_MANY = 8  # choices from which on a shortlist may help
_LISTED = 100
_MOST_NODES = 5
_NOTE = Contract((Field("answer", max_chars=240, max_tokens=60),))

# Jobs of a node in front of another: its name, and what it is told.
JOBS = (
    ("notes", "Write down in a few words what in the input decides the answer."),
    ("plan", "Write in a few words the steps that lead to the answer, without the answer."),
    ("plain", "Say the input again in short and simple words."),
)
CHECK = "Look at the input and at the draft, and give the right answer."
MEND = "Write the draft again so that it does all that the task asks for: {task}"


class Restructure(Optimizer):
    """Tries other structures, two a step, once cheaper edits have had their turn."""

    name = "restructure"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return trained structures; none in the first step, or where nearly all is right."""
        if not proposal.step or not proposal.trajectories or fmean(proposal.scores) > _ENOUGH:
            return []
        # The model is asked when its turn comes: None stands for what it would name.
        edits: list[tuple[str, StructureEdit] | None] = [*direct(proposal), None]
        first = _KEPT * proposal.misses % len(edits)
        found: list[Candidate] = []
        for turn in (edits + edits)[first : first + len(edits)]:
            if len(found) == _KEPT:
                break
            for name, edit in [turn] if turn else written(proposal):
                one = trained(proposal, edit, name)
                found += [one] if one else []
        return found

    def price(self, proposal: Proposal) -> float:
        """Return about what it takes to train structures, to race them and to validate one.

        One more node reads every row, and writes: who could not be raced is not worth training.
        """
        seen = proposal.trajectories
        if not proposal.step or not seen:
            return 0.0
        count = proposal.engine.count_tokens
        texts = [" ".join([*s.inputs.values(), s.text]) for one in seen for s in one.steps]
        row = sum(map(count, texts)) / len(seen)
        return _KEPT * _TRAINED * 8 * row + _JUDGED * (2 * row + _NOTE.answer.max_tokens / 2)


def direct(proposal: Proposal) -> list[tuple[str, StructureEdit]]:
    """Return the edits that need no model to be thought of, the likeliest to pay first."""
    agent, last = proposal.agent, proposal.agent.last
    found: list[tuple[str, StructureEdit]] = []
    for name in reversed(by_blame(proposal)):
        if len(agent.nodes) > 1 and name not in agent.ends:
            found.append((f"without {name}", RemoveNode(name)))
    reasons = last.output.fields[0] != last.output.answer
    voted = any(isinstance(part, Vote) for part in parts_of(agent.flow.steps))
    if reasons and not voted and agent.metric not in ("judge", "tests"):
        found.append(("vote", WrapVote(last.name)))
    if len(agent.nodes) >= _MOST_NODES or len(agent.ends) > 1:
        return found
    choices = last.output.answer.choices or ()
    if _MANY <= len(choices) <= _LISTED:
        told = "Name the three labels that fit the input best, out of: " + ", ".join(choices) + "."
        found.append(("shortlist", noting(agent, last, "shortlist", told)))
    names = {node.name for node in agent.nodes}
    if "check" not in names:
        found.append(("check", checking(agent, last, CHECK)))
    found += [(name, noting(agent, last, name, told)) for name, told in JOBS if name not in names]
    return found


def noting(agent: Agent, node: Node, name: str, told: str) -> AddNode:
    """Return the edit that puts a node of a job in front of another.

    >>> # noting(agent, agent.last, "notes", JOBS[0][1]).new.inputs
    """
    inputs = tuple(own for own in node.inputs if own in agent.columns) or node.inputs
    new = Node(reshape.fresh_name(agent, name), (told,), inputs, _NOTE, layout=node.layout)
    return AddNode(node.name, new)


def checking(agent: Agent, node: Node, told: str) -> AddNode:
    """Return the edit that puts a node behind the last one, which gives the answer anew.

    >>> # checking(agent, agent.last, CHECK).new.inputs
    """
    if agent.metric == "judge":
        told = MEND.format(task=" ".join(node.instructions)) if told == CHECK else told
    answer = replace(node.output.answer, decide="writing", bias=(), abstain=0.0)
    inputs = tuple(own for own in node.inputs if own in agent.columns) or node.inputs
    contract = Contract((answer,))
    new = Node(reshape.fresh_name(agent, "check"), (told,), (*inputs, node.name), contract)
    return AddNode(node.name, new, behind=True)


def written(proposal: Proposal) -> list[tuple[str, StructureEdit]]:
    """Return the edit that the model names from the gradients of all nodes, if it can be made."""
    agent, kind = proposal.agent, call("edit_flow")
    nodes = [node.name for node in agent.nodes]
    room = len(nodes) < _MOST_NODES and len(agent.ends) == 1
    joined = [name for name in nodes if _reader(agent, name)]
    removable = [name for name in nodes if name not in agent.ends]
    if not (room or joined or removable):
        return []
    changes = [f"{name}: {proposal.gradients[name].text(2)}" for name in by_blame(proposal)]
    request = kind.request(
        {
            "task": task_text(agent),
            "flow": "\n".join(flow_lines(agent.flow)),
            "changes": "\n".join(changes),
        },
        proposal.engine.count_tokens,
        names={
            "nodes": nodes if room else [],
            "ends": list(agent.ends) if room else [],
            "removable": removable,
            "joined": joined,
            "start": "Write ",
            "check": "Make sure that ",
        },
        sampling=LUCKY,
        seed=proposal.chance("restructure").randrange(1 << 30),
    )
    said = kind.read(proposal.engine.generate([request], proposal.watch)[0])
    edit = said["edit"] if said else {}
    match edit.get("op"):
        case "add a step before":
            node = agent.node(edit["node"])
            return [("written step", noting(agent, node, "step", edit["job"].strip()))]
        case "check after":
            node = agent.node(edit["node"])
            return [("written check", checking(agent, node, edit["job"].strip()))]
        case "remove":
            return [(f"without {edit['node']}", RemoveNode(edit["node"]))]
        case "make one of":
            return [("one of two", MergeNodes(edit["node"], _reader(agent, edit["node"]) or ""))]
    return []


def _reader(agent: Agent, name: str) -> str | None:
    """Return the one node that reads another's answer, None where there is none or are several."""
    found = [
        node.name for node in agent.nodes if any(own.split(".")[0] == name for own in node.inputs)
    ]
    return found[0] if len(found) == 1 else None


def trained(proposal: Proposal, edit: StructureEdit, name: str) -> Candidate | None:
    """Return the candidate of a structure, its nodes shown how; None where it cannot be run.

    Its rows are of the pool, on which nobody races.
    """
    try:
        agent = apply_all(proposal.agent, [edit])
        edits: list[Edit] = [edit, *shown(proposal, agent, edit)]
        return Candidate(f"restructure: {name}", apply_all(proposal.agent, edits), tuple(edits))
    except (InputError, ContextError):
        return None


def shown(proposal: Proposal, agent: Agent, edit: StructureEdit) -> list[Edit]:
    """Return the edits that show a new node what to write, and the last one what to make of it."""
    rows = [row for row in proposal.pool if row.id not in agent.sources()][:_TRAINED]
    told = [row for row in rows if row.targets]
    if isinstance(edit, WrapVote) or not told or agent.metric in ("judge", "tests"):
        return []
    found: list[Edit] = []
    taken = forward(agent, told, proposal.runner, watch=proposal.watch)
    scores = score_trajectories(agent, taken, proposal.engine, proposal.watch)
    if isinstance(edit, AddNode) and hands_on(agent, edit.new.name):
        inside = replace(proposal, agent=agent, trajectories=taken, scores=scores)
        demos = wanted(inside, agent.node(edit.new.name))
        if demos:
            found.append(SetDemos(edit.new.name, demos))
            agent = apply_all(agent, found)
            taken = forward(agent, told, proposal.runner, watch=proposal.watch)
            scores = score_trajectories(agent, taken, proposal.engine, proposal.watch)
    last = agent.last
    if last.demos:  # they are right still
        return found
    if len(last.output.fields) > 1 or last.tools:
        right = [one for one, score in zip(taken, scores, strict=True) if score >= RIGHT]
        made = [demo_from(trajectory, last) for trajectory in right]
    else:
        made = [demo_of(led_to(trajectory, last), last) for trajectory in taken]
    demos = tuple(balanced([demo for demo in made if demo], proposal.chance("restructure demos")))
    if demos:
        found.append(SetDemos(last.name, within(demos, last, proposal.engine.count_tokens)))
    return found
