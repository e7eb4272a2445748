"""Descriptions of tools, said anew: a model calls a tool by what it is told that it does."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from slearn.agent import Node, signature
from slearn.call import call
from slearn.engine import Sampling, parameters_of
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.edits import RewriteTool
from slearn.optim.mend import Case, cases_of, told
from slearn.values import Tool

_SHOWN = 5  # calls
_QUOTED = 4  # letters of an argument that stand in no description by chance
_ALONE = 3  # tools of a node that are said anew each for itself


class DescribeTool(Optimizer):
    """Says anew what tools do and take, from their code and from calls of them.

    Every other draft leaves what is said of the arguments as it is.

    Which of several is called depends on what is said of all: those of a node are said anew
    together first, and then alone those whose calls led to wrong answers most often.
    """

    name = "describe tool"

    def __init__(self, drafts: int = 2) -> None:
        self._drafts = drafts

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return, a draft each, all tools of a node together, and some of them alone."""
        together, alone = [], []
        for node in proposal.agent.nodes:
            cases = {tool.name: cases_of(proposal, node, tool) for tool in node.tools}
            wrong = {name: sum(not case.right for case in own) for name, own in cases.items()}
            worst = sorted(wrong, key=lambda name: -wrong[name])[:_ALONE]
            for edits in self._drafted(proposal, node, cases):
                if len(edits) > 1:
                    together.append(self.candidate(proposal, list(edits.values())))
                alone += [
                    self.candidate(proposal, [edits[name]]) for name in worst if name in edits
                ]
        return together + alone

    def _drafted(
        self, proposal: Proposal, node: Node, cases: Mapping[str, Sequence[Case]]
    ) -> list[dict[str, RewriteTool]]:
        """Return each draft's edits by the name of the tool; words that were cut off are none."""
        kind, chance = call("describe_tool"), proposal.chance(f"{self.name} {node.name}")
        drafts = [(number, tool) for number in range(self._drafts) for tool in node.tools]
        requests = [
            kind.request(
                {
                    "signature": signature(replace(tool, description="")),
                    "code": tool.code,
                    "calls": "\n".join(told(case.call) for case in telling(cases[tool.name])),
                },
                proposal.engine.count_tokens,
                names={"arguments": arguments_schema(tool)},
                sampling=Sampling(temperature=0.8, top_p=0.95),
                seed=chance.randrange(1 << 30),
            )
            for _, tool in drafts
        ]
        found: list[dict[str, RewriteTool]] = [{} for _ in range(self._drafts)]
        results = proposal.engine.generate(requests, proposal.watch) if requests else []
        for (number, tool), result in zip(drafts, results, strict=True):
            said, known = kind.read(result), given(cases[tool.name])
            if said and not quotes(said["description"], known):
                # Notes may be taken for values: "The string to be reversed" was passed as one.
                noted = said["arguments"] if number % 2 else {}
                notes = {name: note for name, note in noted.items() if not quotes(note, known)}
                new = described(tool, said["description"], notes)
                found[number][tool.name] = RewriteTool(node.name, new)
        return found


def given(cases: Sequence[Case]) -> set[str]:
    """Return the texts that calls gave a tool: small models take one of them for a description.

    >>> given([])
    set()
    """
    values = [value for case in cases for value in json.loads(case.call.arguments).values()]
    return {value for value in values if isinstance(value, str) and len(value) >= _QUOTED}


def quotes(text: str, known: Collection[str]) -> bool:
    """Say whether a text holds one of others, or is a piece of one.

    >>> quotes("velvet, for example", {"velvet"}), quotes("of magnet", {"Take a out of magnet."})
    (True, True)
    """
    return any(value in text or text.strip(" .?!'\"") in value for value in known)


def telling(cases: Sequence[Case]) -> list[Case]:
    """Return the calls that tell most of what a tool does: right ones, if there are any."""
    return ([case for case in cases if case.right] or list(cases))[:_SHOWN]


def arguments_schema(tool: Tool) -> dict[str, object]:
    """Return what a description says of a tool's arguments, as a schema."""
    text = {"type": "string", "minLength": 3, "maxLength": 80, "x-max-tokens": 16}
    names = parameters_of(tool)["properties"]
    return {"type": "object", "properties": dict.fromkeys(names, text)}


def described(tool: Tool, description: str, arguments: dict[str, str]) -> Tool:
    """Return a tool with another description, of itself and of its arguments.

    >>> tool = Tool("f", parameters='{"properties": {"n": {"type": "integer"}}}')
    >>> described(tool, "Doubles.", {"n": "a number"}).parameters
    '{"properties": {"n": {"type": "integer", "description": "a number"}}}'
    """
    schema = json.loads(tool.parameters)
    for name, said in arguments.items():
        if isinstance(schema.get("properties", {}).get(name), dict):
            schema["properties"][name]["description"] = said.strip()
    text = json.dumps(schema, ensure_ascii=False)
    return replace(tool, description=description.strip(), parameters=text)
