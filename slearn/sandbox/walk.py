"""Copy a value as plain data. This file also runs inside the sandboxes, which get it as text.

Both a tool's result and its arguments pass here, on each side of the border, so that one rule
decides what plain data is. The file imports nothing and uses only what every sandbox's Python
knows (no `yield`, no `int.bit_length`). Work and memory are bounded by the bytes that are left,
whatever the value is: one that holds itself, or one that shares its parts a million times.
"""

DEEPEST = 100
LONGEST = 4000  # digits of an integer; CPython refuses to read more than 4,300


def walk(value: object, left: list[int], depth: int = 0) -> object:
    """Return `value` as JSON can hold it; tuples and sets become lists, keys become strings.

    >>> walk({1: (2, {"b", "a"})}, [100])
    {'1': [2, ['a', 'b']]}

    `left` holds the bytes that its JSON may still have; what is used is taken off. ValueError says
    what cannot pass, in words that fit after "returned".
    """
    if value is None or value is True or value is False:
        _spend(left, 4)
        return value
    if isinstance(value, str):
        return _text(value, left)
    if isinstance(value, int):
        if not -(10**18) < value < 10**18 and not -(10**LONGEST) < value < 10**LONGEST:
            raise ValueError(f"an integer of more than {LONGEST:,} digits")
        _spend(left, 1)
        return int(value)
    if isinstance(value, float):
        if value - value != 0:
            raise ValueError("a number that is infinite or nan, which JSON cannot hold")
        _spend(left, 1)
        return float(value)
    if depth >= DEEPEST:
        raise ValueError(f"a value nested deeper than {DEEPEST}, or one that holds itself")
    if isinstance(value, dict):
        return _pairs(value, left, depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        _spend(left, 1)
        items = []
        for item in value:
            _spend(left, 1)
            items.append(walk(item, left, depth + 1))
        return _in_order(items) if isinstance(value, (set, frozenset)) else items
    raise ValueError(f"{_named(value)}, which is no plain data")


def _pairs(value: dict[object, object], left: list[int], depth: int) -> object:
    _spend(left, 1)
    pairs = {}
    for key, item in value.items():
        _spend(left, 2)
        pairs[_key(key, left)] = walk(item, left, depth + 1)
    return pairs


def _key(key: object, left: list[int]) -> str:
    if isinstance(key, str):
        return _text(key, left)
    if key is None or key is True or key is False:
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, (int, float)):
        return str(walk(key, left))
    raise ValueError(f"a dict with {_named(key)} as a key, which is no plain data")


def _text(value: str, left: list[int]) -> str:
    _spend(left, len(value) + 2)  # before it is encoded, which would take as much again
    try:
        more = len(value.encode()) - len(value)
    except ValueError:
        raise ValueError("a string that is not valid Unicode (a lone surrogate)") from None
    _spend(left, more)
    return "".join([value])  # a real str, where value is a subclass


def _in_order(items: list[object]) -> list[object]:
    # A set has no order of its own, and a result must not depend on hashes.
    try:
        return sorted(items)  # type: ignore[type-var]
    except TypeError:
        return sorted(items, key=lambda item: (type(item).__name__, repr(item)))


def _spend(left: list[int], count: int) -> None:
    left[0] -= count
    if left[0] < 0:
        raise ValueError("more data than the limit of output allows")


def _named(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"
