"""Files that are not what they were: bits turned, ends cut off, whole files gone, in everything a book keeps. No wrong figure may come of it.

Belongs here: what is damaged, and what must hold then. Does not belong here: books (lives.py).

    python -m tests.faults.corruption                1,000 damages (some fifteen minutes of CPU)
    python -m tests.faults.corruption --count 100 --seed 7

A damage ends well when the next run refuses it with a message that names the file, or ends with the tables of a book that was left in peace. What a run does
not read, a bit that turned in an archived or published file without its time being touched, must be found by what `verify` looks at.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.faults.injection import Scorecard
from tests.faults.lives import ACTS, copy_book, look_at_published, warm_up
from tests.faults.telling import print_card

WEIGHTS = {
    "warehouse": 25, "log": 15, "archived file": 15, "manifest": 8, "history": 5, "terms": 4, "receipt": 8, "ledger": 8, "Parquet": 10, "tables.json": 6,
    "published database": 4,
}  # fmt: skip
_PLACES = {
    "warehouse": "warehouse.duckdb", "log": "warehouse.duckdb.wal", "archived file": "archive/" + "[0-9a-f]" * 64, "manifest": "archive/manifest.jsonl",
    "history": "archive/runs.jsonl", "terms": "archive/terms/*.json", "receipt": "archive/receipt.json", "ledger": "ledger/*/*",
    "Parquet": "published/current/*.parquet",
    "tables.json": "published/current/tables.json", "published database": "published/tierledger.duckdb",
}  # fmt: skip
_REFUSED = re.compile(r"warehouse\.duckdb: cannot be trusted: .*tierledger run --rebuild|^archive/|^ledger", re.MULTILINE)


@dataclass(frozen=True)
class Books:
    """`whole`: closed and at rest. `killed`: the same with news, its run dead before it published, so that the engine's log is there. `after`: published."""

    whole: Path
    killed: Path
    after: Path


def make_books(place: Path, seed: int) -> Books:
    """In this process: nothing dies here."""
    import assets.publishing.parquet_set

    act = next(act for act in ACTS if act.name == "run after a close")
    whole, killed, after = place / "whole", place / "killed", place / "after"
    after.mkdir(parents=True)
    act.prepare(after, seed)
    news = list((after / "feeds/transactions").glob("late-*"))
    kept = {path: path.read_bytes() for path in news}
    for path in news:
        path.unlink()
    copy_book(after, whole)
    shutil.rmtree(whole / "feeds")  # delivered files are cleared away, or a run would copy them into the archive again
    for path, data in kept.items():
        path.write_bytes(data)

    publish = assets.publishing.parquet_set.publish

    def copy_and_publish(context: object, checks: object) -> object:
        copy_book(after, killed)  # the log is there while the run has the warehouse open
        return publish(context, checks)  # type: ignore[arg-type]

    assets.publishing.parquet_set.publish = copy_and_publish  # type: ignore[assignment]
    try:
        act.perform(after)
    finally:
        assets.publishing.parquet_set.publish = publish
    return Books(whole, killed, after)


def corrupt(card: Scorecard, books: Books, place: Path, count: int, seed: int, kinds: list[str]) -> Counter[str]:
    """Damage as many files. Returns how it was noticed, or why it did not matter."""
    dice = random.Random(f"corrupt {seed}")
    ends: Counter[str] = Counter()
    book = place / "book"
    for number in range(count):
        kind = dice.choices(kinds, [WEIGHTS[kind] for kind in kinds])[0]
        source = books.killed if kind == "log" else books.whole
        copy_book(source, book)
        path = dice.choice(sorted(book.glob(_PLACES[kind])))
        damage, is_silent = _damage(path, dice)
        case = f"{number}: {path.relative_to(book)} {damage}" + (", its time not touched" if is_silent else "")
        before = _tables(book)
        code, message = _run(book, "run")
        wrong: list[str] = []
        if kind == "warehouse" and code == 0 and number % 5 == 0:  # what the run did not read, the next one does
            code, message = _run(book, "run", "--force")
        if code == 0:
            end, wrong = _look(book, kind, books)
        elif _REFUSED.search(message) and code == 2 and "Traceback" not in message:
            end = "refused"
            if _tables(book) != before:
                wrong = ["refused, but what is published was changed"]
            elif "--rebuild" in message and number % 10 == 0:
                end, wrong = _rebuild(book, kind, books)
        else:
            end, wrong = "failed", [f"ended with {code}: {message.strip()[-300:]}"]
        ends[f"{kind}: {end}"] += 1
        card.enter(kind, case, wrong=wrong)
    return ends


