"""`dbt build` on a book that was run: every model, data test and unit test of the project. `python -m tests.tools.dbt_build` (make dbt-build).

Belongs here: running dbt with its tests, which a run of a book leaves out, and what failed. Does not belong here: the tests themselves (dbt_project/).
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from assets.runtime.book_folder import open_run
from assets.transform.dbt import invoke_dbt, load_manifest
from examples.demo.generate import write_demo_book
from pipelines.run import run_book


@dataclass(frozen=True)
class BuildResult:
    """How many nodes of each kind passed, and what each of the others said."""

    passed: Counter[str]
    failed: dict[str, str]


def build(book: Path, *arguments: str) -> BuildResult:
    """Build the models again from what the book's last run left in its warehouse, and run their tests. The warehouse is changed."""
    invoked = invoke_dbt(open_run(book, None, dt.datetime.now(dt.UTC)), load_manifest(), "build", *arguments)
    if invoked.result is None:
        raise invoked.exception
    passed: Counter[str] = Counter()
    failed: dict[str, str] = {}
    for result in invoked.result.results:
        if result.node.resource_type == "exposure":
            continue  # nothing is built for it
        if result.status in ("success", "pass"):
            passed[str(result.node.resource_type)] += 1
        else:
            failed[result.node.name] = f"{result.status}: {result.message}"
    return BuildResult(passed, failed)


def main() -> None:
    """Build the demo book, or the book named; its folder is changed, the demo's is thrown away."""
    with tempfile.TemporaryDirectory() as scratch:
        book = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch) / "demo"
        if len(sys.argv) == 1:
            write_demo_book(book)
            run_book(book)
        result = build(book)
    print(", ".join(f"{count} {kind}s" for kind, count in sorted(result.passed.items())), "passed")
    for name, message in result.failed.items():
        print(f"{name}: {message}")
    sys.exit(bool(result.failed))


if __name__ == "__main__":
    main()
