"""The hashes of a pack: SHA256SUMS, and one in-toto statement over all files.

Belongs here: their form, and reading them. Does not belong here: signing, which whoever keeps the pack does with a key of their own (docs/evidence.md).

The statement names every file but itself and SHA256SUMS; SHA256SUMS names every file but itself, the statement too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assets.runtime.file_hashes import file_sha256
from models.records.chain import canonical_json

SUMS, STATEMENT = "SHA256SUMS", "statement.intoto.json"
_PREDICATE = "urn:tierledger:evidence:1"


def hash_files(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The sha256 of every file, in order of their names."""
    return {name: file_sha256(folder / name) for name in sorted(names)}


def write_digests(folder: Path, names: Iterable[str], about: Mapping[str, Any]) -> None:
    """Write the statement and the sums. `about`: what the pack is, the statement's predicate."""
    hashes = hash_files(folder, names)
    subject = [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in hashes.items()]
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": _PREDICATE, "predicate": dict(about)}
    (folder / STATEMENT).write_bytes(canonical_json(statement))
    sums = hash_files(folder, [*hashes, STATEMENT])
    (folder / SUMS).write_text("".join(f"{sha256}  {name}\n" for name, sha256 in sums.items()), encoding="utf-8", newline="")


def read_sums(folder: Path) -> dict[str, str]:
    """File to sha256, as SHA256SUMS has it. Raises ValueError for a line that is not one of them."""
    found = {}
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        sha256, separator, name = line.partition("  ")
        if len(sha256) != 64 or not separator or name in found:
            raise ValueError(f"the line {line!r} is not a hash and a name")
        found[name] = sha256
    return found


def read_statement(folder: Path) -> dict[str, str]:
    """File to sha256, as the statement has it. Raises ValueError or KeyError where it is not a statement over a pack."""
    statement = json.loads((folder / STATEMENT).read_bytes())
    if statement["predicateType"] != _PREDICATE:
        raise ValueError(f"the statement is about {statement['predicateType']}")
    return {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}
