"""The spec of each asset: its key, group, kinds and owner, and its description from the dbt project, where every table is described once.

Belongs here: the specs of assets and checks. Does not belong here: how they are made (assets/graph/step_assets.py).
The key of an asset is that of its table, `schema/table`. Its group is the schema, apart from GROUPS.
"""

from __future__ import annotations

import datetime as dt
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, build_dbt_asset_specs
from dbt.flags import set_from_args

from assets.graph.code_versions import version_of_model
from assets.published.marts import VIEWS
from assets.transform.dbt import NET_TAG, PREPARE, PUBLISH, load_manifest

#: Who owns the tables of a schema.
OWNERS = {
    "ledger": "team:finance",
    "feeds": "team:data",
    "raw": "team:data",
    "terms": "team:contracts",
    "changes": "team:data",
    "staging": "team:data",
    "intermediate": "team:incentives",
    "calc": "team:incentives",
    "marts": "team:incentives",
    "published": "team:finance",
    "closes": "team:finance",
}
KINDS = {
    "feeds": {"file"},
    "ledger": {"csv", "duckdb"},
    "raw": {"duckdb"},
    "terms": {"yaml", "duckdb"},
    "calc": {"polars", "duckdb"},
    "published": {"parquet", "duckdb"},
    "closes": {"csv"},
}
#: Models that belong to another layer than their schema's, so that the groups have no cycle.
GROUPS = {"int_rows_replaced": "staging"}
#: The first results of the calculation. The tables calc.* hold them before the step `net` adds the levels above.
LEVEL_0 = dg.AssetKey(["calc", "level_0"])
#: The check that a mart has the columns its contract promises.
CONTRACT = "contract_holds"

#: How old the newest materialization may be. Files are expected every day except weekends, and published tables follow them.
FRESHNESS = {
    "feeds": dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(days=7), warn_window=dt.timedelta(days=4)),
    "published": dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(days=4), warn_window=dt.timedelta(days=2)),
}

#: dbt's manifest.json as a dict.
Manifest = Mapping[str, Any]


