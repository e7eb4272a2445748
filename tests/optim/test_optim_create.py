"""Tools that are made: right code becomes a candidate, and wrong code never runs on an agent."""

from __future__ import annotations

import json
import keyword
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import (
    Agent,
    Contract,
    Demo,
    Field,
    Node,
    ToolCall,
    agent_from_text,
    agent_to_text,
    forward,
)
from slearn.engine import Engine, GenerateRequest, ToolRequest, ToolResult
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.optim import Candidate, CreateTool, Proposal, SetTools
from slearn.optim.author import written
from slearn.optim.create import labels
from slearn.optim.helpers import HELPERS, same
from slearn.optim.solve import SOLVE, arguments, commonest, doctests, head_of, names_of
from slearn.tools import Toolbox, ToolEngine, code_grammar, tool_from_code
from slearn.values import Example, Tool, as_text
from tests.optim.proposals import proposal
from tests.optim.writers import (
    BOX,
    DOUBLE,
    WORDS,
    CutOff,
    Writer,
    caller,
    chained,
    fenced,
    function,
    solving,
    spelled,
    word_rows,
)

pytestmark = pytest.mark.usefixtures("shared_box")

RIGHT = "return ' '.join(text)"
WRONG = "return '-'.join(text)"
SHORT = "if len(text) > 4:\n    return text\nreturn ' '.join(text)"
SUMS = [Example(f"s{n}", {"input": f"What is {n} + {2 * n}?"}, (str(3 * n),)) for n in range(1, 17)]


class Keeping(Toolbox):
    """Keeps the calls that it is asked for; the shared toolbox runs them."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[ToolRequest] = []

    @property
    def ready(self) -> bool:
        return BOX.ready

    def run(self, requests: Sequence[ToolRequest]) -> list[ToolResult]:
        self.requests += requests
        return BOX.run(requests)


def propose(
    writer: Writer,
    agent: Agent | None = None,
    rows: Sequence[Example] | None = None,
    *,
    engine: Engine | None = None,
    right: float = 0.0,
    misses: int = 0,
) -> list[Candidate]:
    """What CreateTool proposes for an agent that gets no row right."""
    pool = spelled() if rows is None else list(rows)
    shown: Proposal = proposal(
        agent or caller(), pool, engine=engine or writer.engine, scores=[right] * min(12, len(pool))
    )
    found = CreateTool().propose(replace(shown, misses=misses))
    for candidate in found:
        whole(candidate, pool)
    return found


def whole(candidate: Candidate, rows: Sequence[Example]) -> None:
    """A candidate can be saved, read again and run; its tool is called first and once."""
    agent, node = candidate.agent, candidate.agent.last
    if candidate.operator == "create tool":
        assert agent_from_text(agent_to_text(agent)) == agent
    (edit,) = candidate.edits
    assert isinstance(edit, SetTools) and edit.tools == node.tools
    assert (node.tool_choice, node.max_calls, len(node.tools)) == ("required", 1, 1)
    assert all(len(demo.calls) == 1 and demo.calls[0].ok for demo in node.demos)
    for found in forward(agent, rows[:3], ToolEngine(ScriptedEngine(), BOX)):
        assert [call.name for call in found.steps[-1].calls] == [node.tools[0].name]
        assert found.steps[-1].valid


def test_right_code_becomes_a_tool_with_calls_to_show() -> None:
    writer = Writer({SOLVE: [[RIGHT]]})
    (candidate,) = propose(writer)
    node = candidate.agent.last
    assert candidate.operator == "create tool"
    assert node.tools == (solving(RIGHT, said=""),)
    assert len(node.demos) == 4
    for demo in node.demos:
        word = demo.inputs["input"]
        assert demo.output == {"answer": " ".join(word)}
        given, result = json.dumps({"text": word}), " ".join(word)
        assert demo.calls == (ToolCall("solve", given, result),)
        assert demo.source == word
    assert [len(asked) for asked in writer.rounds.values()] == [1] and len(writer.asked) == 4 + 8


def test_the_trained_agent_calls_what_was_written() -> None:
    writer = Writer({SOLVE: [[RIGHT]]}, {SOLVE: lambda text: {"text": text}})
    (candidate,) = propose(writer)
    found = forward(candidate.agent, spelled(), writer.engine)
    assert [one.answer for one in found] == [" ".join(word) for word in WORDS]


def test_wrong_code_comes_back_with_its_failures_and_is_mended() -> None:
    writer = Writer({SOLVE: [[WRONG], [RIGHT]]})
    (candidate,) = propose(writer)
    assert RIGHT in candidate.agent.last.tools[0].code
    first, second = writer.rounds[SOLVE]
    assert ">>> solve('cat')\n    'c a t'" in first and "This one is wrong" not in first
    assert "This one is wrong" in second and WRONG in second
    assert "solve('river') gives 'r-i-v-e-r', right is 'r i v e r'" in second


def test_where_the_instructions_lead_astray_examples_alone_are_asked() -> None:
    writer = Writer({SOLVE: [[WRONG]]}, untold={SOLVE: [WRONG, "return 0", RIGHT]})
    (candidate,) = propose(writer)
    assert RIGHT in candidate.agent.last.tools[0].code
    told, *untold = dict.fromkeys(one.messages[-1].content for one in writer.asked)
    line = caller().last.instructions[0]
    assert line in told and len(untold) == 1 and line not in untold[0]
    assert untold[0].count(">>> solve(") == 4 < told.count(">>> solve(")
    assert all(one.grammar == code_grammar(SOLVE + "(text: str) -> str:", one_line=True)
               for one in writer.asked if one.messages[-1].content == untold[0])  # fmt: skip


def test_long_answers_are_not_drafted_from_examples_alone() -> None:
    writer = Writer({SOLVE: [[WRONG]]})
    rows = [Example(word, {"input": word}, (f"{word} and so on; " * 9,)) for word in WORDS]
    propose(writer, rows=rows)
    assert all('"""\n    >>>' not in one.messages[-1].content for one in writer.asked)


