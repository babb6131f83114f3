"""The asset graph as text: every change of keys, dependencies, groups, owners, kinds and checks is a visible difference.

To take a change over: UPDATE_SNAPSHOTS=1 python -m pytest tests/architecture/test_asset_graph.py
"""

from __future__ import annotations

import os
import re
from graphlib import TopologicalSorter
from pathlib import Path

import dagster as dg
import pytest

from assets.graph.code_versions import ROOT, SOURCES, version_of_model
from assets.graph.period_closes import KEY
from assets.graph.step_assets import CALCULATED_FROM, NET_FROM, POOL
from assets.transform import calculate as calculation
from pipelines.period_closes import close_period

SNAPSHOT = Path(__file__).with_name("asset_graph.txt")


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    from pipelines.definitions import build_defs

    return build_defs()


def describe(defs: dg.Definitions) -> str:
    checks: dict[dg.AssetKey, list[str]] = {}
    graph = defs.resolve_asset_graph()
    for check in graph.asset_check_keys:
        checks.setdefault(check.asset_key, []).append(check.name)
    lines = []
    for spec in sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key):
        lines.append(f"{spec.key.to_user_string()}  group={spec.group_name} owners={','.join(spec.owners)} kinds={','.join(sorted(spec.kinds))}")
        lines += [f"    from {dep}" for dep in sorted(dep.asset_key.to_user_string() for dep in spec.deps)]
        lines += [f"    check {name}" for name in sorted(checks.get(spec.key, []))]
    return "\n".join(lines) + "\n"


def test_everything_can_be_loaded(defs: dg.Definitions) -> None:
    """As a code location does it, where no two jobs or ops share a name."""
    dg.Definitions.validate_loadable(defs)


def test_graph_is_as_written_down(defs: dg.Definitions) -> None:
    now = describe(defs)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(now)
    assert now == SNAPSHOT.read_text(), "the asset graph has changed; if that is meant, run this test once with UPDATE_SNAPSHOTS=1 and commit the text"


def test_every_asset_is_described(defs: dg.Definitions) -> None:
    assert [
        spec.key.to_user_string() for spec in defs.resolve_all_asset_specs() if not (spec.description and spec.group_name and spec.owners and spec.kinds)
    ] == []


def test_groups_follow_one_another(defs: dg.Definitions) -> None:
    """Else the page draws them in a circle; assets/graph/specs.py says where a model stands (GROUPS)."""
    specs = {spec.key: spec for spec in defs.resolve_all_asset_specs()}
    before: dict[str | None, set[str | None]] = {}
    for spec in specs.values():
        before.setdefault(spec.group_name, set()).update(specs[dep.asset_key].group_name for dep in spec.deps)
    order = list(TopologicalSorter({group: groups - {group} for group, groups in before.items()}).static_order())
    assert order[-2:] == ["published", "closes"]


def test_every_step_is_in_the_write_pool(defs: dg.Definitions) -> None:
    nodes = defs.resolve_job_def("run_book").nodes
    assert {node.definition.pool for node in nodes} == {POOL}  # type: ignore[attr-defined]


def test_whole_run_is_one_job(defs: dg.Definitions) -> None:
    """Every asset but the landing folders is made by it; closing is a decision of its own."""
    graph = defs.resolve_asset_graph()
    selected = defs.resolve_job_def("run_book").asset_layer.selected_asset_keys
    apart = {key for key in graph.get_all_asset_keys() if key.path[0] in ("feeds", "closes")}
    assert {key for key in graph.get_all_asset_keys() if key not in selected} == apart


def test_no_selection_of_assets_closes_a_period(defs: dg.Definitions) -> None:
    """*Materialize all* runs the implicit job over every asset that can be materialized."""
    assert KEY not in defs.resolve_asset_graph().materializable_asset_keys
    everything = defs.resolve_implicit_global_asset_job_def()
    assert KEY not in everything.asset_layer.selected_asset_keys
    assert close_period.name not in {node.name for node in everything.nodes}


def test_any_dbt_model_can_be_made_alone(defs: dg.Definitions) -> None:
    models = [key for key in defs.resolve_asset_graph().materializable_asset_keys if key.path[0] in ("staging", "marts")]
    for key in models:
        (chosen,) = defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection={key}).asset_layer.selected_asset_keys
        assert chosen == key


def test_every_asset_that_is_made_says_by_which_code(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    assert [key for key in graph.materializable_asset_keys if not graph.get(key).code_version] == []
    assert [place for places in SOURCES.values() for place in places if not (ROOT / place).exists()] == []


def test_a_model_has_another_version_when_a_macro_of_a_macro_changes() -> None:
    model = {"raw_code": "{{ a() }}", "depends_on": {"macros": ["macro.tierledger.a", "macro.dbt.x"]}}
    macros = {
        "macro.tierledger.a": {"macro_sql": "{{ b() }}", "depends_on": {"macros": ["macro.tierledger.b"]}},
        "macro.tierledger.b": {"macro_sql": "1", "depends_on": {"macros": ["macro.tierledger.a"]}},
    }
    before = version_of_model({"macros": macros}, model)
    assert version_of_model({"macros": macros}, model) == before
    macros["macro.tierledger.b"]["macro_sql"] = "2"
    assert version_of_model({"macros": macros}, model) != before


def test_calculation_reads_what_the_graph_says() -> None:
    source = Path(str(calculation.__file__)).read_text()
    found = set(re.findall(r"\b(?:raw|terms|staging)\.\w+", source)) | {f"intermediate.{name}" for name in re.findall(r"\bint_\w+", source)}
    assert found == {*CALCULATED_FROM, *NET_FROM}


def test_nothing_starts_by_itself(defs: dg.Definitions) -> None:
    repository = defs.get_repository_def()
    assert {s.name: s.default_status for s in repository.schedule_defs} == {
        "every_morning": dg.DefaultScheduleStatus.STOPPED,
        "month_end": dg.DefaultScheduleStatus.STOPPED,
        "weekly_payments": dg.DefaultScheduleStatus.STOPPED,
    }
    starting = [sensor for sensor in repository.sensor_defs if sensor.targets]
    assert {s.name: s.default_status for s in starting} == {"new_files": dg.DefaultSensorStatus.STOPPED}
    assert {sensor.name for sensor in repository.sensor_defs if not sensor.targets} == {"published_runs"}
