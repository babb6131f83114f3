"""verify-pack: one changed byte anywhere is named, and a pack whose hashes were written anew does not get through either.

Belongs here: tampering with packs. Does not belong here: what recompute.py finds by itself (test_recompute.py).
"""

from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assets.evidence.verify_pack import verify_pack
from tests.support.evidence_packs import change_rows, problems_of, read_rows, resealed, with_file

Rows = list[dict[str, str]]


def first_problem(pack: Path) -> str:
    """The first thing that is found wrong; nothing after it is looked at. Empty: nothing is."""
    return next((problem for finding in verify_pack(pack) for problem in finding.problems), "")


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_pack_as_it_was_made_holds(small_pack: Path) -> None:
    findings = list(verify_pack(small_pack))
    assert [problem for finding in findings for problem in finding.problems] == []
    assert len(findings) == 11


@pytest.mark.parametrize("others", [5, pytest.param(None, marks=pytest.mark.long)], ids=["a sample", "all"])
def test_one_changed_byte_of_any_file_is_named(small_pack: Path, tmp_path: Path, others: int | None) -> None:
    draw = random.Random(7)
    with zipfile.ZipFile(small_pack) as pack:
        sizes = {info.filename: info.file_size for info in pack.infolist()}
    named = {"recompute.py", "pack.json", "SHA256SUMS", "statement.intoto.json", "datapackage.json", "README.md"}
    assert named < sizes.keys()
    rest = sorted(sizes.keys() - named)
    for name in sorted(named) + draw.sample(rest, others or len(rest)):
        tampered = with_file(small_pack, name, partial(flipped, at=draw.randrange(sizes[name])), tmp_path / "tampered.zip")
        assert name in first_problem(tampered), name


def test_a_file_that_was_taken_out_or_put_in_is_named(small_pack: Path, tmp_path: Path) -> None:
    for change, expected in ((_without, "exceptions.csv is missing"), (_with_another, "notes.txt is not in SHA256SUMS")):
        changed = tmp_path / "changed.zip"
        with zipfile.ZipFile(small_pack) as old, zipfile.ZipFile(changed, "w") as new:
            change(old, new)
        assert first_problem(changed) == expected


