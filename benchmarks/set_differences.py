"""Are two published sets the same, and which payouts did a run change? `python -m benchmarks.set_differences SET OTHER`, two folders of Parquet files.

Prints one object as JSON: files, files with the same bytes, the first difference of each other file, and the payouts that differ in any column, in
their amount, in their tier. Columns of times, and audit_run, differ between any two runs and are left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from assets.verification.comparison import first_difference

#: Tables about runs, and columns about the run that a file arrived in.
RUNS, ARRIVALS = ("audit_run.parquet",), ("arrival_no", "run_id")


def compare_sets(ours: Path, theirs: Path) -> dict[str, Any]:
    """Whether all tables are the same, byte for byte or at least row for row."""
    names = sorted({str(path.relative_to(folder)) for folder in (ours, theirs) for path in folder.rglob("*.parquet")} - set(RUNS))
    same = [name for name in names if _have_same_bytes(ours / name, theirs / name)]
    return {"files": len(names), "same_bytes": len(same), "different": list(_differences(ours, theirs, [name for name in names if name not in same]))}


def count_changed(before: Path, after: Path) -> dict[str, int]:
    """Payouts that changed in any column, among them those that are new or gone, and of the others those with another amount or tier."""
    b, a = (f"(select * exclude run_id from read_parquet('{folder}/fct_payout.parquet'))" for folder in (before, after))
    changes = ("true", "not in_both", "in_both and b.payout is distinct from a.payout", "in_both and b.tier is distinct from a.tier")
    counts = ", ".join(f"count(*) filter ({change})" for change in changes)
    pairs = f"select b, a, b.agreement_id is not null and a.agreement_id is not null as in_both from {b} b full join {a} a using (payout_id)"
    with duckdb.connect() as con:
        (found,) = con.execute(f"select {counts} from ({pairs}) where b is distinct from a").fetchall()
    return dict(zip(("payouts", "new_or_gone", "amounts", "tiers"), found, strict=True))


def _have_same_bytes(one: Path, other: Path) -> bool:
    if not (one.is_file() and other.is_file()) or one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while block := first.read(1 << 20):
            if block != second.read(1 << 20):
                return False
    return True


def _differences(ours: Path, theirs: Path, names: list[str]) -> Iterator[str]:
    for name in names:
        missing = [str(folder) for folder in (ours, theirs) if not (folder / name).is_file()]
        if missing:
            yield f"{name} is missing in {missing[0]}"
            continue
        with duckdb.connect() as con:
            columns = con.execute(f"describe from '{ours / name}'").fetchall()
            left_out = [*ARRIVALS, *(column for column, kind, *_ in columns if kind == "TIMESTAMP")]
            if difference := first_difference(con, [ours / name], [theirs / name], left_out):
                yield f"{name}: {difference}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("set", "other"):
        parser.add_argument(name, type=Path)
    chosen = parser.parse_args()
    print(json.dumps(compare_sets(chosen.set, chosen.other) | {"changed": count_changed(chosen.set, chosen.other)}))


if __name__ == "__main__":
    main()
