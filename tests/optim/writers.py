"""What tests of tools need: tools, agents that use them, and models that write and call them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from textwrap import dedent, indent
from typing import Any

from slearn.agent import Agent, Flow, Node, Step, ToolCall, Trajectory
from slearn.engine import (
    Engine,
    GenerateRequest,
    Generation,
    Grammar,
    Score,
    ScoreRequest,
    ToolRequest,
    Watcher,
)
from slearn.engine.scripted import Script, ScriptedEngine, accepts
from slearn.sandbox import Limits
from slearn.tools import Toolbox, ToolEngine, tool_from_code
from slearn.values import Example, Tool, Usage

WORDS = ("cat", "house", "tree", "window", "sun", "apple", "river", "ox", "dog", "bridge",
         "lamp", "paper", "stone", "bird", "glass", "ink")  # fmt: skip
# Nothing starts before it is needed; what a module of tests started, `shared_box` stops.
BOX = Toolbox(limits=Limits(seconds=0.4))
DOUBLE = tool_from_code(
    "def double(n: int) -> int:\n    '''Doubles a number.'''\n    return 2 * n\n"
)
RESULT = "result: "
_ASKED = re.compile(r"(?:function `|^def )(\w+)(\(.*?:)(?:` that does it|$)", re.MULTILINE)
_UNTOLD = ':\n    """\n'  # a docstring that says nothing but examples
Caller = Callable[[str], dict[str, object]]


def word_rows(answer: Callable[[str], str], words: Sequence[str] = WORDS) -> list[Example]:
    """Rows that are words and are named by them; `answer` says what is right."""
    return [Example(word, {"input": word}, (answer(word),)) for word in words]


def spelled(count: int = len(WORDS)) -> list[Example]:
    """Rows whose target is the word letter by letter."""
    return word_rows(" ".join, WORDS[:count])


def function(head: str, body: str) -> str:
    """The source of a function."""
    return f"def {head}\n{indent(dedent(body).strip(), '    ')}\n"


def fenced(head: str, body: str) -> str:
    """The answer of a model that writes a function."""
    return f"```python\n{function(head, body)}```"


def solving(body: str = "return text", said: str = "Does it.", name: str = "solve") -> Tool:
    """A tool that makes a text of a text, by its body."""
    return tool_from_code(function(f"{name}(text: str) -> str:", body), description=said)


def call(name: str, /, **arguments: object) -> str:
    """A call as a model writes it."""
    return f"call: {json.dumps({'name': name, 'arguments': arguments}, ensure_ascii=False)}"


class Writer:
    """A script that writes code, and calls tools as an agent would.

    `codes` are bodies by the name of the function: those of the first round, of the second, and so
    on, each used in turn; where there is none left, it writes `return 0`. Drafts that see nothing
    but examples are `untold`, by the name too, and no round. `calls` says with which arguments a
    tool is called on an input; what it returns is the answer.
    """

    def __init__(
        self,
        codes: Mapping[str, Sequence[Sequence[str]]],
        calls: Mapping[str, Caller] | None = None,
        untold: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.codes = codes
        self.untold = untold or {}
        self.calls = calls or {}
        self.rounds: dict[str, list[str]] = {}  # prompts by function
        self.asked: list[GenerateRequest] = []
        self._drafts = 0

    def __call__(self, request: GenerateRequest) -> str | None:
        self.asked.append(request)
        last = request.messages[-1].content
        if "write_tool" in request.where:
            return self._written(last, request.grammar)
        if request.where.startswith("trainer call"):
            return None
        if last.startswith(RESULT):
            return f"answer: {last.removeprefix(RESULT)}"
        for name, given in self.calls.items():
            text = call(name, **given(last))
            if accepts(request.grammar, text):
                return text
        return None

    def _written(self, prompt: str, grammar: Grammar) -> str:
        name, head = _ASKED.findall(prompt)[0]
        if _UNTOLD in prompt:
            bodies = self.untold.get(name, ("return 0",))
            self._drafts += 1
            return fenced(name + head, bodies[self._drafts % len(bodies)])
        rounds = self.rounds.setdefault(name, [])
        if prompt not in rounds:
            rounds.append(prompt)
            self._drafts = 0
        known = self.codes.get(name, [])
        bodies = known[rounds.index(prompt)] if rounds.index(prompt) < len(known) else ()
        bodies = bodies or ("return 0",)
        self._drafts += 1
        text = fenced(name + head, bodies[(self._drafts - 1) % len(bodies)])
        return text if accepts(grammar, text) else fenced(name + head, "return 0")

    @property
    def engine(self) -> Engine:
        """An engine with tools that this script moves."""
        return ToolEngine(ScriptedEngine(self), BOX)


class Noted(ScriptedEngine):
    """Gives answers in their order, then by chance, and notes what it was asked."""

    def __init__(self, *answers: str) -> None:
        super().__init__(answers)
        self.asked: list[GenerateRequest] = []
        self.scored: list[ScoreRequest] = []

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        self.asked += requests
        return super().generate(requests, watch)

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        self.scored += requests
        return super().score(requests, watch)


class CutOff(ScriptedEngine):
    """Loses the end of answers to prompts with a text, as an engine does that hits its limit."""

    def __init__(self, script: Script | None = None, prompts: str = "") -> None:
        super().__init__(script)
        self._prompts = prompts

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        found = super().generate(requests, watch)
        return [
            replace(one, text=one.text[:-7], finish="length", valid=False)
            if self._prompts in request.messages[-1].content
            else one
            for request, one in zip(requests, found, strict=True)
        ]


class Believing(ScriptedEngine):
    """Finds an answer likely where it is the result of a call."""

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = super().score(requests, watch)
        return [
            replace(
                one,
                logprobs=tuple(
                    -0.1 if request.messages[-1].content == RESULT + target else -3.0
                    for target in request.targets
                ),
            )
            for request, one in zip(requests, found, strict=True)
        ]


def caller(*tools: Tool, **settings: Any) -> Agent:
    """An agent of one node that may have tools."""
    node = Node("answer", ("Spell the word.",), tools=tools, **settings)
    return Agent("a", (node,), Flow(("answer",)))


def chained(*tools: Tool) -> Agent:
    """An agent whose first node may have tools, and whose last one reads what it answers."""
    nodes = (Node("first", ("Read.",), tools=tools), Node("answer", ("Say it.",), ("first",)))
    return Agent("c", nodes, Flow(("first", "answer")))


def called(
    agent: Agent, rows: Sequence[Example], answers: Sequence[str] | None = None, node: str = ""
) -> list[Trajectory]:
    """The trajectories of an agent whose node calls its tool with `text`, and repeats the result.

    `answers` are given instead of results, where the agent does not believe them.
    """
    taker = agent.node(node or agent.last.name)
    tool = taker.tools[0]
    requests = [ToolRequest(tool, json.dumps({"text": row.inputs["input"]})) for row in rows]
    found = []
    for place, (row, asked, got) in enumerate(zip(rows, requests, BOX.run(requests), strict=True)):
        made = ToolCall(tool.name, asked.arguments, got.text, got.ok)
        said = answers[place] if answers else got.text
        steps, known = [], dict(row.inputs)
        for name in agent.flow.steps:
            one = agent.node(name)
            calls = (made,) if name == taker.name else ()
            inputs = {key: known[key] for key in one.inputs}
            output = {field.name: said for field in one.output.fields}
            text = one.output.render(output)
            steps.append(Step(name, inputs, output, text, True, Usage(), calls))
            known[name] = said
        found.append(Trajectory(row, tuple(steps), said))
    return found
