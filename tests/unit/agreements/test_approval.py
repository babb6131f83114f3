"""Approvals: which terms they cover, when they count, who may give them, and how they are written.

Belongs here: everything from the approved text to the message. The run of a book that requires approval is one test at the end.
"""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

import pytest

from assets.agreements.approve import approve_agreement
from models.agreements.lint.lint import lint_agreements
from models.agreements.parse import parse_agreements
from models.agreements.tables.terms import make_terms
from models.book.settings import parse_book
from models.documents import InputError
from pipelines.cli.main import main

BOOK = 'book: t\ncurrency: EUR\nas_of: 2025-12-31\nrequire_approval: true\nfeeds: {transactions: {files: "feeds/*.csv", defaults: {currency: EUR}}}\n'
TERMS = """\
# signed by both
agreement: A
currency: EUR
term: {from: 2025-01-01, to: 2025-12-31}
participants: [P]
benefits:
- {id: b, clause: "1", window: year, tiers: [{from: 0, rate: 0.1}]}
"""
DAY = dt.date(2025, 12, 31)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "agreements").mkdir()
    (tmp_path / "feeds").mkdir()
    (tmp_path / "book.yaml").write_text(BOOK)
    (tmp_path / "feeds/a.csv").write_text("transaction_id,date,partner_id,amount\n1,2025-01-02,P,100.00\n")
    write(tmp_path, TERMS)
    return tmp_path


def write(book: Path, text: str) -> None:
    (book / "agreements/a.yaml").write_bytes(text.encode())


def text_of(book: Path) -> str:
    return (book / "agreements/a.yaml").read_bytes().decode()


def refusal(text: str, as_of: dt.date = DAY) -> str:
    with pytest.raises(InputError) as caught:
        parse_agreements({"a.yaml": text}, as_of)
    (problem,) = caught.value.problems
    assert problem.key == "approved"
    return problem.message


def approved(book: Path) -> str:
    approve_agreement(book, "A", "J. Doe")
    return text_of(book)


def test_terms_without_an_approval_are_refused_where_the_book_requires_one() -> None:
    assert "nobody has approved these terms: `tierledger approve A --version 1 --by NAME`" in refusal(TERMS)
    assert parse_agreements({"a.yaml": TERMS}, None)


def test_an_approval_without_a_hash_covers_the_terms_as_they_are_and_validate_says_so() -> None:
    sources = parse_agreements({"a.yaml": TERMS + "approved: {by: J. Doe, on: 2025-01-01}\n"}, DAY)
    assert any(p.key == "approved" and "does not say which terms J. Doe approved" in p.message for p in lint_agreements(sources, DAY))


def test_approved_terms_pass_and_changed_ones_do_not(book: Path) -> None:
    text = approved(book)
    assert parse_agreements({"a.yaml": text}, DAY)
    assert parse_agreements({"a.yaml": text.replace("# signed", "# filed and signed")}, DAY)
    assert "the terms have changed since J. Doe approved them on 2025-12-31" in refusal(text.replace("0.1", "0.2"))


def test_an_approval_counts_from_its_day_on(book: Path) -> None:
    text = approved(book)
    assert "2025-12-31 is after 2025-12-30, the last day of this run" in refusal(text, DAY - dt.timedelta(1))


@pytest.mark.parametrize("name", ['""', '"  "', '"\u200b"', '"\u00a0"'])
def test_a_blank_name_is_no_name(name: str, book: Path) -> None:
    with pytest.raises(InputError, match="by"):
        parse_agreements({"a.yaml": TERMS + f"approved: {{by: {name}, on: 2025-01-01}}\n"})
    with pytest.raises(InputError, match="needs a name"):
        approve_agreement(book, "A", name.strip('"'))


def test_the_author_cannot_approve(book: Path) -> None:
    write(book, TERMS + "changed_by: J. Doe\n")
    with pytest.raises(InputError, match=r"j\.  doe has changed the terms of A \(changed_by\)|has changed the terms"):
        approve_agreement(book, "A", "j.  doe")
    approve_agreement(book, "A", "A. Roe")
    forged = text_of(book).replace('"A. Roe"', '"J. DOE"')
    assert "J. DOE has written these terms (changed_by)" in refusal(forged)


def test_an_approval_is_one_line_and_the_rest_of_the_file_stays(book: Path) -> None:
    two = TERMS.replace("agreement: A", "agreement: B") + "---\n" + TERMS
    write(book, two.replace("\n", "\r\n"))
    (book / "agreements/a.yaml").chmod(0o640)
    lines = approved(book).split("\r\n")
    assert [line for line in lines if not line.startswith("approved: ")] == two.split("\n")
    assert lines.index("agreement: A") + 1 == next(i for i, line in enumerate(lines) if line.startswith("approved: "))
    assert (book / "agreements/a.yaml").stat().st_mode & 0o777 == 0o640


