"""The flow optimizer: other structures, trained a little before they are judged.

A new node starts from an instruction written for its job, by a small library or by the model. It is
shown what it should write, by measure (`wanted`) or by what the metric says of the draft that it
reviews, and the last node what it should make of that, by the targets: structure is not to be
rejected for being untrained. What costs more tokens must win more, because a race prices every
prompt that a flow reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from slearn.agent import Agent, Demo, Node, Trajectory, forward
from slearn.errors import ContextError, InputError
from slearn.evaluate import score_trajectories
from slearn.loss import RIGHT
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.demos import balanced, demo_from, demo_of, led_to, within
from slearn.optim.edits import Edit, SetDemos, apply_all
from slearn.optim.excerpt import holds
from slearn.optim.named import written
from slearn.optim.reading import given_tokens, reading
from slearn.optim.settled import settled
from slearn.optim.shapes import NOTE, Shape, direct
from slearn.optim.structure import StructureEdit, WrapBest, WrapRetry, brought
from slearn.optim.wanted import hands_on, wanted
from slearn.values import Example

_TRAINED = 8  # rows of the pool that a new structure is trained on
_WRITTEN = NOTE.answer.max_tokens / 2  # tokens that a node hands on, about
_DRAFTED = 8  # times what a row takes: drafts of a node in front, and the answers after them
_KEPT = 2  # candidates a step
_HELD = 2  # rows whose answers stand in what is read: with fewer, any are shown
_ENOUGH = 0.9  # of the batch's score: more is not worth another structure
_NOTHING = "nothing"  # is missing, says a review of what is right


class Restructure(Optimizer):
    """Tries other structures, two a step, once cheaper edits have had their turn."""

    name = "restructure"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return trained structures; none in the first step, or where nearly all is right."""
        judged = proposal.agent.metric == "judge"  # a small one finds nearly everything good
        enough = not judged and fmean(proposal.scores or [0.0]) > _ENOUGH
        if not proposal.step or not proposal.trajectories or enough:
            return []
        found: list[Candidate] = []
        for turn in turns(proposal):
            if len(found) == _KEPT:
                break
            for name, edits in [turn] if turn else written(proposal):
                one = trained(proposal, edits, f"restructure: {name}")
                found += [one] if one else []
        return found

    def price(self, proposal: Proposal) -> float:
        """Return about what it takes to train structures, to race them and to validate one.

        Who could not be raced is not worth training.
        """
        seen = proposal.trajectories
        if not proposal.step or not seen:
            return 0.0
        count = proposal.engine.count_tokens
        texts = [" ".join([*s.inputs.values(), s.text]) for one in seen for s in one.steps]
        row = sum(map(count, texts)) / len(seen)
        rows = [one.example for one in seen]

        def read(agent: Agent) -> float:
            return reading(agent, given_tokens(agent, rows, count), handed=_WRITTEN)

        wrote = {
            node.name: fmean(count(s.text) for t in seen for s in t.steps if s.node == node.name)
            for node in proposal.agent.nodes
            if any(step.node == node.name for one in seen for step in one.steps)
        }
        taught, raced, runs = 0.0, list[float](), proposal.agent.runs
        for turn in turns(proposal)[:_KEPT]:
            more, stays = row, False  # of what the model would name nothing is known
            if turn:
                made = apply_all(proposal.agent, turn[1])
                more = read(made) - read(proposal.agent)
                more += sum((made.runs.get(n, 0) - runs[n]) * size for n, size in wrote.items())
                stays = settled(made, proposal.agent) >= {*runs}
            whole = max(row / 10, row + more) + _WRITTEN
            taught += (_DRAFTED if drafts(proposal.agent, turn) else 1) * _TRAINED * whole
            # What nodes that stay say is known of validation rows, and written once for the others.
            raced.append(whole - row / 2 if stays else whole)
        taught = taught if _teaches(proposal.agent, proposal.pool) else 0.0
        return taught + proposal.rows * fmean(raced)


def turns(proposal: Proposal) -> list[Shape | None]:
    """Return all shapes, from the one whose turn it is; None stands for what the model would name.

    The model is asked when that turn comes.

    >>> # turns(proposal)[0]
    """
    shapes: list[Shape | None] = [*direct(proposal), None]
    first = _KEPT * proposal.asked % len(shapes)
    return (shapes + shapes)[first : first + len(shapes)]


def drafts(agent: Agent, turn: Shape | None) -> bool:
    """Say whether nodes of a shape are shown drafts that were tried, which is dear.

    >>> # drafts(agent, ("vote", (WrapVote("answer"),)))
    """
    if turn is None:
        return True
    made = apply_all(agent, turn[1])
    return any(hands_on(made, node.name) for edit in turn[1] for node in brought(edit))


def trained(proposal: Proposal, edits: Sequence[StructureEdit], name: str) -> Candidate | None:
    """Return the candidate of a structure, its nodes shown how; None where it cannot be run.

    Its rows are of the pool, on which nobody races.
    """
    try:
        agent = apply_all(proposal.agent, edits)
        whole: list[Edit] = [*edits, *shown(proposal, agent, edits)]
        return Candidate(name, apply_all(proposal.agent, whole), tuple(whole))
    except (InputError, ContextError):
        return None


