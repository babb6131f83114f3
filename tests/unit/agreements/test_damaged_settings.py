"""Settings and agreements damaged at random, as values, as text and as bytes: a message with exit code 2, never a traceback.

Belongs here: random damage. Does not belong here: absurd values chosen by hand (test_odd_documents.py), what each key allows.
"""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.cli.main import main
from tests.support.exact_text import to_yaml
from tests.support.odd_settings import AGREEMENT, BOOK, places, try_out, with_value

#: Damage is cheap to try: some times as many examples as other properties have in the profile.
EXAMPLES = settings().max_examples
#: Forms of text that programs stumble over: other scripts' digits, marks without width, halves of characters, words of YAML and SQL.
ODD_TEXTS = [
    "", " ", "\u200b", "\u202e", "\ufeff", "\u0663", "\uff11", "e\u0301", "\U0001f600", "a\nb",
    "\t", "null", "true", "~", "NaN", "-.inf", "1e400", "0x1F", "12:30", "2026-02-30", "2026-13-01", "0000-00-00", "10000-01-01",
    "select 1; --", "' or 1 = 1", "{{ 1 }}", "%s", "a: b", "[", "&a", "*a", "!!python/object:os.system",
    "public", "pg_catalog", "information_schema", "/etc/passwd", "../..", "~/x", "$HOME", "x" * 10_000, "(" * 500, "not " * 200 + "a", "a" + " + a" * 500,
]  # fmt: skip
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(max_size=12)
NUMBERS = st.sampled_from([0, -1, 1, 2**31, 2**63, 10**14, 10**15, 10**59, -(10**59)]) | st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
DAYS = st.dates() | st.sampled_from([dt.date.min, dt.date.max])
SCALARS = st.none() | st.booleans() | NUMBERS | DAYS | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6)
#: What only text can hold: unbalanced brackets, control characters, anchors, tags, further documents.
ODD_LINES = [
    "---\n", "...\n", "%YAML 9.9\n", "? a\n", "- \n", "  \t", "}", "]", "{", "[", "'", '"', "|", ">", "&a ", "*a", "!!x ",
    "<<: ", "#", "\x00", "\x85", "\u2028", "\ufeff", ": ",
]  # fmt: skip


def damaged(document: dict[str, Any]) -> st.SearchStrategy[Any]:
    """The document after one to three changes: a value replaced, a key taken out, added or renamed, a part wrapped, or put where another is."""

    @st.composite
    def change(draw: st.DrawFn) -> Any:
        changed = copy.deepcopy(document)
        for _ in range(draw(st.integers(1, 3))):
            known = list(places(changed))
            if not known:
                return changed
            path = draw(st.sampled_from(known))
            changed = draw(_one_change(changed, path, known))
        return changed

    return change()


@st.composite
def _one_change(draw: st.DrawFn, document: dict[str, Any], path: tuple[Any, ...], known: list[tuple[Any, ...]]) -> dict[str, Any]:
    kind = draw(st.sampled_from(["value", "value", "remove", "add", "wrap", "move"]))
    if kind == "value":
        return with_value(document, path, draw(VALUES))
    if kind == "wrap":
        value = _at(document, path)
        for _ in range(draw(st.sampled_from([1, 2, 40]))):
            value = [value] if draw(st.booleans()) else {"a": value}
        return with_value(document, path, value)
    if kind == "move":
        return with_value(document, path, copy.deepcopy(_at(document, draw(st.sampled_from(known)))))
    changed = copy.deepcopy(document)
    parent = _at(changed, path[:-1])
    if kind == "remove":
        del parent[path[-1]]
    elif isinstance(parent, dict):
        parent[draw(TEXTS)] = draw(VALUES)
    else:
        parent.append(draw(VALUES))
    return changed


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


@settings(max_examples=5 * EXAMPLES)
@given(book=damaged(BOOK))
def test_a_damaged_book_yaml_ends_in_a_message(book: dict[str, Any]) -> None:
    try_out(to_yaml(book), to_yaml(AGREEMENT))


@settings(max_examples=8 * EXAMPLES)
@given(agreement=damaged(AGREEMENT))
def test_a_damaged_agreement_ends_in_a_message(agreement: dict[str, Any]) -> None:
    try_out(to_yaml(BOOK), to_yaml(agreement))


@st.composite
def spoilt_texts(draw: st.DrawFn, text: str) -> str:
    """The text with one to four places cut out, doubled or filled with what YAML has a meaning for."""
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 30))
        filling = draw(st.sampled_from(["", text[at : at + length] * 2]) | st.sampled_from(ODD_LINES) | TEXTS)
        text = text[:at] + filling + text[at + length :]
    return text


@settings(max_examples=5 * EXAMPLES)
@given(text=spoilt_texts(to_yaml(BOOK)))
def test_a_spoilt_text_of_book_yaml_ends_in_a_message(text: str) -> None:
    try_out(text, to_yaml(AGREEMENT))


@settings(max_examples=5 * EXAMPLES)
@given(text=spoilt_texts(to_yaml(AGREEMENT)))
@example(text="")
@example(text="[" * 100_000)
@example(text="a: " * 10_000)
@example(text="- " * 100_000)
def test_a_spoilt_text_of_an_agreement_ends_in_a_message(text: str) -> None:
    try_out(to_yaml(BOOK), text)


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda _: b"",
    lambda _: b"\xff\xfe\x00",
    lambda data: data[: len(data) // 2],
    lambda data: data.decode().encode("utf-16"),
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.replace(b"\n", b"\r"),
    lambda data: data.replace(b"a", b"\xe4"),
    lambda data: data + b"\x00",
    lambda data: data * 2,
    lambda data: data + b"\n---\n" + data,
    lambda data: b"[" * 1_000_000,
    lambda data: b"x: y\n" * 300_000,
    lambda data: data.replace(b"currency", "curr\u0435ncy".encode()),
    lambda data: data.replace(b"EUR", b"9" * 70),
]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "agreements").mkdir()
    (tmp_path / "feeds").mkdir()
    small = {"book": "t", "currency": "EUR", "feeds": {"transactions": {"files": "feeds/*.csv"}}}
    (tmp_path / "book.yaml").write_text(to_yaml(small))
    (tmp_path / "agreements" / "a.yaml").write_text(to_yaml(AGREEMENT))
    return tmp_path


def validate(book: Path) -> tuple[int, str]:
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        return main(["validate", "--book", str(book)]), output.getvalue()


@pytest.mark.parametrize("name", ["book.yaml", "agreements/a.yaml"])
@pytest.mark.parametrize("damage", range(len(DAMAGES)))
def test_the_command_names_a_damaged_file(book: Path, name: str, damage: int) -> None:
    path = book / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    code, output = validate(book)
    assert "Traceback" not in output
    assert code in (0, 2)
    if code == 2:
        assert name in output


@pytest.mark.parametrize("name", ["book.yaml", "agreements/a.yaml"])
def test_the_command_names_what_is_no_file(book: Path, name: str) -> None:
    (book / name).unlink()
    (book / name).mkdir()
    code, output = validate(book)
    assert (code, "Traceback" in output) == (2, False)
    assert name in output


@pytest.mark.parametrize("name", ["book.yaml", "agreements/a.yaml"])
def test_the_command_names_a_link_that_leads_nowhere(book: Path, name: str) -> None:
    (book / name).unlink()
    (book / name).symlink_to(book / "gone.yaml")
    code, output = validate(book)
    assert (code, "Traceback" in output) == (2, False)
