"""What sqlfluff, which has no dbt, finds where a model calls `var` or one of our macros (.sqlfluff, library_path).

Belongs here: stand-ins for what a template calls. Does not belong here: rules of style (.sqlfluff).
A macro of ours stands for an expression, so a call of it becomes a call in SQL of the same name. What is read is the model as it is written, in a third
of the time; whether the macros give valid SQL is seen where dbt builds the models (tests/integration/sql/test_dbt_build.py).
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

_PROJECT = Path(__file__).resolve().parents[3] / "dbt_project"
_VARS = yaml.safe_load((_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
_VARS["book"]["feeds"] = {feed: _VARS["book"]["feeds"][feed] for feed in ("transactions", "payments", "disputes")}  # few turns of a loop show as much as all


def var(name: str) -> Any:
    """A var of the dbt project, as without a book."""
    return _VARS[name]


def identifier(name: str) -> str:
    return f'"{name}"'


def name_type(name: str) -> str:
    return f"intermediate.{name}"


def join_as_written() -> str:
    """It configures the model and gives no SQL."""
    return ""


def with_keys(rows: str) -> str:
    """A query: two models differ in their rows alone."""
    return f"select * from {rows}"


def credits_to_join() -> str:
    """A query that two models have in common."""
    return "select transaction_id as credited_transaction from named"


def join_credits(credits: str) -> str:
    """The joins that go with it."""
    return f"left join {credits} on transactions.transaction_id = {credits}.credited_transaction"


def collected_shares() -> str:
    """A query that two models have in common."""
    return "select transaction_id, line, share from stg_collections"


def join_payouts(rows: str) -> str:
    """The joins that go with the rows of a feed about payouts."""
    return (
        f"inner join feed_files as files on {rows}.file_no = files.file_no left join currencies on {rows}.agreement = currencies.agreement_id"
        f" left join identified on {rows}.agreement = identified.agreement_id"
    )


def join_collections(lines: str) -> str:
    """The joins that go with what customers have paid of lines."""
    return f"left join collections as of_line on {lines}.line = of_line.line left join collections as of_all on {lines}.line = of_all.line"


def decimals_of_agreements() -> str:
    """A query that several models have in common."""
    return "select agreement_id, minor_units from agreements"


currencies_of_agreements = decimals_of_agreements


def _call(name: str) -> Callable[..., str]:
    return lambda *arguments: f"{name}({', '.join(str(each) for each in arguments if not isinstance(each, list))})"


for _macro in re.findall(r"{%-? macro (\w+)\(", "".join(file.read_text(encoding="utf-8") for file in sorted(_PROJECT.glob("macros/*.sql")))):
    globals().setdefault(_macro, _call(_macro))
