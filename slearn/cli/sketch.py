"""An agent as a picture for people: its flow drawn, and what each node reads and gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slearn.agent import Agent, Node, flow_lines
from slearn.cli.changes import field_text
from slearn.cli.output import one_line, visible


def sketch_of(agent: Agent) -> dict[str, Any]:
    """Return what `show --json` prints of an agent file.

    >>> from slearn.agent import Flow
    >>> sketch_of(Agent("echo", (Node("answer", ("Say it.",)),), Flow(("answer",))))["flow"]
    ['answer']
    """
    return {
        "agent": agent.name,
        "metric": agent.metric,
        "reads": list(agent.columns),
        "flow": flow_lines(agent.flow),
        "nodes": [_node(node) for node in agent.nodes],
    }


def sketch_text(sketch: Mapping[str, Any]) -> str:
    """Return a sketch in words.

    >>> from slearn.agent import Flow
    >>> agent = Agent("echo", (Node("answer", ("Say it.",)),), Flow(("answer",)))
    >>> print(sketch_text(sketch_of(agent)))
    agent echo: reads input, scored by exact
    <BLANKLINE>
    the flow:
      answer
    <BLANKLINE>
    the nodes:
      answer: reads input, 1 line, 0 demos
        answer: text, up to 200 characters and 64 tokens, one line
    """
    reads = ", ".join(sketch["reads"]) or "nothing"
    lines = [one_line(f"agent {sketch['agent']}: reads {reads}, scored by {sketch['metric']}")]
    lines += ["", "the flow:", *(f"  {visible(line)}" for line in sketch["flow"]), "", "the nodes:"]
    for node in sketch["nodes"]:
        lines += _node_lines(node)
    return "\n".join(lines)


def _node(node: Node) -> dict[str, Any]:
    return {
        "node": node.name,
        "reads": list(node.inputs),
        "output": [field_text(field) for field in node.output.fields],
        "writes": node.writes,
        "lines": len(node.instructions),
        "demos": len(node.demos),
        "nearest": node.nearest,
        "tools": [tool.name for tool in node.tools],
        "roles": [role.name for role in node.roles],
    }


def _node_lines(node: Mapping[str, Any]) -> list[str]:
    counts = (f"{node[what]} {what[:-1]}{'s' * (node[what] != 1)}" for what in ("lines", "demos"))
    said = [f"reads {', '.join(node['reads'])}", *counts]
    said += [f"the {node['nearest']} nearest are shown"] if node["nearest"] else []
    said += [f"writes {node['writes']}"] if node["writes"] else []
    said += [f"{what} {', '.join(node[what])}" for what in ("tools", "roles") if node[what]]
    head = one_line(f"{node['node']}: {', '.join(said)}")
    return [f"  {head}", *(f"    {one_line(field)}" for field in node["output"])]
