"""What a blocked payout lacks, in the reader's language.

Belongs here: how the words of models/calculation/explanation/missing.py and of other benefits are told to a partner. Words that no pattern knows are told as
they are.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from assets.statements.words import Words

_DAY = r"\d{4}-\d{2}-\d{2}"
_LINES = re.compile(
    r"(?P<prior>in the prior year )?(?P<count>\d+) of (?P<lines>\d+) lines have no "
    r"(?:number in (?P<attribute>.+)|(?P<what>rate|cost|quantity)(?:: (?P<pairs>.+))?)"
)
_PAIR = re.compile(rf"(?P<one>[A-Z]{{3}}) to (?P<other>[A-Z]{{3}}) on (?P<day>{_DAY})")
#: Pattern, and the message that tells it with the pattern's groups.
_PATTERNS = [
    (re.compile(pattern), key)
    for pattern, key in (
        (rf"no target for (?P<who>.+) from (?P<first>{_DAY})", "missing.target"),
        (rf"no baseline for (?P<who>.+) from (?P<first>{_DAY})", "missing.baseline"),
        (rf"no incentive for (?P<who>.+) from (?P<first>{_DAY})", "missing.incentive"),
        (rf"no value of (?P<metric>.+) for (?P<who>.+) from (?P<first>{_DAY}) to (?P<last>{_DAY})", "missing.metric"),
        (rf"no window of (?P<benefit>.+) that ends on (?P<last>{_DAY}) has begun", "missing.window"),
        (r"no (?P<figure>\w+) of (?P<benefit>.+), whose own steps say why", "missing.figure"),
        (r"(?P<figure>.+) is (?P<value>-?\d+(?:\.\d+)?)", "missing.value"),
    )
]


def tell_missing(words: Words, text: str) -> str:
    if found := _LINES.fullmatch(text):
        return _tell_lines(words, found)
    for pattern, key in _PATTERNS:
        if found := pattern.fullmatch(text):
            return words.say(key, **{name: _tell(words, name, value) for name, value in found.groupdict().items()})
    return text


def _tell(words: Words, name: str, value: str) -> str:
    if name in ("first", "last"):
        return words.day(dt.date.fromisoformat(value))
    if name == "value":
        return words.number(Decimal(value))
    if name == "figure" and words.knows(f"what.{value}"):
        return words.say(f"what.{value}")
    return value.replace(" or ", " / ") if name == "metric" else value


def _tell_lines(words: Words, found: re.Match[str]) -> str:
    """How many lines lack something; with the pairs of currencies that have no rate."""
    counts = {name: words.number(Decimal(found[name])) for name in ("count", "lines")}
    told = words.say(f"missing.{found['what'] or 'attribute'}", attribute=found["attribute"], **counts)
    pairs = [words.say("missing.pair", **pair.groupdict() | {"day": _tell(words, "first", pair["day"])}) for pair in _PAIR.finditer(found["pairs"] or "")]
    if (found["pairs"] or "").endswith(" and others"):
        pairs.append(words.say("missing.others"))
    if pairs:
        told = words.say("missing.with_pairs", told=told, pairs=", ".join(pairs))
    return words.say("missing.prior", told=told) if found["prior"] else told
