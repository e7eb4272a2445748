"""The trainer's own calls: a prompt and its contract, together in one file under grammars/.

A file has `system` and `user` (Jinja templates), `clip` (the most tokens of each value, so that a
prompt has a bound whatever the data) and `schema` (a bounded JSON Schema); `shots` are examples of
it, the `values` of each and the `answer` to them. A text `$name` in the
schema stands for values of the agent at hand; an alternative that would have to name something
where nothing is there is left out. A call without a schema answers in another language (code).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined

from slearn.engine import (
    GREEDY,
    BoundedJson,
    Counter,
    GenerateRequest,
    Generation,
    Message,
    Sampling,
    bounded_json,
    clip,
)
from slearn.resources import read_resource
from slearn.values import canonical

# What `$name` stands for in a schema: a list for an enumeration, a text for a start, or a schema.
Names = Mapping[str, Sequence[Any] | str | Mapping[str, Any]]


@dataclass(frozen=True)
class Call:
    """One kind of call the trainer makes.

    >>> call("loss").name
    'loss'
    """

    name: str
    system: str
    user: str
    clip: Mapping[str, int]
    schema: Mapping[str, Any]
    shots: Sequence[Mapping[str, Any]] = ()

    def messages(self, values: Mapping[str, Any], count: Counter) -> tuple[Message, ...]:
        """Return the prompt with the values filled in, each clipped to its bound."""
        clipped = {
            name: clip(value, self.clip[name], count) if name in self.clip and value else value
            for name, value in values.items()
        }
        return (Message("system", self.system), *self._shown(), self._asked(clipped))

    def _shown(self) -> list[Message]:
        """Return the turns of the examples."""
        turns = []
        for shot in self.shots:
            answer = json.dumps(shot["answer"], ensure_ascii=False)
            turns += [self._asked(shot["values"]), Message("assistant", answer)]
        return turns

    def _asked(self, values: Mapping[str, Any]) -> Message:
        user = _templates().from_string(self.user).render(**values)
        return Message("user", user.strip())

    def contract(self, names: Names | None = None) -> BoundedJson:
        """Return the contract with the agent's names filled in."""
        # not `canonical`: the order of the properties is the order of the answer
        return _compiled(json.dumps(fill(self.schema, names or {}), ensure_ascii=False))

    def request(
        self,
        values: Mapping[str, Any],
        count: Counter,
        *,
        names: Names | None = None,
        sampling: Sampling = GREEDY,
        seed: int = 0,
        where: str = "",
    ) -> GenerateRequest:
        """Return the request for one call."""
        contract = self.contract(names)
        return GenerateRequest(
            self.messages(values, count),
            contract.grammar,
            sampling,
            seed,
            contract.max_tokens,
            where=where or f"trainer call {self.name!r}",
        )

    def read(self, generation: Generation) -> dict[str, Any] | None:
        """Return the answer's object; None when it was cut off and so is invalid."""
        if not generation.valid:
            return None
        answer: dict[str, Any] = json.loads(generation.text)
        return answer


@lru_cache
def call(name: str) -> Call:
    """Return a call by its file's name."""
    raw = yaml.safe_load(read_resource("grammars", f"{name}.yaml"))
    schema, shots = raw.get("schema", {}), raw.get("shots", [])
    return Call(name, raw["system"], raw["user"], raw["clip"], schema, shots)


def fill(schema: Any, names: Names) -> Any:
    """Put the agent's names into a schema and leave out alternatives that have none.

    >>> fill({"anyOf": [{"enum": "$a"}, {"enum": "$b"}]}, {"a": [1], "b": []})
    {'anyOf': [{'enum': [1]}]}
    """
    if isinstance(schema, str) and schema.startswith("$"):
        value = names[schema[1:]]
        return value if isinstance(value, str | Mapping) else list(value)
    if isinstance(schema, Mapping):
        return {key: fill(value, names) for key, value in schema.items()}
    if isinstance(schema, list):
        filled = (fill(value, names) for value in schema)
        return [value for value in filled if not _names_nothing(value)]
    return schema


def _names_nothing(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    return schema.get("enum") == [] or any(
        map(_names_nothing, schema.get("properties", {}).values())
    )


@lru_cache(maxsize=512)
def _compiled(schema: str) -> BoundedJson:
    return bounded_json(json.loads(schema))


@lru_cache
def _templates() -> Environment:
    return Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def trainer_phrases() -> tuple[str, ...]:
    """Return the fixed texts of all calls, to find them again where they do not belong."""
    from slearn.resources import list_resources

    names = [name[:-5] for name in list_resources("grammars") if name.endswith(".yaml")]
    return tuple(
        canonical([call(name).system, call(name).user, [*call(name).shots]])
        for name in sorted(names)
    )
