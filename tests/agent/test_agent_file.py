"""Agent files: any agent comes back from its text, and a bad file is told with its line."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from slearn.agent import (
    DECIDE,
    LAYOUTS,
    TOOL_CHOICES,
    TYPES,
    Agent,
    Contract,
    Demo,
    Field,
    Flow,
    Node,
    ToolCall,
    agent_digest,
    agent_from_text,
    agent_to_text,
    load_agent,
    save_agent,
)
from slearn.errors import AgentFileError, InputError
from slearn.tools import tool_from_code
from slearn.values import Tool

NASTY = [
    "", " ", "no", "yes", "null", "~", "Null", "1.50", "1_000", "0x1F", "1e3", "true", ".inf", "=",
    "<<",
    "- a", "? a", "a: b", "a #b", "# c", "'", '"', "`", "@x", "%x", "!x", "&x", "*x", "|", ">",
    "{a", "[a", "}", "]", ",", "---", "...", "\\", "\\n", "a\nb", "a\n\nb", "a\n", "\na", "a\n\n\n",
    " a\nb", "a \nb", "a\n b", "a\n# b", "\n", "\t", "a\tb", "\r", "a\r\nb", "\x00", "\x1b", "\x7f",
    "\x85", "a\x85b", "\u2028", "a\u2029b", "\ufeff", "\ufeffa", "\ufffe", "\U0010ffff", "😀",
    "עברית",
    "2024-01-01", "a\u00a0b", "\u200b", "x" * 300, "word " * 60, "e\u0301", "12:30:45",
    "0o7", "a: |",
]  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=30),
    st.text(" \n\t#:-'\"a\x85\u2028", max_size=12),
)
SCHEMA = json.dumps(
    {"type": "object", "properties": {"z": {"enum": ["é", None]}, "a": {}}}, ensure_ascii=False
)

TOOLS = (
    Tool("double", "Doubles a number.", '{"type": "object"}', "def double(n): return 2 * n\n"),
    Tool("own", 'It says "é".', '{"properties": {"n": {"type": "integer"}}}', function="math:gcd"),
    Tool("far", parameters="{}", server="python -m server"),
)
SPARE = (TOOLS[0], Tool("idle", "Nobody has it.", server="python -m idle"))
CALLED = Tool("called", "Only called.", '{"properties": {"n": {"type": "any"}}}')


@st.composite
def fields(draw: st.DrawFn, last: bool, name: str, *, answer: bool, alone: bool) -> Field:
    kind = draw(st.sampled_from(TYPES if last else TYPES[:-1]))
    texts = TEXTS if last else TEXTS.filter(lambda text: "\n" not in text)
    options = st.lists(texts, min_size=1, max_size=3)
    choices = draw(st.none() | options.map(tuple)) if kind == "choice" else None
    decide = draw(st.sampled_from(DECIDE)) if last and answer and kind == "choice" else DECIDE[0]
    bias: tuple[float, ...] = ()
    if choices and decide != DECIDE[0] and draw(st.booleans()):
        numbers = st.floats(-50, 50, allow_nan=False)
        bias = tuple(draw(st.lists(numbers, min_size=len(choices), max_size=len(choices))))
    return Field(
        name,
        kind,
        choices=choices,
        pattern=draw(TEXTS),
        schema=SCHEMA if kind == "json" else "",
        max_chars=draw(st.integers(1, 100_000)),
        max_tokens=draw(st.integers(1, 100_000)),
        multiline=last and draw(st.booleans()),
        decide=decide,
        bias=bias,
        abstain=draw(st.sampled_from((0.0, 0.04, 1.5))) if kind == "call" and alone else 0.0,
    )


@st.composite
def nodes(draw: st.DrawFn, name: str, before: list[str]) -> Node:
    names = draw(st.lists(TEXTS.filter("call".__ne__), min_size=1, max_size=2, unique=True))
    tools = draw(st.lists(st.sampled_from(TOOLS), max_size=2, unique=True))
    contract = Contract(
        tuple(
            draw(
                fields(
                    place == len(names) - 1,
                    field,
                    answer=field == "answer" or "answer" not in names,
                    alone=len(names) == 1,
                )
            )
            for place, field in enumerate(names)
        )
    )
    known = TEXTS | st.sampled_from(["input", *before])
    inputs = draw(st.lists(known, min_size=1, max_size=2, unique=True))
    demos = [
        Demo(
            {key: draw(TEXTS) for key in inputs},
            {key: draw(TEXTS) for key in names},
            draw(TEXTS),
            draw(st.none() | st.lists(TEXTS, max_size=2).map(tuple)),
            draw(st.none() | st.just((*tools, CALLED))),
            tuple(
                ToolCall(tool.name, '{"n": 1}', draw(TEXTS), draw(st.booleans())) for tool in tools
            ),
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    return Node(
        name,
        tuple(draw(st.lists(TEXTS, max_size=3))),
        tuple(inputs),
        contract,
        tuple(demos),
        draw(st.sampled_from(LAYOUTS)),
        tuple(tools),
        draw(st.sampled_from(TOOL_CHOICES)) if tools else TOOL_CHOICES[0],
        draw(st.integers(1, 100)) if tools else Node("", ()).max_calls,
    )


@st.composite
def agents(draw: st.DrawFn) -> Agent:
    names = draw(st.lists(TEXTS.filter(bool), min_size=1, max_size=3, unique=True))
    made = [draw(nodes(name, names[:place])) for place, name in enumerate(names)]
    shuffled = draw(st.permutations(made))
    limit = draw(st.integers(len(names), 1000))
    try:
        agent = Agent(draw(TEXTS), tuple(shuffled), Flow(tuple(names), limit), draw(TEXTS))
        used = {tool for node in agent.nodes for tool in node.tools}
        return replace(agent, spare=tuple(tool for tool in SPARE if tool not in used))
    except InputError:  # an input happens to be called like a later node
        assume(False)
        raise


@given(agents())
def test_any_agent_comes_back_from_its_text(agent: Agent) -> None:
    text = agent_to_text(agent)
    back = agent_from_text(text)
    assert back == agent
    assert agent_to_text(back) == text
    assert agent_digest(back) == agent_digest(agent)
    assert not {c for c in text if unicodedata.category(c) == "Cc"} - {"\n"}


@pytest.mark.parametrize("text", NASTY)
def test_a_text_survives_the_disk_wherever_it_stands(text: str, tmp_path: Path) -> None:
    contract = Contract((Field("answer", "choice", choices=(text, "other")),))
    demo = Demo({"input": text}, {"answer": text}, text)
    agent = Agent(text, (Node("n", (text, text), output=contract, demos=(demo,)),), Flow(("n",)))
    save_agent(agent, tmp_path / "agent.yaml")
    assert load_agent(tmp_path / "agent.yaml") == agent


def test_what_a_person_writes_by_hand() -> None:
    agent = agent_from_text(
        """\
