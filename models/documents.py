"""YAML text to plain values, with the file and line of every mistake.

Belongs here: parsing the YAML that users write (book.yaml, agreements), and the line number of every key.
Does not belong here: what the keys mean (models/book/settings.py, models/agreements/).

Parsing is stricter than YAML itself. Duplicate keys, aliases, tags and words that YAML 1.1 reads as something else (`no`, `12:30`)
are errors. A number with a decimal point stays exact (Decimal). Depth and size are bounded. Texts and keys are in the Unicode form of the feeds.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

import yaml

from models.unicode_form import composed

MAX_BYTES = 1_000_000
MAX_DEPTH = 30
MAX_DIGITS = 60
#: Parser events (keys, values, starts and ends) in one file. A hundred agreements have some 11,000.
MAX_EVENTS = 50_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*(_[0-9]{3})*)")
_DECIMAL = re.compile(r"[-+]?[0-9]+(_[0-9]{3})*\.[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AMBIGUOUS = re.compile(r"(?i:y|n|yes|no|on|off|[-+]?\.inf|\.nan)|[0-9]+(:[0-9]{2})+|0[0-9]+|0[xob][0-9a-fA-F]+|[-+]?[0-9.]+[eE][-+]?[0-9]+")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}

Path = tuple[str | int, ...]


class WrittenInteger(int):
    """An integer that was written otherwise than a program would write it, such as 12_000 or +5: as a name it would be another one."""

    written: str


class WrittenDecimal(Decimal):
    """The same for a number with a decimal point."""

    written: str


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in what a user wrote: where it is, what it is, and how to correct it."""

    file: str
    line: int
    key: str
    message: str
    severity: str = "error"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class InputError(Exception):
    """The user's input is wrong; nothing was run. Carries every problem found, sorted by file and line."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True)
class Document:
    """One YAML document: its value, the line where it begins, and the line of every path in it. `index` counts the documents of the file from 0."""

    file: str
    index: int
    line: int
    value: Any
    places: dict[Path, int] = field(repr=False)

    @property
    def written(self) -> Document:
        """The document as it is in a YAML file."""
        return self

    @property
    def approved_terms(self) -> Any:
        """What an approval of it covers."""
        return self.value

    def problem(self, path: Path, message: str, severity: str = "error") -> Problem:
        """A problem at `path`, or at its nearest parent that is in the text."""
        return Problem(self.file, self.line_of(path), _dotted(path), message, severity)

    def line_of(self, path: Path) -> int:
        """The line of `path`, or of its nearest parent that is in the text."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, self.line)


