"""`slearn tool`, and agents with tools, by hand and with the scripted model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from slearn.agent import agent_from_text, agent_to_text, load_agent
from slearn.cli import main
from slearn.datasets.calls import functions_of
from slearn.engine.scripted import accepts

TOOLS = '''"""Small tools."""

LIMIT = 2


def half(n: float, digits: int = 2) -> float:
    """Halves a number.

    Args:
        n: which one
    """
    return round(n / 2, digits)


def _help() -> int:
    return LIMIT


def shout(text: str) -> str:
    """Größer."""
    return text.upper() + "!" * _help()


def fail(why: str) -> None:
    raise ValueError(why)


def free(data: dict, rest=None) -> dict:
    return {"data": data, "rest": rest}
'''
AGENT = """\
slearn: 1
metric: contains
nodes:
- name: draft
  instructions: [Think.]
- name: answer
  instructions: [Calculate.]
  inputs: [input]
flow: {steps: [draft, answer]}
"""
MINE = """
import sys

def add(a: int, b: int = 1) -> int:
    '''Adds two numbers.'''
    return a + b

def leave() -> None:
    sys.exit("enough")
"""
PEER = """
import json, sys

for line in sys.stdin:
    asked = json.loads(line)
    number = asked.get("id")
    if asked["method"] == "initialize":
        found = {"protocolVersion": asked["params"]["protocolVersion"],
                 "capabilities": {"tools": {}}, "serverInfo": {"name": "p", "version": "1"}}
    elif asked["method"] == "tools/list":
        found = {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in "ab"]}
    else:
        found = {"content": [{"type": "text", "text": "here"}]}
    if number is not None:
        print(json.dumps({"jsonrpc": "2.0", "id": number, "result": found}), flush=True)
