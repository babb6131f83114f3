"""Checking a pack without the book that it was made from: that it is whole, and that what it says follows from what it holds.

Belongs here: the checks of a pack, one after the other. Does not belong here: making one (build.py), the statements over its tables (checks.py).

Structure: container, hashes, data package. Substance: agreements, ledger, sample, tables, source rows, and every payout computed anew.
A pack whose hashes do not match is not looked at further: whatever follows would speak of changed files.
"""

from __future__ import annotations

import csv
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from assets.evidence import checks, data_package, digests, source_rows
from assets.evidence.build import CHECKS, PACK, RECOMPUTED
from assets.evidence.container import COMPRESSED_BY, unpack_container, write_container
from assets.evidence.recomputed import PROGRAM, run_recompute
from assets.evidence.sampling import draw_sample
from assets.evidence.tables import path_of
from assets.evidence.terms import canonical_documents
from assets.ledger.folder import read_ledger
from assets.runtime.file_hashes import file_sha256
from models.documents import InputError

_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Finding:
    """One statement about a pack. `problems`: every place where it does not hold. `note`: what was compared, or why nothing was."""

    holds: str
    problems: list[str]
    note: str = ""


def verify_pack(pack: Path, expected_sha256: str | None = None) -> Iterator[Finding]:
    """Every finding in order. Stops after the first group with problems: container, hashes, substance."""
    if expected_sha256 is not None:
        found = file_sha256(pack)
        yield Finding("The pack is the one whose sha256 was kept", [] if found == expected_sha256 else [f"{pack.name} has the sha256 {found}"], found)
        if found != expected_sha256:
            return
    with tempfile.TemporaryDirectory(prefix="tierledger-pack-") as scratch:
        folder = Path(scratch) / "pack"
        folder.mkdir()
        try:
            names = unpack_container(pack, folder)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError) as error:
            yield Finding("The container can be read", [str(error)])
            return
        structure = [_check(folder, names, check) for check in (_hashes, _statement)]
        yield from structure
        if any(finding.problems for finding in structure):
            return
        yield _container(pack, folder, names)
        for substance in (_package, _agreements, _ledger, _sample, _tables, _source_rows, _program, _recomputed):
            yield _check(folder, names, substance)


def _check(folder: Path, names: list[str], check: Callable[[Path, list[str]], Finding]) -> Finding:
    """A pack that was made by hand may have anything in any file: what cannot be read is a finding, not an error of the program."""
    try:
        return check(folder, names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, InputError, duckdb.Error) as error:
        return Finding(_first_line(check.__doc__), [f"cannot be checked: {type(error).__name__}: {error}"])


def _first_line(doc: str | None) -> str:
    return (doc or "").splitlines()[0].rstrip(".")


def _hashes(folder: Path, names: list[str]) -> Finding:
    """Every file has the hash that SHA256SUMS names."""
    kept = digests.read_sums(folder)
    present = {name: file_sha256(folder / name) for name in names if name != digests.SUMS}
    stated: dict[str, str] = {}
    with suppress(OSError, ValueError, KeyError, TypeError):
        stated = digests.read_statement(folder)
    problems = [_changed(name, kept, digest, stated.get(name)) for name, digest in present.items() if kept.get(name) != digest]
    problems += [f"{name} is missing" for name in kept if name not in present]
    return Finding(_first_line(_hashes.__doc__), problems, f"{len(present)} files")


def _changed(name: str, kept: Mapping[str, str], digest: str, stated: str | None) -> str:
    """Which of file and list was changed: the statement is the third witness, but not of itself."""
    if stated == digest:
        return f"{digests.SUMS} was changed: its line of {name}"
    if name not in kept:
        return f"{name} is not in {digests.SUMS}"
    return f"{name} or its line in {digests.SUMS} was changed" if name == digests.STATEMENT else f"{name} was changed"


def _statement(folder: Path, names: list[str]) -> Finding:
    """The in-toto statement names the same files with the same hashes."""
    kept, stated = digests.read_sums(folder), digests.read_statement(folder)
    expected = {name: digest for name, digest in kept.items() if name != digests.STATEMENT}
    different = sorted({name for name in {*expected, *stated} if expected.get(name) != stated.get(name)})
    return Finding(_first_line(_statement.__doc__), [f"{digests.SUMS} or {digests.STATEMENT} was changed: they differ in {name}" for name in different])


