"""A plan that an assistant proposes, computed on the history of the book.

Belongs here: from the text to the answer. Does not belong here: the runs (pipelines/simulation.py).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import typer

from assets.runtime.errors import rejection
from pipelines.answers.values import as_tree
from pipelines.cli.decisions.simulate import as_object, rate_of
from pipelines.simulation import Question, simulate_plans

#: Characters of a plan.
MOST_PLAN = 100_000
#: Times that months are drawn anew: an assistant waits for the answer.
_DRAWS = 20


def simulate_text(book: Path, plan: str, instead_of: list[str], margin: str) -> dict[str, Any]:
    """What the plan would have paid, against today. Raises InputError for a wrong plan."""
    try:
        question = Question(margin=rate_of(margin), draws=_DRAWS, instead_of=instead_of)
    except typer.BadParameter as error:
        raise rejection("margin", str(error)) from None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.yaml"
        file.write_text(plan, encoding="utf-8")
        (costing,), state = simulate_plans(book, [file], question)
    return {"is_simulated": True, "as_of": state.as_of.isoformat(), "margin": margin, **as_tree(as_object(costing, names=True))}
