"""Demonstrations: where they come from, how sets are drawn, and edits that a model chooses."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.agent import Agent, Branch, Contract, Demo, Field, Flow, Node, forward
from slearn.batches import draw
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.grad import Attribution
from slearn.loss import RIGHT
from slearn.optim import (
    Candidate,
    DemoEdits,
    DemoSets,
    Optimizer,
    PassedDemos,
    ReasonFirst,
    SetContract,
    SetDemos,
    apply_all,
)
from slearn.optim.contract import REASONING, grounded, reasoned
from slearn.optim.demos import (
    balanced,
    demo_from,
    demo_of,
    demos_for,
    gone_through,
    least,
    read_demo_edits,
    within,
)
from slearn.values import Example, Usage
from tests.optim.proposals import CHOICE, LABELS, REASONED, chain, passed, proposal, rows, single


def shown(candidate: Candidate) -> tuple[Demo, ...]:
    return candidate.agent.last.demos


def with_demos(agent: Agent, examples: list[Example]) -> Agent:
    made = [demo_of(example, agent.last) for example in examples]
    return apply_all(agent, [SetDemos("answer", tuple(demo for demo in made if demo))])


def test_sets_are_balanced_over_the_labels() -> None:
    pool = [Example(f"b{n}", {"input": f"b {n}"}, ("billing",)) for n in range(40)]
    pool += [Example(f"d{n}", {"input": f"d {n}"}, ("delivery",)) for n in range(3)]
    pool += [Example(f"a{n}", {"input": f"a {n}"}, ("account",)) for n in range(3)]
    candidates = DemoSets().propose(proposal(single(), pool))
    assert len(candidates) == 6
    assert {len(shown(candidate)) for candidate in candidates} == {6, 9}
    for candidate in candidates:
        counts = Counter(demo.output["answer"] for demo in shown(candidate))
        assert set(counts) == set(LABELS)
        assert max(counts.values()) - min(counts.values()) <= 1


@given(st.lists(st.sampled_from("abc"), max_size=20), st.integers(0, 99))
def test_balancing_takes_every_demo_once_and_labels_in_turn(labels: list[str], seed: int) -> None:
    demos = [Demo({"input": str(n)}, {"answer": label}) for n, label in enumerate(labels)]
    order = balanced(demos, random.Random(seed))
    assert sorted(demo.inputs["input"] for demo in order) == sorted(map(str, range(len(labels))))
    assert balanced(demos, random.Random(seed)) == order
    kinds = len(set(labels))
    for start in range(0, min(Counter(labels).values(), default=0) * kinds, max(kinds, 1)):
        assert len({d.output["answer"] for d in order[start : start + kinds]}) == kinds


@pytest.mark.parametrize("optimizer", [DemoSets(), DemoEdits(), PassedDemos()])
@pytest.mark.parametrize("count", [1, 2, 3, 10, 60])
def test_no_demo_is_made_of_a_row_that_candidates_race_on(optimizer: Optimizer, count: int) -> None:
    agent = chain() if isinstance(optimizer, PassedDemos) else single()
    for step in range(4):
        batch = draw(rows(count), agent, 3, step)
        racing = {example.id for example in batch.race}
        for candidate in optimizer.propose(proposal(agent, batch.pool, seed=3, step=step)):
            sources = candidate.agent.sources()
            assert sources and not sources & racing
            assert sources <= {example.id for example in batch.pool}


@pytest.mark.parametrize("optimizer", [DemoSets(), DemoEdits(drafts=3), PassedDemos()])
def test_a_seed_and_a_step_decide_everything(optimizer: Optimizer) -> None:
    agent = with_demos(single(), rows(3)) if not isinstance(optimizer, PassedDemos) else chain()
    pool = rows(30)[3:]
    first = optimizer.propose(proposal(agent, pool, seed=5, step=2))
    assert optimizer.propose(proposal(agent, pool, seed=5, step=2)) == first
    assert optimizer.propose(proposal(agent, pool, seed=6, step=2)) != first
    assert optimizer.propose(proposal(agent, pool, seed=5, step=3)) != first
    for candidate in first:
        assert apply_all(agent, candidate.edits) == candidate.agent


def test_an_agent_with_demos_gets_more_others_and_new_ones() -> None:
    agent = with_demos(single(), rows(6))
    candidates = DemoSets().propose(proposal(agent, rows(40)[6:]))
    operators = Counter(candidate.operator for candidate in candidates)
    assert set(operators) == {"more demos", "exchange demos", "new demos"}
    old = set(map(str, agent.last.demos))
    for candidate in candidates:
        demos = shown(candidate)
        assert len(set(map(str, demos))) == len(demos)
        kept = len(old & set(map(str, demos)))
        if candidate.operator == "more demos":
            assert demos[:6] == agent.last.demos and 6 < len(demos) <= 12
        elif candidate.operator == "exchange demos":
            assert len(demos) == 6 and 0 < kept < 6
        else:
            assert kept == 0


def test_a_set_stops_growing() -> None:
    agent = with_demos(single(), rows(32))
    candidates = DemoSets().propose(proposal(agent, rows(90)[32:]))
    assert candidates and all(len(shown(candidate)) <= 32 for candidate in candidates)


def test_a_set_of_long_demos_stays_within_its_room_but_never_empty() -> None:
    long = [Example(f"l{n}", {"input": f"{n} " + "word " * 200}, ("billing",)) for n in range(40)]
    for candidate in DemoSets().propose(proposal(single(), long)):
        assert 1 <= len(shown(candidate)) <= 4
    (huge,) = within([Demo({"input": "word " * 5000}, {"answer": "x"})], single().last, len)
    assert huge.output == {"answer": "x"}


def test_what_helps_least_is_exchanged() -> None:
    agent = with_demos(single(), rows(6))
    nats = [0.3, -0.2, 0.1, 0.4, -0.5, 0.2]
    measured = [Attribution("answer", "demo", n, value, 8) for n, value in enumerate(nats)]
    asked = replace(proposal(agent, rows(40)[6:]), attributions=measured)
    gone = {place for n in range(20) for place in least(asked, 2, random.Random(n))}
    assert gone == {1, 4, 2}
    unknown = replace(asked, attributions=measured[:3])
    assert {place for n in range(99) for place in least(unknown, 2, random.Random(n))} == set(
        range(6)
    )


def test_where_nothing_is_left_to_show_demos_are_not_all_dropped() -> None:
    agent = with_demos(single(), rows(3))
    for candidate in DemoSets().propose(proposal(agent, rows(3))):
        assert shown(candidate)


def test_demos_need_targets_and_inputs() -> None:
    node = Node("answer", (), ("question",), CHOICE)
    assert demo_of(Example("1", {"question": "q"}, None), node) is None
    assert demo_of(Example("1", {"question": "q"}, ()), node) is None
    assert demo_of(Example("1", {"other": "q"}, ("billing",)), node) is None
    made = demo_of(Example("1", {"question": "q", "other": "o"}, ("billing", "x")), node)
    assert made == Demo({"question": "q"}, {"answer": "billing"}, "1")
    untold = [Example(str(n), {"input": "x"}) for n in range(4)]
    assert DemoSets().propose(proposal(single(), untold)) == []
    assert DemoEdits().propose(proposal(single(), untold)) == []


def test_of_nodes_with_words_in_between_only_passed_trajectories_are_shown() -> None:
    pool = rows(6)
    scores = [1.0, 0.0, 0.5, RIGHT, 0.0, RIGHT - 0.01]
    inner = chain().node("first")
    for agent, node in ((single(contract=REASONED), None), (chain(), inner)):
        found = demos_for(agent, node or agent.last, proposal(agent, pool, scores=scores))
        assert [demo.source for demo in found] == ["e0", "e3"]
    found = demos_for(
        single(contract=REASONED),
        single(contract=REASONED).last,
        proposal(single(contract=REASONED), pool, scores=scores),
    )
    assert found[0].output == {"reasoning": "reasoning of e0", "answer": "billing"}


def test_the_last_node_of_a_chain_is_shown_what_it_read_and_what_was_right() -> None:
    agent, pool = chain(), rows(6)
    found = demos_for(agent, agent.last, proposal(agent, pool, scores=[0.0] * 6))
    assert [demo.source for demo in found] == [row.id for row in pool]
    assert found[1].inputs == {"first": "answer of e1"}
    assert found[1].output == {"answer": "delivery"}
    assert DemoSets().propose(proposal(agent, pool, scores=[0.0] * 6))


def test_more_rows_are_run_through_a_chain_for_its_last_node_where_that_is_cheap() -> None:
    given = proposal(chain(), rows(60))
    sets = [one.agent.last.demos for one in DemoSets().propose(given)]
    assert max(map(len, sets)) > 12
    sources = {demo.source for demos in sets for demo in demos}
    assert sources <= {row.id for row in given.pool} and len(sources) > 12
    more = gone_through(given)
    assert len(more) == 24 == len({one.id for one in more} - {row.id for row in given.pool[:12]})
    assert all(set(one.inputs) == {"first"} for one in more)
    long = [replace(row, inputs={"input": "word " * 900 + row.id}) for row in rows(60)]
    assert len(gone_through(proposal(chain(), long))) == 3
    told = [replace(row, targets=None) for row in rows(60)]
    assert gone_through(proposal(chain(), told)) == []
    reasons = chain().with_node(replace(chain().last, output=REASONED))
    assert gone_through(proposal(reasons, rows(60))) == []
    assert DemoSets().propose(proposal(reasons, rows(60)))
    assert gone_through(proposal(single(), rows(60))) == []


def test_rows_that_end_at_another_node_are_not_shown_to_the_last() -> None:
    kind = Node("kind", ("Sort.",), output=CHOICE)
    left, right = (Node(name, ("Say.",), output=CHOICE) for name in ("left", "right"))
    flow = Flow(("kind", Branch("kind", (("billing", ("left",)),), ("right",))))
    agent = Agent("b", (kind, left, right), flow)
    odd = ScriptedEngine(
        lambda request: "billing" if request.messages[-1].content[-1] in "13579" else "account"
    )
    given = replace(
        proposal(agent, rows(60)), runner=odd, trajectories=forward(agent, rows(12), odd)
    )
    more = gone_through(given)
    assert 6 <= len(more) < 24 and all(int(row.id[1:]) % 2 == 0 for row in more)


def test_passed_trajectories_teach_every_node_of_a_chain() -> None:
    agent = chain()
    scores = [1.0, 0.0, 1.0, 0.0, 1.0]
    (candidate,) = PassedDemos().propose(proposal(agent, rows(5), scores=scores, engine=ACCOUNT))
    first, last = candidate.agent.node("first").demos, candidate.agent.last.demos
    assert sorted(demo.source for demo in last) == ["e0", "e2", "e4"]
    assert [demo.source for demo in first] == [demo.source for demo in last]
    for upstream, downstream in zip(first, last, strict=True):
        assert downstream.inputs == {"first": upstream.output["answer"]}
    grown = PassedDemos().propose(proposal(candidate.agent, rows(30)[10:]))[0].agent
    again = PassedDemos().propose(proposal(grown, rows(60)[30:]))[0].agent
    assert len(grown.last.demos) == 7 and len(again.last.demos) == 8


def test_without_targets_the_best_graded_of_two_tries_is_shown() -> None:
    agent = replace(single(contract=Contract((Field(),))), metric="judge")
    pool = [replace(row, targets=None) for row in rows(12)]

    def script(request: GenerateRequest) -> str | None:
        return "by luck" if request.sampling.temperature else "likeliest"

    class Grading(ScriptedEngine):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            def good(request: ScoreRequest) -> bool:
                asked = request.messages[-1].content
                return "by luck" in asked and "number 1" not in asked

            best, worst = (-9.0, -9.0, -9.0, -9.0, 0.0), (0.0, -9.0, -9.0, -9.0, -9.0)
            return [Score(best if good(request) else worst, Usage()) for request in requests]

    engine = Grading(script)
    taken = forward(agent, pool, engine)
    given = replace(proposal(agent, pool, engine=engine), trajectories=taken, scores=[0.1] * 12)
    (candidate,) = PassedDemos().propose(given)
    demos = candidate.agent.last.demos
    assert len(demos) == 4 and {demo.output["answer"] for demo in demos} == {"by luck"}
    assert "e1" not in {demo.source for demo in demos}  # graded no better by luck
    pleased = replace(given, scores=[1.0] * 12)
    assert PassedDemos().propose(pleased) == []


def test_what_failed_may_pass_with_some_luck() -> None:
    def script(request: GenerateRequest) -> str:
        row = request.messages[-1].content
        if row.startswith("request"):
            return f"sum of {row}"
        return LABELS[int(row.split()[-1]) % 3] if request.sampling.temperature else "account"

    engine = ScriptedEngine(script)
    given_ = proposal(chain(), rows(5), scores=[0.0] * 5, engine=engine)
    (candidate,) = PassedDemos().propose(given_)
    assert len(candidate.agent.last.demos) == len(candidate.agent.node("first").demos) == 4


def test_nothing_passed_nothing_to_show() -> None:
    others = [row for row in rows(8) if row.targets != ("account",)]
    missed = proposal(chain(), others, scores=[RIGHT - 0.01] * len(others), engine=ACCOUNT)
    assert PassedDemos().propose(missed) == []
    assert PassedDemos().propose(proposal(single(), rows(5))) == []  # DemoSets does that


def test_an_invalid_step_makes_no_demo() -> None:
    walked = passed(chain(), rows(1)[0])
    broken = walked.steps[0].__class__(**{**vars(walked.steps[0]), "valid": False})
    again = walked.__class__(walked.example, (broken, walked.steps[1]), walked.answer)
    assert demo_from(again, chain().node("first")) is None
    assert demo_from(again, chain().last) is not None
    assert demo_from(again, Node("other", ())) is None


def reference(have: list[str], offered: list[str], said: list[dict[str, Any]]) -> list[str]:
    """The demos after the choices; each is known by the number under which it was shown."""
    order: list[tuple[int, str]] = list(enumerate(have, 1))
    used: set[int] = set()
    for entry in said:
        if entry.get("example") in used:
            continue
        at = next((p for p, (n, _) in enumerate(order) if n == entry.get("demo")), None)
        to = next((p for p, (n, _) in enumerate(order) if n == entry.get("to")), None)
        if entry["op"] == "add":
            order.append((-1, offered[entry["example"] - 1]))
        elif entry["op"] == "drop" and at is not None:
            del order[at]
        elif entry["op"] == "replace" and at is not None:
            order[at] = (-1, offered[entry["example"] - 1])
        elif entry["op"] == "move" and at is not None and to is not None:
            order.insert(to, order.pop(at))
        if "example" in entry:
            used.add(entry["example"])
    return [name for _, name in order]


@given(st.data(), st.integers(0, 4), st.integers(1, 4))
def test_choices_name_what_the_model_saw(data: st.DataObject, count: int, more: int) -> None:
    example = st.integers(1, more)
    options = [st.builds(lambda n: {"op": "add", "example": n}, example)]
    if count:
        demo = st.integers(1, count)
        options += [
            st.builds(lambda n: {"op": "drop", "demo": n}, demo),
            st.builds(lambda n, e: {"op": "replace", "demo": n, "example": e}, demo, example),
            st.builds(lambda n, to: {"op": "move", "demo": n, "to": to}, demo, demo),
        ]
    said = data.draw(st.lists(st.one_of(options), max_size=7))
    agent = with_demos(single(), rows(count))
    offered = with_demos(single(), rows(10)[count : count + more]).last.demos
    edits = read_demo_edits(agent.last, list(offered), said)
    after = [demo.source for demo in apply_all(agent, edits).last.demos]
    wanted = reference([f"e{n}" for n in range(count)], [demo.source for demo in offered], said)
    assert after == wanted
    assert len(set(after)) == len(after)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5), st.integers(1, 12), st.integers(0, 10_000))
def test_any_answer_under_the_grammar_can_be_applied(count: int, pool: int, seed: int) -> None:
    agent = with_demos(single(), rows(count))
    given_ = proposal(agent, rows(30)[count : count + pool], seed=seed)
    candidates = DemoEdits(drafts=2).propose(given_)
    assert len(candidates) <= 2
    for candidate in candidates:
        assert candidate.edits and candidate.operator == "edit demos"
        assert apply_all(agent, candidate.edits) == candidate.agent
        sources = [demo.source for demo in shown(candidate)]
        assert len(set(sources)) == len(sources)


def test_what_the_model_is_shown_to_choose_from() -> None:
    asked: list[GenerateRequest] = []

    def script(request: GenerateRequest) -> None:
        asked.append(request)

    agent = with_demos(single(), rows(2))
    DemoEdits().propose(proposal(agent, rows(12)[2:], engine=ScriptedEngine(script)))
    text = asked[0].messages[-1].content
    assert "1. request number 0 => billing\n2. request number 1 => delivery" in text
    assert "8. request number" in text and "9. request number" not in text
    asked.clear()
    DemoEdits().propose(proposal(single(), rows(2), engine=ScriptedEngine(script)))
    assert "(none)" in asked[0].messages[-1].content
    assert '"drop' not in asked[0].grammar.lark.replace("\\", "")


def test_nobody_reasons_about_what_another_node_spoils() -> None:
    plain = proposal(chain(), [], step=0)
    spoiled = replace(plain, attributions=[Attribution("first", "line", 0, -1.4, 8)])
    worded = replace(plain, attributions=[Attribution("first", "node", 0, -0.4, 8)])
    own = replace(plain, attributions=[Attribution("answer", "line", 0, -1.4, 8)])
    assert ReasonFirst().propose(spoiled) == []
    assert all(ReasonFirst().propose(one) for one in (plain, worded, own))


def test_reason_first_goes_there_and_back() -> None:
    agent = with_demos(single(), rows(3))
    (there,) = ReasonFirst().propose(proposal(agent, [], step=0))
    assert there.operator == "reason first"
    assert there.agent.last.output == Contract((REASONING, *CHOICE.fields))
    assert there.agent.last.demos == ()  # demos without reasoning would break the contract
    taught = PassedDemos().propose(proposal(there.agent, rows(3)))[0].agent
    back, other = ReasonFirst().propose(proposal(taught, [], step=8))
    assert back.operator == "answer at once" and other.operator == "reason first"
    assert [field.name for field in other.agent.last.output.fields] == ["calculation", "answer"]
    assert back.agent.last.output == CHOICE
    assert sorted(demo.output["answer"] for demo in back.agent.last.demos) == sorted(LABELS)
    assert all(set(demo.output) == {"answer"} for demo in back.agent.last.demos)
    (edit,) = back.edits
    assert isinstance(edit, SetContract) and edit.node == "answer"


ACCOUNT = ScriptedEngine(lambda _: "account")  # whatever comes in


def asked_way(request: GenerateRequest) -> str:
    return "calculation" if "`calculation: …`" in request.messages[0].content else "reasoning"


def test_what_was_reasoned_right_is_shown() -> None:
    def script(request: GenerateRequest) -> str:
        number = int(request.messages[-1].content.split()[-1])
        way = asked_way(request)
        right = LABELS[number % 3] if number % 2 and way == "reasoning" else "billing"
        return f"{way}: it is number {number}\nanswer: {right}"

    class Reasons(ScriptedEngine):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            ways = ["calculation" in request.messages[0].content for request in requests]
            return [Score((-2.0 if way else -0.5,), Usage(1)) for way in ways]

    given_ = proposal(single(), rows(30), engine=Reasons(script), scores=[0.0] * 12)
    (shows,) = ReasonFirst().propose(given_)
    assert shows.operator == "reason as shown" and shows.agent.last.output.fields[0] == REASONING
    assert [demo.source for demo in shown(shows)] == ["e0", "e1", "e3", "e5"]
    assert shown(shows)[1].output == {"reasoning": "it is number 1", "answer": "delivery"}
    wrong = ScriptedEngine(lambda request: f"{asked_way(request)}: x\nanswer: account")
    nobody = proposal(single(), rows(2), engine=wrong, scores=[0.0, 0.0])
    assert len(ReasonFirst().propose(nobody)) == 1


def test_a_row_is_tried_with_other_luck_each_time() -> None:
    seen: list[tuple[int, float]] = []

    def script(request: GenerateRequest) -> str:
        seen.append((request.seed, request.sampling.temperature))
        return f"{asked_way(request)}: x\nanswer: nothing"

    agent = single(contract=Contract((REASONING, Field())))
    assert reasoned(proposal(agent, [], engine=ScriptedEngine(script)), agent, rows(1), []) == ()
    assert len(set(seen)) == len(seen) == 2


def test_later_tries_are_shown_what_led_to_the_answer() -> None:
    told: list[int] = []

    def script(request: GenerateRequest) -> str:
        number, way = int(request.messages[-1].content.split()[-1]), asked_way(request)
        demos = len(request.messages) // 2 - 1
        told.append(demos)
        right = LABELS[number % 3] if number == 4 or demos else "nothing"
        return f"{way}: it is {right}\nanswer: {right}"

    agent = single(contract=Contract((REASONING, Field())))
    right = [
        one for one in forward(agent, rows(5), ScriptedEngine(script)) if one.answer == "delivery"
    ]
    demos = reasoned(proposal(agent, [], engine=ScriptedEngine(script)), agent, rows(5), right)
    assert told == [0] * 5 + [1] * 4
    assert [demo.source for demo in demos] == ["e4", "e0", "e1", "e2"]


@pytest.mark.parametrize(
    ("reasoning", "answer", "found"),
    [
        ("It costs 3.5 dollars", "3", False),
        ("That makes 3.", "3", True),
        ("1,200 in all", "1200", True),
        ("So it is Billing", "billing", True),
        ("rebilling", "billing", False),
        ("x = -3", "-3", True),
        ("anything ", "", False),
    ],
)
def test_what_counts_as_coming_to_the_answer(reasoning: str, answer: str, found: bool) -> None:
    assert grounded(Demo({}, {"reasoning": reasoning, "answer": answer})) is found


def test_reasoning_that_comes_to_its_answer_is_shown_before_one_that_does_not() -> None:
    def script(request: GenerateRequest) -> str:
        number = int(request.messages[-1].content.split()[-1])
        right = LABELS[number % 3]
        said = f"so it is {right}" if number in (2, 4, 5) else "as it goes"
        return f"{asked_way(request)}: {said}\nanswer: {right}"

    found = ReasonFirst().propose(
        proposal(single(), rows(30), engine=ScriptedEngine(script), scores=[0.0] * 12)
    )
    assert [demo.source for demo in shown(found[0])] == ["e2", "e4", "e5"]


def test_a_way_that_is_right_no_more_often_than_the_agent_now_is_not_gone_on_with() -> None:
    asked: list[str] = []

    def script(request: GenerateRequest) -> str:
        number, way = int(request.messages[-1].content.split()[-1]), asked_way(request)
        asked.append(way)
        right = LABELS[number % 3] if way == "calculation" else "account"
        return f"{way}: it is {right}\nanswer: {right}"

    scores = [float(number % 3 == 2) for number in range(12)]  # as many as are named "account"
    found = ReasonFirst().propose(
        proposal(single(), rows(30), engine=ScriptedEngine(script), scores=scores)
    )
    assert found and asked.count("reasoning") == 10  # the rows that were tried, and no more
    for one in found:
        assert one.agent.last.output.fields[0].name == "calculation"


def test_the_way_of_reasoning_after_which_answers_are_likelier_is_proposed() -> None:
    class Calculates(ScriptedEngine):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            ways = ["calculation" in request.messages[0].content for request in requests]
            return [Score((-0.5 if way else -2.0,), Usage(1)) for way in ways]

    def script(request: GenerateRequest) -> str:
        number = int(request.messages[-1].content.split()[-1])
        return f"{asked_way(request)}: number {number}\nanswer: {LABELS[number % 3]}"

    class Worse(ScriptedEngine):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            ways = ["Write `" in request.messages[0].content for request in requests]
            return [Score((-4.0 if way else -0.5,), Usage(1)) for way in ways]

    worse = proposal(single(), rows(20), engine=Worse(script), scores=[0.0] * 12)
    assert ReasonFirst().propose(worse) == []
    given_ = proposal(single(), rows(20), engine=Calculates(script), scores=[0.0] * 12)
    (shows,) = ReasonFirst().propose(given_)
    assert shows.operator == "reason as shown" and shows.tried
    assert [f.name for f in shows.agent.last.output.fields] == ["calculation", "answer"]
    assert shown(shows)[0].output == {"calculation": "number 0", "answer": "billing"}


@pytest.mark.parametrize(
    "contract",
    [
        Contract((Field("answer", "json", schema='{"type": "integer"}'),)),
        Contract((Field("reasoning"),)),
        Contract((Field("reasoning"), Field("note"), Field("answer"))),
        Contract((Field("answer"), Field("note"))),
    ],
)
def test_reason_first_leaves_other_contracts_alone(contract: Contract) -> None:
    assert ReasonFirst().propose(proposal(single(contract=contract), [], step=0)) == []


def test_only_the_last_node_of_a_chain_reasons() -> None:
    (there,) = ReasonFirst().propose(proposal(chain(), [], step=0))
    assert there.agent.node("first") == chain().node("first")
    assert there.agent.flow == Flow(("first", "answer"))


def test_reasoning_has_a_price_that_grows_with_what_is_read() -> None:
    short, long = proposal(single(), rows(20)), proposal(chain(), rows(20))
    assert 0 < ReasonFirst().price(short) < ReasonFirst().price(long)
    assert ReasonFirst().price(replace(short, trajectories=[], scores=[])) == 0
