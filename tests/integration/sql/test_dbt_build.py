"""`dbt build` with every data and unit test on books, and dbt without a warehouse, as on a fresh clone.

Belongs here: that dbt's own tests are run and can fail, that the project compiles by itself. Does not belong here: what the models should hold (dbt_project/).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from assets.transform.dbt import PROJECT, load_manifest
from models.feeds.columns import FEEDS
from tests.support.edges_book import EdgesBook
from tests.tools.dbt_build import build


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small book of every feed and of one agreement for each way in which payouts hang on something else, with the warehouse that its run left."""
    made = EdgesBook(tmp_path_factory.mktemp("dbt") / "edges")
    made.run()
    return made.folder


@pytest.fixture(scope="module")
def demo(demo_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo book with the warehouse that its run left."""
    copy = tmp_path_factory.mktemp("dbt") / "demo"
    shutil.copytree(demo_book, copy, ignore=shutil.ignore_patterns("published", "spill*", ".lock"))
    return copy


@pytest.mark.parametrize("name", ["edges", pytest.param("demo", marks=pytest.mark.long)])
def test_every_model_data_test_and_unit_test_passes(name: str, request: pytest.FixtureRequest) -> None:
    nodes = [node.resource_type for node in load_manifest().nodes.values()]
    result = build(request.getfixturevalue(name))
    assert result.failed == {}
    assert result.passed["model"] == nodes.count("model")
    assert result.passed["test"] == nodes.count("test") > 400
    assert result.passed["unit_test"] == len(load_manifest().unit_tests) >= 8


@pytest.mark.parametrize("model", ["audit_feed_file", "audit_reject"])
def test_every_feed_is_one_that_a_file_may_be_of(model: str) -> None:
    (values,) = (
        node.test_metadata.kwargs["values"]
        for node in load_manifest().nodes.values()
        if node.resource_type == "test" and node.name.startswith(f"accepted_values_{model}_feed__")
    )
    assert values == list(FEEDS)


def test_a_data_test_sees_a_payout_that_is_there_twice(edges: Path) -> None:
    with duckdb.connect(str(edges / "warehouse.duckdb")) as con:
        con.execute("insert into calc.payouts from calc.payouts where payout_key = 1")
    failed = build(edges, "--select", "int_payouts_identified").failed
    assert set(failed) == {"unique_int_payouts_identified_payout_id", "unique_int_payouts_identified_payout_key"}
    assert failed["unique_int_payouts_identified_payout_id"] == "fail: Got 1 result, configured to fail if != 0"


@pytest.mark.long
def test_the_project_compiles_and_documents_itself_without_a_warehouse(tmp_path: Path) -> None:
    """As on a fresh clone: no vars, no target folder, no connection to anything."""
    clone = tmp_path / "dbt_project"
    shutil.copytree(PROJECT, clone, ignore=shutil.ignore_patterns("target", "logs"))
    dbt = str(Path(sys.executable).parent / "dbt")
    command = [dbt, "docs", "generate", "--empty-catalog", "--project-dir", ".", "--profiles-dir", "."]  # it compiles every model first
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines_matched = (clone / "target/compiled/tierledger/models/intermediate/crediting/int_lines_matched.sql").read_text()
    assert "get_bit(products.scopes, spans.scope_key) = 1" in lines_matched
    assert (clone / "target/catalog.json").is_file()


def test_the_default_book_of_the_project_has_every_feed_with_its_columns() -> None:
    import yaml

    book = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["book"]
    assert {name: feed["columns"] for name, feed in book["feeds"].items()} == {name: [c.name for c in feed.columns] for name, feed in FEEDS.items()}
    assert list(book["feeds"]) == list(FEEDS)
    assert all(feed["is_configured"] and feed["snapshot_per"] and feed["key"] for feed in book["feeds"].values())
    assert all(value for name, value in book.items() if name != "last_scope_key")