def test_what_is_right_on_some_rows_is_mended_from_the_others() -> None:
    writer = Writer({SOLVE: [[WRONG, SHORT], [RIGHT]]})
    (candidate,) = propose(writer)
    assert RIGHT in candidate.agent.last.tools[0].code
    second = writer.rounds[SOLVE][1]
    assert "len(text) > 4" in second and WRONG not in second  # the better of both
    assert "solve('river') gives 'river'" in second and "solve('ox')" not in second


def test_a_mend_that_makes_it_worse_is_not_taken() -> None:
    writer = Writer({SOLVE: [[SHORT], [WRONG], ["return text"]]})
    found = propose(writer)
    assert "len(text) > 4" in found[0].agent.last.tools[0].code
    demos = found[0].agent.last.demos
    assert demos and all(len(demo.inputs["input"]) <= 4 for demo in demos)
    assert [prompt.count("len(text) > 4") for prompt in writer.rounds[SOLVE]] == [0, 1]


def test_where_all_code_is_wrong_nothing_is_proposed() -> None:
    writer = Writer({SOLVE: [[WRONG], ["return text"], ["return ''"]]})
    assert propose(writer) == []
    assert set(writer.rounds) == {SOLVE, "total", "evaluate"}
    # Nothing was right at all, so it is mended once and not twice; then two drafts a helper.
    assert len(writer.asked) == 4 + 8 + 40 + 3 + 2 * 2


def test_code_that_repeats_the_examples_it_was_shown_is_not_believed() -> None:
    known = {word: " ".join(word) for word in WORDS[:6]}
    writer = Writer({SOLVE: [[f"known = {known!r}\nreturn known.get(text, '')"]] * 3})
    assert accepts(code_grammar("f(text):"), fenced("f(text):", f"return {known!r}.get(text, '')"))
    assert propose(writer) == []


def test_one_answer_for_all_is_not_believed() -> None:
    rows = [Example(str(n), {"input": f"row {n}"}, ("yes" if n % 4 else "no",)) for n in range(20)]
    assert commonest(rows) == 0.8
    assert propose(Writer({SOLVE: [["return 'yes'"]] * 3}), rows=rows) == []
    real = "return 'no' if int(text[4:]) % 4 == 0 else 'yes'"
    assert len(propose(Writer({SOLVE: [[real]]}), rows=rows)) == 1


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    pass",
        "return 1 / 0",
        "return [text]",
        "return None",
        "return text * 10 ** 9",
        "return solve(text)",
        "return lambda_(text)",
        "print(text)",
    ],
)
def test_code_that_fails_or_gives_no_answer_is_no_candidate(body: str) -> None:
    assert propose(Writer({SOLVE: [[body]]}), rows=spelled(3)) == []


