"""Reading YAML: exact values, and a refusal with file, line, key and a way out for everything that programs read differently."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.agreements.parse import parse_agreements
from models.documents import MAX_BYTES, MAX_DEPTH, InputError, parse_documents
from tests.support.exact_text import to_yaml


def refusal(text: str) -> str:
    """The first problem of a text, which must have one."""
    with pytest.raises(InputError) as caught:
        parse_documents(text, "a.yaml")
    return str(caught.value.problems[0])


def test_values_are_read_as_yaml_1_2_with_exact_numbers() -> None:
    text = "a: 0.10\nb: 1_000\nc: 2026-01-31\nd: true\ne: ~\nf: plain text\ng: '4.1'\nh: -5\ni: [x, {y: 0.000001}]\nj: |\n  two\n  lines\nk: 1_000.50\nl: .5"
    value = parse_documents(text, "a.yaml")[0].value
    assert value == {
        "a": Decimal("0.1"), "b": 1000, "c": dt.date(2026, 1, 31), "d": True, "e": None, "f": "plain text", "g": "4.1", "h": -5,
        "i": ["x", {"y": Decimal("0.000001")}], "j": "two\nlines\n", "k": Decimal("1000.5"), "l": ".5",
    }  # fmt: skip
    assert str(value["a"]) == "0.10"


NUMBERS = st.integers(-(10**14), 10**14) | st.decimals(-(10**9), 10**9, places=6)
WORDS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=12)
VALUES = st.recursive(
    NUMBERS | WORDS | st.dates() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


@given(value=st.dictionaries(st.text("abcxyz", min_size=1), VALUES, min_size=1))
def test_what_is_written_is_read_back(value: dict[str, object]) -> None:
    assert parse_documents(to_yaml(value), "a.yaml")[0].value == value


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a: 1\nb: 2\na: 3", "a.yaml:3: a: ", "keep one"),
        ("a:\n  b:\n    c: 1\n    c: 2", "a.yaml:4: a.b.c: ", "keep one"),
        ("a: &x 1", "a.yaml:1: a: ", "write the value out"),
        ("a: 1\nb: *x", "a.yaml:2: b: ", "write the value out"),
        ("<<: {a: 1}", "a.yaml:1: ", "write the values out"),
        ("a: !!python/object:os.system x", "a.yaml:1: a: ", "not allowed"),
        ("a: !secret x", "a.yaml:1: a: ", "not allowed"),
        ("x: 1\na: no", "a.yaml:2: a: ", "'no' in quotes"),
        ("a: Yes", "a.yaml:1: a: ", "true/false"),
        ("a: [1, off]", "a.yaml:1: a[1]: ", "'off' in quotes"),
        ("a: 12:30", "a.yaml:1: a: ", "'12:30' in quotes"),
        ("a: 1e3", "a.yaml:1: a: ", "in quotes"),
        ("a: 0x1F", "a.yaml:1: a: ", "in quotes"),
        ("a: 0777", "a.yaml:1: a: ", "in quotes"),
        ("a: .inf", "a.yaml:1: a: ", "in quotes"),
        ("a: .nan", "a.yaml:1: a: ", "in quotes"),
        ("a: " + "[" * 5000 + "]" * 5000, "a.yaml:1: ", f"deeper than {MAX_DEPTH}"),
        ("a: 2025-02-29", "a.yaml:1: a: ", "not a day of the calendar"),
        ("a: 2025-13-01", "a.yaml:1: a: ", "not a day of the calendar"),
        ("[a]: 1", "a.yaml:1: ", "a key must be plain text"),
        ("a: [1, 2", "a.yaml:", "not YAML"),
        ("a: 'x", "a.yaml:1", "not YAML"),
        ("a: 1\n\tb: 2", "a.yaml:2", "not YAML"),
        ("a: " + "[" * (MAX_DEPTH + 1), "a.yaml:1: ", f"deeper than {MAX_DEPTH}"),
        ("a: b\x00c", "a.yaml", "not YAML"),
    ],
)
def test_refusals_say_where_and_what_to_do(text: str, where: str, message: str) -> None:
    problem = refusal(text)
    assert problem.startswith(where)
    assert message in problem


def test_documents_know_their_lines() -> None:
    one, two = parse_documents("a: 1\n---\nb:\n  c: [1, {d: 2}]\n", "a.yaml")
    assert (one.index, one.line, two.index, two.line) == (0, 1, 1, 3)
    assert two.line_of(("b", "c", 1, "d")) == 4
    assert two.line_of(("b", "missing")) == 3
    assert two.line_of(("nowhere",)) == 3
    assert str(two.problem(("b", "c", 1, "d"), "odd")) == "a.yaml:4: b.c[1].d: odd"


def test_empty_documents_are_passed_over() -> None:
    assert [d.value for d in parse_documents("---\n---\na: 1\n---\n", "a.yaml")] == [{"a": 1}]


#: As much as a file may hold, or a little more, of what is costly to read.
MEGABYTES = [
    "a:\n" + "".join(f"  k{i}: {{x: [1, 2, {{y: z}}]}}\n" for i in range(30000)),
    "agreement: A\nbenefits: [" + "{id: 1, tiers: [{from: 0}]}," * 30000 + "]",
    "agreement: A\nbenefits: [" + "{}," * 24000 + "]",
    "{" + ",".join(f"k{i}: 1" for i in range(24000)) + "}",
    "---\nx\n" * 16000,
    "- " * 400000,
    "{" * 900000,
    "a: &a [x]\n" + "".join(f"a{i}: &a{i} [*a, *a, *a]\n" for i in range(40000)),
    "x: " + "9" * 900000,
    "x: 0." + "1" * 900000,
    "a: " + "!" * 900000,
    "x" * (MAX_BYTES + 1),
    "# " + "x" * 900000 + "\na: 1",
]


@pytest.mark.parametrize("text", MEGABYTES, ids=lambda text: repr(text[:12]))
def test_a_megabyte_of_anything_is_refused_at_once(text: str) -> None:
    before = time.process_time()
    with pytest.raises(InputError) as caught:
        parse_agreements({"a.yaml": text})
    assert time.process_time() - before < 1.0
    assert str(caught.value.problems[0]).startswith("a.yaml")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from Linux' /proc")
def test_no_refusal_takes_much_memory(tmp_path: Path) -> None:
    for number, text in enumerate(MEGABYTES):
        (tmp_path / f"{number:02}.yaml").write_text(text)
    done = subprocess.run([sys.executable, "-c", PEAK, str(tmp_path)], capture_output=True, text=True, check=True)
    refused, peak_kilobytes = map(int, done.stdout.split())
    assert refused == len(MEGABYTES)
    assert peak_kilobytes < 200_000


PEAK = r"""
import pathlib, re, sys
from models.agreements.parse import parse_agreements
from models.documents import InputError

refused = 0
for path in pathlib.Path(sys.argv[1]).iterdir():
    try:
        parse_agreements({path.name: path.read_text()})
    except InputError:
        refused += 1
print(refused, re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.parametrize(("text", "value"), [("12_000", 12000), ("+5", 5), ("-0", 0), ("1_000.50", Decimal("1000.50")), ("4.10", Decimal("4.10"))])
def test_a_number_may_be_written_in_any_way(text: str, value: object) -> None:
    assert parse_documents(f"a: {text}\n", "a.yaml")[0].value == {"a": value}
