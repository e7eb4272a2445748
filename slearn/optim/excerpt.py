"""Excerpts: long demonstrations cut down to what their answers depend on, so that several fit.

An input of a thousand tokens leaves room for one demonstration or for none, and one shows neither
the form of an answer nor how much of an input matters. What is left is in the form that the input
has: whole items of a JSON array, whole lines or sentences, and words only where one of these is
too long by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from slearn.agent import Demo, Node, render
from slearn.values import as_text

Count = Callable[[str], int]
Join = Callable[[Sequence[Any]], str]
_LONG = 300  # tokens of a demonstration that leave room for two others at most
_SHORT = 150  # tokens that one is cut to
_LEAST = 40  # tokens that stay of an input, whatever else a demonstration has


def shortened(demo: Demo, node: Node, count: Count) -> Demo:
    """Return a demonstration with its longest input cut where it is long, around what it answers.

    >>> demo = Demo({"input": "Rain fell. " * 200 + "Lennon sang. The end."}, {"answer": "Lennon"})
    >>> shortened(demo, Node("n", ()), len).inputs["input"][-43:]
    'Rain fell. Rain fell. Lennon sang. The end.'
    """
    size = shown(demo, node, count)
    if size <= _LONG or not demo.inputs:
        return demo
    name = max(demo.inputs, key=lambda name: count(demo.inputs[name]))
    text = demo.inputs[name]
    most = max(_LEAST, _SHORT - (size - count(text)))
    cut = excerpt(text, tuple(demo.output.values()), count, most)
    return replace(demo, inputs={**demo.inputs, name: cut}) if cut != text else demo


def shown(demo: Demo, node: Node, count: Count) -> int:
    """Return about how many tokens a demonstration adds to a node's prompt.

    >>> shown(Demo({"input": "a"}, {"answer": "b"}), Node("n", ()), len) > 2
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
    found = (place for place, part in enumerate(parts) if holds(as_text(part), wanted))
    place = next(found, 0)
    if count(join([parts[place]])) > most:
        return join([_within(parts[place], wanted, count, most)]) if len(parts) > 1 else text
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


def pieces(text: str) -> tuple[list[Any], Join]:
    """Return what a text consists of, and what makes a text of some of it again.

    >>> pieces("Rain. Sun.")[0], pieces("a\\nb. c")[0], pieces("[1, 2]")[0], pieces("a b")[0]
    (['Rain.', 'Sun.'], ['a', 'b. c'], [1, 2], ['a', 'b'])
    """
    if text.lstrip().startswith("["):
        try:
            items = json.loads(text)
        except ValueError:
            items = None
        if isinstance(items, list) and items:
            return items, lambda some: as_text(list(some))
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        return lines, "\n".join
    sentences = re.split(r"(?<=[.!?])\s+", text.strip())
    return (sentences if len(sentences) > 1 else text.split()), " ".join


def holds(text: str, wanted: Sequence[str]) -> bool:
    """Say whether a text holds one of some others, whatever the case of their letters.

    >>> holds("It was Lennon.", ("lennon",)), holds("It was Lennon.", ("",))
    (True, False)
    """
    return any(other.strip() and other.strip().casefold() in text.casefold() for other in wanted)


def _within(part: Any, wanted: Sequence[str], count: Count, most: int) -> Any:
    """Return a part that is too long by itself cut inside: the longest text in it."""
    if isinstance(part, str):
        return excerpt(part, wanted, count, most)
    if isinstance(part, dict) and part:
        name = max(part, key=lambda name: count(as_text(part[name])))
        room = most - (count(as_text(part)) - count(as_text(part[name])))
        return {**part, name: _within(part[name], wanted, count, max(_LEAST, room))}
    return part
