"""Descriptions of tools, said anew: a model calls a tool by what it is told that it does."""

from __future__ import annotations

import json
from dataclasses import replace

from slearn.agent import signature
from slearn.call import call
from slearn.engine import Sampling, parameters_of
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.edits import RewriteTool
from slearn.optim.mend import cases_of, told
from slearn.values import Tool

_SHOWN = 5  # calls


class DescribeTool(Optimizer):
    """Says anew what a tool does and takes, from its code and from calls of it."""

    name = "describe tool"

    def __init__(self, drafts: int = 2) -> None:
        self._drafts = drafts

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return one candidate a draft, for every tool."""
        kind, chance = call("describe_tool"), proposal.chance(self.name)
        asked = [(node, tool) for node in proposal.agent.nodes for tool in node.tools]
        drafts = [pair for pair in asked for _ in range(self._drafts)]
        requests = []
        for node, tool in drafts:
            cases = cases_of(proposal, node, tool)
            cases = [case for case in cases if case.right] or cases
            values = {
                "signature": signature(replace(tool, description="")),
                "code": tool.code,
                "calls": "\n".join(told(case.call) for case in cases[:_SHOWN]),
            }
            requests.append(
                kind.request(
                    values,
                    proposal.engine.count_tokens,
                    names={"arguments": arguments_schema(tool)},
                    sampling=Sampling(temperature=0.8, top_p=0.95),
                    seed=chance.randrange(1 << 30),
                )
            )
        found = []
        results = proposal.engine.generate(requests, proposal.watch)
        for (node, tool), result in zip(drafts, results, strict=True):
            if said := kind.read(result):
                new = described(tool, said["description"], said["arguments"])
                found.append(self.candidate(proposal, [RewriteTool(node.name, new)]))
        return found


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