def _without(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
    for info in old.infolist():
        if info.filename != "exceptions.csv":
            new.writestr(info, old.read(info))


def _with_another(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
    for info in old.infolist():
        new.writestr(info, old.read(info))
    new.writestr("notes.txt", "hello")


def test_one_changed_byte_of_the_container_is_found(small_pack: Path, tmp_path: Path) -> None:
    data = small_pack.read_bytes()
    draw = random.Random(11)
    with zipfile.ZipFile(small_pack) as pack:
        headers = [info.header_offset + draw.randrange(30) for info in draw.sample(pack.infolist(), 15)]
        directory = [draw.randrange(pack.start_dir, len(data)) for _ in range(15)]
    anywhere = [draw.randrange(len(data)) for _ in range(30)]
    for at in [*headers, *directory, *anywhere, len(data) - 1]:
        (tmp_path / "flipped.zip").write_bytes(flipped(data, at))
        assert first_problem(tmp_path / "flipped.zip"), at
    (tmp_path / "longer.zip").write_bytes(data + b"\0")
    assert first_problem(tmp_path / "longer.zip")
    (tmp_path / "shorter.zip").write_bytes(data[:-100])
    assert first_problem(tmp_path / "shorter.zip")


def test_names_that_lead_out_of_the_folder_are_refused(small_pack: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "escape.zip", "w") as pack:
        pack.writestr("../escaped.txt", "no")
    assert first_problem(tmp_path / "escape.zip") == "'../escaped.txt' is not the name of a file of a pack"
    assert not (tmp_path / "escaped.txt").exists()


def test_the_hash_that_was_kept_elsewhere_decides(small_pack: Path) -> None:
    (finding,) = verify_pack(small_pack, "0" * 64)
    assert finding.problems


def _table(table: str, change: Callable[[Rows], Any]) -> Callable[[Path], None]:
    return lambda folder: change_rows(folder, table, change)


def _add(rows: Rows, column: str, amount: str, **wanted: str) -> None:
    row = next(row for row in rows if all(row[key] == value for key, value in wanted.items()) and Decimal(row[column] or 0))
    row[column] = f"{Decimal(row[column]) + Decimal(amount)}"


def _id_of(folder: Path, agreement_id: str, window_start: str) -> str:
    rows = read_rows(folder / "tables" / "fct_payout.csv")
    chosen = {row["payout_id"] for row in read_rows(folder / "tables" / "pack_payout.csv") if row["is_chosen"] == "true"}
    return next(row["payout_id"] for row in rows if (row["agreement_id"], row["window_start"]) == (agreement_id, window_start) and row["payout_id"] in chosen)


def _raise_everywhere(folder: Path) -> None:
    """A cent more for a payout, in each place that has to agree with it."""
    payout_id = _id_of(folder, "EXPORT-2026", "2026-03-01")
    for table, column in (("fct_payout", "payout"), ("fct_accrual", "accrual"), ("fct_payout_line", "line_payout")):
        change_rows(folder, table, lambda rows, column=column: _add(rows, column, "0.01", payout_id=payout_id))  # type: ignore[misc]


def _drop_prior_line(folder: Path) -> None:
    payout_id = _id_of(folder, "PUB-GROWTH-2526", "2026-01-01")
    change_rows(folder, "fct_prior_line", lambda rows: rows.remove(next(row for row in rows if row["payout_id"] == payout_id)))


def _json(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        value = json.loads((folder / name).read_bytes())
        change(value)
        (folder / name).write_text(json.dumps(value))

    return apply


def _drop_source_row(folder: Path) -> None:
    lines = (folder / "sample" / "source_rows.jsonl").read_text().splitlines(keepends=True)
    (folder / "sample" / "source_rows.jsonl").write_text("".join(lines[1:]))


def _edit_agreement(folder: Path) -> None:
    path = next((folder / "agreements").iterdir())
    path.write_text(path.read_text().replace("EUR", "USD") + " ")


#: What someone changes who writes all hashes anew, and what is found.
REWRITTEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "a payout": (_table("fct_payout", lambda rows: _add(rows, "payout", "0.01", agreement_id="AGENT-COMMISSION-2526")), "lines_add_up_to_payouts"),
    "a payout with its line and accrual": (_raise_everywhere, "differs"),
    "an entry": (_table("fct_journal", lambda rows: _add(rows, "debit", "1")), "entries_balance"),
    "both sides of an entry": (
        _table(
            "fct_journal",
            lambda rows: [
                row.update(debit="5.0000" if row["line_no"] == "1" else "0.0000", credit="0.0000" if row["line_no"] == "1" else "5.0000") for row in rows
            ],
        ),
        "accruals_are_in_the_journal",
    ),
    "a count of rows": (_table("audit_feed_file", lambda rows: _add(rows, "rows_loaded", "1")), "rows_of_files_are_accounted_for"),
    "a rejected row": (_table("audit_reject", lambda rows: rows.pop()), "rows_of_files_are_accounted_for"),
    "the sample": (_table("pack_payout", lambda rows: next(row for row in rows if row["is_chosen"] == "false").update(is_chosen="true")), "marks others"),
    "a source row": (_drop_source_row, "is missing"),
    "an agreement": (_edit_agreement, "another hash than its name"),
    "the texts": (_json("terms/texts.json", lambda value: value.update({"book.yaml": value["book.yaml"] + "\n"})), "terms_sha256"),
    "a line of the prior year": (_drop_prior_line, "differs"),
    "a rate": (_table("dim_fx_rate", lambda rows: [row.update(rate="1.500000000000") for row in rows]), "brings"),
    "a number that was compared": (_json("checks.json", lambda value: value[0]["compared"].update(payouts="1")), "other numbers"),
    "the answer of recompute.py": (_json("recomputed.json", lambda value: value.update(agrees=99)), "says otherwise"),
    "a file more": (lambda folder: (folder / "notes.txt").write_text("hello"), "notes.txt is not in datapackage.json"),
}


#: What is found by computing again, which is done where all else holds.
COMPUTED = ("a payout with its line and accrual", "a line of the prior year", "a rate", "the answer of recompute.py")


@pytest.mark.parametrize("what", [what if what in COMPUTED else pytest.param(what, marks=pytest.mark.long) for what in REWRITTEN])
def test_a_pack_that_was_rewritten_with_its_hashes_does_not_hold(small_pack: Path, tmp_path: Path, what: str) -> None:
    change, expected = REWRITTEN[what]
    problems = problems_of(resealed(small_pack, change, tmp_path / "rewritten.zip"))
    assert any(expected in problem for problem in problems), problems


def test_all_that_was_rewritten_is_named(small_pack: Path, tmp_path: Path) -> None:
    changes, expected = zip(*(REWRITTEN[what] for what in REWRITTEN if what not in COMPUTED), strict=True)
    problems = problems_of(resealed(small_pack, lambda folder: [change(folder) for change in changes], tmp_path / "rewritten.zip"))
    assert {text for text in expected if not any(text in problem for problem in problems)} == set(), problems
