"""Abstaining: a call that the model is not sure of is given up for `none`.

A small model that is told to call nothing where no function fits calls one all the same; but a call
that has nothing to do with the request is written with less certainty, and a local model says with
how much. This is selective prediction (El-Yaniv and Wiener 2010) by the likelihood of a sequence,
normalised by its length.
"""

from __future__ import annotations

from collections.abc import Callable

from slearn.agent.contract import NO_CALL, Contract
from slearn.engine import Generation
from slearn.errors import EngineError


def doubt(got: Generation, count: Callable[[str], int]) -> float:
    """Return how unsure the model was of what it wrote, in nats a token.

    >>> from slearn.values import Usage
    >>> doubt(Generation("a b", "end", True, Usage(), logprob=-3.0), lambda text: 2)
    1.5
    """
    if got.logprob is None:
        raise EngineError("the engine does not say how likely a text is, which `abstain` needs")
    return -got.logprob / max(1, count(got.text))


def given_up(
    contract: Contract, output: dict[str, str], got: Generation, count: Callable[[str], int]
) -> dict[str, str]:
    """Return an output with its call given up where the model was too unsure of it.

    >>> # given_up(node.output, {"answer": '{"name": "now", "arguments": {}}'}, got, count)
    """
    field = contract.answer
    alone = contract.fields == (field,)  # beside others, the doubt would be about them too
    if not (field.abstain and alone and got.valid) or doubt(got, count) <= field.abstain:
        return output
    return {**output, field.name: NO_CALL}
