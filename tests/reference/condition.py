"""A small evaluator for the SQL conditions of scopes: comparisons, and/or/not, in, is null, like, between, lower, upper, try_cast as decimal.

Three-valued, as in SQL: null decides nothing. Whatever is outside this part of SQL is refused, so that nothing is read differently than meant.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from tests.reference.read import NotCovered

Columns = Callable[[str], Any]
Node = Callable[[Columns], Any]
TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>\w+|\"[^\"]+\")|(?P<sign><>|!=|<=|>=|[=<>(),-]))")
KEYWORDS = {"and", "or", "not", "in", "is", "null", "like", "between", "as", "try_cast", "true", "false"}


def holds(condition: str, columns: Columns) -> bool:
    """Whether the condition is true for a line; unknown counts as false. `columns` gives the value of a column by its name in lower case."""
    return parse(condition)(columns) is True


_parsed: dict[str, Node] = {}


def parse(condition: str) -> Node:
    if condition not in _parsed:
        reader = _Reader(condition)
        _parsed[condition] = reader.either()
        if reader.tokens:
            raise NotCovered(f"condition {condition!r} at {reader.tokens[0]}")
    return _parsed[condition]


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.tokens, place = text, [], 0
        while text[place:].strip():
            found = TOKEN.match(text, place)
            if found is None:
                raise NotCovered(f"condition {text!r} at {text[place:]!r}")
            self.tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            place = found.end()

    def next_is(self, *words: str) -> bool:
        """Takes the next word if it is one of these."""
        if self.tokens and self.tokens[0][0] in ("name", "sign") and self.tokens[0][1].lower() in words:
            self.tokens.pop(0)
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.next_is(word):
            raise NotCovered(f"condition {self.text!r}: {word} expected")

    def either(self) -> Node:
        left = self.both()
        while self.next_is("or"):
            left = _join(left, self.both(), True)
        return left

    def both(self) -> Node:
        left = self.negated()
        while self.next_is("and"):
            left = _join(left, self.negated(), False)
        return left

    def negated(self) -> Node:
        return _not(self.negated()) if self.next_is("not") else self.comparison()

    def comparison(self) -> Node:
        left = self.value()
        if self.next_is("is"):
            wanted = not self.next_is("not")
            self.expect("null")
            return lambda row: (left(row) is None) == wanted
        turned = self.next_is("not")
        node: Node
        if self.next_is("in"):
            self.expect("(")
            node = _compare("=", left, self.value())
            while self.next_is(","):
                node = _join(node, _compare("=", left, self.value()), True)
            self.expect(")")
        elif self.next_is("like"):
            node = _like(left, self.value())
        elif self.next_is("between"):
            low = _compare(">=", left, self.value())
            self.expect("and")
            node = _join(low, _compare("<=", left, self.value()), False)
        elif turned:
            raise NotCovered(f"condition {self.text!r}: not")
        else:
            for sign in ("=", "<>", "!=", "<=", ">=", "<", ">"):
                if self.next_is(sign):
                    return _compare(sign, left, self.value())
            return left
        return _not(node) if turned else node

    def value(self) -> Node:
        if self.next_is("("):
            node = self.either()
            self.expect(")")
            return node
        if self.next_is("-"):
            negative = self.value()
            return lambda row: None if negative(row) is None else -negative(row)
        if not self.tokens:
            raise NotCovered(f"condition {self.text!r} ends too early")
        kind, word = self.tokens.pop(0)
        if kind == "text":
            text = word[1:-1].replace("''", "'")
            return lambda row: text
        if kind == "number":
            return lambda row: Fraction(word)
        name = word.lower()
        if name in ("lower", "upper", "try_cast") and self.next_is("("):
            inner = self.either() if name != "try_cast" else self.value()
            node = self.cast(inner) if name == "try_cast" else (lambda row: None if inner(row) is None else getattr(inner(row), name)())
            self.expect(")")
            return node
        if name == "date" and self.tokens and self.tokens[0][0] == "text":
            return self.value()
        if name in ("true", "false", "null"):
            return lambda row: {"true": True, "false": False, "null": None}[name]
        if kind != "name" or name in KEYWORDS or (self.tokens and self.tokens[0][1] == "("):
            raise NotCovered(f"condition {self.text!r} at {word}")
        return lambda row: row(name.strip('"'))

    def cast(self, inner: Node) -> Node:
        self.expect("as")
        self.expect("decimal")
        width, places = 18, 3
        if self.next_is("("):
            width = int(self.tokens.pop(0)[1])
            places = int(self.tokens.pop(0)[1]) if self.next_is(",") else 0
            self.expect(")")
        return lambda row: _decimal(inner(row), width, places)


def _decimal(value: Any, width: int, places: int) -> Fraction | None:
    """As decimal(width, places), a half away from zero; no number, or too large: null."""
    if isinstance(value, str) and not re.fullmatch(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)\s*", value):
        if re.search(r"\d", value) and re.fullmatch(r"[-+\s\d.eE_]*", value):
            raise NotCovered(f"try_cast of {value!r}")
        return None
    if value is None:
        return None
    number = Fraction(value.strip() if isinstance(value, str) else value)
    size = int(abs(number) * 10**places + Fraction(1, 2))
    return None if size >= 10**width else Fraction(size if number >= 0 else -size, 10**places)


def _join(left: Node, right: Node, decides: bool) -> Node:
    """`or` where True decides, `and` where False decides."""

    def node(row: Columns) -> bool | None:
        values = (left(row), right(row))
        return decides if decides in values else None if None in values else not decides

    return node


def _not(inner: Node) -> Node:
    return lambda row: None if inner(row) is None else not inner(row)


def _compare(sign: str, left: Node, right: Node) -> Node:
    def node(row: Columns) -> bool | None:
        a, b = left(row), right(row)
        if a is None or b is None:
            return None
        if isinstance(a, dt.date) and isinstance(b, str):
            b = dt.date.fromisoformat(b)
        elif isinstance(a, str) and isinstance(b, dt.date):
            a = dt.date.fromisoformat(a)
        if isinstance(a, str) != isinstance(b, str):
            raise NotCovered(f"condition compares {a!r} with {b!r}")
        return bool({"=": a == b, "<>": a != b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign])

    return node


def _like(left: Node, right: Node) -> Node:
    def node(row: Columns) -> bool | None:
        text, pattern = left(row), right(row)
        if text is None or pattern is None:
            return None
        wanted = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
        return re.fullmatch(wanted, text, re.DOTALL) is not None

    return node