def test_a_new_approval_replaces_the_old_one(book: Path) -> None:
    write(book, TERMS.replace("currency", "approved:\n  by: X\n  on: 2025-01-01\n# of both\ncurrency", 1))
    text = approved(book)
    assert text.count("approved") == 1
    assert "# of both\n" in text
    done = approve_agreement(book, "A", "Another")
    assert (done.is_new, done.by) == (False, "J. Doe")
    assert text_of(book) == text


def test_a_layout_that_cannot_be_extended_says_what_to_write(book: Path) -> None:
    flow = """{agreement: A, currency: EUR, term: {from: 2025-01-01, to: 2025-12-31}, participants: [P],
benefits: [{id: b, clause: "1", window: year, tiers: [{from: 0, rate: 0.1}]}]}
"""
    write(book, flow)
    with pytest.raises(InputError, match=r'Write the key yourself, on a line of its own: approved: \{by: "J\. Doe", on: 2025-12-31, terms_sha256: '):
        approved(book)
    assert text_of(book) == flow


def test_the_highest_version_is_approved_unless_another_is_named(book: Path) -> None:
    write(book, TERMS + "---\n" + TERMS.replace("agreement: A", "agreement: A\nversion: 2\neffective: 2026-01-01").replace("2025-12-31", "2026-12-31"))
    assert approve_agreement(book, "A", "X").source.agreement.version == 2
    assert approve_agreement(book, "A", "X", 1).source.agreement.version == 1
    with pytest.raises(InputError, match="A has no version 3; it has 1, 2"):
        approve_agreement(book, "A", "X", 3)
    with pytest.raises(InputError, match="there is no agreement AB; did you mean A"):
        approve_agreement(book, "AB", "X")


def test_changed_terms_are_shown_as_not_approved(book: Path) -> None:
    text = approved(book)
    settings = parse_book(BOOK)
    for content, name in ((text, "J. Doe"), (text.replace("0.1", "0.2"), None)):
        sources = parse_agreements({"a.yaml": content})
        assert make_terms(settings, sources, DAY)["agreements"]["approved_by"].to_list() == [name]
        assert any("have changed since J. Doe" in p.message for p in lint_agreements(sources, DAY)) == (name is None)


def git(book: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(book), *arguments], check=True, capture_output=True)


def commit(book: Path, author: str) -> None:
    git(book, "add", "agreements")
    name = author.partition(" <")[0]
    git(book, "-c", f"user.name={name}", "-c", "user.email=x@example.com", "commit", "-m", "terms", f"--author={author}")


def test_git_names_everyone_who_changed_the_terms_since_the_last_approval(book: Path) -> None:
    git(book, "init", "-q")
    git(book, "config", "user.name", "Committer")
    git(book, "config", "user.email", "committer@example.com")
    commit(book, "First Author <first@example.com>")
    write(book, TERMS.replace("0.1", "0.2"))
    commit(book, "Second Author <second@example.com>")
    write(book, TERMS.replace("0.1", "0.2") + "# a comment changes no terms\n")
    commit(book, "A. Reader <reader@example.com>")
    for author in ("first author", "Second Author", "second@example.com", "second"):
        with pytest.raises(InputError, match=r"has changed the terms of A \(git\)"):
            approve_agreement(book, "A", author)
    approve_agreement(book, "A", "A. Reader")
    commit(book, "A. Reader <reader@example.com>")
    write(book, text_of(book).replace("0.2", "0.3"))
    with pytest.raises(InputError, match=r"Committer has changed"):
        approve_agreement(book, "A", "Committer")
    approve_agreement(book, "A", "First Author")  # its own change was approved before


def test_a_book_runs_once_its_terms_are_approved(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--book", str(book)]) == 2
    assert "agreements/a.yaml:2: approved: this book has require_approval: true" in capsys.readouterr().err
    assert main(["approve", "A", "--by", "J. Doe", "--book", str(book)]) == 0
    assert "A version 1 (A) is approved by J. Doe on 2025-12-31" in capsys.readouterr().out
    assert main(["validate", "--book", str(book), "--quiet"]) == 0
    write(book, text_of(book).replace("0.1", "0.9"))
    assert main(["run", "--book", str(book)]) == 2
    assert "the terms have changed since J. Doe" in capsys.readouterr().err
