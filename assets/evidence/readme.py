"""The README of a pack: what an auditor reads first.

Belongs here: filling its template with the pack's numbers. Does not belong here: its text (templates/readme.txt).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

README = "README.md"


def write_readme(folder: Path, about: Mapping[str, Any], rows: Mapping[str, int]) -> None:
    """Write the README. `about`: pack.json; `rows`: table to its rows in the pack."""
    text = Template((Path(__file__).parent / "templates" / "readme.txt").read_text(encoding="utf-8"))
    (folder / README).write_text(text.substitute(_words(about, rows)), encoding="utf-8", newline="")


def _words(about: Mapping[str, Any], rows: Mapping[str, int]) -> dict[str, str]:
    period, close = about["period"], about["close"]
    head = f"chain head `{close['chain_sha256']}`" if close else ""
    return {
        "book": about["book"], "period": period["name"], "first_day": period["first_day"], "last_day": period["last_day"], "as_of": about["as_of"],
        "run_id": about["run"]["run_id"], "code_version": about["run"]["code_version"],
        "closed": f"closed at {close['closed_at']} by {close['closed_by']}, {head}" if close else "not closed: figures may change",
        "drawn": _drawn(about["sample"], about["settings"]["currency"]),
        "payouts": f"{rows['fct_payout']:,}", "lines": f"{rows['fct_payout_line']:,}",
        "source_rows": f"{about['source_rows']:,}", "input_files": f"{about['input_files']:,}",
        "lines_of": "every payout of the period" if about["lines_of"] == "period" else "the sample alone; `--all` needs a pack made without `--sample-only`",
        "exceptions": "\n".join(f"| {kind} | {count:,} |" for kind, count in about["exceptions"].items()),
    }  # fmt: skip


def _drawn(sample: Mapping[str, Any], currency: str) -> str:
    if sample["method"] == "named":
        return f"{len(sample['payouts'])} payouts, named when the pack was made."
    value, interval, start = (f"{sample[key] / 10_000:,.4f} {currency}" for key in ("units", "interval", "start"))
    return (
        f"A monetary-unit sample of size {sample['size']}, seed {sample['seed']}. The {sample['population']:,} payouts of the period come to {value}. They are "
        f"laid end to end in order of payout_id, and one unit is taken every {interval}, the first at {start}. That drew {len(sample['by_value'])} payouts. "
        f"A payout of 0 has no unit to draw: {len(sample['of_zero'])} of those were added, by the hash of seed and id."
    )
