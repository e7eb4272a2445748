"""The metric that compares numbers: the last one in the answer against the target.

Numbers are decimals, never floats: 0.1 is 0.1 and a number of 40 digits keeps them all.
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import final

from slearn.metrics.base import Metric, targets_of, unreadable
from slearn.values import Example

TOLERANCE = Decimal("1e-6")

_NUMBER = re.compile(
    r"""
    (?: (?P<comma>  [1-9]\d{0,2} (?:,\d{2,3})* ,\d{3} (?!\d) (?:\.\d+)? )    # 1,234.5  1,00,000
      | (?P<dot>    [1-9]\d{0,2} (?: (?:\.\d{3})+,\d+ | (?:\.\d{3}){2,} ) (?!\d) )  # 1.234,5
      | (?P<german> (?<!\d,) (?: 0,\d+ | \d+,\d{1,2} ) (?! \d | ,\d ) )      # 3,5 but not 1,2,3
      | (?P<plain>  \d+(?:\.\d+)? | \.\d+ )
    )
    (?: [eE] (?P<e>[-+]?\d+) (?!\w)
      | \s* (?: [×x*·⋅] | \\times | \\cdot ) \s* 10
        (?: (?:\^|\*\*) [{(]? (?P<power>[-+]?\d+) | (?P<small>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+) )
    )?""",
    re.VERBOSE,
)
_INSIDE_A_WORD = re.compile(r"[A-Za-z_^]$|\d\.?$")
_MINUS = re.compile(r"(?<![\w)\]%])-(?:[$£€¥₹]\s?)?$|[$£€¥₹]\s?-$")
_TYPOGRAPHY = str.maketrans("−－﹣٫٬．，", "---.,.,")
_GROUP_SPACE = re.compile(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))")
_SMALL = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_WIDE = Context(prec=50, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


@final
class Number(Metric):
    """Scores 1 where the last number in the answer equals the target.

    Thousands separators, decimal commas, currency and percent signs (50% is 50), units and the
    way the number is written do not count. Whole numbers must be equal; others may differ by
    one part in a million.

    >>> number = Number()
    >>> number.score("3 x 4 = $1,200.00.", Example("1", {}, ("1200",)))
    1.0
    """

    name = "number"

    def score(self, answer: str, example: Example) -> float:
        """Compare with every target that is a number; raise DataError where none is."""
        texts = targets_of(example, self.name)
        targets = [target for target in map(last_number, texts) if target is not None]
        if not targets:
            raise unreadable(example, texts[0], "not a number", self.name)
        given = last_number(answer)
        return float(given is not None and any(_same(given, target) for target in targets))


def last_number(text: str) -> Decimal | None:
    """Return the last number in the text, or None where there is none.

    Digits that belong to a word (m2, H2O, x^2) count only where there is no other number.

    >>> last_number("from 10 to −2.5 units"), last_number("CO2 fell by 5%"), last_number("none")
    (Decimal('-2.5'), Decimal('5'), None)
    """
    text = _GROUP_SPACE.sub("", text.translate(_TYPOGRAPHY))
    loose = strict = None
    for match in _NUMBER.finditer(text):
        loose = match
        if not _INSIDE_A_WORD.search(_before(match)):
            strict = match
    found = strict or loose
    return _decimal(found) if found else None


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - 4) : match.start()]


def _decimal(match: re.Match[str]) -> Decimal | None:
    digits = match["comma"] or match["dot"] or match["german"] or match["plain"]
    if match["dot"]:
        digits = digits.replace(".", "")
    digits = digits.replace(",", "" if match["comma"] else ".")
    exponent = match["e"] or match["power"] or (match["small"] or "0").translate(_SMALL)
    sign = "-" if _MINUS.search(_before(match)) else ""
    try:
        return Decimal(f"{sign}{digits}e{exponent}")
    except InvalidOperation:  # an exponent beyond all numbers
        return None


def _same(one: Decimal, other: Decimal) -> bool:
    if one == other:
        return True
    if all(value == value.to_integral_value(context=_WIDE) for value in (one, other)):
        return False
    gap = _WIDE.subtract(one, other).copy_abs()
    return gap <= _WIDE.multiply(TOLERANCE, max(one.copy_abs(), other.copy_abs()))