def test_drafts_that_are_the_same_run_once() -> None:
    writer, box = Writer({SOLVE: [[RIGHT]]}), Keeping()
    assert len(propose(writer, engine=ToolEngine(ScriptedEngine(writer), box))) == 1
    assert len(box.requests) == len(WORDS) - 6  # those that it was not shown


def test_a_draft_that_fails_on_the_first_rows_is_not_run_on_the_others() -> None:
    for fails in ("return text.length", "if len(text) < 99:\n    return 1 / 0\nreturn text"):
        writer, box = Writer({SOLVE: [[fails], [fails]]}), Keeping()
        assert propose(writer, engine=ToolEngine(ScriptedEngine(writer), box)) == []
        runs = [one for one in box.requests if "return 0" not in one.tool.code]
        assert 0 < len(runs) <= 6 < len(WORDS) - 6
        assert len(writer.rounds[SOLVE]) == 2  # its failures are shown for mending


def test_some_drafts_are_one_expression() -> None:
    writer = Writer({SOLVE: [[SHORT]]})  # whole functions are wrong

    def script(request: GenerateRequest) -> str | None:
        line = fenced(f"{SOLVE}(text: str) -> str:", RIGHT)
        whole = fenced(f"{SOLVE}(text: str) -> str:", SHORT)
        if "trainer call" in request.where and not accepts(request.grammar, whole):
            return line
        return writer(request)

    (candidate,) = propose(writer, engine=ToolEngine(ScriptedEngine(script), BOX))
    assert candidate.agent.last.tools[0].code == function(f"{SOLVE}(text: str) -> str:", RIGHT)


def test_drafts_that_were_cut_off_are_left_out() -> None:
    writer = Writer({SOLVE: [[RIGHT]]}, untold={SOLVE: [RIGHT]})
    assert propose(writer, engine=ToolEngine(CutOff(writer), BOX)) == []
    assert len(writer.asked) == 12 + 40 + 4  # of the function and of two helpers


def test_one_seed_gives_one_proposal() -> None:
    first, second = (propose(Writer({SOLVE: [[SHORT], [RIGHT]]})) for _ in range(2))
    assert first and first == second


def test_a_demo_is_never_made_of_a_row_that_the_agent_shows() -> None:
    rows = spelled()[6:10]  # those before are told to the model, and shown by no demo anyway
    shown = tuple(Demo(row.inputs, {"answer": "x"}, row.id) for row in rows)
    (candidate,) = propose(Writer({SOLVE: [[RIGHT]]}), caller(demos=shown))
    sources = {demo.source for demo in candidate.agent.last.demos}
    assert sources and not sources & {row.id for row in rows}


@pytest.mark.parametrize(
    "agent",
    [
        caller(DOUBLE),
        chained(),
        replace(caller(), metric="judge"),
        replace(caller(), metric="tests"),
        caller(output=Contract((Field(type="call"),))),
        caller(output=Contract((Field(type="json", schema='{"type": "string"}'),))),
    ],
    ids=["has a tool", "several nodes", "judge", "tests", "calls", "json"],
)
def test_agents_that_no_tool_is_made_for_cost_nothing(agent: Agent) -> None:
    writer = Writer({SOLVE: [[RIGHT]]})
    assert propose(writer, agent) == [] and writer.asked == []


def test_without_targets_rows_or_tools_nothing_is_asked() -> None:
    writer = Writer({SOLVE: [[RIGHT]]})
    untold = [replace(row, targets=None) for row in spelled()]
    assert propose(writer, rows=untold) == []
    assert propose(writer, rows=[*untold[:8], *spelled(1)]) == []
    assert propose(writer, rows=[]) == []
    assert propose(writer, engine=ScriptedEngine(writer)) == []
    assert writer.asked == []


@pytest.mark.parametrize("count", [2, 3, 7, 11, 12])
def test_few_rows_are_enough(count: int) -> None:
    (candidate,) = propose(Writer({SOLVE: [[RIGHT]]}), rows=spelled(count))
    assert len(candidate.agent.last.demos) == min(count, 4)


ODD = ["it's", 'a "quoted" word', "back\\slash", "two\nlines", "größe 日本 😀", "{{ x }} {% y %}",
       "\u2028", "tab\there", "", "`code`", "e\u0301", "nul\x00", "<|im_end|>"]  # fmt: skip