def shown(proposal: Proposal, agent: Agent, edits: Sequence[StructureEdit]) -> list[Edit]:
    """Return the edits that show new nodes what to write, and the last one what to make of it."""
    rows = [row for row in proposal.pool if row.id not in agent.sources()][:_TRAINED]
    told = [row for row in rows if row.targets]
    new = [node.name for edit in edits for node in brought(edit)]
    old = {node.name: node for node in proposal.agent.nodes}
    changed = [name for name in agent.ends if agent.node(name) != old.get(name)]
    if not (new or changed) or not _teaches(agent, rows):
        return []
    found: list[Edit] = []
    tried = _tried(proposal, agent, told)
    for name in new:
        demos = _demos(tried, agent.node(name), edits)
        if demos:
            edit = SetDemos(name, demos)
            found.append(edit)
            agent = apply_all(agent, [edit])
            tried = _tried(proposal, agent, told)
    return [*found, *(edit for name in agent.ends for edit in _taught(tried, agent.node(name)))]


def _taught(tried: Proposal, last: Node) -> list[Edit]:
    """Return the edit that shows a last node what to make of what it reads, by the targets."""
    pairs = [
        (taken, score)
        for taken, score in zip(tried.trajectories, tried.scores, strict=True)
        if taken.step_of(last.name)
    ]
    if last.demos:  # they are right still
        return []
    if len(last.output.fields) > 1 or last.tools:
        made = [demo_from(taken, last) for taken, score in pairs if score >= RIGHT]
    else:
        rows = [led_to(taken, last) for taken, _ in pairs]
        # Of a node that reads less than the agent: what does not stand there would be made up.
        less = not set(tried.agent.columns) <= {*last.inputs} and last.output.answer.type == "text"
        held = [row for row in rows if _read(row)] if less else []
        made = [demo_of(row, last) for row in (held if len(held) >= _HELD else rows)]
    shuffled = balanced([demo for demo in made if demo], tried.chance("restructure demos"))
    demos = within(tuple(shuffled), last, tried.engine.count_tokens)
    return [SetDemos(last.name, demos)] if demos else []


def _read(row: Example) -> bool:
    return any(holds(text, row.targets or ()) for text in row.inputs.values())


def _teaches(agent: Agent, rows: Sequence[Example]) -> bool:
    """Say whether rows tell what is right, so that new nodes can be shown it."""
    return agent.metric not in ("judge", "tests") and any(row.targets for row in rows)


def _tried(proposal: Proposal, agent: Agent, rows: Sequence[Example]) -> Proposal:
    """Return the proposal with an agent in the place of its own, and how it does on some rows."""
    taken = forward(agent, rows, proposal.runner, watch=proposal.watch)
    engine, watch = proposal.engine, proposal.watch
    scores = score_trajectories(agent, taken, engine, watch, task=proposal.task)
    return replace(proposal, agent=agent, trajectories=taken, scores=scores)


def _demos(tried: Proposal, node: Node, edits: Sequence[StructureEdit]) -> tuple[Demo, ...]:
    """Return what a new node is shown: none where nothing tells what it should write."""
    answers = next((found for edit in edits if (found := _verdicts(edit))), None)
    if answers is None:
        return wanted(tried, node) if hands_on(tried.agent, node.name) else ()
    pairs = zip(tried.trajectories, tried.scores, strict=True)
    made = [
        _verdict(taken, node, answers[score >= RIGHT], score >= RIGHT) for taken, score in pairs
    ]
    name, count = node.output.answer.name, tried.engine.count_tokens
    sorts = [[demo for demo in made if demo and demo.output[name] == said] for said in answers]
    shown = within([demo for pair in zip(*sorts, strict=False) for demo in pair], node, count)
    # Of one sort alone it would learn to say the same of all.
    return shown if {demo.output[name] for demo in shown} == {*answers} else ()


def _verdicts(edit: StructureEdit) -> tuple[str, str] | None:
    """Return what a node that judges drafts should say of wrong ones and of right ones."""
    match edit:
        case WrapRetry(_, _, value):
            return next(own for own in ("no", "yes") if own != value), value
        case WrapBest(_, grader):
            grades = grader.output.answer.choices or ("1", "5")
            return grades[0], grades[-1]
    return None


def _verdict(taken: Trajectory, node: Node, answer: str, right: bool) -> Demo | None:
    """Return what should have been said of the draft that a trajectory ended with."""
    steps = [step for step in taken.steps if step.node == node.name and step.valid]
    own = [step for step in steps if step.inputs[node.inputs[-1]] == taken.answer]  # its draft
    if not own:
        return None
    words = {name: _NOTHING if right else text for name, text in own[-1].output.items()}
    output = {**words, node.output.answer.name: answer}
    inputs = {name: own[-1].inputs[name] for name in node.inputs}
    return Demo(inputs, output, taken.example.id)