def _container(pack: Path, folder: Path, names: list[str]) -> Finding:
    """The container has the bytes that these files give."""
    holds = _first_line(_container.__doc__)
    made_by = json.loads((folder / PACK).read_bytes()).get("compressed_by")
    if made_by != COMPRESSED_BY:
        return Finding(holds, [], f"not checked: it was compressed by zlib {made_by}, and this is {COMPRESSED_BY}")
    again = folder.parent / "again.zip"
    with again.open("wb") as out:
        write_container(folder, names, out)
    with pack.open("rb") as one, again.open("rb") as other:
        at = 0
        while (found := one.read(_AT_ONCE)) == (made := other.read(_AT_ONCE)) and found:
            at += len(found)
    if found == made:
        return Finding(holds, [])
    at += next((i for i, (a, b) in enumerate(zip(found, made, strict=False)) if a != b), min(len(found), len(made)))
    return Finding(holds, [f"byte {at:,} of {pack.name} is not what its files give ({_place(again, at)})"])


def _place(container: Path, at: int) -> str:
    """Which file of the container a byte belongs to."""
    with zipfile.ZipFile(container) as read:
        before = [info.filename for info in read.infolist() if info.header_offset <= at]
        return "its directory" if at >= read.start_dir else f"{before[-1]} or its header"


def _package(folder: Path, names: list[str]) -> Finding:
    """The data package names every file, with its size and hash, and the columns and rows of every table."""
    resources = {each["path"]: each for each in _json(folder, data_package.PATH)["resources"]}
    own = {data_package.PATH, digests.SUMS, digests.STATEMENT}
    problems = [f"{name} is not in {data_package.PATH}" for name in names if name not in resources and name not in own]
    for path, each in resources.items():
        file = folder / path
        if not file.is_file():
            problems.append(f"{path} is missing")
        elif (each["bytes"], each["hash"]) != (file.stat().st_size, f"sha256:{file_sha256(file)}"):
            problems.append(f"{path} has another size or hash than {data_package.PATH} names")
        elif "schema" in each:
            with file.open(encoding="utf-8", newline="") as text:
                rows = csv.reader(text)
                header, count = next(rows, []), sum(1 for _ in rows)
            if header != [field["name"] for field in each["schema"]["fields"]] or count != each["rows"]:
                problems.append(f"{path} has other columns or rows ({count}) than {data_package.PATH} names ({each['rows']})")
    return Finding(_first_line(_package.__doc__), problems, f"{len(resources)} files")


def _agreements(folder: Path, names: list[str]) -> Finding:
    """Every agreement version has its hash, and the texts are those of the run."""
    problems = [f"{name} has another hash than its name" for name in names if name.startswith("agreements/") and file_sha256(folder / name) != Path(name).stem]
    run = _json(folder, PACK)["run"]
    if file_sha256(folder / "terms/texts.json") != run["terms_sha256"]:
        problems.append("terms/texts.json does not hold the texts that the run names (terms_sha256)")
    versions = {row["content_sha256"] for row in _rows(folder, "dim_agreement")}
    problems += [f"agreements/{each}.json is missing" for each in sorted(versions) if f"agreements/{each}.json" not in names]
    documents = canonical_documents(_json(folder, "terms/texts.json"))
    problems += [f"agreements/{each}.json is not in terms/texts.json" for each in sorted(versions - documents.keys())]
    return Finding(_first_line(_agreements.__doc__), problems, f"{len(versions)} versions")


def _ledger(folder: Path, names: list[str]) -> Finding:
    """The closes form one unbroken chain, and so do the payment batches, and the period's close is in it."""
    about = _json(folder, PACK)
    ledger = read_ledger(folder / "ledger")
    problems = []
    if about["close"] and about["close"] not in [record.model_dump(mode="json") for record in ledger.records]:
        problems.append(f"{PACK} names a close of {about['period']['name']} that the ledger does not have")
    return Finding(
        _first_line(_ledger.__doc__),
        problems,
        f"{len(ledger.records)} closes and reopenings, {len(ledger.write_offs)} write-offs, {len(ledger.payments)} payment records",
    )


