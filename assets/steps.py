"""The steps of a run in order: their names, and the functions that run them.

Belongs here: names, titles, order. Does not belong here: what a step does (the other packages), running them one after the other (pipelines/run.py),
showing them as assets (assets/graph/).
A step is imported when it runs, because Polars and dbt take seconds to import. The imports are statements, so that every tool sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar

from assets.runtime.context import ChecksPassed, RunContext, StepReport
from assets.runtime.step_events import log_step
from assets.transform.magnitudes import naming_large_figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assets.agreements.load import Terms
    from assets.archive.run_identity import IdentifyReport
    from assets.closing.load_ledger import LedgerReport
    from assets.feeds.load import FeedsReport
    from assets.publishing.parquet_set import PublishReport
    from assets.transform.calculate import CalculateReport
    from assets.transform.dbt import ModelsReport

P = ParamSpec("P")
R = TypeVar("R", bound=StepReport)


@dataclass(frozen=True)
class Step(Generic[P, R]):
    """One step: its name, the title shown while it runs, and its function. Call it with the run and the function's further arguments."""

    name: str
    title: str
    run: Callable[Concatenate[RunContext, P], R]

    def __call__(self, context: RunContext, *args: P.args, **kwargs: P.kwargs) -> R:
        with log_step(self.name, self.title) as log_report, naming_large_figures(context, self.name):
            report = self.run(context, *args, **kwargs)
            log_report(report)
        return report


def _load_ledger(context: RunContext) -> LedgerReport:
    from assets.closing.load_ledger import load_ledger

    return load_ledger(context)


def _load_feeds(context: RunContext) -> FeedsReport:
    from assets.feeds.load import load_feeds

    return load_feeds(context)


def _identify_run(context: RunContext) -> IdentifyReport:
    from assets.archive.run_identity import identify_run

    return identify_run(context)


def _load_agreements(context: RunContext, terms: Terms | None = None) -> StepReport:
    from assets.agreements.load import load_agreements

    return load_agreements(context, terms)


def _prepare(context: RunContext, models: Sequence[str] = ()) -> ModelsReport:
    from assets.transform.dbt import prepare

    return prepare(context, models)


def _calculate(context: RunContext) -> CalculateReport:
    from assets.transform.calculate import calculate

    return calculate(context)


def _calculate_net(context: RunContext) -> CalculateReport:
    from assets.differences.causes import find_causes
    from assets.transform.calculate import calculate_net

    report = calculate_net(context)
    find_causes(context)
    return report


def _build_marts(context: RunContext, models: Sequence[str] = ()) -> ModelsReport:
    from assets.transform.dbt import build_marts

    return build_marts(context, models)


def _run_checks(context: RunContext) -> ChecksPassed:
    from assets.transform.invariants import run_checks

    return run_checks(context)


def _publish(context: RunContext, checks: ChecksPassed) -> PublishReport:
    from assets.publishing.parquet_set import publish

    return publish(context, checks)


LEDGER = Step("ledger", "Reading the ledger", _load_ledger)
FEEDS = Step("feeds", "Reading feeds", _load_feeds)
IDENTIFY = Step("identify", "Naming the run", _identify_run)
AGREEMENTS = Step("agreements", "Loading agreements", _load_agreements)
PREPARE = Step("prepare", "Crediting lines", _prepare)
CALCULATE = Step("calculate", "Calculating payouts", _calculate)
NET = Step("net", "Calculating what is net of it", _calculate_net)
MARTS = Step("marts", "Building tables", _build_marts)
CHECKS = Step("checks", "Checking", _run_checks)
PUBLISH = Step("publish", "Publishing", _publish)

STEPS: tuple[Step[..., Any], ...] = (LEDGER, FEEDS, IDENTIFY, AGREEMENTS, PREPARE, CALCULATE, NET, MARTS, CHECKS, PUBLISH)
