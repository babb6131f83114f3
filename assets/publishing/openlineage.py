"""The lineage of a published set as OpenLineage events, which data catalogues read: published/openlineage.ndjson, two events per run.

Belongs here: events and their facets. Does not belong here: the lineage itself (assets/lineage/), the published set (parquet_set.py).

A book with `publish: {openlineage: true}` has it. The file is replaced by every run that publishes, and is no part of the set: events have times. https://openlineage.io/docs/spec/object-model
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from assets.runtime.durable_files import write_atomically
from assets.runtime.sql import scan
from models.records.run_history import EndedRun

FILE = "openlineage.ndjson"
_SPEC = "https://openlineage.io/spec"
_SCHEMA = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
#: Names of runs are hashes; OpenLineage wants UUIDs.
_RUNS = uuid.UUID("5f0f3c62-6d5a-5c3c-9d0c-6a0b7c1f3f11")
#: What the columns of files, and what others say, are datasets of.
_DATASETS = {"agreement": "agreements", "book": "book.yaml", "ledger": "ledger", "file": "archive/manifest", "run": "archive/runs.jsonl"}
_ORIGINS = """
    select distinct table_name, column_name, role, expression, origin, split_part(canonical_table, '.', 2) as of_table, canonical_column, file_column
    from {table} where origin <> 'program' order by all"""


def write_openlineage(
    con: duckdb.DuckDBPyConnection, published: Path, book: str, run: EndedRun, files: Mapping[str, list[Path]], rows: Mapping[str, int]
) -> None:
    """Replace the file with the events of a run that has just published the tables in `files`."""
    origins = con.execute(_ORIGINS.format(table=scan(files["column_lineage"]))).fetchall()
    inputs, fields = _input_fields(origins)
    namespace, producer = f"tierledger:{book}", f"urn:tierledger:{run.code_version}"
    facets = _Facets(namespace, producer)
    outputs = []
    for table, paths in files.items():
        columns = [(name, kind) for name, kind, *_ in con.execute(f"describe from {scan(paths)}").fetchall()]
        facet = {"schema": facets.schema(columns), "columnLineage": facets.lineage(fields.get(table, {}))}
        output = {"namespace": namespace, "name": f"published/{table}", "facets": facet, "outputFacets": {"outputStatistics": facets.statistics(rows[table])}}
        outputs.append(output)
    read = [{"namespace": namespace, "name": name, "facets": {}} for name in sorted(inputs)]
    event = {
        "run": {"runId": str(uuid.uuid5(_RUNS, f"{run.run_id} {run.started_at}")), "facets": {}},
        "job": {"namespace": namespace, "name": "tierledger run", "facets": {}},
        "producer": producer,
        "schemaURL": _SCHEMA,
    }
    started = {"eventType": "START", "eventTime": _moment(run.started_at), **event, "inputs": read, "outputs": []}
    completed = {"eventType": "COMPLETE", "eventTime": _moment(run.finished_at), **event, "inputs": read, "outputs": outputs}
    write_atomically(published / FILE, "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in (started, completed)).encode())


class _Facets:
    """Facets of this version's namespace."""

    def __init__(self, namespace: str, producer: str) -> None:
        self._namespace, self._producer = namespace, producer

    def schema(self, columns: Iterable[tuple[str, str]]) -> dict[str, Any]:
        return {**self._base("1-1-1/SchemaDatasetFacet"), "fields": [{"name": name, "type": kind} for name, kind in columns]}

    def statistics(self, rows: int) -> dict[str, Any]:
        return {**self._base("1-0-2/OutputStatisticsOutputDatasetFacet"), "rowCount": rows}

    def lineage(self, fields: Mapping[str | None, list[tuple[str, str, str]]]) -> dict[str, Any]:
        """The fields of columns, and under `dataset` what decides which rows there are."""
        columns = {column: {"inputFields": [self._input(of, "DIRECT", "TRANSFORMATION") for of in found]} for column, found in fields.items() if column}
        return {
            **self._base("1-2-0/ColumnLineageDatasetFacet"),
            "fields": columns,
            "dataset": [self._input(of, "INDIRECT", "FILTER") for of in fields.get(None, [])],
        }

    def _input(self, of: tuple[str, str, str], kind: str, subtype: str) -> dict[str, Any]:
        dataset, field, expression = of
        transformation = {"type": kind, "subtype": subtype, "description": expression, "masking": False}
        return {"namespace": self._namespace, "name": dataset, "field": field, "transformations": [transformation]}

    def _base(self, facet: str) -> dict[str, str]:
        return {"_producer": self._producer, "_schemaURL": f"{_SPEC}/facets/{facet}.json"}


def _input_fields(origins: Iterable[tuple[Any, ...]]) -> tuple[set[str], dict[str, dict[str | None, list[tuple[str, str, str]]]]]:
    """The input datasets, and by table and column (None: its rows) their fields as (dataset, field, expression)."""
    datasets: set[str] = set()
    fields: dict[str, dict[str | None, list[tuple[str, str, str]]]] = {}
    for table, column, _, expression, origin, of_table, canonical, file_column in origins:
        if origin == "feed" and file_column is None:
            continue  # nothing was read
        dataset = f"feeds/{of_table}" if origin == "feed" else _DATASETS[origin]
        field = file_column if origin == "feed" else f"{of_table}.{canonical}"
        datasets.add(dataset)
        fields.setdefault(table, {}).setdefault(column, []).append((dataset, field, expression or ""))
    return datasets, fields


def _moment(moment: dt.datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
