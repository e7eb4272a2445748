"""A model that writes code by a script, and an agent that uses tools: what tests of tools need."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from textwrap import dedent, indent

from slearn.agent import Agent, Contract, Field, Flow, Node, Step, ToolCall, Trajectory
from slearn.agent.render import CALL, RESULT
from slearn.engine import Engine, GenerateRequest, ToolRequest
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.sandbox import Limits
from slearn.tools import Toolbox, ToolEngine
from slearn.values import Example, Tool, Usage

WORDS = ("cat", "house", "tree", "window", "sun", "apple", "river", "ox", "dog", "bridge",
         "lamp", "paper", "stone", "bird", "glass", "ink")  # fmt: skip
BOX = Toolbox(limits=Limits(seconds=0.4))  # nothing starts before it is needed
_ASKED = re.compile(r"Write a Python function `(\w+)(.*)` that does it")
Caller = Callable[[str], dict[str, object]]


def spelled(count: int = len(WORDS)) -> list[Example]:
    """Rows whose target is the word letter by letter."""
    return [
        Example(f"e{n}", {"input": word}, (" ".join(word),)) for n, word in enumerate(WORDS[:count])
    ]


def fenced(head: str, body: str) -> str:
    """The answer of a model that writes a function."""
    return f"```python\ndef {head}\n{indent(dedent(body).strip(), '    ')}\n```"


class Writer:
    """A script that writes code, and calls tools as an agent would.

    `codes` are bodies by the name of the function: those of the first round, of the second, and so
    on, each used in turn; where there is none left, it writes `return 0`. `calls` says with which
    arguments a tool is called on an input; what it returns is the answer.
    """

    def __init__(
        self, codes: dict[str, list[Sequence[str]]], calls: dict[str, Caller] | None = None
    ) -> None:
        self.codes = codes
        self.calls = calls or {}
        self.rounds: dict[str, list[str]] = {}  # prompts by function
        self.asked: list[GenerateRequest] = []
        self._drafts = 0

    def __call__(self, request: GenerateRequest) -> str | None:
        self.asked.append(request)
        last = request.messages[-1].content
        if "write_tool" in request.where:
            return self._written(last)
        if request.where.startswith("trainer call"):
            return None
        if last.startswith(RESULT):
            return f"answer: {last.removeprefix(RESULT)}"
        for name, given in self.calls.items():
            call = CALL + json.dumps({"name": name, "arguments": given(last)}, ensure_ascii=False)
            if accepts(request.grammar, call):
                return call
        return None

    def _written(self, prompt: str) -> str:
        name, head = _ASKED.findall(prompt)[0]
        rounds = self.rounds.setdefault(name, [])
        if prompt not in rounds:
            rounds.append(prompt)
            self._drafts = 0
        known = self.codes.get(name, [])
        bodies = known[rounds.index(prompt)] if rounds.index(prompt) < len(known) else ()
        bodies = bodies or ("return 0",)
        self._drafts += 1
        return fenced(name + head, bodies[(self._drafts - 1) % len(bodies)])

    @property
    def engine(self) -> Engine:
        """An engine with tools that this script moves."""
        return ToolEngine(ScriptedEngine(self), BOX)


def caller(tool: Tool | None = None, **settings: object) -> Agent:
    """An agent of one node that may have a tool."""
    node = Node("answer", ("Spell the word.",), output=Contract((Field(),)))
    tools = (tool,) if tool else ()
    return Agent("a", (replace(node, tools=tools, **settings),), Flow(("answer",)))  # type: ignore[arg-type]


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
