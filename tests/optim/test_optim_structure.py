"""Edits of the structure: what each makes of an agent, and that none makes one that cannot run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slearn.agent import Agent, Best, Branch, Demo, Flow, Loop, Node, Vote, agent_to_text, forward
from slearn.engine import open_engine
from slearn.errors import InputError
from slearn.optim import (
    AddCase,
    AddNode,
    ChangeCase,
    DropLine,
    Edit,
    MergeNodes,
    MoveNode,
    RemoveNode,
    Rewire,
    SetTimes,
    SplitNode,
    Unwrap,
    WrapBest,
    WrapRetry,
    WrapVote,
    apply,
    apply_all,
    edit_as_json,
)
from slearn.optim.edits import apart
from tests.optim.structures import NUMBER, ROWS, TEXT, YES_NO, many

SHOWN = Demo({"draft": "x"}, {"answer": "y"})


def chain() -> Agent:
    draft = Node("draft", ("Draft.",), output=TEXT)
    answer = Node("answer", ("Answer.",), ("draft",), TEXT, (SHOWN,))
    return Agent("two", (draft, answer), Flow(("draft", "answer")))


def test_every_edit_of_many_is_refused_or_makes_an_agent_that_runs() -> None:
    found = many(600, open_engine(None))  # bench/flows.py makes 10,000
    made, refused = (
        {name.split()[0] for name in found if name.endswith(end)} for end in (" made", " refused")
    )
    assert len(made) >= 12 and {"Narrow", "WrapAmong"} <= made and len(refused) == 15


def test_a_node_in_front_is_read_beside_what_was_read() -> None:
    agent = apply(chain(), AddNode("answer", Node("notes", ("Note.",))))
    assert agent.flow.steps == ("draft", "notes", "answer")
    assert agent.last.inputs == ("draft", "notes") and agent.last.demos == ()


def test_a_node_behind_is_read_in_its_place() -> None:
    check = Node("check", ("Check.",), ("input", "draft"), TEXT)
    agent = apply(chain(), AddNode("draft", check, behind=True))
    assert agent.flow.steps == ("draft", "check", "answer")
    assert agent.last.inputs == ("check",)
    assert agent.last.demos[0].inputs == {"check": "x"}  # what it was shown stays
    last = apply(chain(), AddNode("answer", replace(check, inputs=("answer",)), behind=True))
    assert last.last.name == "check"


def test_who_read_a_node_that_is_removed_reads_what_it_read() -> None:
    agent = apply(chain(), RemoveNode("draft"))
    assert agent.flow.steps == ("answer",) and agent.last.inputs == ("input",)
    assert agent.last.demos == ()  # they show what the other made, which is no input
    with pytest.raises(InputError, match="is the only one"):
        apply(agent, RemoveNode("answer"))


def test_what_was_added_can_be_removed_again() -> None:
    agent = apply_all(chain(), [AddNode("answer", Node("notes", ("Note.",))), RemoveNode("notes")])
    assert agent.flow == chain().flow and agent.last.inputs == ("draft",)


def test_two_nodes_of_one_and_one_of_two() -> None:
    single = apply(chain(), MergeNodes("draft", "answer"))
    assert single.last.instructions == ("Draft.", "Answer.") and single.last.inputs == ("input",)
    second = replace(single.last, inputs=("draft",))
    again = apply(single, SplitNode("answer", Node("draft", ("Draft.",)), second))
    assert again.flow.steps == ("draft", "answer")
    with pytest.raises(InputError, match="cannot be one"):
        apply(chain(), MergeNodes("answer", "draft"))


def test_a_node_that_reads_another_cannot_run_before_it() -> None:
    with pytest.raises(InputError, match="before it is written"):
        apply(chain(), MoveNode("draft", "answer"))
    free = apply(chain(), Rewire("answer", "draft", "input"))
    assert apply(free, MoveNode("draft", "answer")).last.name == "draft"


def test_a_vote_and_its_end() -> None:
    agent = apply(chain(), WrapVote("answer", 3))
    assert agent.flow.steps == ("draft", Vote(("answer",), 3)) and agent.runs["answer"] == 3
    assert len(forward(agent, ROWS[:1], open_engine(None))[0].steps) == 4
    assert apply(agent, Unwrap("answer")) == chain()
    with pytest.raises(InputError, match="nothing holds"):
        apply(chain(), Unwrap("answer"))


def test_the_best_by_a_grader() -> None:
    grader = Node("grade", ("Grade it.",), ("answer",), NUMBER)
    agent = apply(chain(), WrapBest("answer", grader, 2))
    assert agent.flow.steps[1] == Best(("answer",), "grade", 2)
    assert agent.last.name == "answer"  # and not the grader


def test_a_check_is_heard_in_the_next_turn() -> None:
    check = Node("check", ("Is it fine?",), ("answer",), YES_NO)
    agent = apply(chain(), WrapRetry("answer", check, "yes", 2))
    assert agent.flow.steps[1] == Loop(("answer", "check"), "check", "yes", 2)
    assert agent.flow.answer == "answer" and agent.last.inputs == ("draft", "check.why")
    assert agent.flow.start == (("check.why", ""),)


def test_cases_of_one_name_stand_in_one_branch() -> None:
    one = AddCase("answer", "draft", "hot", Node("burn", ("Burn.",)))
    two = AddCase("answer", "draft", "cold", Node("freeze", ("Freeze.",)))
    agent = apply_all(chain(), [one, two])
    cases = (("hot", ("burn",)), ("cold", ("freeze",)))
    assert agent.flow.steps == ("draft", Branch("draft", cases, ("answer",)))
    assert set(agent.ends) == {"burn", "freeze", "answer"}


def test_a_condition_goes_by_another_value() -> None:
    said = Node("kind", ("Say yes or no.",), ("input",), YES_NO)
    agent = apply(chain(), AddNode("draft", said, read=False))
    agent = apply(agent, AddCase("draft", "kind", "yes", Node("burn", ("Burn.",))))
    made = apply(agent, ChangeCase("kind", "yes", "no"))
    assert made.flow.steps == ("kind", Branch("kind", (("no", ("burn",)),), ("draft",)), "answer")
    both = apply(agent, AddCase("draft", "kind", "no", Node("cool", ("Cool.",))))
    (_, part, _) = apply(both, ChangeCase("kind", "yes", "no")).flow.steps
    assert isinstance(part, Branch) and part.cases == (("no", ("burn",)), ("yes", ("cool",)))
    with pytest.raises(InputError, match="nothing goes by"):
        apply(agent, ChangeCase("kind", "no", "yes"))
    check = Node("check", ("Is it fine?",), ("answer",), YES_NO)
    loop = apply(chain(), WrapRetry("answer", check, "yes", 2))
    assert apply(loop, ChangeCase("check", "yes", "no")).flow.steps[1].value == "no"


def test_parts_that_repeat_do_so_another_number_of_times() -> None:
    agent = apply(chain(), WrapVote("answer", 3))
    assert apply(agent, SetTimes("answer", 5)).flow.steps[1] == Vote(("answer",), 5)
    check = Node("check", ("Is it fine?",), ("answer",), YES_NO)
    loop = apply(chain(), WrapRetry("answer", check, "yes", 2))
    assert apply(loop, SetTimes("check", 3)).flow.steps[1].most == 3
    for node, times in (("draft", 3), ("answer", 2), ("answer", 0)):
        with pytest.raises(InputError):
            apply(loop, SetTimes(node, times))


def test_those_behind_a_branch_read_one_name() -> None:
    agent = apply(chain(), AddCase("draft", "input", "hot", Node("burn", ("Burn.",))))
    assert agent.last.inputs == ("draft_or_burn",)
    assert agent.node("burn").writes == agent.node("draft").writes == "draft_or_burn"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (RemoveNode("nobody"), "no node is named 'nobody'"),
        (AddNode("answer", Node("draft", ())), "a name that is taken"),
        (WrapVote("answer", 20), "its limit is 16"),
        (Rewire("answer", "input", "draft"), "cannot read"),
        (AddCase("answer", "later", "x", Node("later", (), ("answer",))), "before it is written"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(edit: Edit, said: str) -> None:
    before = agent_to_text(chain())
    with pytest.raises(InputError, match=said):
        apply(chain(), edit)
    assert agent_to_text(chain()) == before


def test_structure_is_never_apart_from_other_edits() -> None:
    assert not apart([WrapVote("answer")], [DropLine("draft", 0)])


def test_an_edit_is_kept_with_what_it_brings() -> None:
    kept = edit_as_json(AddNode("answer", Node("notes", ("Note.",))))
    assert kept["op"] == "AddNode" and kept["new"]["name"] == "notes"
