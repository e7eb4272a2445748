"""Code that the model writes to a signature, under a grammar of Python: parsed, and not yet run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress

from slearn.call import call
from slearn.engine import GREEDY, GenerateRequest, Generation
from slearn.errors import InputError
from slearn.optim.base import Proposal
from slearn.optim.tries import LUCKY
from slearn.tools import code_grammar, tool_from_code
from slearn.values import Tool

_FENCES = "```python\n", "```"
_TOKENS, LINE = 320, 128  # of code, and of an expression, half of it to be closed in


def written(
    proposal: Proposal,
    values: Mapping[str, str],
    drafts: int,
    attempt: int = 0,
    *,
    lines: int = 0,
) -> list[Tool]:
    """Return the different tools that the model writes to a signature: parsed, and not yet run.

    `lines` more drafts are one expression: they cost a quarter, and are right as often where the
    task is simple.
    """
    kind, engine = call("write_tool"), proposal.engine
    messages = kind.messages(values, engine.count_tokens)
    head = f"{values['name']}{values['head']}"
    chance = proposal.chance(f"write {head} {attempt}")
    requests = [
        GenerateRequest(
            messages,
            code_grammar(head, one_line=draft >= drafts),
            LUCKY if draft or attempt else GREEDY,
            chance.randrange(1 << 30),
            LINE if draft >= drafts else _TOKENS,
            closing=True,
            where="trainer call 'write_tool'",
        )
        for draft in range(drafts + lines)
    ]
    return list(tools_of(engine.generate(requests, proposal.watch)))


def tools_of(results: Iterable[Generation]) -> Counter[Tool]:
    """Return the tools that were written, and how often each was.

    >>> # tools_of(engine.generate(requests)).most_common(1)
    """
    found: Counter[Tool] = Counter()
    for result in results:
        # Not by any fences: there may be some in the texts of the code.
        text = result.text.removeprefix(_FENCES[0]).removesuffix(_FENCES[1])
        with suppress(InputError):  # cut off by its limit
            found[tool_from_code(text)] += 1
    return found
