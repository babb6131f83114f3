"""`for_each`: one text and a table are the same as every agreement written out, and every mistake names its cell."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

import pytest

from assets.agreements.approve import approve_agreement
from assets.agreements.load import read_agreements
from models.agreements.parse import Source, parse_agreements
from models.agreements.tables.terms import content_sha256
from models.documents import InputError

TEXT = """\
for_each: dealers.csv
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [SOMEONE]
benefits:
- {id: volume, clause: "4.1", window: year, tiers: [{from: 0, rate: 0}, {from: 1000, rate: 0.01}]}
- {id: growth, clause: "4.2", window: year, by: growth, baseline: feed, tiers: [{from: 0.05, rate: 0.02}]}
"""
TABLE = """\
agreement,title,participants,term.to,benefits.volume.tiers.2.from,benefits.2.tiers.1.rate
D-1,"One, of Delft",[D-1],,50_000.50,
D-2,,"[D-2, '007']",2026-06-30,,0.025
"""


def parsed(text: str = TEXT, table: str = TABLE) -> dict[str, Source]:
    return {source.agreement.agreement: source for source in parse_agreements({"agreements/all.yaml": text, "agreements/dealers.csv": table})}


def test_a_row_is_the_agreement_written_out() -> None:
    plain = TEXT.replace("for_each: dealers.csv", "agreement: {id}").replace("[SOMEONE]", "{participants}").replace("2026-12-31", "{to}")
    one = plain.replace("{id}", "D-1\ntitle: One, of Delft").replace("{participants}", "[D-1]").replace("{to}", "2026-12-31").replace("1000", "50000.50")
    two = plain.replace("{id}", "D-2").replace("{participants}", '[D-2, "007"]').replace("{to}", "2026-06-30").replace("0.02", "0.025")
    written = parse_agreements({"1.yaml": one, "2.yaml": two})
    assert [source.agreement for source in written] == [source.agreement for source in parsed().values()]


def test_a_row_is_found_where_it_is_written_and_its_content_is_its_own() -> None:
    before, after = parsed(), parsed(table=TABLE.replace("0.025", "0.03"))
    assert [(source.document.file, source.document.line) for source in before.values()] == [("agreements/dealers.csv", 2), ("agreements/dealers.csv", 3)]
    assert [content_sha256(before[name]) == content_sha256(after[name]) for name in before] == [True, False]


@pytest.mark.parametrize("table", [f"\ufeff{TABLE}", TABLE.replace("\n", "\r\n"), TABLE.replace(",title", " , title "), f"\n{TABLE}\n,,,,,\n"])
def test_layouts_of_spreadsheets_are_read(table: str) -> None:
    assert [source.agreement for source in parsed(table=table).values()] == [source.agreement for source in parsed().values()]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (TABLE, "agreement\n", "agreements/dealers.csv: holds no row"),
        ("agreement,", "name,", "dealers.csv:1: agreement: this column is missing"),
        ("title", "term.to", "dealers.csv:1: term.to: this column is there twice"),
        ("D-2,,", "D-2,", "dealers.csv:3: 5 values for 6 columns"),
        ('"One, of', 'x"One, of', "dealers.csv:2: 7 values for 6 columns"),
        ('"One, of Delft"', '"One"x', "dealers.csv:2: this is not CSV"),
        ("title", "approved", "dealers.csv:1: approved: a row cannot give approved"),
        ("title", "for_each", "dealers.csv:1: for_each: a row cannot give for_each"),
        ("benefits.2.", "benefits.3.", "dealers.csv:1: benefits.3.tiers.1.rate: names no place in the text: benefits has no entry 3"),
        ("benefits.2.", "benefits.0.", "benefits has no entry 0"),
        ("benefits.2.", "benefits.volumes.", "benefits has no entry volumes"),
        ("benefits.2.tiers.1.rate", "benefits.2.tears.1.rate", "the text has no benefits.2.tears."),
        ("benefits.2.tiers.1.rate", "benefits.2.tiers.1.", "the text has no benefits.2.tiers.1.."),
        ("term.to", "currency.to", "the text has no currency.to."),
        ("0.025", "2.5%", "dealers.csv:3: benefits.2.tiers.1.rate: "),
        ("50_000.50", "-1", "dealers.csv:2: benefits.volume.tiers.2.from: "),
        ("2026-06-30", "2026-06-31", "dealers.csv:3: term.to: 2026-06-31 is not a day"),
        ("2026-06-30", "007", "dealers.csv:3: term.to: programs read 007 differently"),
        ("[D-2, '007']", "[D-2", "dealers.csv:3: participants: this is not YAML"),
        ("2026-06-30", "2025-06-30", "dealers.csv:3: term.to: "),
        ("D-2,,", "D-1,,", "dealers.csv:3: agreement: "),
    ],
)
def test_a_mistake_names_its_cell(old: str, new: str, says: str) -> None:
    assert old in TABLE
    with pytest.raises(InputError) as caught:
        parsed(table=TABLE.replace(old, new))
    assert any(says in str(problem) for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"a.yaml": TEXT.replace("clause", "claus")}, "a.yaml:6: benefits[0].claus: this key is not known"),
        ({"a.yaml": TEXT.replace("dealers.csv", "dealer.csv")}, "a.yaml:1: for_each: names the table of the agreements, a .csv file in the same folder"),
        ({"a.yaml": TEXT.replace("dealers.csv", "a.yaml")}, "a.yaml is not there. Tables in agreements/: dealers.csv"),
        ({"a.yaml": TEXT.replace("dealers.csv", "[1]")}, "a.yaml:1: for_each: "),
        ({"a.yaml": TEXT, "b.yaml": TEXT}, "b.yaml:1: for_each: dealers.csv is the table of another text already"),
        ({"a.yaml": TEXT.replace("for_each: dealers.csv", "agreement: A")}, "dealers.csv: no agreement names this table"),
    ],
)
def test_a_text_and_its_table_belong_together(texts: dict[str, str], says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_agreements({**texts, "dealers.csv": TABLE})
    assert any(says in str(problem) for problem in caught.value.problems), caught.value.problems


def test_one_approval_covers_the_text_and_all_its_rows(tmp_path: Path) -> None:
    day = dt.date(2026, 1, 5)
    (tmp_path / "book.yaml").write_text('book: b\ncurrency: EUR\nas_of: 2026-01-05\nfeeds: {transactions: {files: "*.csv"}}\n', encoding="utf-8")
    (tmp_path / "agreements").mkdir()
    text, table = (tmp_path / "agreements" / name for name in ("all.yaml", "dealers.csv"))
    text.write_text(TEXT, encoding="utf-8")
    table.write_text(TABLE, encoding="utf-8")
    git = ("git", "-c", "user.name=C. Oe", "-c", "user.email=coe@example.com", "-C", str(tmp_path))
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "Terms")):
        subprocess.run([*git, *arguments], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "config", "user.name", "C. Oe"], check=True)
    with pytest.raises(InputError, match=r"C\. Oe has changed the terms of D-2 \(git\)"):
        approve_agreement(tmp_path, "D-2", "C. Oe")
    approve_agreement(tmp_path, "D-2", "A. Roe")
    assert text.read_text(encoding="utf-8").splitlines()[1].startswith('approved: {by: "A. Roe", on: 2026-01-05, terms_sha256: ')
    assert len(read_agreements(tmp_path, day)) == 2
    table.write_text(TABLE.replace("0.025", "0.03"), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_agreements(tmp_path, day)
    assert [str(problem).split(": the terms have changed")[0] for problem in caught.value.problems] == ["agreements/all.yaml:2: approved"] * 2
