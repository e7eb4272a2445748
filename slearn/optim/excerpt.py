"""Excerpts: long demonstrations cut down to what their answers depend on, so that several fit.

An input of a thousand tokens leaves room for one demonstration or for none, and one shows neither
the form of an answer nor how much of an input matters. What is left is in the form that the input
has: whole items of a JSON array, whole lines or sentences, and words only where one of these is
too long by itself. An answer that does not stand in the input depends on all of it: that one is not
cut, unless the answer is a choice, for which the beginning of a text has to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from slearn.agent import Demo, Node, pieces, render
from slearn.values import as_text

Count = Callable[[str], int]
_LONG = 300  # tokens of a demonstration that leave room for two others at most
_SHORT = 150  # tokens that one is cut to
_LEAST = 40  # tokens that stay of an input, whatever else a demonstration has


def cut(demo: Demo, node: Node, count: Count) -> Demo:
    """Return a demonstration with its longest inputs cut where it is long, around what it answers.

    >>> demo = Demo({"input": "Rain fell. " * 200 + "Lennon sang. The end."}, {"answer": "Lennon"})
    >>> cut(demo, Node("n", ()), len).inputs["input"][-43:]
    'Rain fell. Rain fell. Lennon sang. The end.'
    """
    wanted = tuple(demo.output.values())
    size = tokens_of(demo, node, count)
    for name in sorted(demo.inputs, key=lambda name: -count(demo.inputs[name])):
        text = demo.inputs[name]
        if size <= _LONG:
            break
        if not (holds(text, wanted) or node.output.answer.type == "choice"):
            continue
        most = max(_LEAST, _SHORT - (size - count(text)))
        part = excerpt(text, wanted, count, most)
        demo = replace(demo, inputs={**demo.inputs, name: part}) if part != text else demo
        size += count(part) - count(text)
    return demo


def tokens_of(demo: Demo, node: Node, count: Count) -> int:
    """Return about how many tokens a demonstration adds to a node's prompt.

    >>> tokens_of(Demo({"input": "a"}, {"answer": "b"}), Node("n", ()), len) > 2
    True
    """
    empty = dict.fromkeys(node.inputs, "")

    def size(*demos: Demo) -> int:
        bare = replace(node, instructions=(), tools=(), demos=demos)
        return sum(count(message.content) + 4 for message in render(bare, empty))

    return size(demo) - size()


def excerpt(text: str, wanted: Sequence[str], count: Count, most: int) -> str:
    """Return the part of a text that holds what is wanted, of about `most` tokens; else its start.

    >>> excerpt("One. Two. Three. Four.", ("three",), len, 12)
    'Three. Four.'
    >>> excerpt('["a cat", "a dog", "a bird"]', ("DOG",), len, 18)
    '["a cat", "a dog"]'
    """
    if count(text) <= most:
        return text
    parts, join = pieces(text)
    parts = text.split() or parts if parts == [text] else parts  # a long sentence has words
    place = _place(text, parts, wanted)
    if not parts or count(join([parts[place]])) > most:
        return join([_inside(parts[place], wanted, count, most)]) if parts != [text] else text
    first, last = place, place + 1
    growing = True
    while growing:
        growing = False
        if last < len(parts) and count(join(parts[first : last + 1])) <= most:
            last, growing = last + 1, True
        if first and count(join(parts[first - 1 : last])) <= most:
            first, growing = first - 1, True
    return join(parts[first:last])


def sentences_around(text: str, wanted: Sequence[str], count: Count, most: int) -> str:
    """Return the sentences of a text that hold what is wanted, plain and in one line; '' of none.

    >>> sentences_around('[{"title": "A", "text": "Rain. A cat sat. Sun."}]', ("cat",), len, 12)
    'A cat sat.'
    """
    found = next((part for part in pieces(text)[0] if holds(as_text(part), wanted)), None)
    while isinstance(found, dict | list) and found:
        values = found if isinstance(found, list) else list(found.values())
        found = next((v for v in values if holds(as_text(v), wanted)), None)
    if found is None or not holds(as_text(found), wanted):
        return ""
    return " ".join(excerpt(as_text(found), wanted, count, most).split())


def holds(text: str, wanted: Sequence[str]) -> bool:
    """Say whether a text holds one of some others as whole words, whatever their case.

    >>> holds("It was Lennon.", ("lennon",)), holds("I know.", ("no",)), holds("Well.", ("",))
    (True, False, False)
    """
    return _start(text, wanted) is not None


def _start(text: str, wanted: Sequence[str]) -> int | None:
    """Return where the first of some texts begins in another that stands in it at all."""
    for other in wanted:
        said = r"\s+".join(map(re.escape, other.split()))
        found = re.search(rf"(?<!\w){said}(?!\w)", text, re.IGNORECASE) if said else None
        if found:
            return found.start()
    return None


def _place(text: str, parts: Sequence[Any], wanted: Sequence[str]) -> int:
    """Return which part holds what is wanted, or begins it; 0 where none does."""
    for place, part in enumerate(parts):
        if holds(as_text(part), wanted):
            return place
    start, end = _start(text, wanted), 0
    if start is None or not all(isinstance(part, str) for part in parts):
        return 0
    for place, part in enumerate(parts):  # of what goes beyond one: where it begins
        end = text.find(part, end) + len(part)
        if end > start:
            return place
    return 0


def _inside(part: Any, wanted: Sequence[str], count: Count, most: int) -> Any:
    """Return a part that is too long by itself cut inside: the longest text in it."""
    if isinstance(part, str):
        return excerpt(part, wanted, count, most)
    if isinstance(part, list) and part:
        return json.loads(excerpt(as_text(part), wanted, count, most))
    if isinstance(part, dict) and part:
        name = max(part, key=lambda name: count(as_text(part[name])))
        room = most - (count(as_text(part)) - count(as_text(part[name])))
        return {**part, name: _inside(part[name], wanted, count, max(_LEAST, room))}
    return part
