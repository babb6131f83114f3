"""Data contracts and metrics: the standards accept them, and they say what is published."""

from __future__ import annotations

import importlib.resources
import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest
import yaml

from assets.contracts.data_contracts import list_contracts
from assets.contracts.semantic_model import METRICS, make_ossie_model
from assets.published.marts import declared_keys, described_columns
from models.feeds.columns import FEEDS
from models.sql_text import identifier
from pipelines.cli.main import main

CONTRACTS = dict(list_contracts())


@pytest.fixture(scope="module")
def tables() -> duckdb.DuckDBPyConnection:
    """The published tables without rows."""
    con = duckdb.connect()
    con.execute("create schema tierledger")
    con.execute("set search_path = 'tierledger'")
    for table, columns in described_columns().items():
        fields = [f"{identifier(column['name'])} {column['data_type']}" for column in columns]
        con.execute(f"create table {table} ({', '.join(fields)})")
    return con


def test_there_is_one_per_published_table_and_per_feed() -> None:
    assert set(CONTRACTS) == {f"{table}.odcs.yaml" for table in described_columns()} | {f"feeds/{feed}.odcs.yaml" for feed in FEEDS}


def test_the_standard_accepts_them() -> None:
    schema = json.loads(importlib.resources.files("open_data_contract_standard").joinpath("schema.json").read_text())
    validator = jsonschema.Draft201909Validator(schema)
    assert {name: [error.message for error in validator.iter_errors(contract)] for name, contract in CONTRACTS.items()} == {name: [] for name in CONTRACTS}
    broken: dict[str, Any] = json.loads(json.dumps(CONTRACTS["fct_payout.odcs.yaml"]))
    broken["schema"][0]["properties"][0]["logicalType"] = "text"
    assert list(validator.iter_errors(broken))


def properties_of(name: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in CONTRACTS[name]["schema"][0]["properties"]}


def test_they_say_types_keys_and_what_may_be_null() -> None:
    payout = properties_of("fct_payout.odcs.yaml")
    assert list(payout) == [column["name"] for column in described_columns()["fct_payout"]]
    assert payout["payout_id"]["primaryKey"]
    assert payout["payout_id"]["unique"]
    assert (payout["payout"]["logicalType"], payout["payout"]["physicalType"]) == ("number", "DECIMAL(18,4)")
    assert payout["status"]["required"]
    assert "required" not in payout["status_reason"]
    assert payout["participant_id"]["relationships"][0]["to"] == "dim_partner.odcs.yaml#/schema/dim_partner/properties/partner_id"
    month = properties_of("fct_payout_month.odcs.yaml")
    assert [month[name]["primaryKeyPosition"] for name in ("payout_id", "period")] == [1, 2]
    assert "unique" not in month["period"]


def test_they_say_what_a_feed_must_hold() -> None:
    transactions = properties_of("feeds/transactions.odcs.yaml")
    assert [name for name, each in transactions.items() if each.get("required")] == ["transaction_id", "date", "partner_id", "amount", "currency"]
    assert transactions["type"]["logicalTypeOptions"] == {"pattern": "^(sale|return|credit|adjustment)$"}
    assert properties_of("feeds/fx_rates.odcs.yaml")["rate"]["logicalTypeOptions"] == {"exclusiveMinimum": 0}


def test_every_reference_leads_to_a_key() -> None:
    targets = {r["to"] for name in CONTRACTS for each in properties_of(name).values() for r in each.get("relationships", [])}
    assert targets
    for target in targets:
        file, _, path = target.partition("#")
        assert properties_of(file)[path.rsplit("/", 1)[1]]["unique"], target


def test_the_metrics_are_sql_over_the_published_tables(tables: duckdb.DuckDBPyConnection) -> None:
    model = make_ossie_model()["semantic_model"][0]
    asked = {"accrued", "earned", "projected", "released", "paid", "open", "effective_rate", "attainment"}
    assert {m["name"] for m in model["metrics"]} >= asked
    for metric in model["metrics"]:
        (form,) = metric["expression"]["dialects"]
        (table,) = {dataset["name"] for dataset in model["datasets"] if f"{dataset['name']}." in form["expression"]}
        assert tables.sql(f"select {form['expression']} from {table}").fetchall() == [(None,)]
    for dataset in model["datasets"]:
        fields = ", ".join(field["expression"]["dialects"][0]["expression"] for field in dataset["fields"])
        assert tables.sql(f"select {fields} from {dataset['source']}").fetchall() == []


