"""The flow: which node runs when. It is the computation graph, and a weight like the others.

A flow is a block: parts that run one after the other. A part is a node's name or holds blocks of
its own, so a flow cannot be drawn that does not end. Nodes know each other's results by name: a
node's answer is known by the node's name, and by the name that it `writes`, which several nodes may
share (two that follow a branch, or one that improves on what another wrote).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Union


@dataclass(frozen=True)
class Branch:
    """One block or another, by the value of a name; `other` where no case fits.

    Where the name is a node whose answer is a choice, the model chooses among the cases.

    >>> Branch("kind", (("refund", ("pay",)),), ("reply",)).blocks
    (('pay',), ('reply',))
    """

    on: str
    cases: tuple[tuple[str, Block], ...]
    other: Block = ()

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of the cases in order, and the other one."""
        return (*(block for _, block in self.cases), self.other)

    def taken(self, value: str) -> Block:
        """Return the block that a value leads to; spaces around it or a case do not count."""
        said = value.strip()
        return next((block for case, block in self.cases if case.strip() == said), self.other)


@dataclass(frozen=True)
class Loop:
    """A block again and again until a name has a value: once at least, `most` times at most."""

    body: Block
    until: str
    value: str
    most: int = 3

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The body."""
        return (self.body,)

    def ended(self, value: str) -> bool:
        """Say whether a value ends it; spaces around the two do not count."""
        return value.strip() == self.value.strip()


@dataclass(frozen=True)
class Each:
    """A block for each item of a list, all at once; the answers, a line each, are known as `into`.

    The list is the lines of a text, or a JSON array; `item` is what the block knows an item by.
    Of a longer list the first `most` items count.
    """

    over: str
    item: str
    body: Block
    into: str
    most: int = 8

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The body."""
        return (self.body,)


@dataclass(frozen=True)
class Nearest:
    """The pieces of a long text that are most like another one, known as `into`; no node runs.

    Of the items of a JSON array, or the lines or sentences of a text, `keep` are let through, in
    their order and in the form that they had.

    >>> Nearest("context", "question", "near").keep
    3
    """

    over: str
    to: str
    into: str
    keep: int = 3

    @property
    def blocks(self) -> tuple[Block, ...]:
        """None: it holds nothing."""
        return ()


@dataclass(frozen=True)
class Among:
    """A block whose last node chooses among few: the choices whose demonstrations are most like it.

    Of the node's own choices `keep` are weighed, those whose most alike demonstration and own words
    are most like its inputs; each of the two adds `lean` nats where it is all alike, half of that
    where it is half alike. No node runs for it, and it is a shortlist without a second prompt.

    >>> Among(("answer",)).keep
    20
    """

    body: Block
    keep: int = 20
    lean: float = 8.0

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The body."""
        return (self.body,)


@dataclass(frozen=True)
class Vote:
    """A block several times at once, by luck but for the first; the commonest answer stays."""

    body: Block
    times: int = 5

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The body."""
        return (self.body,)


@dataclass(frozen=True)
class Best:
    """A block several times at once, each graded by a node; the answer with the best grade stays.

    The grade is the first number in what the node `by` answers, or where that decides by likelihood
    among numbers, their mean by their likelihoods: few answers have the same one.
    """

    body: Block
    by: str
    times: int = 3

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The body, and the node that grades."""
        return (self.body, (self.by,))


Part = Union[  # noqa: UP007 - forward references need it
    str, Branch, Loop, Each, Nearest, Among, Vote, Best
]
Block = tuple[Part, ...]
BlockChange = Callable[[Block], Block]


@dataclass(frozen=True)
class Flow:
    """The parts in order, the most steps that one forward pass may take, and what the answer is.

    `answer` is the name whose value is the agent's answer, '' for what the last node returns.
    `start` are values that names have before anything runs (a loop's first turn may read them).
    After `tokens` that were written no loop, vote or list begins another turn; 0 sets no limit.

    >>> Flow(("draft", Vote(("answer",)))).names()
    ('draft', 'answer')
    """

    steps: Block
    limit: int = 16
    answer: str = ""
    start: tuple[tuple[str, str], ...] = ()
    tokens: int = 0

    def names(self) -> tuple[str, ...]:
        """Return the nodes in the order in which they stand, each once."""
        return tuple(dict.fromkeys(names_of(self.steps)))

    @property
    def plain(self) -> bool:
        """Whether it is a chain: every node once, one after the other, some among few choices."""
        straight = all(isinstance(part, str | Among) for part in parts_of(self.steps))
        names = list(names_of(self.steps))
        return not self.answer and straight and len(set(names)) == len(names)


def names_of(block: Block) -> Iterator[str]:
    """Yield the nodes of a block in order, as often as they stand in it.

    >>> list(names_of(("a", Loop(("b", "a"), "a", "ok"))))
    ['a', 'b', 'a']
    """
    for part in block:
        if isinstance(part, str):
            yield part
        else:
            for inner in part.blocks:
                yield from names_of(inner)


def parts_of(block: Block) -> list[Part]:
    """Return all parts of a block and of the blocks inside it, the outer ones first.

    >>> parts_of((Vote(("a",), 3),))
    [Vote(body=('a',), times=3), 'a']
    """
    found: list[Part] = []
    for part in block:
        found.append(part)
        if not isinstance(part, str):
            for inner in part.blocks:
                found += parts_of(inner)
    return found


def mapped(block: Block, change: BlockChange) -> Block:
    """Return a block with a change made to all blocks inside it, the innermost first, and to it.

    >>> mapped(("a", Vote(("a", "b"))), lambda block: tuple(p for p in block if p != "a"))
    (Vote(body=('b',), times=5),)
    """
    parts: list[Part] = []
    for part in block:
        match part:
            case Branch():
                cases = tuple((value, mapped(inner, change)) for value, inner in part.cases)
                parts.append(replace(part, cases=cases, other=mapped(part.other, change)))
            case Loop() | Each() | Among() | Vote() | Best():
                parts.append(replace(part, body=mapped(part.body, change)))
            case _:
                parts.append(part)
    return change(tuple(parts))