# a comment
slearn: 1
nodes:
  - name: classify     # one field, written as a mapping
    instructions:
      - Say whether it is spam.
      - "Do not explain: just answer."
      - |
        First line
        second line
    inputs: [subject, body]
    layout: inputs-first
    output: {type: choice, choices: [yes, no, 1.50, 007, on, 2024-01-01]}
    demos:
      - inputs: {subject: 1.0, body: no}
        output: {answer: yes}
"""
    )
    node = agent.node("classify")
    assert node.output == Contract(
        (Field("answer", "choice", choices=("yes", "no", "1.50", "007", "on", "2024-01-01")),)
    )
    assert node.instructions[1:] == ("Do not explain: just answer.", "First line\nsecond line\n")
    assert node.demos == (Demo({"subject": "1.0", "body": "no"}, {"answer": "yes"}),)
    assert (agent.name, agent.metric, agent.flow) == ("agent", "exact", Flow(("classify",)))
    assert agent_from_text(agent_to_text(agent)) == agent


def test_a_schema_is_read_as_yaml_or_as_json_text_in_its_own_order() -> None:
    schema = (
        '{type: object, properties: {z: {enum: [no, 1, 2.5, "3", true, null, nan, 1_0]}, a: {}}}'
    )
    wanted = '{"type": "object", "properties": {"z": {"enum": ["no", 1, 2.5, "3", true, null, "nan", "1_0"]}, "a": {}}}'  # noqa: E501
    for written in (schema, f"'{wanted}'"):
        text = HEAD + f"  output: {{type: json, schema: {written}}}\n"
        agent = agent_from_text(text)
        assert agent.last.output.answer.schema == wanted
        assert agent_from_text(agent_to_text(agent)) == agent


def test_how_a_choice_is_decided_is_written_only_where_it_is_not_the_usual_way() -> None:
    choice = HEAD + "  output: {type: choice, choices: [a, b]"
    usual = agent_from_text(choice + "}\n")
    assert usual.last.output.answer.decide == "writing"
    assert agent_from_text(choice + ", decide: writing}\n") == usual
    assert "decide" not in agent_to_text(usual)
    other = agent_from_text(
        HEAD
        + "  output:\n  - {name: reasoning}\n"
        + "  - {name: label, type: choice, choices: [a, b], decide: likelihood}\n"
    )
    assert other.last.output.decided and not usual.last.output.decided
    assert "decide: likelihood" in agent_to_text(other)
    assert agent_from_text(agent_to_text(other)) == other


HEAD = "slearn: 1\nnodes:\n- name: a\n  instructions: [x]\n"
SERVED = "tools: [{name: t, server: x}]\n"
TWO = HEAD + "- name: b\n  instructions: [y]\n  inputs: [a]\n"

# text, line, what the message says
BAD: list[tuple[str, int, str]] = [
    ("", 1, "the file is empty"),
    ("# nothing\n", 1, "the file is empty"),
    ("[]", 1, "`name: value` entries"),
    ("nodes: []", 1, "`slearn: 1`"),
    ("\nslearn: 2\nnodes: []", 2, "1, the only version this program knows"),
    ("slearn: [1]\nnodes: []", 1, "a text"),
    ("slearn: 1", 1, "`nodes`"),
    ("slearn: 1\nnodes: []", 2, "at least one node"),
    ("slearn: 1\nnodes: {a: 1}", 2, "a list of nodes"),
    ("slearn: 1\nnodes:\n- a\n", 3, "nodes[1]: expected `name: value` entries"),
    ("slearn: 1\nnodes:\n- {}\n", 3, "`name`"),
    ("slearn: 1\nnodes:\n- name: ''\n", 3, "a name that is not empty"),
    ("slearn: 1\nnodes:\n- name: a\n", 3, "`instructions` of node 'a'"),
    ("slearn: 1\nnodes:\n- name: a\n  instructions: hello\n", 4, "a list of lines"),
    ("slearn: 1\nnodes:\n- name: a\n  instructions: [~]\n", 4, "instructions[1]: expected a text"),
    ("slearn: 1\nnodes:\n- name: a\n  instructions:\n  - x\n  - [y]\n", 6, "instructions[2]"),
    (HEAD + "colour: red\n", 5, "not 'colour'"),
    (HEAD + "  colour: red\n", 5, "nodes[1]: expected one of name, instructions"),
    (HEAD + "  instructions: [y]\n", 5, "'instructions' once, not twice"),
    (HEAD + "slearn: 1\n", 5, "'slearn' once, not twice"),
    ("slearn: 1\nnodes:\n- name: a\n  instructions:\n  - Name: x\n", 5, "in quotes where it holds"),
    (HEAD + "  inputs: []\n", 5, "at least one input"),
    (HEAD + "  inputs: [a, b, a]\n", 5, "different inputs"),
    (HEAD + "  layout: sideways\n", 5, "one of inputs-last, inputs-first, not 'sideways'"),
    (HEAD + "  output: []\n", 5, "at least one field"),
    (HEAD + "  output: 3\n", 5, "`name: value` entries"),
    (HEAD + "  output: {type: word}\n", 5, "one of text, number, choice, regex, call, json"),
    (HEAD + "  output: {type: regex}\n", 5, "`pattern` for a field of type regex"),
    (HEAD + "  output: {type: json}\n", 5, "`schema` for a field of type json"),
    (HEAD + "  output: {type: json, schema: 3}\n", 5, "a JSON schema"),
    (HEAD + "  output: {type: json, schema: '{'}\n", 5, "a JSON schema"),
    (HEAD + "  output: {type: json, schema: &s {a: *s}}\n", 5, "a value that contains itself"),
    (HEAD + "flow: {steps: &x [{vote: *x}]}\n", 5, "a value that contains itself"),
    (HEAD + "tools: [{name: t, parameters: &p {properties: *p}}]\n", 5, "contains itself"),
    (HEAD + "tools: [{name: t, parameters: '" + '{"a":' * 3000 + "'}]\n", 5, "a JSON Schema"),
    (
        HEAD
        + "flow:\n  steps:\n  - &a {vote: [a]}\n"
        + "".join(
            f"  - &{b} {{vote: [{', '.join(['*' + a] * 10)}]}}\n" for a, b in pairwise("abcdefg")
        ),
        1,
        "aliases that stand for more than 10,000 values",
    ),
    (
        HEAD + "flow: {steps: [" + "{times: 1, vote: [" * 60 + "a" + "]}" * 60 + "]}\n",
        5,
        "too deeply",
    ),
    (
        HEAD
        + "tools: [{name: t, server: x, parameters: '"
        + '{"a":' * 200
        + "1"
        + "}" * 200
        + "'}]\n",
        5,
        "nested 100 levels at most",
    ),
    (HEAD + "  output: {type: choice, choices: []}\n", 5, "a list of choices"),
    (HEAD + "  output: {type: choice, choices: yes}\n", 5, "a list of choices"),
    (HEAD + "  output: {choices: [a]}\n", 5, "for a field of type choice"),
    (HEAD + "  output: {type: choice, decide: likelihood, bias: [1]}\n", 5, "a number for every"),
    (HEAD + "  output: {type: choice, choices: [a], bias: [1]}\n", 5, "a number for every choice"),
    (
        HEAD + "  output: {type: choice, choices: [a, b], decide: likelihood, bias: [1, x]}\n",
        5,
        "a number",
    ),
    (HEAD + "  output: {type: text, abstain: 0.1}\n", 5, "for a field of type call"),
    (HEAD + "  output: {type: call, abstain: 0}\n", 5, "a number above 0"),
    (
        HEAD + "  output:\n  - {name: why}\n  - {name: answer, type: call, abstain: 1}\n",
        6,
        "for the only field",
    ),
    (HEAD + "  output: {type: choice, decide: dice}\n", 5, "writing, likelihood, not 'dice'"),
    (HEAD + "  output: {type: choice, decide: [likelihood]}\n", 5, "one of writing, likelihood"),
    (HEAD + "  output: {type: number, decide: likelihood}\n", 5, "a field of type choice"),
    (HEAD + "  output: {decide: writing}\n", 5, "decide: expected a field of type choice"),
    (
        HEAD + "  output:\n  - {name: p, type: choice, decide: likelihood}\n  - {name: q}\n",
        6,
        "only as the last field",
    ),
    (
        HEAD
        + "  output: [{name: p, type: choice, decide: likelihood}, "
        + "{name: answer, type: choice, decide: likelihood}]\n",
        5,
        "for the answer only",
    ),
    (
        HEAD + "  output: [{name: answer}, {name: q, type: choice, decide: likelihood}]\n",
        5,
        "for the answer only",
    ),
    (HEAD + "  output: {max_chars: 1.5}\n", 5, "a whole number from 1 to 100000"),
    (HEAD + "  output: {max_tokens: 0}\n", 5, "a whole number from 1 to 100000"),
    (HEAD + "  output: {multiline: yes}\n", 5, "true or false"),
    (HEAD + "  output: [{name: p}, {name: p}]\n", 5, "different names"),
    (
        HEAD + "  output:\n  - {name: p, type: json, schema: {}}\n  - {name: q}\n",
        6,
        "only the last field",
    ),
    (
        HEAD + "  output:\n  - {name: answer, multiline: true}\n  - {name: q}\n",
        6,
        "an answer of several lines to be the last field",
    ),
    (
        HEAD + "  output:\n  - {name: p, multiline: true}\n  - {name: ' q'}\n",
        6,
        "a name on one line",
    ),
    (
        HEAD + "  output:\n  - {name: p, multiline: true}\n  - {name: q}\n"
        '  demos:\n  - {inputs: {input: x}, output: {p: "a\\nq: 1", q: b}}\n',
        9,
        "no line in 'p' that begins with 'q:'",
    ),
    (
        HEAD + "  output:\n  - {name: p, type: json, schema: {}}\n  - {name: q}\n",
        6,
        "only the last",
    ),
    (
        HEAD + '  output: [{name: p, type: choice, choices: ["a\\nb"]}, {name: q}]\n',
        5,
        "line breaks",
    ),
    (HEAD + "  demos: 3\n", 5, "a list of demos"),
    (HEAD + "  demos:\n  - {inputs: {input: x}}\n", 6, "`output` with answer"),
    (HEAD + "  demos:\n  - {output: {answer: x}}\n", 6, "`inputs` with input"),
    (HEAD + "  demos:\n  - inputs: {}\n    output: {answer: x}\n", 6, "a value for 'input'"),
    (HEAD + "  demos:\n  - inputs: {input: x}\n    output: {}\n", 7, "a value for 'answer'"),
    (HEAD + "  demos:\n  - inputs: {input: x, y: z}\n    output: {answer: x}\n", 6, "not 'y'"),
    (HEAD + "  demos:\n  - inputs: {input: ~}\n    output: {answer: x}\n", 6, "a text"),
    (HEAD + "  demos:\n  - {inputs: {input: x}, output: {answer: x}, why: y}\n", 6, "not 'why'"),
    (HEAD + "  demos:\n  - {inputs: {input: x}, output: {answer: x}, choices: y}\n", 6, "a list"),
    (HEAD + "  tools: [calculator]\n", 5, "a tool that stands under `tools`, not 'calculator'"),
    (HEAD + "  tools: calculator\n", 5, "a list of names of tools"),
    (HEAD + "tools: [calculator]\n", 5, "`name: value` entries"),
    (
        HEAD + "tools: [{name: t, server: x}, {name: t, server: x}]\n",
        5,
        "different names, not 't' twice",
    ),
    (HEAD + "tools: [{name: t, code: 'def f(): 1'}]\n", 5, "the functions are: f"),
    (HEAD + "tools: [{name: t, code: 'def f('}]\n", 5, "its code is no Python"),
    (HEAD + "tools: [{name: t, code: x, server: y}]\n", 5, "not code too"),
    (HEAD + "tools: [{name: t, parameters: 'x'}]\n", 5, "a JSON Schema of an object"),
    (
        HEAD + "tools: [{name: t, server: x, parameters: {type: string}}]\n",
        5,
        "no schema of an object",
    ),
    (HEAD + "tools: [{description: t}]\n", 5, "`name`"),
    (HEAD + "  tools: [t]\n  max_calls: 0\n" + SERVED, 6, "a whole number from 1"),
    (HEAD + "  tools: [t, t]\n" + SERVED, 5, "tools[2]: expected tools with different names"),
    (HEAD + "tools: [{name: t}]\n", 5, "one of code, function, server is missing: nothing runs"),
    (HEAD + "tools: [{name: t, server: ' '}]\n", 5, "nothing runs 't'"),
    (HEAD + "tools: [{name: t, server: x, parameters: '[]'}]\n", 5, "a JSON Schema of an object"),
    (
        HEAD + 'tools: [{name: t, server: x, parameters: \'{"a": "\\ud800"}\'}]\n',
        5,
        "an object that is valid UTF-8",
    ),
    (
        HEAD + "tools: [{name: t, code: 'def t(): 1', parameters: {properties: [{}]}}]\n",
        5,
        "no JSON object",
    ),
    (HEAD + "tools: [{name: t, code: 'async def t(): 1'}]\n", 5, "its function is async"),
    (HEAD + "  tool_choice: any\n", 5, "one of auto, required, not 'any'"),
    (HEAD + "flow: {}\n", 5, "`steps`"),
    (HEAD + "flow: {steps: [b]}\n", 5, "the flow names 'b', which is no node"),
    (TWO + "flow: {steps: [a]}\n", 8, "the flow never visits node 'b'"),
    (HEAD + "flow: {steps: [a], limit: 0}\n", 5, "a whole number from 1 to 1000"),
    (
        HEAD + "flow: {steps: [a], loops: 2}\n",
        5,
        "one of steps, limit, answer, start, tokens, not 'loops'",
    ),
    (TWO + "flow: {steps: [a, b], limit: 1}\n", 8, "may take 2 steps, its limit is 1"),
    (TWO + "flow: {steps: [b, a]}\n", 8, "node 'b' reads 'a' before it is written"),
    (HEAD + "  inputs: [a]\n", 3, "node 'a' reads 'a' before it is written"),
    (HEAD + "- name: a\n  instructions: []\n", 3, "two nodes have one name: a, a"),
    (HEAD + '  inputs: ["\\ud800"]\n', 5, "valid UTF-8"),
    (HEAD + "? [x]\n: 3\n", 5, "a key of the file: expected a text"),
    (HEAD + "---\nslearn: 1\n", 5, "not valid YAML"),
    (HEAD + "name: *nobody\n", 5, "not valid YAML: found undefined alias"),
    (HEAD + "name: {a: 1\n", 6, "not valid YAML"),
    (HEAD + "name: a\x00b\n", 1, "not valid YAML"),
    ("\t", 1, "not valid YAML"),
    ("slearn: 1\nnodes: " + "[" * 500, 1, "nested too deeply"),
]


@pytest.mark.parametrize(("text", "line", "says"), BAD)
def test_a_bad_file_is_told_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(AgentFileError) as caught:
        agent_from_text(text, "my.yaml")
    assert caught.value.where == f"my.yaml:{line}"
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(AgentFileError, match=r"none\.yaml: cannot be read: No such file"):
        load_agent(tmp_path / "none.yaml")
    with pytest.raises(AgentFileError, match="cannot be read: Is a directory"):
        load_agent(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"slearn: 1\nname: caf\xe9\n")
    with pytest.raises(AgentFileError, match="not UTF-8 at byte 19"):
        load_agent(tmp_path / "latin.yaml")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode())
    assert load_agent(tmp_path / "a.yaml") == agent_from_text(HEAD)


@given(st.data())
def test_a_damaged_file_is_read_or_told_but_never_crashes(data: st.DataObject) -> None:
    text = TWO + "  demos:\n  - inputs: {a: 'x'}\n    output: {answer: \"y\"}\n    source: e1\n"
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    scraps = st.sampled_from(
        ["", "[", "{", "&a ", "*a", "!!x ", "~", "\n", "  ", ": ", "\ud800", "|"]
    )
    try:
        agent = agent_from_text(text[:start] + data.draw(scraps) + text[end:])
    except AgentFileError as error:
        assert error.where.startswith("agent:")
    else:
        assert agent_from_text(agent_to_text(agent)) == agent


@pytest.mark.parametrize("failing", ["write_text", "replace"])
def test_saving_is_whole_or_not_at_all(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = agent_from_text(HEAD)
    path = tmp_path / "deep" / "agent.yaml"
    save_agent(old, path)
    real: Callable[..., Any] = getattr(Path, failing)

    def full(self: Path, *args: Any, **named: Any) -> None:
        if failing == "write_text":
            real(self, args[0][:20], **named)
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(Path, failing, full)
        with pytest.raises(OSError, match="disk full"):
            save_agent(agent_from_text(TWO), path)
    assert load_agent(path) == old
    assert os.listdir(path.parent) == ["agent.yaml"]
    save_agent(agent_from_text(TWO), path)
    assert load_agent(path) == agent_from_text(TWO)


def test_code_stands_as_a_block() -> None:
    code = "def double(n: int) -> int:\n    if n:\n        return 2 * n\n    return 0\n"
    node = Node("answer", ("Say it.",), tools=(tool_from_code(code),))
    text = agent_to_text(Agent("a", (node,), Flow(("answer",))))
    assert "code: |\n" in text and "        return 2 * n\n" in text
    assert agent_from_text(text).last == node


CALLING = """
slearn: 1
name: a
nodes:
- name: answer
  instructions: [Say it.]
  tools: [double]
  demos:
  - inputs: {input: four}
    output: {answer: eight}
    calls: [{name: double, arguments: %s, result: "8"}]
