"""Guards: what no candidate may be, checked before it costs anything.

Too long a prompt, an instruction that quotes an input of the data (train, validation or test),
the trainer's own instructions, too large a change at once, an agent that was tried before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from slearn.agent import Agent, Node, agent_digest, render
from slearn.call import trainer_phrases
from slearn.engine import call_grammar
from slearn.grad import likeness, overlap, word_set
from slearn.optim.base import Candidate
from slearn.optim.edits import Edit, InsertLine, ReplaceLine, RewriteTool, SetTools
from slearn.values import Tool

_SHINGLE = 7
_LEAK = 24  # characters of an input that count as the input and not as chance
_SAME = 0.9
_FRAME = 64  # what a chat template adds, and room for choices in a prompt
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

    def __post_init__(self) -> None:
        longest = sorted(self.inputs, key=len)[-3:]
        self._longest = max([self.longest, *map(self.count, longest)])
        self._quotable = [text.strip() for text in self.inputs if len(text.strip()) >= _LEAK]
        self._words = [word_set(text) for text in self._quotable]
        self._own = {s for phrase in trainer_phrases() for s in _shingles(phrase)}
        self._texts: set[str] = set()

    def seen(self, agent: Agent) -> None:
        """Remember an agent, so that it is not proposed again."""
        self._tried.add(agent_digest(agent))

    def size(self, agent: Agent) -> int:
        """Return the tokens of an agent's prompts without their inputs."""
        return sum(map(self._size, agent.nodes))

    def refuse(self, candidate: Candidate) -> str:
        """Return why a candidate may not run, '' if it may; it counts as tried from now on.

        >>> # Guards(engine.count_tokens, []).refuse(candidate)
        """
        written = [text for edit in candidate.edits for text in _texts(edit)]
        reason = self._judge(candidate.agent, written, candidate.operator)
        self.seen(candidate.agent)
        self._texts.update(written)
        return reason

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
        if any(leak in text for leak in self._quotable):
            return "quotes an input of the data"
        lines = [word_set(line) for line in written]
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
        names = {other.name for other in agent.nodes}
        inputs = 0
        for name in node.inputs:
            source = name.split(".")[0]
            own = source in names
            made = agent.node(source).output.max_tokens(_SOME, _FUNCTIONS) if own else 0
            inputs += made if own else self._longest
        calling = call_grammar(node.tools).max_tokens + _FRAME if node.tools else 0
        return inputs + calling + node.output.max_tokens(_SOME, _FUNCTIONS) + _FRAME

    def _size(self, node: Node) -> int:
        empty = {name: "" for name in node.inputs}
        return sum(self.count(message.content) + 4 for message in render(node, empty))


def _texts(edit: Edit) -> list[str]:
    """Return what an edit writes anew."""
    match edit:
        case InsertLine() | ReplaceLine():
            return [edit.text]
        case RewriteTool():
            return [edit.tool.description, edit.tool.code]
        case SetTools():
            return [text for tool in edit.tools for text in (tool.description, tool.code)]
    return []


def _shingles(text: str) -> list[str]:
    words = re.findall(r"\w+", re.sub(r"\{\{.*?\}\}|\\n", " ", text).lower())
    return [" ".join(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1)]
