"""What runs leave in the archive: the texts of their terms, and the history of runs.

Belongs here: these files. Does not belong here: what identifies a run (assets/archive/run_identity.py), rebuilding a book from them
(assets/verification/rebuild.py).

    archive/terms/<sha256>.json    book.yaml and every agreement file as a run used them: text by name, in canonical JSON, named by its hash
    archive/runs.jsonl             one line per run that ended, in order; append-only
    archive/receipt.json           what the book held after its last run (written by assets/archive/receipts.py)

A run's line is appended after readers see its tables. After a crash between the two, the published set still holds the line, and the next run appends it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from assets.agreements.texts import read_agreement_texts
from assets.published.reader import read_manifest
from assets.runtime.durable_files import flush, write_atomically
from models.documents import InputError, Problem
from models.records.chain import canonical_json, sha256
from models.records.receipt import Receipt, parse_receipt
from models.records.run_history import EndedRun, as_line, parse_runs

RUNS, TERMS, RECEIPT = "runs.jsonl", "terms", "receipt.json"


def keep_terms(archive: Path, folder: Path) -> str:
    """Archive the texts of the book in `folder`, unless they are there already, and return their name. On disk when this returns."""
    texts = {name: (folder / name).read_bytes().decode() for name in ("book.yaml", *read_agreement_texts(folder))}  # line ends as they are
    content = canonical_json(texts)
    name = sha256(content)
    target = archive / TERMS / f"{name}.json"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)
        flush(archive)
    return name


def read_terms(archive: Path, name: str) -> dict[str, str]:
    """The texts of that name. Raises InputError when they are missing or were changed."""
    place = f"archive/{TERMS}/{name}.json"
    try:
        content = (archive / TERMS / f"{name}.json").read_bytes()
    except FileNotFoundError:
        raise InputError([Problem(place, 0, "", "is missing; restore it from a backup: it holds book.yaml and the agreements of a run")]) from None
    if sha256(content) != name:
        raise InputError([Problem(place, 0, "", "was changed: its bytes do not have the hash in its name; restore it from a backup")])
    texts: dict[str, str] = json.loads(content)
    return texts


def read_receipt(archive: Path) -> Receipt | None:
    """The receipt of the book. None: no run has begun to load. Raises InputError when it is damaged."""
    try:
        return parse_receipt((archive / RECEIPT).read_bytes())
    except FileNotFoundError:
        return None


def read_runs(archive: Path, published: Path | None = None) -> list[EndedRun]:
    """Every run that ended, in order. `published`: its set may hold the line of a run that a crash kept out of the history.

    Raises InputError for a damaged line.
    """
    runs, _ = parse_runs(_content(archive))
    last = published_line(published) if published else None
    return runs if last is None or last in runs else [*runs, last]


def published_line(published: Path) -> EndedRun | None:
    """The line of the run that readers see, as its set has it."""
    manifest = read_manifest(published) or {}
    return EndedRun.model_validate_json(json.dumps(manifest["run"])) if "run" in manifest else None


def torn_line(archive: Path) -> bytes:
    """The rest of a last line that a crash cut short. Empty when there is none."""
    return parse_runs(_content(archive))[1]


def append_run(archive: Path, run: EndedRun, enter: Callable[[int, bytes], bool] | None = None) -> None:
    """Append a run, replacing a last line that a crash cut short. On disk when this returns.

    `enter` first enters the line, from this byte on, where other runs append too; where it could not, the file has their lines, and it is tried again.
    """
    archive.mkdir(exist_ok=True)
    torn = torn_line(archive)
    while enter and not enter(len(_content(archive)) - len(torn), as_line(run)):
        torn = torn_line(archive)
        if run in read_runs(archive):  # a later run has found it in the published set
            return
    with (archive / RUNS).open("ab", buffering=0) as file:
        if torn:
            file.truncate(file.seek(0, os.SEEK_END) - len(torn))
        file.write(as_line(run))
        os.fsync(file.fileno())
    flush(archive)


def enter_missing(archive: Path, published: Path, enter: Callable[[int, bytes], bool] | None = None) -> int:
    """Append the published run if a crash kept it out of the history. Returns how many runs were appended."""
    last = published_line(published)
    if last is None or last in read_runs(archive):
        return 0
    append_run(archive, last, enter)
    return 1


def _content(archive: Path) -> bytes:
    path = archive / RUNS
    return path.read_bytes() if path.exists() else b""