"""
NUMBERS = count()


@pytest.fixture
def tools(here: Path) -> Path:
    path = here / "tools.py"
    path.write_text(TOOLS, encoding="utf-8")
    return path


@pytest.fixture
def agent(here: Path) -> Path:
    path = here / "agent.yaml"
    path.write_text(AGENT, encoding="utf-8")
    return path


@pytest.fixture
def mine(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Write the user's module into the working directory; return how a function is named."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = f"functions{next(NUMBERS)}"
    (here / f"{name}.py").write_text(MINE, encoding="utf-8")
    return lambda function: f"{name}:{function}"


def run(*words: object) -> Result:
    """Run a tool by hand, whatever comes of it."""
    return CliRunner().invoke(main, ["tool", "run", *map(str, words)])


def tried(*words: object) -> dict[str, Any]:
    """Run a tool by hand and return what `--json` says, which must be one line."""
    found = run(*words, "--json")
    assert len(found.stdout.splitlines()) == 1, found.output
    told: dict[str, Any] = json.loads(found.stdout)
    assert list(told) == ["ok", "value", "error", "seconds"] and told["seconds"] >= 0
    return told


def names(file: Path, node: str = "answer") -> list[str]:
    return [tool.name for tool in load_agent(file).node(node).tools]


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("half", {"n": 9}, 4.5),
        ("half", {"n": 1.234, "digits": 1}, 0.6),
        ("half", {"digits": 0, "n": 9}, 4.0),
        ("shout", {"text": "é\n😀"}, "É\n😀!!"),
        ("free", {"data": {"ü": [1, None]}}, {"data": {"ü": [1, None]}, "rest": None}),
        ("free", {"data": {}, "rest": [True]}, {"data": {}, "rest": [True]}),
    ],
)
def test_a_tool_is_run_by_hand(
    tools: Path, slearn: Any, name: str, arguments: dict[str, Any], value: Any
) -> None:
    words = (tools, name, "--args", json.dumps(arguments))
    told = tried(*words)
    assert told["ok"] and told["value"] == value and told["error"] == ""
    assert json.loads(slearn("tool", "run", *words).stdout) == value


def test_what_fails_is_told(tools: Path) -> None:
    told = tried(tools, "fail", "--args", '{"why": "no\\ngood"}')
    assert not told["ok"] and told["value"] is None and "ValueError: no" in told["error"]
    words = run(tools, "fail", "--args", '{"why": "no\\ngood"}')
    assert words.stdout == "" and words.stderr.startswith("failed: ValueError: no good")
    assert len(words.stderr.splitlines()) == 1
    for given, said in (
        ('{"n": "x"}', "'x' is not of type 'number'"),
        ('{"n": 1, "n": 2}', "--args names 'n' twice"),
        ('{"n": ' + "9" * 5000 + "}", "--args holds a number of more than 4,300 digits"),
        ('{"n": NaN}', "--args holds NaN, which is no JSON"),
    ):
        refused = run(tools, "half", "--args", given)
        assert refused.exit_code == 2 and said in refused.stderr


def test_what_fails_exits_with_3(tools: Path) -> None:
    assert run(tools, "half", "--args", '{"n": 1}').exit_code == 0
    for more in ([], ["--json"]):
        assert run(tools, "fail", "--args", '{"why": "x"}', *more).exit_code == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("half",), "tool 'half': needs 'n' (a JSON object: {\"n\": …, \"digits\": …})"),
        (("half", "--args", "{"), "--args is no JSON object (a JSON object: "),
        (("half", "--args", ""), "--args is no JSON object"),
        (("half", "--args", "[1]"), "--args is no JSON object"),
        (("half", "--args", "null"), "--args is no JSON object"),
        (("half", "--args", "[" * 100_000), "--args is no JSON object"),
        (("half", "--args", '{"n": 1, "m": 2}'), "tool 'half': takes no 'm'"),
        (("half", "--args", '{"digits": 2}'), "tool 'half': needs 'n'"),
        (("_help",), "no tool '_help' (the tools are: half, shout, fail, free)"),
        (("Half",), "tools.py: no tool 'Half'"),
        (("half", "--sandbox", "none"), "'none' is not one of 'monty', 'bwrap'"),
    ],
)
def test_what_cannot_be_run_is_bad_input(
    tools: Path, slearn: Any, words: tuple[str, ...], message: str
) -> None:
    wrong = slearn("tool", "run", "tools.py", *words, code=2)
    assert message in wrong.stderr and wrong.stdout == ""
    assert len(wrong.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.py", None, "gone.py: cannot be read: No such file"),
        ("gone.yaml", None, "gone.yaml: cannot be read: No such file"),
        ("latin.py", b"# \xe9", "latin.py: not UTF-8 at byte 2"),
        ("broken.py", b"x = 1\ndef f(:", "broken.py: its code is no Python: "),
        ("broken.py", b"\0", "broken.py: its code is no Python: "),
        ("position.py", b"def f(a, /): ...", "position.py: 'f' can be no tool, it takes 'a' by"),
        ("late.py", b"async def f(): ...", "late.py: 'f' can be no tool, it is async"),
        ("empty.py", b"", "empty.py: no tool 'f' (the tools are: none)"),
        ("a.yaml", b"slearn: 1\nnodes: [", "a.yaml:2: not valid YAML"),
        ("folder.py", "folder", "folder.py: cannot be read: Is a directory"),
    ],
)
def test_a_file_that_cannot_be_read(
    slearn: Any, here: Path, name: str, content: bytes | str | None, message: str
) -> None:
    if content == "folder":
        (here / name).mkdir()
    elif isinstance(content, bytes):
        (here / name).write_bytes(content)
    for command in (("run", name, "f"), ("show", name, "f"), ("export", name, "f", "-o", "x.py")):
        wrong = slearn("tool", *command, code=2)
        assert message in wrong.stderr and len(wrong.stderr.splitlines()) == 1
    assert not (here / "x.py").exists()


def test_tools_are_listed(tools: Path, agent: Path, slearn: Any) -> None:
    lines = slearn("tool", "list", tools).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "half", "shout", "fail", "free"]
    assert slearn("tool", "list", agent).stdout == "no tools\n"
    slearn("tool", "add", agent, "--file", tools, "--name", "shout")
    assert json.loads(slearn("tool", "list", agent, "--json").stdout) == [
        {"name": "shout", "runs": "code", "nodes": "answer", "description": "Größer."}
    ]
    assert json.loads(slearn("tool", "list", tools, "--json").stdout)[0]["nodes"] is None
    (agent.parent / "none.py").write_text("x = 1", encoding="utf-8")
    assert slearn("tool", "list", "none.py").stdout == "no tools\n"


def test_a_function_that_can_be_no_tool_stands_in_nobodys_way(
    agent: Path, slearn: Any, here: Path
) -> None:
    code = "def bad(a, /): ...\nasync def late(): ...\ndef ok(n: int = 1): return n\n"
    (here / "some.py").write_text(code, encoding="utf-8")
    assert tried("some.py", "ok")["value"] == 1
    listed = slearn("tool", "list", "some.py", "--json")
    assert [row["name"] for row in json.loads(listed.stdout)] == ["ok"]
    assert listed.stderr.splitlines() == [
        "warning: some.py: 'bad' is left out, it takes 'a' by position only",
        "warning: some.py: 'late' is left out, it is async",
    ]
    assert "'bad' is left out" in slearn("tool", "add", agent, "--file", "some.py").stderr
    assert names(agent) == ["ok"]


def with_parameters(agent: Path, parameters: str, runs: str = "code: 'def f(n): return n'") -> Path:
    tool = f"{{name: f, parameters: {parameters}, {runs}}}"
    agent.write_text(AGENT + f"tools: [{tool}]\n", encoding="utf-8")
    return agent


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("{type: dict, properties: {n: {type: float}}}", "argument n: 'x' is not of type 'number'"),
        ("{properties: {n: {$ref: 'http://127.0.0.1:9/x'}}}", "refer to what they lack: http"),
        ("{properties: {n: {$ref: '#/$defs/x'}}}", "refer to what they lack: /$defs/x"),
        ("{properties: {n: {$ref: '#/properties/n'}}}", "refer to themselves without end"),
        ("{properties: {n: {type: string, pattern: (}}}", "its parameters are no JSON Schema"),
    ],
)
def test_arguments_are_checked_by_the_parameters_or_it_is_told_why_not(
    agent: Path, slearn: Any, parameters: str, message: str
) -> None:
    words = ("tool", "run", with_parameters(agent, parameters), "f", "--args", '{"n": "x"}')
    wrong = slearn(*words, code=2)
    assert wrong.stderr.startswith("slearn: tool 'f': ") and message in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("nowhere:f", "agent.yaml: tool 'f': cannot import 'nowhere': ModuleNotFoundError"),
        ("math:pi", "agent.yaml: tool 'f': math:pi is no function"),
    ],
)
def test_a_function_that_cannot_be_called_is_told_with_its_file(
    agent: Path, slearn: Any, function: str, message: str
) -> None:
    file = with_parameters(agent, "{}", f"function: {function}")
    wrong = slearn("tool", "run", file.name, "f", code=2)
    assert message in wrong.stderr and len(wrong.stderr.splitlines()) == 1


def test_a_tool_is_shown_as_a_model_reads_it(tools: Path, slearn: Any) -> None:
    said = slearn("tool", "show", tools, "half").stdout
    assert said.startswith("half(n: number, digits?: integer): Halves a number.\n  n: which one\n")
    assert "return round(n / 2, digits)" in said
    told = json.loads(slearn("tool", "show", tools, "half", "--json").stdout)
    assert told["code"] == TOOLS and told["parameters"]["required"] == ["n"]
    assert said.startswith(told["signature"])


def test_an_exported_tool_can_be_run_and_added_again(
    tools: Path, agent: Path, slearn: Any, here: Path
) -> None:
    slearn("tool", "add", agent, "--file", tools, "--name", "shout")
    assert "wrote out.py" in slearn("tool", "export", agent, "shout", "-o", "out.py").stderr
    code = Path("out.py").read_text(encoding="utf-8")
    space: dict[str, Any] = {}
    exec(compile(code, "out.py", "exec"), space)
    assert space["shout"]("a") == "A!!"
    assert tried("out.py", "shout", "--args", '{"text": "b"}')["value"] == "B!!"
    told = slearn("tool", "add", agent, "--file", "out.py", "--name", "shout", "--json").stdout
    assert json.loads(told) == {"file": str(agent), "node": "answer", "tools": ["shout"]}
    assert names(agent) == ["shout"] and load_agent(agent).last.tools[0].code == code
    assert tried(agent, "shout", "--args", '{"text": "c"}')["value"] == "C!!"
    slearn("tool", "export", agent, "shout", "-o", "again.py")
    assert Path("again.py").read_text(encoding="utf-8") == code


ODD_WORDS = ['Says "no".', "Ends with a backslash \\", "größer 😀", "\\x and \\N{A}", "it's"]


@pytest.mark.parametrize("words", ODD_WORDS)
def test_whatever_its_description_an_exported_tool_is_python(
    agent: Path, slearn: Any, words: str
) -> None:
    exported(agent, slearn, words)


@pytest.mark.parametrize("words", ['Says "no"', 'Says """no""".'])
def test_quotes_in_a_description_are_quoted(agent: Path, slearn: Any, words: str) -> None:
    exported(agent, slearn, words)


def exported(agent: Path, slearn: Any, words: str) -> None:
    tool = {"name": "f", "description": words, "code": "def f(a: int):\n    return a\n"}
    text = AGENT + f"tools: [{json.dumps(tool, ensure_ascii=False)}]\n"
    agent.write_text(text.replace("[Calculate.]", "[Calculate.]\n  tools: [f]"), encoding="utf-8")
    told = slearn("tool", "export", agent, "f", "-o", "f.py", "--json").stdout
    assert json.loads(told) == {"tool": "f", "file": "f.py"}
    compile(Path("f.py").read_text(encoding="utf-8"), "f.py", "exec")
    assert "f(a: integer): " in slearn("tool", "show", agent, "f").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "-o", "x.py"), "the tool 'add' has no code (it runs functions"),
        (("half", "-o", "."), "is a directory"),
        (("half", "-o", "nowhere/x.py"), "x.py: cannot be written: No such file"),
        (("nothing", "-o", "x.py"), "no tool 'nothing' (the tools are: half, add)"),
    ],
)
def test_what_cannot_be_exported(
    agent: Path, tools: Path, slearn: Any, mine: Any, words: tuple[str, ...], message: str
) -> None:
    slearn("tool", "add", agent, "--file", tools, "--name", "half")
    slearn("tool", "add", agent, "--function", mine("add"))
    assert message in slearn("tool", "export", agent, *words, code=2).stderr
    assert not Path("x.py").exists()


def test_tools_of_a_file_are_given_to_the_last_node_or_a_named_one(
    agent: Path, tools: Path, slearn: Any
) -> None:
    said = slearn("tool", "add", agent, "--file", tools)
    assert f"wrote {agent.name}" in said.stderr and said.stdout == ""
    assert names(agent) == ["half", "shout", "fail", "free"] and names(agent, "draft") == []
    slearn("tool", "add", agent, "--file", tools, "--name", "half", "--node", "draft")
    assert names(agent, "draft") == ["half"] and len(names(agent)) == 4
    assert agent.read_text(encoding="utf-8").count("name: half") == 1
    assert tried(agent, "half", "--args", '{"n": 3}')["value"] == 1.5


def test_a_tool_that_is_added_again_is_the_new_one(agent: Path, tools: Path, slearn: Any) -> None:
    slearn("tool", "add", agent, "--file", tools)
    tools.write_text("def half(n: float):\n    return n / 2.0\n", encoding="utf-8")
    slearn("tool", "add", agent, "--file", tools)
    assert names(agent) == ["shout", "fail", "free", "half"]
    (half,) = (tool for tool in load_agent(agent).tools if tool.name == "half")
    assert "digits" not in half.parameters and "n / 2.0" in half.code


def test_a_tool_that_no_node_has_can_be_replaced(agent: Path, tools: Path, slearn: Any) -> None:
    slearn("tool", "add", agent, "--file", tools, "--name", "half")
    loaded = load_agent(agent)
    spare = replace(loaded.with_node(loaded.last.without_tool("half")), spare=loaded.tools)
    agent.write_text(agent_to_text(spare), encoding="utf-8")
    tools.write_text("def half(n: float):\n    return n / 2.0\n", encoding="utf-8")
    slearn("tool", "add", agent, "--file", tools)
    (half,) = load_agent(agent).tools
    assert "n / 2.0" in half.code and load_agent(agent).last.tools == (half,)


def test_another_agent_gives_its_tools(agent: Path, tools: Path, slearn: Any, here: Path) -> None:
    slearn("tool", "add", agent, "--file", tools, "--name", "half")
    folder = here / "other"
    folder.mkdir()
    (folder / "agent.yaml").write_text(AGENT, encoding="utf-8")
    slearn("tool", "add", folder, "--file", agent)
    assert load_agent(folder / "agent.yaml").tools == load_agent(agent).tools
    assert json.loads(slearn("tool", "list", folder, "--json").stdout)[0]["name"] == "half"


def test_a_function_of_the_users_is_named_and_not_copied(
    agent: Path, slearn: Any, mine: Any
) -> None:
    slearn("tool", "add", agent, "--function", mine("add"))
    slearn("tool", "add", agent, "--function", mine("leave"))
    text = agent.read_text(encoding="utf-8")
    assert f"function: {mine('add')}" in text and "return a + b" not in text
    assert tried(agent, "add", "--args", '{"a": 2}')["value"] == 3
    told = tried(agent, "leave")
    assert not told["ok"] and told["error"] == "SystemExit: enough"
    assert mine("add") in slearn("tool", "show", agent, "add").stdout
    assert agent_from_text(text).last.tools[0].description == "Adds two numbers."


def test_a_function_can_have_another_name(agent: Path, slearn: Any, mine: Any) -> None:
    slearn("tool", "add", agent, "--function", mine("add"), "--name", "plus")
    assert names(agent) == ["plus"]
    assert tried(agent, "plus", "--args", '{"a": 2}')["value"] == 3
    for name, said in (("", "a tool has no name"), ('a"b', "quotes and line breaks cannot")):
        words = ("tool", "add", agent, "--function", mine("add"), "--name", name)
        assert said in slearn(*words, code=2).stderr
    assert names(agent) == ["plus"]


def test_a_name_that_another_nodes_tool_has_is_told(agent: Path, tools: Path, slearn: Any) -> None:
    slearn("tool", "add", agent, "--file", tools, "--name", "half", "--node", "draft")
    text = agent.read_text(encoding="utf-8")
    tools.write_text("def half(n: float):\n    return n / 2.0\n", encoding="utf-8")
    wrong = slearn("tool", "add", agent, "--file", tools, code=2)
    way = "(rename one of the two, or take it from 'draft' in the file)"
    assert f"agent.yaml: node 'draft' has another tool 'half' {way}" in wrong.stderr
    assert agent.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give one of --file, --function and --server"),
        (("--file", "tools.py", "--function", "m:f"), "give one of --file"),
        (("--file", "tools.py", "--node", "nobody"), "no node is named 'nobody'"),
        (("--file", "tools.py", "--name", "nothing"), "no tool 'nothing' (the tools are: half"),
        (("--file", "gone.py"), "gone.py: cannot be read"),
        (("--file", "agent.yaml"), "agent.yaml: there is no tool"),
        (("--function", "no_such_module:f"), "cannot import 'no_such_module'"),
        (("--function", "math:pi"), "math:pi: is no function with a signature"),
        (("--function", "builtins:len"), "takes 'obj' by position only"),
        (("--function", "math"), "no function ''"),
        (("--server", "no-such-command"), "no-such-command: cannot be started"),
    ],
)
def test_what_cannot_be_added_leaves_the_agent_as_it_was(
    agent: Path, tools: Path, slearn: Any, words: tuple[str, ...], message: str
) -> None:
    if "--server" in words:
        pytest.importorskip("mcp")
    wrong = slearn("tool", "add", "agent.yaml", *words, code=2)
    assert message in wrong.stderr and len(wrong.stderr.splitlines()) == 1
    assert agent.read_text(encoding="utf-8") == AGENT


def test_without_the_sdk_servers_are_refused(
    agent: Path, slearn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    wrong = slearn("tool", "add", agent, "--server", "anything", code=2)
    assert "need the MCP SDK (pip install 'slearn[mcp]')" in wrong.stderr


def test_tools_of_a_server(agent: Path, here: Path, program: Any) -> None:
    pytest.importorskip("mcp")
    (here / "peer.py").write_text(PEER, encoding="utf-8")
    line = f"'{sys.executable}' peer.py"
    started = program("tool", "add", agent, "--server", line, "--name", "b")
    _, told = started.communicate(timeout=60)
    assert started.returncode == 0, told
    assert names(agent) == ["b"] and load_agent(agent).last.tools[0].server == line
    assert tried(agent, "b")["value"] == "here"


CALLS = """\
slearn: 1
metric: contains
nodes:
- name: answer
  instructions: [Calculate.]
  tools: [half]
  tool_choice: required
  max_calls: 2