def parse_documents(text: str, file: str) -> list[Document]:
    """Every document of a file, in order. Raises InputError at the first syntax error."""
    if len(text) > MAX_BYTES:
        raise InputError([Problem(file, 0, "", f"larger than {MAX_BYTES:,} characters; split it into several files")])
    try:
        found = list(_compose(file, text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise InputError([Problem(file, mark.line + 1 if mark else 0, "", f"this is not YAML: {reason}")]) from None
    return [d for d in found if d.value is not None]


def parse_value(text: str) -> Any:
    """A value by itself: a word or number, a text in quotes, or a [list] or {mapping}. Raises InputError."""
    if text[:1] in tuple("[{'\""):
        return parse_documents(text, "")[0].value
    try:
        return _scalar(composed(text))
    except ValueError as error:
        raise InputError([Problem("", 0, "", str(error))]) from None


def _bounded(file: str, events: Iterable[Any]) -> Iterator[Any]:
    for count, event in enumerate(events):
        if count > MAX_EVENTS:
            raise InputError([Problem(file, event.start_mark.line + 1, "", f"more than {MAX_EVENTS:,} keys and values; split it into several files")])
        yield event


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _compose(file: str, text: str) -> Iterator[Document]:
    events = _bounded(file, yaml.parse(text, Loader=_LOADER))
    for index, _ in enumerate(event for event in events if isinstance(event, yaml.DocumentStartEvent)):
        first = next(events)
        places: dict[Path, int] = {(): first.start_mark.line + 1}
        value = _value(file, first, events, (), places, 0)
        yield Document(file, index, places[()], value, places)


def _value(file: str, event: Any, events: Iterator[Any], path: Path, places: dict[Path, int], depth: int) -> Any:
    """The value that begins with the event. Its own place is known; those of the values in it are added."""
    if event.anchor is not None:  # of an alias too
        raise _refusal(file, event, path, "anchors and aliases are not allowed; write the value out")
    if event.tag is not None and event.tag != "!":
        raise _refusal(file, event, path, f"the tag {event.tag} is not allowed")
    kind = type(event)
    if kind is yaml.ScalarEvent:
        text = composed(event.value)
        if not event.implicit[0]:
            return text
        try:
            return _frequent_scalar(text) if len(text) <= _FREQUENT_LENGTH else _scalar(text)
        except ValueError as error:
            raise _refusal(file, event, path, str(error)) from None
    if depth >= MAX_DEPTH:
        raise _refusal(file, event, path, f"nested deeper than {MAX_DEPTH} levels")
    if kind is yaml.SequenceStartEvent:
        items: list[Any] = []
        for item in events:
            if type(item) is yaml.SequenceEndEvent:
                return items
            place = (*path, len(items))
            places[place] = item.start_mark.line + 1
            items.append(_value(file, item, events, place, places, depth + 1))
    mapping: dict[str, Any] = {}
    for key_event in events:
        kind = type(key_event)
        if kind is yaml.MappingEndEvent:
            return mapping
        if kind is not yaml.ScalarEvent:
            raise _refusal(file, key_event, path, "a key must be plain text")
        key = composed(key_event.value)
        if key == "<<":
            raise _refusal(file, key_event, path, "merge keys are not allowed; write the values out")
        place = (*path, key)
        if key in mapping:
            raise _refusal(file, key_event, place, "this key appears twice; keep one")
        places[place] = key_event.start_mark.line + 1
        mapping[key] = None
        mapping[key] = _value(file, next(events), events, place, places, depth + 1)
    raise _refusal(file, event, path, "the document ends in the middle")  # pragma: no cover - the YAML parser reports it first


def _refusal(file: str, event: Any, path: Path, message: str) -> InputError:
    return InputError([Problem(file, event.start_mark.line + 1, _dotted(path), message)])


def _scalar(text: str) -> Any:
    """A plain (unquoted) word as YAML 1.2 reads it, with exact numbers. Raises ValueError where YAML 1.1 would read it differently."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first.isdigit() or first in "+-.":
        if len(text) > MAX_DIGITS and text.strip("+-.0123456789_") == "":
            raise ValueError(f"a number of {len(text):,} characters; this program reads numbers of up to {MAX_DIGITS}")
        if _INTEGER.fullmatch(text):
            return _as_written(WrittenInteger(text.replace("_", "")), text)
        if _DECIMAL.fullmatch(text):
            return _as_written(WrittenDecimal(text.replace("_", "")), text)
        if _DATE.fullmatch(text):
            try:
                return dt.date.fromisoformat(text)
            except ValueError:
                raise ValueError(f"{text} is not a day of the calendar") from None
    if _AMBIGUOUS.fullmatch(text):
        raise ValueError(f"programs read {text} differently: write '{text}' in quotes if it is a name, otherwise the number in full or true/false")
    return text


#: Words and numbers of agreements come again and again: `month`, `0.02`, the ids of partners.
_frequent_scalar = lru_cache(maxsize=20_000)(_scalar)
_FREQUENT_LENGTH = 40


def _as_written(number: WrittenInteger | WrittenDecimal, text: str) -> int | Decimal:
    """The number, which remembers its text only where a program would write another."""
    plain = int(number) if isinstance(number, int) else Decimal(number)
    if str(plain) == text:
        return plain
    number.written = text
    return number
