"""The backward pass against an independent reference walk over the steps really taken."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.agent import Agent, Contract, Demo, Field, Flow, Node, Step, Trajectory, forward
from slearn.engine import GenerateRequest
from slearn.engine.scripted import ScriptedEngine
from slearn.grad import Attribution, Gradient, backward, gradient_request
from slearn.loss import LanguageLoss
from slearn.values import Example, Usage
from tests.optim.writers import CutOff

NAMES = ("alpha", "beta", "gamma")
REASONED = Contract((Field("why"), Field("answer")))


def agent(length: int = 3) -> Agent:
    """A chain whose texts all tell where they stand."""
    nodes = tuple(
        Node(
            name,
            (f"INSTRUCTION-{name}-1", f"INSTRUCTION-{name}-2"),
            (NAMES[place - 1],) if place else ("question", "passage"),
            REASONED if name == "beta" else Contract(),
            (Demo({}, {}),) * place,
        )
        for place, name in enumerate(NAMES[:length])
    )
    return Agent("chain", nodes[::-1], Flow(NAMES[:length]))


def walked(example: str, length: int = 3, lines: Sequence[int] = (1, 1, 1)) -> Trajectory:
    steps: list[Step] = []
    told = {key: f"{key.upper()}-{example}" for key in ("question", "passage")}
    inputs = told
    for name in NAMES[:length]:
        output = {"answer": f"OUT-{name}-{example}"}
        text = output["answer"]
        if name == "beta":
            output = {"why": f"WHY-{example}", **output}
            text = f"why: WHY-{example}\nanswer: {output['answer']}"
        steps.append(Step(name, inputs, output, text, True, Usage()))
        inputs = {name: output["answer"]}
    target = (f"TARGET-{example}",)
    return Trajectory(Example(example, told, target), tuple(steps), steps[-1].output["answer"])


def loss_of(example: str) -> LanguageLoss:
    return LanguageLoss(example, f"ASSESSMENT-{example}", 1, f"REQUIREMENT-{example}")


class Mind:
    """Answers each gradient request with texts of its own and keeps all that was asked."""

    def __init__(self, silent: frozenset[int] = frozenset()) -> None:
        self.texts: list[str] = []
        self.said: list[dict[str, str]] = []
        self._silent = silent

    def __call__(self, request: GenerateRequest) -> str:
        number = len(self.texts)
        self.texts.append("\n".join(message.content for message in request.messages))
        start = {key: opening(request, key) for key in ("output_change", "weight_change")}
        said = {
            "share": ("all", "most", "some", "none")[number % 4],
            "kind": "instruction",
            "output_change": f"{start['output_change']}OUTCHANGE-{number}.",
            "weight_change": f"{start['weight_change']}WEIGHTCHANGE-{number}.",
        }
        self.said.append(said)
        return json.dumps(said)


def opening(request: GenerateRequest, key: str) -> str:
    """How the contract begins a field, read off its grammar."""
    literal = request.grammar.lark.split(f'\\"{key}\\": " "\\"', 1)
    assert len(literal) == 2, request.grammar.lark
    return literal[1].split('" ', 1)[0].replace('\\"', '"')


def reference(agent: Agent, trajectory: Trajectory, loss: LanguageLoss, mind: Mind, at: int,
              width: int) -> list[tuple[set[str], set[str]]]:  # fmt: skip
    """What each request must hold and must not hold, last node first; no code of slearn.grad."""
    everything = {f"TARGET-{loss.example}", f"ASSESSMENT-{loss.example}", f"WHY-{loss.example}",
                  f"REQUIREMENT-{loss.example}", f"QUESTION-{loss.example}",
                  f"PASSAGE-{loss.example}"}  # fmt: skip
    for name in agent.flow.steps:
        everything |= {f"OUT-{name}-{loss.example}", f"INSTRUCTION-{name}-1",
                       f"INSTRUCTION-{name}-2"}  # fmt: skip
    everything |= {f"OUTCHANGE-{n}." for n in range(len(mind.said))}
    everything |= {f"WEIGHTCHANGE-{n}." for n in range(len(mind.said))}
    walk = []
    for depth, step in enumerate(reversed(trajectory.steps)):
        must = {*step.inputs.values(), step.output["answer"], f"INSTRUCTION-{step.node}-1",
                f"INSTRUCTION-{step.node}-2"}  # fmt: skip
        if step.node == "beta":
            must.add(f"WHY-{loss.example}")
        if depth == 0:
            must |= {f"ASSESSMENT-{loss.example}", f"REQUIREMENT-{loss.example}"}
        else:
            must.add(f"OUTCHANGE-{at + (depth - 1) * width}.")
        walk.append((must, everything - must))
    return walk


def test_each_request_holds_what_the_chain_rule_gives_it_and_nothing_else() -> None:
    mind = Mind()
    engine = ScriptedEngine(mind)
    examples = ["e1", "e2", "e3"]
    trajectories = [walked(example) for example in examples]
    losses = [loss_of(example) for example in examples]
    found = backward(agent(), trajectories, losses, engine)
    assert engine.rounds == 3
    assert len(mind.texts) == 9
    for place, (trajectory, loss) in enumerate(zip(trajectories, losses, strict=True)):
        walk = reference(agent(), trajectory, loss, mind, place, len(examples))
        for depth, (must, never) in enumerate(walk):
            text = mind.texts[place + depth * len(examples)]
            assert {word for word in must if word not in text} == set()
            assert {word for word in never if word in text} == set()
            assert not any(f"-{other}" in text for other in examples if other != loss.example)
    for place, gradients in enumerate(found):
        assert [gradient.node for gradient in gradients] == list(NAMES)
        for depth, gradient in enumerate(reversed(gradients)):
            said = mind.said[place + depth * len(examples)]
            assert gradient == Gradient(examples[place], NAMES[2 - depth], **said)
            assert gradient.as_json() == {"example": examples[place], "node": gradient.node, **said}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=0, max_size=4))
def test_trajectories_of_any_length_take_one_round_a_depth(lengths: list[int]) -> None:
    mind = Mind()
    engine = ScriptedEngine(mind)
    trajectories = [walked(f"e{n}", length) for n, length in enumerate(lengths)]
    found = backward(agent(), trajectories, [loss_of(f"e{n}") for n in range(len(lengths))], engine)
    assert engine.rounds == max(lengths, default=0)
    assert [len(gradients) for gradients in found] == lengths
    assert len(mind.texts) == sum(lengths)
    for n, gradients in enumerate(found):
        assert [gradient.node for gradient in gradients] == list(NAMES[: lengths[n]])
        assert {gradient.example for gradient in gradients} == {f"e{n}"}


def test_the_number_of_demos_is_told_and_their_texts_are_not() -> None:
    step = walked("e1").steps[2]
    request = gradient_request(agent(), step, "It should be shorter.", ScriptedEngine())
    text = request.messages[-1].content
    assert "It should be shorter." in text and "2" in text
    assert request.sampling.temperature == 0


def test_what_was_measured_of_the_node_is_told_the_most_harmful_first() -> None:
    step = walked("e1").steps[2]
    plain = gradient_request(agent(), step, "x", ScriptedEngine()).messages[-1].content
    assert "Measured" not in plain
    found = [
        Attribution(step.node, "line", 0, 0.2, 8),
        Attribution(step.node, "demo", 1, -0.3, 8),
        Attribution("another", "line", 0, -0.9, 8),
    ]
    told = gradient_request(agent(), step, "x", ScriptedEngine(), found).messages[-1].content
    assert "demo 2 hurts by 0.30 nats\nline 1 helps by 0.20 nats" in told and "0.90" not in told


def test_a_node_without_instructions_has_a_prompt_all_the_same() -> None:
    bare = Agent("bare", (Node("alpha", (), ("question",)),), Flow(("alpha",)))
    step = Step("alpha", {"question": "Q"}, {"answer": "A"}, "A", True, Usage())
    assert "(none)" in gradient_request(bare, step, "x", ScriptedEngine()).messages[-1].content


def test_an_invalid_answer_becomes_a_null_gradient_and_harms_no_other() -> None:
    engine = CutOff(Mind(), "WHY-e2")
    trajectories = [walked("e1"), walked("e2")]
    found = backward(agent(), trajectories, [loss_of("e1"), loss_of("e2")], engine)
    null = found[1][1]
    assert null == Gradient("e2", "beta", "none", "beyond the model", "", "")
    assert all(gradient.weight_change for gradient in (*found[0], found[1][0], found[1][2]))


@pytest.mark.parametrize("size", [1, 400, 40_000])
def test_no_text_is_too_long_for_the_prompt(size: int) -> None:
    plain = Agent("plain", (Node("alpha", ("word " * size,)),), Flow(("alpha",)))
    long = "word " * size
    example = Example("e", {"input": long})
    step = Step("alpha", {"input": long}, {"answer": long}, long, True, Usage())
    loss = LanguageLoss("e", long, 1, long)
    engine = ScriptedEngine(window=2000)
    found = backward(plain, [Trajectory(example, (step,), long)], [loss], engine)
    assert found[0][0].share in ("all", "most", "some", "none")


def test_it_takes_what_forward_gives() -> None:
    engine = ScriptedEngine()
    whole = agent()
    plain = Agent("c", tuple(Node(n.name, n.instructions, n.inputs, n.output) for n in whole.nodes),
                  whole.flow)  # fmt: skip
    trajectories = forward(plain, [Example("e", {"question": "q", "passage": "p"})], engine)
    found = backward(plain, trajectories, [loss_of("e")], engine)
    assert [gradient.node for gradient in found[0]] == list(NAMES)
    assert engine.rounds == 6
