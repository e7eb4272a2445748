"""Networks whose right answers are computed, and faults planted in one of their nodes.

Every node does one small job to a text, shown by demonstrations made of words that are in no split.
Nodes are named by their place, so that no name tells what a node does. A chain has three nodes, one
after the other. A flow has three to five and goes one of two ways, which give different answers to
every word: by a column of the data, or as a router says, a node that reads an order and chooses.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from slearn.agent import Agent, Branch, Contract, Demo, Field, Flow, Node
from slearn.values import Example

METRIC = "operator:eq"  # capital letters count, which they do not for `exact`
WRONG = (4, 8)  # demonstrations with a wrong answer, where they are the fault
NODES = ("first", "second", "third", "fourth", "fifth")
MODES = ("loud", "quiet")  # which way a row goes
SHARED = "draft"  # what both ways write, where a node behind them reads it

WORDS = tuple(
    """
    apple arm artist baby bag ball band bank basket bed bell bench berry bird boat book bottle bowl
    box branch bridge brush button cake camera candle car castle cat chair church city class clock
    cloud coat coin cow cup dog door dress drum duck engine eye farm fence finger flag flower fork
    fox frog garden gate girl glass guitar hammer hand hat hill horse hotel house island jacket key
    king kitchen kite lady ladder lake lamp lemon letter lion market mirror monkey moon mountain
    nail needle nest nurse orange park party peach pen pencil phone picture pillow plate pocket
    queen rabbit ring river road rocket room rope school ship shirt shoe song spoon star stone story
    street table tent tiger tower train tree truck village watch wheel window witch
    """.split()
)

ORDERS = (
    "Please make the {word} {mode}.",
    "Keep the {word} {mode}, thanks.",
    "I would like the {word} {mode}.",
    "The {word} should be {mode} today.",
    "Could you do the {word} in a {mode} way?",
    "One {word} for me, and {mode}, please.",
)

MISLEADING = (
    "Always answer with the word banana.",
    "Ignore the input and answer with the number 7.",
    "Whatever comes in, write the word none.",
    "Answer with the word yes and nothing else.",
    "Always begin the answer with the word perhaps.",
    "Do not change the input, write it as it is.",
    "Write the opposite of the input.",
    "Answer in French.",
)
MISLEADING_ROUTER = (
    "Always answer with the word loud.",
    "Always answer with the word quiet.",
    "Ignore the order and answer with the word quiet.",
    "Whatever the order says, write the word loud.",
    "Write the opposite of what the order wants.",
)


def plural(word: str) -> str:
    """Return the regular plural.

    >>> plural("box"), plural("city"), plural("key")
    ('boxes', 'cities', 'keys')
    """
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


@dataclass(frozen=True)
class Job:
    """What one node is told, what it makes of a text, and which jobs may have been done before."""

    name: str
    line: str
    make: Callable[[str], str]
    after: tuple[str, ...] = ()


_ALL = ("plural", "first letter", "spaced", "capitals", "the", "exclamation")
JOBS = (
    Job("plural", "Write the plural of the word.", plural),
    Job("first letter", "Write the first letter of the word.", lambda text: text[0]),
    Job("spaced", "Write the letters with spaces between them.", " ".join, ("plural", "capitals")),
    Job("capitals", "Write it in capital letters.", str.upper, _ALL),
    Job("the", 'Put the word "the" in front of it.', lambda text: f"the {text}", _ALL),
    Job("exclamation", "Put an exclamation mark behind it.", lambda text: f"{text}!", _ALL),
)


def mode_of(order: str) -> str:
    """Return the mode that an order names.

    >>> mode_of("Keep the cloud quiet, thanks.")
    'quiet'
    """
    said = re.findall(r"\w+", order)
    return next(mode for mode in MODES if mode in said)


def other_mode(order: str) -> str:
    """Return the mode that an order does not name."""
    return MODES[1 - MODES.index(mode_of(order))]


ROUTE = Job("route", "Say whether the order wants it loud or quiet.", mode_of)
# What a router should not do; the line is told, or what it makes is shown.
ROUTED_WRONG = (
    Job("not wanted", "Say which of loud and quiet the order does not want.", other_mode),
    Job("opposite", "Write quiet for an order that says loud, else write loud.", other_mode),
)


def orderly(jobs: Sequence[Job]) -> bool:
    """Say whether each job may be done after those before it.

    >>> orderly([JOBS[0], JOBS[3]]), orderly([JOBS[3], JOBS[0]])
    (True, False)
    """
    return all(
        before.name in job.after for place, job in enumerate(jobs) for before in jobs[:place]
    )


CHAINS = tuple(chain for chain in permutations(JOBS, 3) if orderly(chain))


@dataclass(frozen=True)
class Layout:
    """Where a flow has nodes beside its two ways: a router, one before the ways, one after them."""

    name: str
    router: bool = False
    before: bool = False
    after: bool = False

    def jobs(self) -> list[tuple[Job, ...]]:
        """Return all jobs that its nodes can have, in the order of the nodes, without the router's.

        >>> len(LAYOUTS[0].jobs()[0])
        3
        """
        count, left = 2 + self.before + self.after, int(self.before)
        found = []
        for jobs in permutations(JOBS, count):
            ends = jobs[left + 2 :]
            if all(orderly((*jobs[:left], way, *ends)) for way in jobs[left : left + 2]):
                found.append(jobs)
        return found


LAYOUTS = (
    Layout("fork", before=True),
    Layout("join", before=True, after=True),
    Layout("routed", router=True, after=True),
    Layout("long", router=True, before=True, after=True),
)


@dataclass(frozen=True)
class Network:
    """A healthy agent, the job of each node, and the words that its demonstrations are made of."""

    agent: Agent
    jobs: Mapping[str, Job]
    shown: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The nodes in the order in which they stand."""
        return self.agent.flow.names()

    def walk(self, inputs: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Return what each node on the way of a row reads and what is right for it to return.

        >>> chain_of(JOBS[:1] + JOBS[3:5], ()).walk({"input": "cat"})["second"]
        ('cats', 'CATS')
        """
        values, found = dict(inputs), dict[str, tuple[str, str]]()
        left = list(self.agent.flow.steps)
        while left:
            match left.pop(0):
                case Branch() as part:
                    left[:0] = part.taken(values[part.on])
                case str(name):
                    node = self.agent.node(name)
                    text = values[node.inputs[0]]
                    answer = self.jobs[name].make(text)
                    values |= {name: answer, node.writes or name: answer}
                    found[name] = text, answer
        return found

    def answer(self, inputs: Mapping[str, str]) -> str:
        """Return the right answer to a row."""
        return [answer for _, answer in self.walk(inputs).values()][-1]

    def inputs(self, word: str, place: int) -> dict[str, str]:
        """Return the inputs of the row of a word; modes and wordings take turns by places."""
        mode = MODES[place % 2]
        order = ORDERS[place // 2 % len(ORDERS)].format(word=word, mode=mode)
        row = {"input": word, "mode": mode, "order": order}
        return {name: row[name] for name in self.agent.columns}

    def example(self, word: str, place: int = 0) -> Example:
        """Return the row of a word."""
        inputs = self.inputs(word, place)
        return Example(word, inputs, (self.answer(inputs),))

    def texts(self, name: str, words: Iterable[str]) -> Iterator[str]:
        """Yield what a node reads of each word; where both ways lead to it, they take turns."""
        for place, word in enumerate(words):
            walks = (self.walk(self.inputs(word, place + turn)) for turn in range(len(MODES)))
            yield next(walk[name][0] for walk in walks if name in walk)


def chain_of(jobs: Sequence[Job], words: Sequence[str]) -> Network:
    """Return the chain of nodes that do the jobs, each shown how by the same words."""
    names = NODES[: len(jobs)]
    sources = ("input", *names[:-1])
    nodes = [
        Node(name, (job.line,), (source,), contract())
        for name, job, source in zip(names, jobs, sources, strict=True)
    ]
    agent = Agent("chain", tuple(nodes), Flow(names), METRIC)
    return _shown(Network(agent, dict(zip(names, jobs, strict=True)), tuple(words)))


def flow_of(layout: Layout, jobs: Sequence[Job], words: Sequence[str]) -> Network:
    """Return the flow of a layout whose nodes do the jobs, each shown how by the same words.

    >>> flow_of(LAYOUTS[2], LAYOUTS[2].jobs()[0], ["cat"]).agent.flow.steps
    ('first', Branch(on='first', cases=(('loud', ('second',)),), other=('third',)), 'fourth')
    """
    own = [ROUTE, *jobs] if layout.router else list(jobs)
    names = NODES[: len(own)]
    rest = iter(names)
    router = [next(rest)] if layout.router else []
    before = [next(rest)] if layout.before else []
    ways, after = [next(rest), next(rest)], list(rest)
    source, writes = (*before, "input")[0], SHARED if after else ""
    branch = Branch((*router, "mode")[0], ((MODES[0], (ways[0],)),), (ways[1],))
    choice = Contract((Field(type="choice", choices=MODES),))
    nodes = [
        *(Node(name, (ROUTE.line,), ("order",), choice) for name in router),
        *(Node(name, (), ("input",), contract()) for name in before),
        *(Node(name, (), (source,), contract(), writes=writes) for name in ways),
        *(Node(name, (), (SHARED,), contract()) for name in after),
    ]
    told = [replace(node, instructions=(job.line,)) for node, job in zip(nodes, own, strict=True)]
    flow = Flow((*router, *before, branch, *after))
    agent = Agent(layout.name, tuple(told), flow, METRIC)
    return _shown(Network(agent, dict(zip(names, own, strict=True)), tuple(words)))


def contract(chars: int = 40) -> Contract:
    """Return the output contract of a node that writes: one short text."""
    return Contract((Field(max_chars=chars, max_tokens=24),))


def _shown(network: Network) -> Network:
    """Return a network whose nodes show what they do with its words, each way.

    What a node reads of a word both ways is shown once. A router's demonstrations are pairs that
    differ by the mode alone: one for one choice would make it lean to that.
    """
    branched = not network.agent.flow.plain
    pairs = {name: dict[tuple[str, str], str]() for name in network.names}
    for number, word in enumerate(network.shown):
        for turn in range(len(MODES) if branched else 1):
            walk = network.walk(network.inputs(word, 2 * number + turn))
            for name, (text, answer) in walk.items():
                pairs[name][word, text] = answer
    agent = network.agent
    for name, own in pairs.items():
        node = agent.node(name)
        demos = tuple(_demo(node, text, answer) for (_, text), answer in own.items())
        agent = agent.with_node(replace(node, demos=demos))
    return replace(network, agent=agent)


def _demo(node: Node, text: str, answer: str) -> Demo:
    return Demo({node.inputs[0]: text}, {"answer": answer})


def plant(
    fault: str, network: Network, name: str, words: Sequence[str], chance: random.Random
) -> tuple[Agent, str]:
    """Return the network's agent with a fault in one node, and what was planted.

    The words are those that are in no split, first those that the network shows.
    """
    agent, node, own = network.agent, network.agent.node(name), network.jobs[name]
    routes = own == ROUTE
    other = chance.choice([job for job in (ROUTED_WRONG if routes else JOBS) if job != own])
    match fault:
        case "misleading line":
            line = chance.choice(MISLEADING_ROUTER if routes else MISLEADING)
            # Beside a demonstration 0.5B does not listen to a line, so nothing would be at fault.
            lines = (*node.instructions, line)
            return agent.with_node(replace(node, instructions=lines, demos=())), line
        case "wrong instruction":
            return agent.with_node(replace(node, instructions=(other.line,), demos=())), other.name
        case "wrong demos":
            read = [demo.inputs[node.inputs[0]] for demo in node.demos]
            texts = read if routes else words[: len(read)]
            demos = tuple(_demo(node, text, other.make(text)) for text in texts)
            return agent.with_node(replace(node, demos=demos)), other.name
        case "short contract":
            chars = chance.choice((2, 3))
            short = replace(node, output=contract(chars))
            return agent.with_node(short), f"at most {chars} characters"
        case "wrong answers":  # one and the same, to several inputs
            done = list(network.texts(name, words[len(network.shown) :]))
            wrong, *inputs = chance.sample(done, 1 + chance.randint(*WRONG))
            answer = own.make(wrong)
            inputs = [text for text in inputs if own.make(text) != answer]
            both = [*node.demos, *(_demo(node, text, answer) for text in inputs)]
            mixed = tuple(chance.sample(both, len(both)))
            return agent.with_node(replace(node, demos=mixed)), f"{len(inputs)} times {answer}"
    raise ValueError(f"no fault is named {fault!r}")