def test_inputs_of_every_sort_get_through() -> None:
    # Twice: the code does not run on the first six, which it is shown.
    rows = [Example(f"o{n}", {"input": text}, (text + "!",)) for n, text in enumerate(2 * ODD)]
    writer, box = Writer({SOLVE: [["return text + '!'"]]}), Keeping()
    engine = ToolEngine(ScriptedEngine(writer), box)
    (candidate,) = propose(writer, rows=rows, engine=engine)
    assert {json.loads(one.arguments)["text"] for one in box.requests} == set(ODD)
    assert list(writer.rounds) == [SOLVE]  # no help is asked for, so it gave all the targets
    assert len(candidate.agent.last.demos) == 4
    for demo in candidate.agent.last.demos:
        assert json.loads(demo.calls[0].arguments) == {"text": demo.inputs["input"]}
        assert demo.calls[0].result == demo.inputs["input"] + "!"
    assert doctests("f", caller().last, rows[:2]) == (
        '>>> f("it\'s")\n"it\'s!"\n>>> f(\'a "quoted" word\')\n\'a "quoted" word!\''
    )


def several(names: Sequence[str], count: int = 12) -> list[Example]:
    return [
        Example(f"r{n}", {name: f"{name} {n}" for name in names}, (f"{names[-1]} {n}!",))
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("inputs", "parameters"),
    [
        (("question",), ("text",)),
        (("question", "context"), ("question", "context")),
        (("the question", "2nd"), ("text1", "text2")),
        (("context", "the question"), ("context", "text2")),
        (("a b", "text1"), ("text1", "text2")),
        (("solve", "len"), ("solve", "len")),
    ],
)
def test_several_inputs_are_several_parameters(
    inputs: tuple[str, ...], parameters: tuple[str, ...]
) -> None:
    agent = caller(inputs=inputs)
    assert names_of(agent.last) == parameters
    writer = Writer({SOLVE: [[f"return {parameters[-1]} + '!'"]]})
    (candidate,) = propose(writer, agent, several(inputs))
    assert list(json.loads(candidate.agent.last.tools[0].parameters)["properties"]) == [*parameters]
    demo = candidate.agent.last.demos[0]
    assert json.loads(demo.calls[0].arguments) == {
        parameter: demo.inputs[name] for parameter, name in zip(parameters, inputs, strict=True)
    }


BAD_NAMES = [
    "class",
    "from",
    "None",
    "größe",
    "ﬁle",
    "_",
    "__name",
    "a_name_of_more_than_25_letters",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_an_input_whose_name_code_cannot_hold_gets_another(name: str) -> None:
    agent = caller(inputs=("question", name))
    writer = Writer({SOLVE: [["return text2 + '!'"]]})
    (candidate,) = propose(writer, agent, several(("question", name)))
    assert names_of(agent.last) == ("question", "text2") and candidate.agent.last.demos


NAMES = st.sampled_from(["a", "b", "text", "text1", "text2", "A", "x_1", "the b", "1", "", "a.b"])


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True))
def test_any_columns_make_a_head_that_code_can_be_written_to(inputs: list[str]) -> None:
    node = replace(caller().last, inputs=tuple(inputs))
    names = names_of(node)
    assert len(set(names)) == len(names) == len(inputs)
    head = f"solve{head_of(node)}"
    text = fenced(head, f"return {' + '.join(names)}")
    assert accepts(code_grammar(head), text)
    row = Example("1", {name: name for name in inputs}, ("x",))
    assert list(json.loads(arguments(node, row)).values()) == inputs
    assert not any(map(keyword.iskeyword, names))


def test_numbers_are_answered_by_numbers() -> None:
    number = Contract((Field(type="number"),))
    agent = replace(caller(output=number), metric="number")
    rows = word_rows(lambda word: str(len(word)))
    assert head_of(agent.last) == "(text: str) -> float:"
    (candidate,) = propose(Writer({SOLVE: [["return len(text) * 1.0"]]}), agent, rows)
    assert candidate.agent.last.demos[0].calls[0].result == "5.0"
    (candidate,) = propose(Writer({SOLVE: [["return len(text)"]]}), caller(output=number), rows)
    assert candidate.agent.last.demos[0].calls[0].result == "5"


def test_a_reasoning_agent_gets_the_tool_without_demos() -> None:
    agent = caller(output=Contract((Field("reasoning"), Field())))
    (candidate,) = propose(Writer({SOLVE: [[RIGHT]]}), agent)
    node = candidate.agent.last
    assert node.demos == () and [one.name for one in node.output.fields] == ["reasoning", "answer"]


