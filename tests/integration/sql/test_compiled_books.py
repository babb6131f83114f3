"""A book whose models were compiled before is the book that dbt makes.

Belongs here: dbt against what is kept of it, on whole books. Does not belong here: the kept files themselves (tests/unit/test_compiled_models.py).
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from assets.transform import dbt
from assets.transform.compiled_models import CompiledModel, keep_compiled, read_compiled
from pipelines.run import run_book
from tests.torture.books import draw_book, write_book
from tests.torture.drawing import FEATURES

#: What some models read, which books must not share where it differs, and need not compile again where other things do.
READS = {"marts.dim_period": {"rounding", "incremental"}, "intermediate.int_lines_measured": {"rounding", "incremental", "book.has_nets"}}


def published(book: Path) -> dict[str, bytes]:
    """The bytes of every published table but the history of runs, which has times."""
    return {file.name: file.read_bytes() for file in (book / "published" / "current").glob("*.parquet") if file.name != "audit_run.parquet"}


def test_dbt_and_what_is_kept_of_it_make_the_same_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a feature of each kind, net_of among them. The second run makes its warehouse from the archive of the first."""
    monkeypatch.setattr(dbt, "read_compiled", lambda _, *key: read_compiled(tmp_path, *key))
    monkeypatch.setattr(dbt, "keep_compiled", lambda _, *kept: keep_compiled(tmp_path, *kept))
    write_book(draw_book(5, 12, FEATURES), tmp_path / "book")
    invoked: list[tuple[str, ...]] = []
    invoke = dbt.invoke_dbt

    def count(context: Any, manifest: Any, *command: str, **options: Any) -> Any:
        invoked.append(command)
        return invoke(context, manifest, *command, **options)

    monkeypatch.setattr(dbt, "invoke_dbt", count)
    run_book(tmp_path / "book")
    assert ("run", *dbt.DEDUCTIONS) in invoked, "the book needs no net_of: take another one"
    reads = {name: {".".join(path) for path in json.loads((tmp_path / "compiled" / f"{name}.reads").read_text())} for name in READS}
    assert reads == READS
    invoked.clear()
    shutil.copytree(tmp_path / "book", tmp_path / "again", ignore=shutil.ignore_patterns("published", "warehouse*", ".dagster_home", ".lock"))
    run_book(tmp_path / "again")
    assert invoked == []
    first, second = published(tmp_path / "book"), published(tmp_path / "again")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


@pytest.mark.parametrize(
    "missing",
    [
        ["int_lines_matched", "stg_partner_versions", "fct_payout", "int_payouts_measured"],
        pytest.param(["int_rows_replaced"], marks=pytest.mark.long),
        pytest.param(["dim_partner", "fct_release"], marks=pytest.mark.long),
    ],
)
def test_dbt_builds_what_is_missing_and_what_lies_between(missing: list[str], ran_book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has to be there before it is built before, and what reads it after."""
    book = shutil.copytree(ran_book, tmp_path / "book", symlinks=True)
    built: list[str] = []
    invoke = dbt.invoke_dbt

    def note(context: Any, manifest: Any, *command: str, **options: Any) -> Any:
        built.extend(command[2:])
        return invoke(context, manifest, *command, **options)

    def leave_out(*key: Any) -> dict[str, CompiledModel | None]:
        return {name: None if name.split(".")[1] in missing else model for name, model in read_compiled(*key).items()}

    monkeypatch.setattr(dbt, "invoke_dbt", note)
    monkeypatch.setattr(dbt, "read_compiled", leave_out)
    run_book(book, rebuild=True, force=True)
    assert set(missing) <= set(built)
    assert len(built) < 40
    assert published(book) == published(ran_book)


def test_nothing_but_vars_is_read_while_compiling() -> None:
    """What is kept would otherwise be right for one book, one day or one machine."""
    reads = re.compile(r"run_query|run_started_at|invocation_id|env_var|modules\.|\bstatement\(\s*[\"'](?!main)|get_columns_in_relation|\bgraph\.")
    sources = [file for folder in ("models", "macros") for file in (dbt.PROJECT / folder).rglob("*.sql")]
    assert sources
    assert [(file.name, found.group()) for file in sources for found in reads.finditer(file.read_text())] == []
