"""Flows in agent files: a list of parts, a node's name or a mapping that says what its blocks do.

flow:
  steps:
  - kind
  - branch: kind
    cases: {refund: [pay]}
    else:
    - loop: [write, check]
      until: {check: ok}
      most: 3
  - each: part
    of: parts
    do: [translate]
    as: whole
  - nearest: 3
    of: context
    to: question
    as: near
  - among: 20
    do: [answer]
    lean: 8
  - vote: [answer]
    times: 5
  - best: [answer]
    by: grade
"""

from __future__ import annotations

from typing import Any

from slearn.agent.document import Place
from slearn.agent.flow import Among, Best, Block, Branch, Each, Flow, Loop, Nearest, Part, Vote
from slearn.agent.flowcheck import MOST_CHOICES

_KINDS = {
    "branch": ("branch", "cases", "else"),
    "loop": ("loop", "until", "most"),
    "each": ("each", "of", "do", "as", "most"),
    "nearest": ("nearest", "of", "to", "as"),
    "among": ("among", "do", "lean"),
    "vote": ("vote", "times"),
    "best": ("best", "by", "times"),
}
_MOST = 100  # turns
_PIECES = 10_000


def read_flow(place: Place) -> Flow:
    """Read a flow; the reverse of `write_flow`."""
    fields = place.fields(("steps", "limit", "answer", "start", "tokens"))
    if "steps" not in fields:
        raise place.fail("`steps`, the nodes' names in order")
    usual = Flow(())
    start = fields["start"].fields() if "start" in fields else {}
    return Flow(
        steps=_read_block(fields["steps"]),
        limit=fields["limit"].integer(1, 1000) if "limit" in fields else usual.limit,
        answer=fields["answer"].text() if "answer" in fields else usual.answer,
        start=tuple((name, value.text()) for name, value in start.items()),
        tokens=fields["tokens"].integer(0, 1_000_000) if "tokens" in fields else usual.tokens,
    )


def write_flow(flow: Flow) -> dict[str, Any]:
    """Write a flow as plain data."""
    written: dict[str, Any] = {"steps": _write_block(flow.steps), "limit": flow.limit}
    if flow.answer:
        written["answer"] = flow.answer
    if flow.start:
        written["start"] = dict(flow.start)
    if flow.tokens:
        written["tokens"] = flow.tokens
    return written


def _read_block(place: Place) -> Block:
    return tuple(_read_part(each) for each in place.items("the nodes' names in order"))


def _read_part(place: Place) -> Part:
    if place.is_text:
        return place.text()
    given = place.fields()
    kind = next((kind for kind in _KINDS if kind in given), None)
    if kind is None:
        raise place.fail(f"a node's name, or one of {', '.join(_KINDS)}")
    fields = place.fields(_KINDS[kind])

    def need(name: str) -> Place:
        if name not in fields:
            raise place.fail(f"`{name}` beside `{kind}`")
        return fields[name]

    def turns(name: str, usual: int) -> int:
        return fields[name].integer(1, _MOST) if name in fields else usual

    match kind:
        case "branch":
            cases = [(value, _read_block(block)) for value, block in need("cases").fields().items()]
            other = _read_block(fields["else"]) if "else" in fields else ()
            return Branch(fields[kind].text(), tuple(cases), other)
        case "loop":
            until = list(need("until").fields().items())
            if len(until) != 1:
                raise fields["until"].fail("one `name: value`")
            (name, value), most = until[0], turns("most", Loop.most)
            return Loop(_read_block(fields[kind]), name, value.text(), most)
        case "each":
            body, most = _read_block(need("do")), turns("most", Each.most)
            return Each(need("of").text(), fields[kind].text(), body, need("as").text(), most)
        case "nearest":
            over, to = need("of").text(), need("to").text()
            return Nearest(over, to, need("as").text(), fields[kind].integer(1, _PIECES))
        case "among":
            lean = fields["lean"].number() if "lean" in fields else Among.lean
            return Among(_read_block(need("do")), fields[kind].integer(2, MOST_CHOICES), lean)
        case "vote":
            return Vote(_read_block(fields[kind]), turns("times", Vote.times))
    return Best(_read_block(fields[kind]), need("by").text(), turns("times", Best.times))


def _write_block(block: Block) -> list[Any]:
    return [part if isinstance(part, str) else _write_part(part) for part in block]


def _write_part(part: Branch | Loop | Each | Nearest | Among | Vote | Best) -> dict[str, Any]:
    match part:
        case Branch():
            cases = {value: _write_block(block) for value, block in part.cases}
            other = {"else": _write_block(part.other)} if part.other else {}
            return {"branch": part.on, "cases": cases, **other}
        case Loop():
            until = {part.until: part.value}
            return {"loop": _write_block(part.body), "until": until, "most": part.most}
        case Each():
            names = {"each": part.item, "of": part.over}
            return {**names, "do": _write_block(part.body), "as": part.into, "most": part.most}
        case Nearest():
            return {"nearest": part.keep, "of": part.over, "to": part.to, "as": part.into}
        case Among():
            return {"among": part.keep, "do": _write_block(part.body), "lean": part.lean}
        case Vote():
            return {"vote": _write_block(part.body), "times": part.times}
    return {"best": _write_block(part.body), "by": part.by, "times": part.times}