def test_relationships_lead_from_facts_to_keys() -> None:
    model = make_ossie_model()["semantic_model"][0]
    fields = {dataset["name"]: {field["name"] for field in dataset["fields"]} for dataset in model["datasets"]}
    found = {(each["from"], *each["from_columns"], each["to"]) for each in model["relationships"]}
    assert found >= {("fct_payout", "participant_id", "dim_partner"), ("fct_payout_month", "date", "dim_date"), ("fct_payout_line", "payout_id", "fct_payout")}
    for each in model["relationships"]:
        assert {*each["from_columns"]} <= fields[each["from"]]
        assert tuple(each["to_columns"]) == declared_keys()[each["to"]].primary


def test_metrics_add_up_what_they_say(tables: duckdb.DuckDBPyConnection) -> None:
    tables.execute("begin")
    tables.execute(
        "insert into fct_payout (payout, base, measure, target, open_amount) values (10, 100, 80, 100, 3), (5, 200, 70, null, 4), (null, null, 30, 100, 0)"
    )
    expressions = {m["name"]: m["expression"]["dialects"][0]["expression"] for m in make_ossie_model()["semantic_model"][0]["metrics"]}
    asked = ", ".join(expressions[name] for name in ("open", "effective_rate", "attainment"))
    assert tables.sql(f"select {asked} from fct_payout").fetchall() == [(7, 0.05, 0.55)]
    tables.execute("insert into fct_payout_month (accrued_signed, released_signed, projected_signed) values (1, 20, null), (2, 30, 400), (4, null, -100)")
    asked = ", ".join(expressions[name] for name in ("accrued", "released", "projected"))
    assert tables.sql(f"select {asked} from fct_payout_month").fetchall() == [(7, 50, 300)]
    tables.execute("rollback")


def test_dbt_accepts_the_metrics(tmp_path: Path) -> None:
    """In a project of someone else, over tables of these names."""
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    names = {str(model["model"])[5:-2] for model in yaml.safe_load(METRICS.read_text())["semantic_models"]}
    (tmp_path / "models").mkdir()
    for name in names:
        (tmp_path / "models" / f"{name}.sql").write_text(f"select * from tierledger.{name}")
    (tmp_path / "models" / "days.sql").write_text("select date from tierledger.dim_date")
    spine = {"name": "days", "time_spine": {"standard_granularity_column": "date"}, "columns": [{"name": "date", "granularity": "day"}]}
    (tmp_path / "models" / "days.yml").write_text(yaml.safe_dump({"version": 2, "models": [spine]}))
    shutil.copy(METRICS, tmp_path / "models")
    (tmp_path / "dbt_project.yml").write_text("name: theirs\nversion: '1.0.0'\nprofile: theirs\nflags: {send_anonymous_usage_stats: false}\n")
    (tmp_path / "profiles.yml").write_text("theirs: {target: dev, outputs: {dev: {type: duckdb, path: ':memory:'}}}\n")
    result = dbtRunner().invoke(["--quiet", "--log-level-file", "none", "parse", "--project-dir", str(tmp_path), "--profiles-dir", str(tmp_path)])
    assert result.success, result.exception
    assert isinstance(result.result, Manifest)
    assert {metric.name for metric in result.result.metrics.values()} >= {"accrued", "effective_rate"}


def test_the_command_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contracts", str(tmp_path / "new" / "contracts")]) == 0
    files = {str(path.relative_to(tmp_path / "new" / "contracts")) for path in (tmp_path / "new" / "contracts").rglob("*.y*ml")}
    assert files == {*CONTRACTS, "semantic_model.ossie.yaml", "dbt/metrics.yml"}
    assert f"{len(files)} files written" in capsys.readouterr().out
    assert yaml.safe_load((tmp_path / "new" / "contracts" / "fct_payout.odcs.yaml").read_text()) == CONTRACTS["fct_payout.odcs.yaml"]