def test_an_agent_that_decides_keeps_deciding() -> None:
    label = Field(type="choice", choices=("long", "short"), decide="likelihood")
    rows = word_rows(lambda word: "long" if len(word) > 4 else "short")
    body = "return 'long' if len(text) > 4 else 'short'"
    (candidate,) = propose(Writer({SOLVE: [[body]]}), caller(output=Contract((label,))), rows)
    assert candidate.agent.last.output.decided


def test_demos_bring_the_choices_of_their_rows() -> None:
    rows = [replace(row, choices=(" ".join(row.id), "none")) for row in spelled()]
    agent = caller(output=Contract((Field(type="choice"),)))
    (candidate,) = propose(Writer({SOLVE: [[RIGHT]]}), agent, rows)
    demos = candidate.agent.last.demos
    assert demos and all(demo.choices == (" ".join(demo.inputs["input"]), "none") for demo in demos)


def test_an_agent_with_a_field_named_call_is_left_alone() -> None:
    agent = caller(output=Contract((Field("call"),)))
    assert propose(Writer({SOLVE: [[RIGHT]]}), agent) == []


@pytest.mark.parametrize(("name", "left"), [(SOLVE, ["evaluate"]), ("evaluate", [])])
def test_a_name_that_a_spare_tool_has_is_not_taken(name: str, left: list[str]) -> None:
    agent = replace(caller(), spare=(Tool(name, "The user's own."),))
    bodies = {SOLVE: [["return str(eval(text[8:-1]))"] if name == SOLVE else []]}
    writer = Writer({**bodies, "evaluate": [[BODIES["evaluate"]]]}, {"evaluate": expression})
    found = propose(writer, agent, SUMS)
    assert [tool.name for one in found for tool in one.agent.last.tools] == left
    assert name not in writer.rounds


def test_fences_in_code_are_part_of_it() -> None:
    rows = word_rows(lambda word: f"```{word}```")
    (candidate,) = propose(Writer({SOLVE: [["return '```' + text + '```'"]]}), rows=rows)
    assert candidate.agent.last.tools[0].code.count("```") == 2


BODIES = {
    "total": "return sum(counts)",
    "evaluate": "return eval(expression)",
    "letters": "return list(word)",
    "count": "return len(items)",
    "ordered": "return sorted(words)",
    "add_days": """
        import datetime
        month, day, year = date.split('/')
        found = datetime.date(int(year), int(month), int(day)) + datetime.timedelta(days=days)
        return found.strftime('%m/%d/%Y')
    """,
}
WRONG_BODIES = {
    "total": "return counts[0]",
    "evaluate": "return float(expression[0])",
    "letters": "return word.split()",
    "count": "return len(set(items))",
    "ordered": "return words",
    "add_days": "return date",
}


@pytest.mark.parametrize("job", HELPERS, ids=lambda job: job.name)
def test_right_code_passes_the_checks_of_its_job_and_wrong_code_does_not(job) -> None:  # type: ignore[no-untyped-def]
    for bodies, fine in ((BODIES, True), (WRONG_BODIES, False)):
        head, body = job.name + job.head, bodies[job.name]
        assert accepts(code_grammar(head), fenced(head, body))
        tool = tool_from_code(function(head, body))
        assert tool.name == job.name
        found = BOX.run(job.requests(tool))
        right = [
            got.ok and same(got.text, as_text(value))
            for got, (_, value) in zip(found, job.checks, strict=True)
        ]
        assert all(right) is fine
    assert len(job.examples().splitlines()) == 2 * len(job.checks)


def expression(text: str) -> dict[str, object]:
    return {"expression": text.removeprefix("What is ").removesuffix("?")}


def test_a_helper_that_leads_to_right_answers_is_shown_with_its_calls() -> None:
    writer = Writer({"evaluate": [[BODIES["evaluate"]]]}, {"evaluate": expression})
    (candidate,) = propose(writer, rows=SUMS)
    node = candidate.agent.last
    assert candidate.operator == "create helper" and node.tools[0].name == "evaluate"
    assert node.tools[0].description == HELPERS[1].purpose
    assert len(node.demos) == 4
    for demo in node.demos:
        (made,) = demo.calls
        assert json.loads(made.arguments) == expression(demo.inputs["input"])
        assert made.result == demo.output["answer"]
    prompt = writer.rounds["evaluate"][0]
    assert ">>> evaluate('2 + 3 * 4')\n    14" in prompt and HELPERS[1].purpose in prompt