def _damage(path: Path, dice: random.Random) -> tuple[str, bool]:
    """Turn a bit, cut the end off, blank a stretch or remove the file. Returns what was done, and whether the file's time was kept."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    manner = dice.choices(["bit", "cut", "blank", "gone"], [6, 2, 1, 1])[0]
    place = dice.randrange(len(data)) if data else 0
    if manner == "gone" or not data:
        path.unlink()
        return "is gone", False
    if manner == "bit":
        data[place] ^= 1 << dice.randrange(8)
    elif manner == "cut":
        del data[place:]
    else:
        data[place : place + 64] = bytes(len(data[place : place + 64]))
    path.chmod(0o644)
    path.write_bytes(data)
    is_silent = dice.random() < 0.5
    if is_silent:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return f"{manner} at {place}", is_silent


def _run(book: Path, *arguments: str) -> tuple[int, str]:
    """The command in this process: its exit code and what it said on standard error."""
    from pipelines.cli.main import main

    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        code = main([*arguments, "--book", str(book), "--quiet"])
    return code, errors.getvalue()


def _look(book: Path, kind: str, books: Books) -> tuple[str, list[str]]:
    """The run went through: what readers see is right, or `verify` finds the damage."""
    right = _tables(books.after if kind == "log" else books.whole)
    if _tables(book) == right and not _reader_finds(book):
        if found := _verify_finds(book):
            return f"not read, found by verify ({found})", []
        return "the same tables", []
    found = _verify_finds(book) or _reader_finds(book)
    return (f"found by verify ({found})", []) if found else ("unnoticed", ["the run went through, the tables are others, and nothing says so"])


def _rebuild(book: Path, kind: str, books: Books) -> tuple[str, list[str]]:
    code, message = _run(book, "run", "--rebuild")
    if code:
        return "not made again", [f"--rebuild ended with {code}: {message.strip()[-300:]}"]
    end, wrong = _look(book, kind, books)
    return f"refused, made again: {end}", wrong


def _verify_finds(book: Path) -> str:
    """What the statements of `verify` say that need no rebuild; empty: all hold."""
    from assets.runtime.context import silent
    from assets.verification.verify import check_kept, open_evidence
    from models.documents import InputError

    try:
        failed = [finding.id for finding in check_kept(open_evidence(book, None, silent)) if finding.is_failed]
    except InputError:
        return "nothing whole is published"
    return failed[0] if failed else ("I14" if look_at_published_files(book) else "")


def look_at_published_files(book: Path) -> bool:
    """Whether a published file has other bytes than its set says."""
    from assets.published.reader import hashes_of, read_manifest
    from assets.runtime.file_hashes import file_sha256

    manifest = read_manifest(book / "published") or {}
    return any(file_sha256(path) != sha256 for path, sha256 in hashes_of(book / "published" / "current", manifest).items())


def _reader_finds(book: Path) -> str:
    """The engine's own word to a reader, for files that no run reads."""
    import duckdb

    try:
        return look_at_published(book)
    except duckdb.Error as error:
        return str(error).splitlines()[0][:60]


def _tables(book: Path) -> dict[str, bytes]:
    """The history of runs left out: a set that is published anew adds a line to it."""
    current = (book / "published" / "current").resolve()
    return {path.name: path.read_bytes() for path in current.glob("*.parquet") if path.stem != "audit_run"}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("tests.faults.corruption", description="damaged files in everything a book keeps")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=list(WEIGHTS), default=list(WEIGHTS), metavar="KIND", help=", ".join(WEIGHTS))
    options = parser.parse_args(arguments)
    warm_up()
    card = Scorecard()
    with tempfile.TemporaryDirectory(prefix="corruption-") as place:
        ends = corrupt(card, make_books(Path(place), options.seed), Path(place), options.count, options.seed, options.only)
    message = ["how they ended", *(f"  {end:<70}{times:>5}" for end, times in sorted(ends.items()))]
    return print_card("corruption", arguments, card, message)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
