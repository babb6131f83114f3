"""What dbt's templates find in sqlfluff's plain Jinja (.sqlfluff, library_path): `var`, from the project's own defaults.

Belongs here: functions that models and macros call and sqlfluff's stand-ins for dbt do not have. Does not belong here: rules of style (.sqlfluff).
"""

from pathlib import Path
from typing import Any

import yaml

_VARS = yaml.safe_load((Path(__file__).resolve().parents[3] / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


def var(name: str) -> Any:
    """A var of the dbt project, as without a book."""
    return _VARS[name]
