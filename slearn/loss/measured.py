"""The measured loss, which only a local model can give: how unlikely the right answer is.

-log p(target | prompt, output grammar) in nats: renormalised over the tokens that the grammar
allows, so that a format which is enforced anyway earns nothing; log-sum-exp over alternative
targets; given the reasoning and the upstream outputs that this very candidate produced. One
prefill, nothing sampled, and it moves when accuracy still sits at zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from slearn.agent import (
    NO_CALL,
    Agent,
    Ask,
    Contract,
    Pairs,
    Step,
    Weighed,
    forward_all,
    last_asks,
    render,
    weighing,
    write_before_answer,
    write_then_weigh,
)
from slearn.engine import Engine, Score, ScoreRequest, Watcher
from slearn.loss.judge import expected_grade, grading
from slearn.metrics import run_tests
from slearn.values import Example

Reader = Callable[[Sequence[float]], float]
# For which example, what is still to be asked, the score that is known, and how it is read.
Wanted = tuple[int, ScoreRequest | None, Score | None, Reader]
Measure = Callable[..., list[list[float]]]  # called as `measured_losses` is

# The loss of a target that the output contract cannot say, in nats: worse than any real one.
UNSAYABLE = 50.0
LIKELY = math.log(2)  # nats: the right answer is likelier than all others together
_MOST_ALTERNATIVES = 8
_Q = 0.5


def measured_loss(
    agent: Agent,
    examples: Sequence[Example],
    engine: Engine,
    judge_engine: Engine | None = None,
    watch: Watcher | None = None,
    *,
    task: str = "",
) -> list[float]:
    """Return the loss of every example in nats, 0 at best and `UNSAYABLE` at most.

    Where an example has no target, the loss is -log of the judge's expected grade of the answer, or
    of 1 or 0 where the metric is `tests` and the answer passes them or not.

    >>> # measured_loss(agent, examples, engine)
    """
    return measured_losses([agent], [examples], engine, judge_engine, watch, task=task)[0]


def measured_losses(
    agents: Sequence[Agent],
    examples: Sequence[Sequence[Example]],
    engine: Engine,
    judge_engine: Engine | None = None,
    watch: Watcher | None = None,
    *,
    task: str = "",
) -> list[list[float]]:
    """Return the losses of several agents, each on its own examples, scored in one round."""
    losses = [[UNSAYABLE] * len(batch) for batch in examples]
    numbered = [(i, n, e) for i, batch in enumerate(examples) for n, e in enumerate(batch)]
    told = [(i, n) for i, n, example in numbered if example.targets]
    untold = [(i, n) for i, n, example in numbered if not example.targets]
    for places, measure in ((told, _likelihoods), (untold, _grades)):
        if places:
            pairs = [
                (agent, [examples[i][n] for i, n in places if i == index])
                for index, agent in enumerate(agents)
            ]
            found = measure(pairs, engine, judge_engine or engine, watch, task)
            for (i, n), loss in zip(places, found, strict=True):
                losses[i][n] = loss
    return losses


def _likelihoods(
    pairs: Pairs, engine: Engine, _: Engine, watch: Watcher | None, __: str
) -> list[float]:
    """Return the losses of examples with targets, of all pairs in their order."""
    found = _requests(pairs, engine, watch)
    return _read(found, engine, watch, sum(len(batch) for _, batch in pairs))


def losses_after(
    agent: Agent,
    examples: Sequence[Example],
    taken: Sequence[tuple[Step, ...]],
    engine: Engine,
    watch: Watcher | None = None,
) -> list[float]:
    """Return the losses of examples with targets after the first steps that they are said to take.

    What if a node had written something else? The nodes behind it run on that.

    >>> # losses_after(agent, [example], [steps_until_a_node], engine)
    """
    found = _requests([(agent, examples)], engine, watch, taken)
    return _read(found, engine, watch, len(examples))


def shortfall(loss: float) -> float:
    """Return what a loss in nats falls short of certainty by, from 0 to 2: (1 - p^q) / q.

    >>> round(shortfall(0.0), 2), round(shortfall(math.log(4)), 2), round(shortfall(50.0), 2)
    (0.0, 1.0, 2.0)

    Means of nats are ruled by answers that are confidently wrong, so an agent that reasons and is
    right more often looks worse than one that is never sure. This is the generalised cross entropy
    of Zhang and Sabuncu (2018), between nats (q = 0) and the chance of a miss (q = 1).
    """
    return (1 - math.exp(-_Q * loss)) / _Q


def loss_of(logprobs: Sequence[float]) -> float:
    """Return -log of the summed likelihood of alternatives.

    >>> loss_of([math.log(0.25), math.log(0.25)]) == -math.log(0.5)
    True
    """
    return _bounded(-_log_sum(logprobs))


def _certain(_: Sequence[float]) -> float:
    return 0.0


def _bounded(loss: float) -> float:
    return min(UNSAYABLE, max(0.0, loss))


def _log_sum(logprobs: Sequence[float]) -> float:
    top = max(logprobs, default=-math.inf)
    if top == -math.inf:
        return top
    return top + math.log(sum(math.exp(logprob - top) for logprob in logprobs))


def _read(
    requests: Sequence[Wanted], engine: Engine, watch: Watcher | None, count: int
) -> list[float]:
    """Ask for all likelihoods in one round and read the losses; some need no likelihood."""
    asked = [request for _, request, _, _ in requests if request]
    scores = iter(engine.score(asked, watch) if asked else ())
    found: list[list[float]] = [[] for _ in range(count)]
    for place, request, score, read in requests:
        said = next(scores) if request else score
        found[place].append(read(said.logprobs if said else ()))
    return [mixed(own) for own in found]


def mixed(losses: Sequence[float]) -> float:
    """Return the loss of an answer that several vote for: -log of the mean of their likelihoods.

    >>> round(mixed([0.0, 50.0]), 4)
    0.6931
    """
    if len(losses) == 1:
        return losses[0]
    return _bounded(math.log(len(losses)) - _log_sum([-loss for loss in losses]))


def _requests(
    pairs: Pairs,
    engine: Engine,
    watch: Watcher | None,
    taken: Sequence[tuple[Step, ...]] | None = None,
) -> list[Wanted]:
    """Run what comes before the answers; ask for likelihoods after it, and say how to read them.

    With each goes the place of its example: where some vote there are several.
    """
    finals = last_asks(pairs, engine, watch, taken=taken)
    asks = [ask for own in finals for ask in own]
    places = [place for place, own in enumerate(finals) for _ in own]
    return [
        (place, None if score else _target(ask, step), score, _reader(ask, step))
        for place, ask, (step, score) in zip(places, asks, _begun(asks, engine, watch), strict=True)
    ]


def _target(ask: Ask, step: Step) -> ScoreRequest | None:
    """Return what says how likely the right answer is after what was written; None if given up."""
    output = ask.node.output
    if output.decided:  # the very request that decides: all choices, made to add up to 1
        return weighing(ask, step)
    if step.given_up:
        return None
    cut = output.until_answer()
    return ScoreRequest(
        render(ask.node, step.inputs, ask.example, step.calls),
        _targets(ask.example),
        cut.grammar(ask.example.choices, ask.example.functions),
        cut.prefix(step.output),
        where=ask.where,
    )


def _reader(ask: Ask, step: Step) -> Reader:
    """Return how the likelihoods of a target are read; a call that was given up needs none."""
    targets = _targets(ask.example)
    if ask.node.output.decided:
        return partial(decided_loss, ask, targets)
    return _certain if step.given_up and NO_CALL in targets else loss_of


def _targets(example: Example) -> tuple[str, ...]:
    return tuple(dict.fromkeys((example.targets or ())[:_MOST_ALTERNATIVES]))


def decided_loss(ask: Ask, targets: Sequence[str], logprobs: Sequence[float]) -> float:
    """Return -log of the targets' share of all choices, what is added to each included.

    >>> from slearn.agent import Field, Node
    >>> node = Node("n", (), output=Contract((Field(type="choice", choices=("up", "down")),)))
    >>> round(decided_loss(Ask(node, Example("1", {}), {}), ["up"], [-3.0, -3.0]), 4)
    0.6931
    """
    weighed = ask.weighed(logprobs)
    right = [w for w, choice in zip(weighed, ask.choices, strict=True) if choice in targets]
    share = _log_sum(right)
    return UNSAYABLE if share == -math.inf else _bounded(_log_sum(weighed) - share)


def _begun(asks: Sequence[Ask], engine: Engine, watch: Watcher | None) -> list[Weighed]:
    """Return what is written before the answers, asked for as the forward pass asks for it.

    What that has paid for is then free: a whole output, unless the answer is decided afterwards.
    With what is written anew comes the score of the target behind it.
    """
    whole = [_whole(ask.node.output, tools=bool(ask.node.tools)) for ask in asks]
    outputs = [ask for ask, one in zip(asks, whole, strict=True) if one]
    others = [ask for ask, one in zip(asks, whole, strict=True) if not one]
    said = iter(write_then_weigh(outputs, engine, watch, weigh=_target))
    begun = iter(write_before_answer(others, engine, watch, weigh=_target))
    return [next(said) if one else next(begun) for one in whole]


def _whole(contract: Contract, *, tools: bool) -> bool:
    """Say whether something is written before the answer, and the answer with it."""
    more = contract.fields[0] != contract.answer or tools or bool(contract.answer.abstain)
    return more and not contract.decided


def _grades(
    pairs: Pairs, engine: Engine, judge_engine: Engine, watch: Watcher | None, task: str
) -> list[float]:
    """Return the losses of examples without targets: -log of what their answers are worth, 0 to 1.

    Unit tests say it where the metric is `tests`: a judge's opinion would accept code that fails.
    """
    taken = forward_all(pairs, engine, watch=watch)
    tested = [agent.metric == "tests" for agent, _ in pairs]
    asked = [
        request
        for (agent, _), own, one in zip(pairs, taken, tested, strict=True)
        if not one
        for request in grading(agent, own, judge_engine, task)
    ]
    scores = iter(judge_engine.score(asked, watch) if asked else ())
    grades: list[float] = []
    for (_, batch), own, one in zip(pairs, taken, tested, strict=True):
        if one:
            grades += run_tests([each.answer for each in own], batch, judge_engine)
        else:
            grades += [expected_grade(next(scores).logprobs) for _ in own]
    return [-math.log(max(grade, 1e-6)) for grade in grades]