class _Translator(DagsterDbtTranslator):
    """dbt models with the same naming rules as every other table."""

    def __init__(self, manifest: Manifest) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=False))
        self._manifest = manifest

    def get_code_version(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        is_model = dbt_resource_props["resource_type"] == "model"  # sources are described here too
        return version_of_model(self._manifest, dbt_resource_props) if is_model else None

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return GROUPS.get(dbt_resource_props["name"], dbt_resource_props["schema"])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        return [OWNERS[dbt_resource_props["schema"]]]


def read_manifest() -> Manifest:
    """dbt's manifest of the project as it is now, in the form of its manifest.json. It is never stale, and needs no earlier build."""
    manifest = load_manifest()
    set_from_args(Namespace(send_anonymous_usage_stats=False), {})
    written: Manifest = manifest.writable_manifest().to_dict(omit_none=True)
    return written


def landing_folder(feed: str) -> dg.AssetSpec:
    """The files of one feed, delivered by other systems. The sensor for new files reports them."""
    described = f"Files of the feed `{feed}`, as delivered by other systems. The data version is the hash of their bytes, regardless of their names."
    return spec("feeds", feed, described)


def level_0(deps: Iterable[dg.AssetKey]) -> dg.AssetSpec:
    """The first results of the calculation."""
    described = "The results of agreements that are net of no other: the first rows of `calc/payouts`, `calc/achievement`, `calc/accruals` and their steps."
    return spec("calc", "level_0", described, deps)


def sources(manifest: Manifest, schema: str) -> dict[str, str]:
    """The tables of a schema that dbt reads but does not make: name to description."""
    return {source["name"]: source["description"] for source in manifest["sources"].values() if source["schema"] == schema}


def spec(schema: str, table: str, description: str, deps: Iterable[dg.AssetKey] = (), metadata: Mapping[str, Any] | None = None) -> dg.AssetSpec:
    """A table that dbt does not make."""
    return dg.AssetSpec(
        key(schema, table),
        description=description,
        deps=sorted(deps),
        metadata=metadata,
        group_name=schema,
        owners=[OWNERS[schema]],
        kinds=KINDS[schema],
        freshness_policy=FRESHNESS.get(schema),
    )


def key(schema: str, table: str) -> dg.AssetKey:
    return dg.AssetKey([schema, table])


def prepared_specs(manifest: Manifest) -> list[dg.AssetSpec]:
    """The dbt models that need no result of the calculation."""
    return _model_specs(manifest, exclude=PREPARE[1])


def net_specs(manifest: Manifest) -> list[dg.AssetSpec]:
    """The dbt models between two levels of the calculation.

    They read the results of the level below in calc.*, directly or through models that are rebuilt once all levels are there. So they depend on LEVEL_0.
    """
    later = {spec.key for spec in concluded_specs(manifest)}
    specs = _model_specs(manifest, select=NET_TAG)
    own = {spec.key for spec in specs}
    return [spec.replace_attributes(deps=sorted(_of_level_below(spec, own, later)), group_name="calc") for spec in specs]


def concluded_specs(manifest: Manifest) -> list[dg.AssetSpec]:
    """The dbt models downstream of the calculation: marts, and models that only marts read."""
    return [spec.replace_attributes(group_name="marts") for spec in _model_specs(manifest, select=PUBLISH[1], exclude=NET_TAG)]


def _model_specs(manifest: Manifest, select: str = "fqn:*", exclude: str = "") -> list[dg.AssetSpec]:
    found = build_dbt_asset_specs(manifest=manifest, dagster_dbt_translator=_Translator(manifest), select=select, exclude=exclude)
    # what has changed is found within `prepare`, and is no table of its own
    return [spec.replace_attributes(deps=[dep for dep in spec.deps if dep.asset_key.path[0] != "changes"]) for spec in found]


def _of_level_below(spec: dg.AssetSpec, own: set[dg.AssetKey], later: set[dg.AssetKey]) -> set[dg.AssetKey]:
    deps = {dep.asset_key for dep in spec.deps}
    return deps - later - own | {LEVEL_0} if deps & later else deps


def data_tests(manifest: Manifest) -> list[dg.AssetCheckSpec]:
    """dbt's data tests, each as a check of its model."""
    return [
        dg.AssetCheckSpec(test["name"], asset=_attached_to(manifest, test), description=test["description"] or None)
        for test in sorted(manifest["nodes"].values(), key=lambda node: str(node["name"]))
        if test["resource_type"] == "test"
    ]


def _attached_to(manifest: Manifest, test: Mapping[str, Any]) -> dg.AssetKey:
    model = manifest["nodes"][test["attached_node"]]
    return key(model["schema"], model["name"])


def contract_checks(manifest: Manifest, specs: Iterable[dg.AssetSpec]) -> list[dg.AssetCheckSpec]:
    """One check per model with a contract. dbt compares names and types of its columns with the contract before it replaces anything."""
    promised = {node["relation_name"] for node in manifest["nodes"].values() if node.get("contract", {}).get("enforced")}
    names = {tuple(name.replace('"', "").split(".")[-2:]) for name in promised}
    described = "The columns have the names and types that the model's yml promises."
    return [dg.AssetCheckSpec(CONTRACT, asset=spec.key, description=described, blocking=True) for spec in specs if tuple(spec.key.path) in names]


def published_specs(models: Iterable[dg.AssetSpec]) -> list[dg.AssetSpec]:
    """One asset per table of `marts` that is published as a file: what readers open."""
    marts = [model for model in models if model.key.path[0] == "marts" and model.key.path[1] not in VIEWS]
    return [
        spec(
            "published",
            mart.key.path[1],
            (mart.description or "").split("\n\n#### Raw SQL")[0],
            (mart.key,),
            {name: value for name, value in mart.metadata.items() if name == "dagster/column_schema"},
        )
        for mart in sorted(marts, key=lambda mart: mart.key)
    ]