tools:
- name: half
  code: |
    def half(n: float) -> float:
        return n / 2
"""


@pytest.fixture
def calling(here: Path) -> Path:
    path = here / "calling.yaml"
    path.write_text(CALLS, encoding="utf-8")
    return path


def test_an_agent_with_a_tool_runs(calling: Path, slearn: Any) -> None:
    command = ("run", calling, "half of 9?", "--model", "scripted")
    told = json.loads(slearn(*command, "--json").stdout)
    (step,) = told["steps"]
    assert 1 <= len(step["calls"]) <= 2
    for made in step["calls"]:
        given = made["arguments"]
        given = json.loads(given) if isinstance(given, str) else given
        assert made["name"] == "half" and float(made["result"]) == given["n"] / 2
    assert slearn(*command).stdout.rstrip("\n") == told["answer"]


def test_an_agent_with_a_tool_is_evaluated(
    calling: Path, slearn: Any, here: Path, rows_file: Any
) -> None:
    rows_file(here / "rows.jsonl", [{"input": f"{n}?", "target": "x"} for n in range(4)])
    command = ("eval", calling, "--data", "rows.jsonl", "--model", "scripted", "--json")
    told = json.loads(slearn(*command).stdout)
    assert told["n"] == 4 and told["metric"] == "contains"
    bare = CALLS.replace("  tools: [half]\n  tool_choice: required\n  max_calls: 2\n", "")
    calling.write_text(bare, encoding="utf-8")
    assert json.loads(slearn(*command).stdout)["tokens"] < told["tokens"]


FUNCTIONS = [
    {
        "name": "double",
        "parameters": {"type": "dict", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    },
    {"name": "now"},
]


def call_rows() -> list[dict[str, Any]]:
    return [
        {
            "input": f"Twice {number}?",
            "functions": FUNCTIONS,
            "target": [{"double": {"n": [number]}}] if number % 4 else [],
        }
        for number in range(16)
    ]


def test_init_on_rows_with_functions(slearn: Any, here: Path, rows_file: Any) -> None:
    rows_file(here / "calls.jsonl", call_rows())
    said = slearn("init", "calls", "--data", "calls.jsonl").stdout
    assert said.startswith("metric call (the rows bring functions)\n")
    assert "answers are a call of one of the row's functions, or none" in said
    made = load_agent("calls/agent.yaml")
    assert made.metric == "call" and made.last.output.answer.type == "call"
    columns = json.loads(Path("calls/data.json").read_text(encoding="utf-8"))
    assert columns["functions"] == "functions"
    told = slearn("eval", "calls", "--data", "calls/val.jsonl", "--model", "scripted", "--json")
    assert json.loads(told.stdout)["metric"] == "call"


def test_functions_of_another_column(slearn: Any, here: Path, rows_file: Any) -> None:
    rows = [{**row, "tools": row["functions"], "functions": 1} for row in call_rows()]
    rows_file(here / "calls.jsonl", rows)
    slearn("init", "calls", "--data", "calls.jsonl", "--functions", "tools")
    assert load_agent("calls/agent.yaml").metric == "call"
    command = ("eval", "calls", "--data", "calls/val.jsonl", "--model", "scripted", "--json")
    assert json.loads(slearn(*command).stdout)["n"] == json.loads(
        slearn(*command, "--functions", "tools").stdout
    )["n"]  # fmt: skip
    wrong = slearn("init", "x", "--data", "calls.jsonl", "--functions", "tool", code=2)
    assert "no column 'tool' (did you mean 'tools'?" in wrong.stderr


def test_one_input_with_its_functions(slearn: Any, here: Path, rows_file: Any) -> None:
    rows_file(here / "calls.jsonl", call_rows())
    slearn("init", "calls", "--data", "calls.jsonl")
    command = ("run", "calls", "--model", "scripted")
    given = {"input": "Twice 3?", "functions": FUNCTIONS}
    answer = slearn(*command, json.dumps(given)).stdout.strip()
    output = load_agent("calls/agent.yaml").last.output
    assert accepts(output.grammar(None, functions_of(FUNCTIONS, "")), answer)
    for wrong, message in (
        ("Twice 3?", '{"input": …, "functions": …}'),
        (json.dumps({"input": "x"}), "the input lacks 'functions'"),
        (json.dumps({**given, "functions": []}), "there is no tool to call"),
        (json.dumps({**given, "functions": "double"}), "functions are a list of objects"),
    ):
        assert message in slearn(*command, wrong, code=2).stderr


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"functions": FUNCTIONS, "target": "soon"}, "calls.jsonl:17: a target is a list of calls"),
        ({"functions": FUNCTIONS, "target": [{"stop": {}}]}, "its target calls 'stop'"),
        ({"functions": [{"name": "f", "parameters": 3}], "target": []}, "no JSON Schema"),
    ],
)
def test_a_row_that_is_no_call_is_told(
    slearn: Any, here: Path, rows_file: Any, row: dict[str, Any], message: str
) -> None:
    rows_file(here / "calls.jsonl", [*call_rows(), {"input": "x", **row}])
    wrong = slearn("init", "calls", "--data", "calls.jsonl", code=2)
    assert message in wrong.stderr and len(wrong.stderr.splitlines()) == 1


def test_a_row_with_several_calls_does_not_end_init(
    slearn: Any, here: Path, rows_file: Any
) -> None:
    several = [{"double": {"n": [1]}}, {"now": {}}]
    row = {"input": "both", "functions": FUNCTIONS, "target": several}
    rows_file(here / "calls.jsonl", [*call_rows(), row])
    slearn("init", "calls", "--data", "calls.jsonl")


def test_an_agent_that_calls_functions_is_trained(slearn: Any, here: Path, rows_file: Any) -> None:
    rows_file(here / "calls.jsonl", call_rows())
    slearn("init", "calls", "--data", "calls.jsonl")
    found = slearn("train", "calls", "--model", "scripted", "--budget-tokens", "6000", "--json")
    told = json.loads(found.stdout)
    assert told["metric"] == "call" and told["status"] == "finished"


def code_rows() -> list[dict[str, Any]]:
    return [
        {"input": f"Double {n}.", "target": "double = lambda n: 2 * n",
         "tests": [f"assert double({n}) == {2 * n}"]}
        for n in range(12)
    ]  # fmt: skip


def test_init_on_rows_with_unit_tests(slearn: Any, here: Path, rows_file: Any) -> None:
    rows_file(here / "code.jsonl", code_rows())
    said = slearn("init", "code", "--data", "code.jsonl").stdout
    assert said.startswith("metric tests (every row brings unit tests)\n")
    made = load_agent("code/agent.yaml")
    assert made.metric == "tests" and made.last.output.answer.multiline
    for tests in ([], [5, None]):
        rows_file(here / "bare.jsonl", [{**code_rows()[0], "tests": tests}])
        wrong = slearn("eval", "code", "--data", "bare.jsonl", "--model", "scripted", code=2)
        assert "row 1: has no tests, which the metric needs" in wrong.stderr


def test_an_agent_that_writes_code_is_trained(slearn: Any, here: Path, rows_file: Any) -> None:
    rows_file(here / "code.jsonl", code_rows())
    slearn("init", "code", "--data", "code.jsonl")
    command = ("train", "code", "--model", "scripted", "--budget-tokens", 6000, "--json")
    assert json.loads(slearn(*command).stdout)["status"] == "finished"


def test_an_agent_that_writes_code_is_evaluated(slearn: Any, here: Path, rows_file: Any) -> None:
    rows_file(here / "code.jsonl", code_rows())
    slearn("init", "code", "--data", "code.jsonl")
    told = slearn("eval", "code", "--data", "code/val.jsonl", "--model", "scripted", "--json")
    assert json.loads(told.stdout)["metric"] == "tests"
