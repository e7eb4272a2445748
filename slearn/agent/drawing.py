"""A flow drawn as text, for people: a line a part, blocks set in, lines that lead the eye.

>>> from slearn.agent.flow import Branch
>>> print("\\n".join(flow_lines(Flow(("read", Branch("read", (("yes", ("pay",)),), ("reply",)))))))
read
branch on read
├─ yes
│  └─ pay
└─ else
   └─ reply
"""

from __future__ import annotations

from slearn.agent.flow import Among, Best, Block, Branch, Each, Flow, Loop, Nearest, Part, Vote

Tree = tuple[str, list["Tree"]]


def flow_lines(flow: Flow) -> list[str]:
    """Return a flow as lines, its settings last where they are not the usual ones.

    >>> flow_lines(Flow(("draft", "answer")))
    ['draft', 'answer']
    """
    usual = Flow(())
    lines = [line for part in flow.steps for line in _lines(_tree(part))]
    lines += [f"at first {name} is {value!r}" for name, value in flow.start]
    lines += [f"the answer is {flow.answer}"] if flow.answer else []
    lines += [f"{flow.limit} steps at most"] if flow.limit != usual.limit else []
    lines += [f"no new turn after {flow.tokens} tokens"] if flow.tokens else []
    return lines


def _tree(part: Part) -> Tree:
    match part:
        case Branch():
            cases: list[Tree] = [(value, _trees(block)) for value, block in part.cases]
            if part.other:
                cases.append(("else", _trees(part.other)))
            return f"branch on {part.on}", cases
        case Loop():
            title = f"loop until {part.until} is {part.value}, {part.most} times at most"
            return title, _trees(part.body)
        case Each():
            title = f"for each {part.item} of {part.over}, {part.most} at most, as {part.into}"
            return title, _trees(part.body)
        case Nearest():
            return f"nearest {part.keep} of {part.over} to {part.to}, as {part.into}", []
        case Among():
            return f"among the {part.keep} nearest choices, lean {part.lean:g}", _trees(part.body)
        case Vote():
            return f"vote of {part.times}", _trees(part.body)
        case Best():
            return f"best of {part.times} by {part.by}", _trees(part.body)
    return part, []


def _trees(block: Block) -> list[Tree]:
    return [_tree(part) for part in block]


def _lines(tree: Tree) -> list[str]:
    title, inner = tree
    lines = [title]
    for number, each in enumerate(inner, 1):
        last = number == len(inner)
        first, *rest = _lines(each)
        lines.append(f"{'└─' if last else '├─'} {first}")
        lines += [f"{'  ' if last else '│ '} {line}" for line in rest]
    return lines
