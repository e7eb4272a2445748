"""Dividing examples into train, validation and test, the same way every time.

The division depends on the seed and on what the examples say, not on the order of the file.
Examples with the same inputs stay together, so nothing that was learnt from is measured on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import itemgetter

from slearn.errors import InputError
from slearn.values import Example, digest

MANY = 20_000
CAP = 1000
_FEW_TARGETS = 30

Group = list[Example]


@dataclass(frozen=True)
class Splits:
    """Examples to learn from, to decide with, and to report on.

    >>> Splits(train=(Example("1", {}),)).test
    ()
    """

    train: tuple[Example, ...] = ()
    val: tuple[Example, ...] = ()
    test: tuple[Example, ...] = ()


def split(
    examples: Sequence[Example], seed: int = 0, train: float = 0.45, val: float = 0.25
) -> Splits:
    """Divide the examples by the given shares; test gets the rest.

    >>> parts = split([Example(str(n), {"input": str(n)}) for n in range(8)])
    >>> len(parts.train), len(parts.val), len(parts.test)
    (4, 2, 2)

    Where there are up to 30 different first targets, each split gets its share of every one. A
    single example goes to train, a second to val, a third to test. Above 20,000 examples val and
    test are capped at 1000 each and train gets what is over. Raises InputError for shares that are
    not shares.
    """
    if not (0 < train <= 1 and 0 <= val <= 1 and train + val <= 1 + 1e-9):
        raise InputError(f"train {train} and val {val} are not shares of one whole")
    rest = 1 - train - val
    quotas = _quotas(len(examples), (train, val, rest if rest > 1e-9 else 0.0))
    groups = _in_order(_same_inputs(examples), seed)
    smallest = min((quota for quota in quotas if quota), default=0)
    groups.sort(key=lambda group: len(group) <= smallest)  # what fits nowhere else is for train
    return Splits(*map(tuple, _dealt(groups, quotas)))


def _dealt(groups: list[Group], quotas: list[int]) -> list[list[Example]]:
    """Fill train, val and test in this order, each about to its quota, none left empty."""
    parts: list[list[Example]] = [[], [], []]
    place, *later = (index for index in range(3) if quotas[index] or index == 0)
    for left, group in zip(range(len(groups), 0, -1), groups, strict=True):
        full = len(parts[place]) + len(group) / 2 > quotas[place]
        if later and parts[place] and (full or left <= len(later)):
            place = later.pop(0)
        parts[place].extend(group)
    return parts


def _same_inputs(examples: Iterable[Example]) -> list[Group]:
    groups: dict[frozenset[tuple[str, str]], Group] = defaultdict(list)
    for example in examples:
        groups[frozenset(example.inputs.items())].append(example)
    return list(groups.values())


def _in_order(groups: list[Group], seed: int) -> list[Group]:
    """Shuffle the groups so that every stretch holds each target in its share."""
    labels = [group[0].targets[0] if group[0].targets else None for group in groups]
    stratified = len(set(labels)) <= _FEW_TARGETS
    strata: dict[str | None, list[tuple[bytes, Group]]] = defaultdict(list)
    for label, group in zip(labels, groups, strict=True):
        strata[label if stratified else None].append((_key(seed, group[0]), group))
    ranked: list[tuple[float, bytes, Group]] = []
    for label, members in strata.items():
        total = sum(len(group) for _, group in members)
        offset = int(digest([seed, label], length=8), 16) / 16**8  # so that rare targets spread
        before = 0
        for key, group in sorted(members, key=itemgetter(0)):
            ranked.append(((before + offset * len(group)) / total, key, group))
            before += len(group)
    return [group for _, _, group in sorted(ranked, key=itemgetter(0, 1))]


def _key(seed: int, example: Example) -> bytes:
    """Return a digest to sort by: as good as random, and the same on every machine."""
    parts = (text for item in sorted(example.inputs.items()) for text in item)
    return sha256("\0".join((str(seed), *parts)).encode("utf-8", "surrogatepass")).digest()


def _quotas(n: int, shares: tuple[float, float, float]) -> list[int]:
    """Return whole numbers that sum to n: the shares, and at least one each while that goes."""
    quotas = [int(n * share) for share in shares]
    by_remainder = sorted(range(3), key=lambda index: quotas[index] - n * shares[index])
    for index in by_remainder[: n - sum(quotas)]:
        quotas[index] += 1
    for index in range(3):
        largest = max(range(3), key=lambda part: (quotas[part], part))
        spare = quotas[largest] > 1 or (quotas[largest] and largest > index)
        if shares[index] and not quotas[index] and spare:
            quotas[largest] -= 1
            quotas[index] += 1
    if n > MANY:
        quotas[1:] = [min(quota, CAP) for quota in quotas[1:]]
        quotas[0] = n - sum(quotas[1:])
    return quotas
