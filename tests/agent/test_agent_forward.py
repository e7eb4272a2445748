"""Prompts and the forward pass: what stands where, one round a node, errors that say where."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import combinations

import pytest

from slearn.agent import (
    Agent,
    Contract,
    Demo,
    Field,
    Flow,
    Node,
    forward,
    inputs_text,
    instructions,
    last_asks,
    render,
    take,
)
from slearn.engine import GenerateRequest, Message, Sampling
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import ContextError, EngineError, InputError
from slearn.values import Example
from tests.agent.flows import asked

DEMO = Demo({"input": "hot"}, {"answer": "cold"}, "e1")
SKY = Example("1", {"input": "sky?"}, choices=("blue", "red"))


def test_short_inputs_stand_last_after_what_is_shared() -> None:
    node = Node("answer", ("Give the opposite.", "One word."), demos=(DEMO,))
    assert render(node, {"input": "big"}) == (
        Message("system", "Give the opposite.\nOne word."),
        Message("user", "hot"),
        Message("assistant", "cold"),
        Message("user", "big"),
    )


def test_long_inputs_stand_first_in_one_message() -> None:
    node = Node("answer", ("Give the opposite.",), demos=(DEMO, DEMO), layout="inputs-first")
    shown = "Input:\nhot\nOutput:\ncold"
    wanted = f"big\n\n{shown}\n\n{shown}\n\nGive the opposite."
    asked = "Input:\nbig\nOutput:"  # else the last thing said would be another row's answer
    assert render(node, {"input": "big"}) == (Message("user", f"{wanted}\n\n{asked}"),)
    bare = replace(node, demos=())
    assert render(bare, {"input": "big"}) == (Message("user", "big\n\nGive the opposite."),)


def test_of_long_inputs_only_short_ones_are_said_again_behind_demonstrations() -> None:
    shown = Demo({"question": "And now?", "passage": "short"}, {"answer": "north"})
    node = Node("answer", ("Choose.",), ("question", "passage"), demos=(shown,))
    node = replace(node, layout="inputs-first")
    (message,) = render(node, {"question": "Which way?", "passage": "word " * 99})
    assert message.content.startswith("question: Which way?\npassage: word word")
    again = "Choose.\n\nInput:\nquestion: Which way?\npassage: (see above)\nOutput:"
    assert message.content.endswith(again)


@pytest.mark.parametrize("own", [None, ("north", "south")])
def test_candidates_share_a_long_input_that_stands_first(own: tuple[str, ...] | None) -> None:
    long = {"question": "Which way?", "passage": "A long passage of many words. " * 40}
    output = Contract((Field("answer", "choice", choices=None if own else ("north", "south")),))
    shown = Demo({"question": "And now?", "passage": "short"}, {"answer": "north"}, "e1", own)
    reasoned = Contract((Field("reasoning"), *output.fields))
    first = Node("answer", ("Choose.",), ("question", "passage"), output, (), "inputs-first")
    candidates = [
        first,
        replace(first, instructions=("Say where it leads.", "Choose.")),
        replace(first, instructions=(), demos=(shown,)),
        replace(first, instructions=(), demos=(replace(shown, output={"answer": "south"}),) * 2),
        replace(first, output=reasoned),
    ]
    row = Example("1", long, choices=own)
    prompts = [render(node, long, row) for node in candidates]
    assert {tuple(message.role for message in prompt) for prompt in prompts} == {("user",)}
    for one, other in combinations(prompts, 2):
        shared = os.path.commonprefix([one[0].content, other[0].content])
        assert shared.startswith(inputs_text(first, long))
        assert own is None or "Choices: north | south" in shared
    last = [render(replace(node, layout="inputs-last"), long, row) for node in candidates]
    assert all(prompt[0] != last[0][0] for prompt in last[1:])  # nothing to share there


def test_several_inputs_are_named_and_a_missing_instruction_leaves_no_trace() -> None:
    node = Node("answer", (), ("question", "passage"))
    asked = {"passage": "p\nq", "question": "why?", "other": "unseen"}
    assert inputs_text(node, asked) == "question: why?\npassage: p\nq"
    assert render(node, asked) == (Message("user", "question: why?\npassage: p\nq"),)


def test_a_contract_adds_what_the_model_has_to_know() -> None:
    choice = Field("answer", "choice", choices=("yes", "no"))
    assert instructions(Node("a", ("X.",), output=Contract((choice,)))) == (
        "X.\nAnswer with one of: yes, no."
    )
    both = Contract((Field("reasoning"), choice))
    assert instructions(Node("a", ("X.",), output=both)).splitlines()[1:] == [
        "Answer with one of: yes, no.",
        "Write `reasoning: …`, then `answer: …`, each on its own line.",
    ]


@pytest.mark.parametrize("layout", ["inputs-last", "inputs-first"])
def test_the_examples_own_choices_stand_with_its_input(layout: str) -> None:
    open_choice = Contract((Field("answer", "choice"),))
    node = Node("answer", ("Choose.",), output=open_choice, layout=layout)
    text = "\n".join(m.content for m in render(node, {"input": "sky?"}, SKY))
    assert "Choices: blue | red" in text
    assert text.index("sky?") < text.index("Choices:")
    shown = Node(
        "answer",
        (),
        output=open_choice,
        layout=layout,
        demos=(Demo({"input": "sea?"}, {"answer": "blue"}, "e", ("blue", "grey")),),
    )
    text = "\n".join(m.content for m in render(shown, {"input": "sky?"}, SKY))
    again = layout == "inputs-first"  # said behind demonstrations once more
    assert text.count("Choices:") == 2 + again and "sea?\nChoices: blue | grey" in text
    fixed = Contract((Field("answer", "choice", choices=("yes", "no")),))
    fixed_node = Node("answer", ("Choose.",), output=fixed, layout=layout)
    assert "Choices:" not in str(render(fixed_node, {"input": "sky?"}, SKY))
    assert "Choices:" not in str(render(node, {"input": "sky?"}))


def chain(*, last_inputs: tuple[str, ...] = ("two", "one.answer", "input")) -> Agent:
    """Three nodes; the middle one reasons first, the last reads both and the data."""
    reasoned = Contract((Field("why"), Field("answer")))
    return Agent(
        "chain",
        (
            Node("three", ("Third task.",), last_inputs),
            Node("one", ("First task.",)),
            Node("two", ("Second task.",), ("one",), reasoned),
        ),
        Flow(("one", "two", "three")),
    )


def script(request: GenerateRequest) -> str:
    asked = request.messages[-1].content
    if "First" in request.messages[0].content:
        return f"A({asked})"
    if "Second" in request.messages[0].content:
        return f"why: W({asked})\nanswer: B({asked})"
    return f"C({asked})".replace("\n", ";")


def test_a_chain_of_three_hands_each_output_on() -> None:
    engine = ScriptedEngine(script)
    examples = [Example(str(n), {"input": f"x{n}", "unused": "u"}) for n in range(4)]
    trajectories = forward(chain(), examples, engine)
    assert engine.rounds == 3
    for n, (example, found) in enumerate(zip(examples, trajectories, strict=True)):
        one, two, three = found.steps
        assert found.example is example
        assert [step.node for step in found.steps] == ["one", "two", "three"]
        assert one.output == {"answer": f"A(x{n})"}
        assert two.inputs == {"one": f"A(x{n})"}
        assert two.output == {"why": f"W(A(x{n}))", "answer": f"B(A(x{n}))"}
        assert three.inputs == {"two": f"B(A(x{n}))", "one.answer": f"A(x{n})", "input": f"x{n}"}
        assert found.answer == f"C(two: B(A(x{n}));one.answer: A(x{n});input: x{n})"
        assert all(step.valid and step.usage.computed > 0 for step in found.steps)
    body = trajectories[0].as_json()
    assert body["example"] == "0" and body["answer"] == trajectories[0].answer


def test_a_field_of_an_earlier_node_can_be_read_by_its_name() -> None:
    trajectories = forward(
        chain(last_inputs=("two.why",)), [Example("1", {"input": "x"})], ScriptedEngine(script)
    )
    assert trajectories[0].answer == "C(W(A(x)))"


def test_all_but_the_answer_runs_when_only_what_would_be_asked_for_it_is_wanted() -> None:
    engine = ScriptedEngine(script)
    examples = [Example(str(n), {"input": f"x{n}"}) for n in range(2)]
    asks = last_asks([(chain(), examples)], engine)
    assert engine.rounds == 2
    assert [[ask.node.name for ask in own] for own in asks] == [["three"], ["three"]]
    assert asks[1][0].inputs == {"two": "B(A(x1))", "one.answer": "A(x1)", "input": "x1"}
    # Asked then, it says what the forward pass says; and so does any step, asked once more.
    found = forward(chain(), examples, ScriptedEngine(script))
    assert take([ask for own in asks for ask in own], engine) == [each.end for each in found]
    again = [asked(chain(), each.example, step) for each in found for step in each.steps]
    assert take(again, engine) == [step for each in found for step in each.steps]


def test_what_is_known_to_be_said_is_not_asked_again() -> None:
    engine = ScriptedEngine(script)
    example = Example("1", {"input": "x"})
    first = forward(chain(), [example], ScriptedEngine(script))[0].steps[0]
    other = replace(first, output={"answer": "else"}, text="else")
    ((ask,),) = last_asks([(chain(), [example])], engine, taken=[(other,)])
    assert engine.rounds == 1  # for the second node
    assert ask.inputs == {"two": "B(else)", "one.answer": "else", "input": "x"}


def test_no_examples_make_no_trajectories() -> None:
    assert forward(chain(), [], ScriptedEngine(script)) == []


@pytest.mark.parametrize(
    ("wanted", "data", "message"),
    [
        ("colour", {"input": "x"}, "reads 'colour', which the data does not have (it has input)"),
        ("input", {}, "reads 'input', which the data does not have (it has nothing)"),
    ],
)
def test_a_missing_input_names_node_and_example(
    wanted: str, data: dict[str, str], message: str
) -> None:
    agent = chain(last_inputs=(wanted,)) if data else chain()
    with pytest.raises(InputError) as caught:
        forward(agent, [Example("e7", data)], ScriptedEngine(script))
    assert caught.value.where == "example e7"
    assert message in str(caught.value)
    assert "node 'three'" in str(caught.value) if data else "node 'one'" in str(caught.value)


def test_a_prompt_that_does_not_fit_names_node_needed_and_available() -> None:
    agent = Agent("a", (Node("answer", ("Say it.",)),), Flow(("answer",)))
    long = Example("e9", {"input": "word " * 300})
    with pytest.raises(ContextError) as caught:
        forward(agent, [Example("e1", {"input": "ok"}), long], ScriptedEngine(window=100))
    assert caught.value.where == "node 'answer', example e9"
    assert caught.value.available == 100
    assert caught.value.needed > 300
    assert f"needs {caught.value.needed} tokens, 100 are available" in str(caught.value)


def test_sampling_and_seed_reach_the_engine() -> None:
    seen: list[GenerateRequest] = []

    def spy(request: GenerateRequest) -> str:
        seen.append(request)
        return "ok"

    agent = Agent("a", (Node("answer", ("Say it.",)),), Flow(("answer",)))
    forward(
        agent,
        [Example("1", {"input": "x"})],
        ScriptedEngine(spy),
        sampling=Sampling(0.7),
        seed=5,
    )
    assert (seen[0].sampling, seen[0].seed) == (Sampling(0.7), 5)
    assert seen[0].max_tokens == agent.last.output.max_tokens()


def test_an_agent_that_cannot_run_cannot_be_made() -> None:
    one, two = Node("one", ()), Node("two", (), ("one",))
    with pytest.raises(InputError, match="two nodes have one name"):
        Agent("a", (one, one), Flow(("one", "one")))
    with pytest.raises(InputError, match="the flow never visits node 'two'"):
        Agent("a", (one, two), Flow(("one",)))
    with pytest.raises(InputError, match="reads 'one' before it is written on every path"):
        Agent("a", (one, two), Flow(("two", "one")))
    with pytest.raises(InputError, match="node 'one' has no field 'mood'"):
        chain(last_inputs=("one.mood",))
    with pytest.raises(InputError, match="the flow may take 2 steps, its limit is 1"):
        Agent("a", (one, two), Flow(("one", "two"), 1))
    agent = Agent("a", (one, two), Flow(("one", "two")))
    assert agent.last is two
    with pytest.raises(InputError, match="no node is named 'three'"):
        agent.node("three")


def test_what_nodes_said_goes_before_data_of_that_name() -> None:
    example = Example("1", {"input": "x", "one": "from the data"})
    found = forward(chain(), [example], ScriptedEngine(script))[0]
    assert found.steps[1].inputs == {"one": "A(x)"}


def test_an_answer_against_the_contract_never_gets_through() -> None:
    choice = Contract((Field("answer", "choice", choices=("yes", "no")),))
    agent = Agent("a", (Node("answer", ("Say it.",), output=choice),), Flow(("answer",)))
    with pytest.raises(EngineError, match="breaks the grammar"):
        forward(agent, [Example("1", {"input": "x"})], ScriptedEngine(["perhaps"]))
