"""Rules of the dbt project that its manifest shows: layers, contracts, descriptions, types."""

from __future__ import annotations

from typing import Any

import pytest

from assets.transform.dbt import load_manifest

#: Columns of the published tables that readers rely on by name, in order.
PUBLISHED = {
    "fct_payout": "payout_id agreement_id agreement_version clause benefit_id participant_id direction currency window_start window_end span_start status "
    "status_reason measure base quantity target baseline incentive axis_value tier curve_payout multiplier gate_factor earned prior_earned carried payout "
    "payout_reporting closed_payout settled open_amount due_date run_id participant_name agreement_title "
    "agreement_version_id benefit_version_id released waiting written_off pool_measure adjusted payable held measured_from measured_to",
    "fct_release": "payout_id release_no share due_date amount released settled status held collected currency "
    "amount_reporting released_reporting held_reporting settled_reporting amount_signed released_signed held_signed settled_signed "
    "disputed",
    "fct_achievement": "payout_id agreement_id benefit_id participant_id window_start period measure_period measure_to_date target attainment growth "
    "tier_actual tier_forecast tier_accrual projected_measure next_tier_from gap_to_next_tier placement forecast_method days_gone days_total "
    "participant_name agreement_title projected_payout",
    "fct_accrual": "payout_id agreement_id benefit_id participant_id window_start period accrued_to_date accrued_before accrual origin_period reason is_posted "
    "participant_name agreement_title direction currency accrued_to_date_reporting accrual_reporting accrual_signed",
    "fct_payout_line": "payout_id transaction_id line date partner_id product_id amount currency fx_rate inverted_rate tier credited_measure line_payout "
    "source_file source_sha256 source_row source_line counted_date type quantity cost share measured_value measure_unit credited_base",
    "fct_calculation_step": "payout_id step_no step formula inputs result",
    "audit_feed_file": "feed file_name sha256 arrival_no arrived_at status reason rows_read rows_loaded rows_duplicate rows_superseded rows_rejected "
    "rows_ignored",
    "audit_reject": "feed file_name sha256 row_number line_number reason column_name message raw",
    "audit_run": "run_id started_at finished_at as_of code_version agreements_sha256 inputs_sha256 settings_sha256 engine_versions "
    "rows payouts payout_total status",
}
#: Staging reads what the business keys and references leave of a feed, which is worked out first.
ROW_STATUS = {"int_rows_replaced"}


@pytest.fixture(scope="module")
def manifest() -> Any:
    return load_manifest()


@pytest.fixture(scope="module")
def models(manifest: Any) -> dict[str, Any]:
    return {n.name: n for n in manifest.nodes.values() if n.resource_type == "model"}


def layer(node: Any) -> str:
    return str(node.fqn[1])


def parents(manifest: Any, node: Any) -> list[Any]:
    return [manifest.nodes[p] for p in node.depends_on.nodes if p.startswith("model.")]


def test_every_layer_reads_only_what_comes_before_it(manifest: Any, models: dict[str, Any]) -> None:
    allowed = {"staging": {"staging"}, "intermediate": {"staging", "intermediate"}, "marts": {"staging", "intermediate", "marts"}}
    wrong = [
        (model.name, parent.name)
        for model in models.values()
        for parent in parents(manifest, model)
        if layer(parent) not in allowed[layer(model)] and parent.name not in ROW_STATUS
    ]
    assert wrong == []


def test_only_marts_and_what_prepares_them_reads_the_calculation(models: dict[str, Any]) -> None:
    readers = {m.name: layer(m) for m in models.values() if any(p.startswith("source.tierledger.calc.") for p in m.depends_on.nodes)}
    assert {name for name, of in readers.items() if of != "marts"} == {
        "int_accounts_mapped",
        "int_payouts_identified",
        "int_payouts_measured",
        "int_payouts_collected",
        "int_payouts_disputed",
        "int_payouts_gathered",
        "int_payouts_to_allocate",
        "int_payout_lines_allocated",
        "int_payouts_paid",
        "int_payouts_released",
        "int_payouts_rated",
        "int_lines_netted",
        "int_accruals_posted",
        "int_differences_explained",
    }


def test_names_say_the_layer(models: dict[str, Any]) -> None:
    prefixes = {"staging": ("stg_",), "intermediate": ("int_",), "marts": ("fct_", "dim_", "audit_", "column_lineage")}
    assert [m.name for m in models.values() if not m.name.startswith(prefixes[layer(m)])] == []


def test_every_model_says_what_one_row_is(models: dict[str, Any]) -> None:
    assert [m.name for m in models.values() if "One row per " not in m.description.rsplit(". ", 1)[-1] or not m.description.endswith(".")] == []


def test_every_mart_has_a_contract_and_every_column_of_it_a_type_a_description_and_a_test(manifest: Any, models: dict[str, Any]) -> None:
    marts = [m for m in models.values() if layer(m) == "marts"]
    assert [m.name for m in marts if not m.config.contract.enforced] == []
    columns = [(m.name, c) for m in marts for c in m.columns.values()]
    assert [(name, c.name) for name, c in columns if not c.data_type or not c.description] == []
    tested = {(manifest.nodes[n.attached_node].name, n.column_name) for n in manifest.nodes.values() if n.resource_type == "test" and n.attached_node}
    assert [(name, c.name) for name, c in columns if (name, c.name) not in tested] == []


def test_nothing_published_is_a_float(models: dict[str, Any]) -> None:
    floats = ("double", "float", "real")
    assert [(m.name, c.name) for m in models.values() for c in m.columns.values() if (c.data_type or "").lower() in floats] == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_tables_have_the_columns_of_their_contract(models: dict[str, Any], name: str) -> None:
    assert list(models[name].columns) == PUBLISHED[name].split()


def test_every_fact_and_audit_table_is_exposed(manifest: Any, models: dict[str, Any]) -> None:
    exposed = {p.rsplit(".", 1)[-1] for e in manifest.exposures.values() for p in e.depends_on.nodes}
    assert {m for m in models if layer(models[m]) == "marts"} - exposed == set()