def _sample(folder: Path, names: list[str]) -> Finding:
    """The sample is the one that its seed draws."""
    sample = _json(folder, PACK)["sample"]
    roles = list(_rows(folder, "pack_payout"))
    chosen = sorted(row["payout_id"] for row in roles if row["is_chosen"] == "true")
    holds = _first_line(_sample.__doc__)
    if sample["method"] == "named":
        return Finding(holds, [] if chosen == sample["payouts"] else [f"pack_payout marks others than {PACK} names"], "named, not drawn")
    of_period = {row["payout_id"] for row in roles if row["is_of_period"] == "true"}
    values = {row["payout_id"]: _units(row["payout_reporting"] or row["payout"] or "0") for row in _rows(folder, "fct_payout") if row["payout_id"] in of_period}
    drawn = draw_sample(values, sample["size"], sample["seed"])
    problems = [] if drawn.payouts == chosen else [f"seed {sample['seed']} draws {', '.join(sorted({*drawn.payouts} ^ {*chosen})[:5])} otherwise"]
    problems += [f"{PACK} says another {name}" for name in ("population", "units", "interval", "start") if getattr(drawn, name) != sample[name]]
    return Finding(holds, problems, f"{len(chosen)} of {len(values)} payouts")


def _units(amount: str) -> int:
    return int(abs(Decimal(amount)) * 10_000)


def _tables(folder: Path, names: list[str]) -> Finding:
    """What must hold of the tables holds, with the numbers that the pack names."""
    about, listed = _json(folder, PACK), _json(folder, CHECKS)
    with checks.open_tables(folder, data_package.table_columns(_json(folder, data_package.PATH))) as con:
        try:
            found = checks.evaluate(con, about["period"]["name"])
        except duckdb.BinderException as error:
            made_by, lacks = about["run"]["code_version"], str(error).splitlines()[0]
            return Finding(
                _first_line(_tables.__doc__),
                [f"the pack is of another version ({made_by}), whose tables lack what is checked: {lacks}. Verify it with that one"],
            )
    problems = [f"{each['check']}: {'; '.join(each['broken'])}" for each in found if each["broken"]]
    problems += [f"{CHECKS} says other numbers for {each['check']}" for each in found if each not in listed and not each["broken"]]
    return Finding(_first_line(_tables.__doc__), problems, f"{len(found)} statements")


def _source_rows(folder: Path, names: list[str]) -> Finding:
    """Every line of the sample has its row as it stands in the file."""
    chosen = {row["payout_id"] for row in _rows(folder, "pack_payout") if row["is_chosen"] == "true"}
    wanted = {(row["source_sha256"], int(row["source_row"])) for row in _rows(folder, "fct_payout_line") if row["payout_id"] in chosen and row["source_row"]}
    with (folder / source_rows.PATH).open(encoding="utf-8") as text:
        entries = [json.loads(line) for line in text]
    present = {(each["source_sha256"], each["source_row"]) for each in entries if each["raw"] is not None}
    problems = [f"row {row} of the file {digest[:12]}… is missing" for digest, row in sorted(wanted - present)]
    problems += [f"row {row} of the file {digest[:12]}… belongs to no line of the sample" for digest, row in sorted(present - wanted)]
    arrived = {row["sha256"]: row["file_name"] for row in _rows(folder, "audit_feed_file")}
    problems += [f"{each['source_file']} did not arrive" for each in entries if arrived.get(each["source_sha256"]) != each["source_file"]]
    return Finding(_first_line(_source_rows.__doc__), problems, f"{len(present)} rows")


def _program(folder: Path, names: list[str]) -> Finding:
    """recompute.py in the pack is that of this version of the program."""
    same = all((folder / program.name).read_bytes() == program.read_bytes() for program in PROGRAM)
    return Finding(
        _first_line(_program.__doc__),
        [],
        "" if same else "it is another; payouts are recomputed with this version's, which nobody who made the pack could change",
    )


def _recomputed(folder: Path, names: list[str]) -> Finding:
    """recompute.py agrees on every payout."""
    every = _json(folder, PACK)["lines_of"] == "period"
    found = run_recompute(folder, every)
    bad = [each for each in found["payouts"] if each["outcome"] != "agrees"]
    problems = [f"{each['payout_id']} {each['name']} {each['outcome']}: {'; '.join(each['problems'])}" for each in bad]
    problems += [] if bad or found == _json(folder, RECOMPUTED) else [f"{RECOMPUTED} says otherwise"]
    return Finding(_first_line(_recomputed.__doc__), problems, f"{found['agrees']} payouts{'' if every else ' of the sample'}")


def _json(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_bytes())


def _rows(folder: Path, table: str) -> Iterator[dict[str, str]]:
    with (folder / path_of(table)).open(encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)
