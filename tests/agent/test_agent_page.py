"""docs/agents.md: its example is an agent, and it names every key that a file may have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from slearn.agent import Field, Flow, Node, agent_from_text, agent_to_text
from slearn.errors import AgentFileError

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.split("```yaml\n")[1].split("```")[0]
HEAD = "slearn: 1\nnodes:\n- name: a\n  instructions: [x]\n"

# A file with the key `zz` where the keys of a section stand, and how the page calls the section.
PLACES = {
    "The agent": "slearn: 1\nzz: 1\n",
    "A node": HEAD + "  zz: 1\n",
    "A field of an output": HEAD + "  output: {zz: 1}\n",
    "A demonstration": HEAD + "  demos: [{zz: 1}]\n",
    "A tool": HEAD + "tools: [{zz: 1}]\n",
    "The flow": HEAD + "flow: {zz: 1}\n",
}
PARTS = {
    "A node": HEAD + "  roles: [{zz: 1}]\n",
    "A demonstration": HEAD + "  demos:\n  - inputs: {input: x}\n    output: {answer: y}\n"
    "    calls: [{zz: 1}]\n",
    **{f"The flow, {part}": f"{HEAD}flow: {{steps: [{{{part}: a, zz: 1}}]}}\n"
       for part in ("branch", "loop", "each", "vote", "best")},
}  # fmt: skip


def keys(text: str) -> list[str]:
    """The keys that may stand where `zz` does: the error names them."""
    with pytest.raises(AgentFileError) as caught:
        agent_from_text(text)
    found = re.search(r"expected one of (.*), not 'zz'", str(caught.value))
    assert found, str(caught.value)
    return found[1].split(", ")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_example_is_an_agent() -> None:
    agent = agent_from_text(EXAMPLE)
    assert agent.columns == ("request",) and agent.last.name == "write"
    assert [tool.name for tool in agent.node("amount").tools] == ["total", "median"]
    assert agent_from_text(agent_to_text(agent)) == agent


@pytest.mark.parametrize("title", PLACES)
def test_the_table_of_a_section_has_its_keys_and_no_others(title: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section(title), re.MULTILINE)
    assert sorted(rows) == sorted(keys(PLACES[title]))


@pytest.mark.parametrize("title", PARTS)
def test_what_stands_inside_is_named_too(title: str) -> None:
    name, _, part = title.partition(", ")
    text = section(name)
    if part:  # its rows: the first names the part, the others name nothing
        found = re.search(rf"^\| {part} \|.*\n(\| \|.*\n)*", text, re.MULTILINE)
        assert found
        text = found[0]
    assert all(f"`{key}`" in text for key in keys(PARTS[title]))


@pytest.mark.parametrize(
    ("title", "key", "usual"),
    [
        ("The flow", "limit", Flow.limit),
        ("A node", "max_calls", Node.max_calls),
        ("A node", "layout", Node.layout),
        ("A node", "rounds", Node.rounds),
        ("A node", "tool_choice", Node.tool_choice),
        ("A field of an output", "type", Field.type),
        ("A field of an output", "max_chars", Field.max_chars),
        ("A field of an output", "max_tokens", Field.max_tokens),
    ],
)
def test_defaults_are_those_of_the_code(title: str, key: str, usual: object) -> None:
    assert re.search(rf"^\| `{key}` \| [^|]* \| {usual} \|", section(title), re.MULTILINE)


@pytest.mark.parametrize(
    "part",
    [
        "loop: [a]\n    until: {a: x}",
        "each: i\n    of: l\n    do: [a]\n    as: w",
        "vote: [a]",
        "best: [a]\n    by: g",
    ],
)
def test_turns_are_as_many_as_the_page_says(part: str) -> None:
    kind = part.split(":")[0]
    flow = f"flow:\n  limit: 99\n  steps:\n  - {part}\n  - a\n  - g\n"
    made = agent_from_text(f"{HEAD}- name: g\n  instructions: [x]\n{flow}").flow.steps[0]
    turns = getattr(made, "most", getattr(made, "times", None))
    rows = re.search(rf"^\| {kind} \|.*\n(\| \|.*\n)*", section("The flow"), re.MULTILINE)
    assert rows and f"| 1 to 100 | {turns} |" in rows[0]