def test_an_agent_with_a_helper_comes_back_from_its_file() -> None:
    writer = Writer({"evaluate": [[BODIES["evaluate"]]]}, {"evaluate": expression})
    (candidate,) = propose(writer, rows=SUMS)
    assert agent_from_text(agent_to_text(candidate.agent)) == candidate.agent


@pytest.mark.parametrize("misses", range(4))
def test_after_a_try_in_vain_the_next_helpers_have_their_turn(misses: int) -> None:
    writer = Writer({})
    assert propose(writer, misses=misses, rows=spelled(3)) == []
    names = [job.name for job in HELPERS]
    turn = 2 * misses % len(names)
    assert list(writer.rounds) == [SOLVE, *names[turn : turn + 2]]


def test_wrong_code_for_a_job_never_runs_on_a_row() -> None:
    writer = Writer({name: [[body]] for name, body in WRONG_BODIES.items()}, {
        "evaluate": expression, "total": lambda text: {"counts": [1]},
    })  # fmt: skip
    box = Keeping()
    assert propose(writer, rows=SUMS, engine=ToolEngine(ScriptedEngine(writer), box)) == []
    assert {one.tool.name for one in box.requests} == {SOLVE, "total", "evaluate"}
    checks = {json.dumps(given) for job in HELPERS for given, _ in job.checks}
    assert {one.arguments for one in box.requests if one.tool.name != SOLVE} <= checks
    assert all("trainer call" in one.where for one in writer.asked)


def test_of_two_drafts_for_a_job_the_one_that_passes_is_taken() -> None:
    bodies = [[WRONG_BODIES["evaluate"], BODIES["evaluate"]]]
    (candidate,) = propose(Writer({"evaluate": bodies}, {"evaluate": expression}), rows=SUMS)
    assert "eval(" in candidate.agent.last.tools[0].code


def test_a_helper_must_do_better_than_the_agent_does_without_it() -> None:
    writer = Writer({"evaluate": [[BODIES["evaluate"]]]}, {"evaluate": expression})
    assert propose(writer, rows=SUMS, right=1.0) == []
    looked = [one for one in writer.asked if one.where.startswith("node")]
    assert len({one.where for one in looked}) == 4  # a few rows, and no more


def test_a_helper_that_is_called_wrong_is_dropped_after_a_few_rows() -> None:
    writer = Writer(
        {"evaluate": [[BODIES["evaluate"]]]}, {"evaluate": lambda text: {"expression": "1"}}
    )
    assert propose(writer, rows=SUMS) == []
    looked = [one for one in writer.asked if one.where.startswith("node")]
    assert len({one.where for one in looked}) == 4


def test_a_whole_function_and_a_helper_race_side_by_side() -> None:
    half = "return str(3 * int(text[8])) if len(text) < 16 else ''"
    writer = Writer({SOLVE: [[half]], "evaluate": [[BODIES["evaluate"]]]}, {"evaluate": expression})
    found = propose(writer, rows=SUMS)
    assert [one.operator for one in found] == ["create tool", "create helper"]


def test_a_helper_is_not_asked_for_where_a_function_gets_all_right() -> None:
    writer = Writer({SOLVE: [[RIGHT]], "total": [[BODIES["total"]]]})
    propose(writer)
    assert list(writer.rounds) == [SOLVE]


def test_code_stands_in_the_grammar_of_its_own_head() -> None:
    writer = Writer({SOLVE: [[RIGHT]]})
    values = dict.fromkeys(("task", "examples", "code", "failures"), "")
    shown = proposal(caller(), spelled(3), engine=writer.engine)
    head = "(text: str, sep: str = '\"') -> str:"
    (tool,) = written(shown, {**values, "name": SOLVE, "head": head}, 2)
    assert tool.name == SOLVE and json.loads(tool.parameters)["required"] == ["text"]
    assert all(one.grammar == code_grammar(SOLVE + head) for one in writer.asked)
    assert len({one.seed for one in writer.asked}) == 2


@pytest.mark.parametrize(
    ("choices", "many"),
    [
        (("yes", "no"), False),
        (("(A)", "(B)", "(C)", "(D)", "(E)", "(F)"), False),
        (("PlayMusic", "GetWeather", "BookRestaurant", "RateBook", "AddToPlaylist"), True),
        (None, False),
    ],
)
def test_no_code_is_written_that_names_one_of_many_labels(
    choices: tuple[str, ...] | None, many: bool
) -> None:
    node = Node("n", (), output=Contract((Field(type="choice", choices=choices),)))
    assert labels(node) is many