tools:
- name: double
  parameters: %s
  code: "def double(n: int): return 2 * n"
flow: {steps: [answer]}
"""
GIVEN = "{type: object, properties: {n: {type: integer}}}"


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ("{properties: {n: {type: intt}}}", "parameter 'n' has the type 'intt', which is none of"),
        ("{properties: {n: {items: {type: [x]}}}}", "parameter 'n' has the type 'x'"),
        ("{properties: {n: {anyOf: [{type: 3}]}}}", "parameter 'n' has the type 3"),
        ("{properties: {n: {type: [int, null]}}}", "has the type None, which is none of array"),
        ("{properties: {n: 5}}", "parameter 'n' is no JSON Schema, as {type: string} is"),
        ("{properties: {n: {}}, required: [n, m]}", "'m' is required and no parameter"),
        ("{required: [[m]]}", "['m'] is required and no parameter (the parameters are: none)"),
        ("{properties: {n: {}}, required: n}", "`required` is no list of names"),
        ("{type: dict, properties: {n: {type: Float}, m: true, k: {type: [int, 'null']}}}", ""),
        ("{properties: {n: {type: array, items: [{type: string}]}}, required: [n]}", ""),
    ],
)
def test_mistyped_parameters_are_told_of_tools_and_not_of_what_a_row_brought(
    parameters: str, says: str
) -> None:
    tools = f"[{{name: t, parameters: {parameters}"
    demo = f"  demos: [{{inputs: {{input: x}}, output: {{answer: y}}, functions: {tools}}}]}}]\n"
    assert agent_from_text(HEAD + demo).last.demos[0].functions
    text = HEAD + f"tools: {tools}, server: x}}]\n"
    if not says:
        assert agent_from_text(text).tools[0].name == "t"
        return
    with pytest.raises(AgentFileError) as caught:
        agent_from_text(text)
    assert caught.value.where == "agent:5" and says in str(caught.value)


@pytest.mark.parametrize("arguments", ["'{\"n\":4}'", "{n: 4}", '"{\\n  \\"n\\": 4}"'])
def test_shown_arguments_are_written_as_a_model_writes_them(arguments: str) -> None:
    agent = agent_from_text(CALLING % (arguments, GIVEN))
    (call,) = agent.last.demos[0].calls
    assert call.text() == '{"name": "double", "arguments": {"n": 4}}'


@pytest.mark.parametrize(
    ("arguments", "parameters", "message"),
    [
        ("[4]", GIVEN, "a JSON object"),
        ("{n: 4}", "{properties: {zz: {type: integer}}}", "its code, which takes n"),
    ],
)
def test_what_no_call_could_be_is_refused(arguments: str, parameters: str, message: str) -> None:
    with pytest.raises(AgentFileError) as caught:
        agent_from_text(CALLING % (arguments, parameters))
    assert message in str(caught.value)
