"""What computes the work on single lines: the key `engine` of book.yaml, validated.

Belongs here: names, types and defaults below that key. Does not belong here: starting an engine (assets/spark/session.py).
No engine changes a result, so the engine is not part of a run's identity.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from models.validation import Strict

EngineKind = Literal["duckdb", "spark"]
_MASTER = re.compile(r"local|local\[(\*|[1-9][0-9]*)(,[1-9][0-9]*)?\]|(spark|k8s)://\S+|yarn")
#: What the run sets itself. Another value of one of them would break what the run relies on.
_SET_BY_RUN = ("spark.master", "spark.driver.host", "spark.driver.bindAddress", "spark.jars.packages", "spark.ui.enabled", "spark.ui.showConsoleProgress")


def _master(value: Any) -> Any:
    if not isinstance(value, str) or not _MASTER.fullmatch(value):
        raise ValueError(f"a master of Spark is needed here, such as local[4] or spark://host:7077 (found {value!r})")
    return value


def _settings(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"settings of Spark are needed here, such as {{spark.executor.memory: 4g}} (found {value!r})")
    for name, setting in value.items():
        if not isinstance(name, str) or not name.startswith("spark."):
            raise ValueError(f"{name!r} is not a setting of Spark; their names begin with spark.")
        if name in _SET_BY_RUN:
            way_out = "set engine.master instead" if name == "spark.master" else "take it out"
            raise ValueError(f"{name} is set by the run; {way_out}")
        if not isinstance(setting, str | int | bool):
            raise ValueError(f"{name} needs a text or a whole number (found {setting!r})")
    return {name: str(setting).lower() if isinstance(setting, bool) else str(setting) for name, setting in value.items()}


class EngineSettings(Strict):
    """`kind`: the engine. The other keys are for Spark alone. None: as the machine and the number of lines suggest."""

    kind: EngineKind = "duckdb"
    master: Annotated[str | None, BeforeValidator(_master)] = None
    buckets: int | None = Field(default=None, ge=1, le=4096)
    settings: Annotated[dict[str, str], BeforeValidator(_settings)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_about_spark(self) -> EngineSettings:
        named = [name for name in ("master", "buckets", "settings") if name in self.model_fields_set]
        if "kind" not in self.model_fields_set and named:
            raise ValueError(f"{', '.join(named)} is for Spark; add `kind: spark`")
        return self
