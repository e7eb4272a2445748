"""Guards: what no candidate may be, checked before it costs anything.

Too long a prompt, an instruction that quotes an input of the data (train, validation or test),
the trainer's own instructions, too large a change at once, an agent that was tried before.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from slearn.agent import Agent, Each, Node, agent_digest, parts_of, render, room
from slearn.call import trainer_phrases
from slearn.engine import call_grammar
from slearn.grad import likeness, overlap, word_set
from slearn.optim.base import Candidate
from slearn.optim.edits import Edit, InsertLine, ReplaceLine, RewriteTool, SetTools
from slearn.optim.structure import StructureEdit, told
from slearn.values import Tool

_SHINGLE = 7
_LEAK = 24  # characters of an input that count as the input and not as chance
_SAME = 0.9
_FRAME = 64  # what a chat template adds, and room for choices in a prompt
_ANSWER = 72  # of one answer in a list
_LINE = 112  # of what a role says
_TURN = 16  # what it adds to a call and its result
_SOME = ("x" * 16,)  # stands for choices that differ from row to row
_FUNCTIONS = (Tool("x" * 16, parameters='{"properties": {"a": {}, "b": {}, "c": {}}}'),)
_QUOTE = 0.6  # words that a line shares with an input before it counts as that input


@dataclass
class Guards:
    """Refuses candidates; remembers what was tried.

    `inputs` are those of the rows. A node's prompt may have `prompt_cap` tokens without its inputs,
    and must fit into the `window` with its answer and the `longest` row, in tokens (or the longest
    input, if that is more).
    """

    count: Callable[[str], int]
    inputs: Sequence[str]
    window: int = 1 << 30
    prompt_cap: int = 1200
    change_cap: int = 600
    longest: int = 0
    _tried: set[str] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)  # texts of tools that are no candidate's
    _lines: set[str] = field(default_factory=set)  # instructions of agents that may run

    def __post_init__(self) -> None:
        longest = sorted(self.inputs, key=len)[-3:]
        self._longest = max([self.longest, *map(self.count, longest)])
        self._quotable = [text.strip() for text in self.inputs if len(text.strip()) >= _LEAK]
        self._words = [word_set(text) for text in self._quotable]
        self._own = {s for phrase in trainer_phrases() for s in _shingles(phrase)}
        self._texts: set[str] = set()

    def seen(self, agent: Agent) -> None:
        """Remember an agent, so that it is not proposed again; its tools are not new any more."""
        self._tried.add(agent_digest(agent))
        self._known.update(text for tool in agent.tools for text in _texts(tool))
        self._lines.update(line for node in agent.nodes for line in node.instructions if line)

    def size(self, agent: Agent, only: Collection[str] | None = None) -> int:
        """Return the tokens of an agent's prompts without their inputs, as often as they are read.

        A node in a loop pays for its prompt each turn; copies that vote share theirs. Of all nodes,
        or of those named `only`.
        """
        reads = agent.reads
        nodes = [node for node in agent.nodes if only is None or node.name in only]
        return sum(reads[node.name] * self._size(node) for node in nodes)

    def refuse(self, candidate: Candidate) -> str:
        """Return why a candidate may not run, '' if it may; it counts as tried from now on.

        >>> # Guards(engine.count_tokens, []).refuse(candidate)
        """
        lines = [e.text for e in candidate.edits if isinstance(e, InsertLine | ReplaceLine)]
        shapes = [edit for edit in candidate.edits if isinstance(edit, StructureEdit)]
        lines += [text for edit in shapes for line in told(edit) if (text := self._new(line))]
        tools = [tool for edit in candidate.edits for tool in _tools(edit)]
        new = dict.fromkeys(text for tool in tools for text in _texts(tool))
        written = [*lines, *(text for text in new if text not in self._known)]
        reason = self._judge(candidate.agent, written, candidate.operator)
        self._tried.add(agent_digest(candidate.agent))
        if not reason:
            self.seen(candidate.agent)
        self._texts.update(written)
        return reason

    def _new(self, line: str) -> str:
        """Return what is new of a line: a new node may be told the task as others were.

        A line that is too short to be a quote is no task told again, and cuts no other text up.
        """
        if line in self._lines:
            return ""
        for known in sorted(self._lines, key=len, reverse=True):
            line = line.replace(known, "") if len(known) >= _LEAK else line
        return line.strip()

    def _judge(self, agent: Agent, written: list[str], operator: str) -> str:
        if agent_digest(agent) in self._tried:
            return "tried before"
        if operator == "edit lines" and written and all(map(self._like_earlier, written)):
            return "nearly the same lines were tried before"
        for node in agent.nodes:
            size = self._size(node)
            if size > self.prompt_cap:
                return f"prompt of {node.name!r} has {size} tokens, the cap is {self.prompt_cap}"
            if size + self._needs(agent, node) > self.window:
                return f"prompt of {node.name!r} leaves no room for the longest input"
        # What stood there before is the user's business: only what was written is judged.
        text = "\n".join(written)
        quoted = [*written, *(said for part in written for said in _constants(part))]
        if any(leak in part for leak in self._quotable for part in quoted):
            return "quotes an input of the data"
        lines = [words for words in map(word_set, quoted) if words]
        if any(overlap(line, words) >= _QUOTE for line in lines for words in self._words):
            return "quotes an input of the data"
        if any(shingle in self._own for shingle in _shingles(text)):
            return "repeats the trainer's own instructions"
        changed = sum(self.count(text) for text in written)
        if changed > self.change_cap:
            return f"changes {changed} tokens at once, the learning rate allows {self.change_cap}"
        return ""

    def _like_earlier(self, text: str) -> bool:
        return any(likeness(text, earlier) >= _SAME for earlier in self._texts)

    def _needs(self, agent: Agent, node: Node) -> int:
        """Return the tokens that a node's inputs and answer may take."""
        lists = [part for part in parts_of(agent.flow.steps) if isinstance(part, Each)]
        inputs = 0
        for name in node.inputs:
            source = name.split(".")[0]
            writers = [n for n in agent.nodes if n.name == source or n.writes == name]
            made = [n.output.max_tokens(_SOME, _FUNCTIONS) for n in writers]
            made += [part.most * _ANSWER for part in lists if part.into == name]
            inputs += max(made, default=self._longest)
        inputs += node.turns * _LINE if node.roles else 0
        calling = 0
        if (
            node.tools
        ):  # the last call may be as long as any, those before it as a result that is read
            bound, most = call_grammar(node.tools).max_tokens, room(node, self.window)
            calling = bound + most + _TURN
            calling += (node.max_calls - 1) * (min(bound, most) + most + _TURN)
        return inputs + calling + node.output.max_tokens(_SOME, _FUNCTIONS) + _FRAME

    def _size(self, node: Node) -> int:
        empty = {name: "" for name in node.inputs}
        return sum(self.count(message.content) + 4 for message in render(node, empty))


def _tools(edit: Edit) -> Sequence[Tool]:
    """Return the tools that an edit writes."""
    match edit:
        case RewriteTool():
            return [edit.tool]
        case SetTools():
            return edit.tools
    return []


def _texts(tool: Tool) -> list[str]:
    """Return what is told of a tool, and its code."""
    properties = json.loads(tool.parameters).get("properties") or {}
    kinds = [kind for kind in properties.values() if isinstance(kind, dict)]
    notes = [str(kind["description"]) for kind in kinds if "description" in kind]
    return [tool.description, *notes, tool.code]


def _constants(text: str) -> list[str]:
    """Return the texts that stand in code, without their escapes; none where it is no code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    nodes = [node.value for node in found if isinstance(node, ast.Constant)]
    return [value for value in nodes if isinstance(value, str)]


def _shingles(text: str) -> list[str]:
    words = re.findall(r"\w+", re.sub(r"\{\{.*?\}\}|\\n", " ", text).lower())
    return [" ".join(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1)]
