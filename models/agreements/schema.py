"""The agreement language as types: every key, its values and its default.

Belongs here: names, types, defaults and a description of every key (the editors' schema and the reference page are made from them).
Does not belong here: single values (values.py), rules between keys (rules.py), tables (terms.py, terms_columns.py).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from models.agreements.values import (
    Condition,
    ExchangeRate,
    Factor,
    GrowthFactor,
    Identifier,
    KeptPart,
    Multiple,
    Name,
    Number,
    Part,
    Rate,
    Sha256,
    Share,
    Text,
    Values,
    Weight,
    kind_of,
)
from models.book.accounts import AccountMapping
from models.book.settings import Currency
from models.calendars import Day
from models.curves.vocabulary import SCALING_STEPS
from models.feeds.columns import TRANSACTION_TYPES

#: The defaults NO_… are made once: pydantic would deep-copy other defaults for every benefit.


class Term(Part):
    """First and last day, both included."""

    from_: Day = Field(alias="from", description="First day.")
    to: Day = Field(description="Last day, included.")


class WindowsFrom(Part):
    """The day from which months, quarters, half-years and years count."""

    from_: Literal["term"] = Field(alias="from", description="term: from the term's first day on (contract years).")


class ProductSelection(Part):
    """Products by their attributes; `product_id` is one of them."""

    include: Values = Field(default={}, description="Every attribute named must match, with any value of its list. Without it: every product.")
    exclude: Values = Field(default={}, description="A product is excluded when any attribute named matches. A line without a product is never excluded.")


NO_PRODUCTSELECTION = ProductSelection()


class Scope(Part):
    """Which transactions count. A benefit narrows the agreement's scope, a measure or base narrows the benefit's."""

    products: ProductSelection = Field(default_factory=lambda: NO_PRODUCTSELECTION, description="Which products count.")
    types: list[Literal[TRANSACTION_TYPES]] | None = Field(default=None, min_length=1, description="Which types of transaction count. Without it: all.")  # type: ignore[valid-type]
    where: Condition | None = Field(
        default=None, description="An SQL condition over the transaction's columns, such as `channel = 'retail'`; null counts as false."
    )


NO_SCOPE = Scope()


class Tier(Part):
    """What is paid from this place of the axis on. Several pay forms add up; an absent one is 0."""

    from_: Number = Field(alias="from", description="Where the tier begins on the axis that `by` names.")
    rate: Rate | None = Field(default=None, description="A fraction of the base, 0 to 1.")
    per_unit: Number | None = Field(default=None, description="Money per unit of quantity.")
    amount: Number | None = Field(default=None, description="Money, once.")
    share: Number | None = Field(default=None, description="A fraction of the incentive; may be above 1.")


#: By which partners and assignments lines of the year before are credited.
Hierarchy = Literal["today"] | None
_HIERARCHY = (
    "today: its lines are credited as partners and assignments stand on the window's last day, or on as_of before that. Without it: as on each line's day."
)


class FactorTier(Part):
    """The factor from this place of the axis on."""

    from_: Number = Field(alias="from", description="Where the factor begins.")
    factor: Factor = Field(description="What everything that the curve paid is multiplied by.")


class PriorYear(Part):
    """The same measure over the same days one year earlier, times a factor."""

    prior: Literal["year"] = Field(description="The same days one year earlier.")
    hierarchy: Hierarchy = Field(default=None, description=_HIERARCHY)
    times: GrowthFactor = Field(default=Decimal(1), description="1.05 asks for 5 % more than the year before.")


class WeightedTarget(Part):
    """A year's target, of which each window has a part."""

    year: Number = Field(description="The target of a whole fiscal year.")
    weights: list[Weight] = Field(
        min_length=1, description="One per window of the fiscal year, in order: its part is its weight over the sum of all. With `accumulate` parts add up."
    )


class PriorBaseline(Part):
    """The same measure over the same days one year earlier."""

    prior: Literal["year"] = Field(description="The same days one year earlier.")
    hierarchy: Hierarchy = Field(default=None, description=_HIERARCHY)


class Trailing(Part):
    """The last fiscal periods, that of the window's end included."""

    trailing: int = Field(ge=1, le=120, description="How many periods, such as 12. The last one counts up to the window's end.")


class Measured(Part):
    """A measure with a scope or days of its own, or one that multiplies lines or counts multiples."""

    of: Text = Field(description="amount, quantity, margin, count, or a numeric attribute of the transactions.")
    scope: Scope = Field(default_factory=lambda: NO_SCOPE, description="Narrows the benefit's scope.")
    times: Text | None = Field(
        default=None, description="Each line counts times this number: product.x, partner.x, or a numeric attribute of the line. A line without it blocks."
    )
    every: Multiple | None = Field(
        default=None, description="M is how many full multiples of this the sum has; below 0 counted towards 0. per_unit pays for each."
    )
    round: Literal["down", "up"] = Field(default="down", description="With every: up counts a multiple as soon as it is begun.")
    over: Annotated[Annotated[Literal["prior_year"], Tag("word")] | Annotated[Trailing, Tag("mapping")], Discriminator(kind_of)] | None = Field(
        default=None,
        description="The days that are measured instead of the window's: the whole fiscal year before (prior_year), or {trailing: 12} periods. "
        "The term limits neither. Needs a base of its own.",
    )


class Distinct(Part):
    """How many values an attribute of the lines has; one counts while its quantity adds up to more than 0, or its amount where none of its lines has one."""

    distinct: Text = Field(description="product_id, partner_id, product.x, partner.x, or a column of the transactions. A line without it is no value.")
    scope: Scope = Field(default_factory=lambda: NO_SCOPE, description="Narrows the benefit's scope.")


class Based(Part):
    """A base with a scope of its own."""

    of: Literal["amount", "quantity", "margin"] = Field(description="What is summed.")
    scope: Scope = Field(default_factory=lambda: NO_SCOPE, description="Narrows the benefit's scope.")


class RankAxis(Part):
    """A rank by another axis."""

    rank: Literal["measure", "attainment", "growth", "growth_amount"] = Field(description="What participants are ranked by; 1 is the largest.")


class MetricAxis(Part):
    """A metric from the metrics feed."""

    metric: Identifier = Field(description="The last value dated in the window counts.")


BenefitFigure = Literal["attainment", "growth", "measure", "tier", "earned"]


class BenefitAxis(Part):
    """A figure of another benefit of the agreement, in its window that ends on the same day."""

    benefit: Identifier = Field(description="The other benefit's id. Its window is the same or shorter.")
    of: BenefitFigure = Field(default="attainment", description="Which figure; earned is its rounded amount after its limits, over its span.")


class ScorePart(Part):
    """One part of a score: another benefit or a metric."""

    benefit: Identifier | None = Field(default=None, description="Another benefit's id.")
    of: BenefitFigure = Field(default="attainment", description="Which figure of the other benefit.")
    metric: Identifier | None = Field(default=None, description="A metric from the metrics feed, instead of a benefit.")
    weight: Weight = Field(description="How much the part counts: its weight over the sum of all.")
    at_most: Number | None = Field(default=None, description="The part counts no more than this, before it is weighted.")


class ScoreAxis(Part):
    """A weighted mean of figures of other benefits and metrics: Σ weight × min(x, at_most) / Σ weight."""

    score: list[ScorePart] = Field(min_length=1, max_length=100, description="The parts.")


class RatioAxis(Part):
    """One sum of the benefit's lines over another, over the span to date."""

    ratio: list[Literal["amount", "quantity", "margin", "count"]] = Field(
        min_length=2, max_length=2, description="The first is divided by the second; the result is blocked where the second is not above 0."
    )


_MAPPED_AXES: dict[str, type[Part]] = {"metric": MetricAxis, "benefit": BenefitAxis, "score": ScoreAxis, "ratio": RatioAxis, "rank": RankAxis}


def _axis_form(value: Any) -> str:
    if not isinstance(value, dict | BaseModel):
        return "word"
    return next((key for key, axis in _MAPPED_AXES.items() if isinstance(value, axis) or (isinstance(value, dict) and key in value)), "rank")


def _axis_tag(value: Any) -> str:
    """A tag that is no key: messages leave it out of the place that they name."""
    form = _axis_form(value)
    return _MAPPED_AXES[form].__name__ if form in _MAPPED_AXES else form


AxisName = Literal["measure", "attainment", "growth", "growth_amount", "rank", "percentile"]
Axis = Annotated[
    Annotated[AxisName, Tag("word")]
    | Annotated[RankAxis, Tag("RankAxis")]
    | Annotated[MetricAxis, Tag("MetricAxis")]
    | Annotated[BenefitAxis, Tag("BenefitAxis")]
    | Annotated[ScoreAxis, Tag("ScoreAxis")]
    | Annotated[RatioAxis, Tag("RatioAxis")],
    Discriminator(_axis_tag),
]
TieFigure = Annotated[Annotated[Text, Tag("word")] | Annotated[MetricAxis, Tag("mapping")], Discriminator(kind_of)]


class TieBreak(Part):
    """What decides among participants of equal rank: the larger figure wins, a missing one comes last. Who is still tied gets the better rank."""

    then: list[TieFigure] = Field(
        min_length=1,
        max_length=10,
        description="In this order: amount, quantity, margin, count, a numeric attribute, or {metric: name}; summed over the benefit's lines.",
    )


Feed = Annotated[Literal["feed"], Tag("word")]
Figure = Annotated[Number, Tag("number")]


def _target_form(value: Any) -> str:
    is_of_year = isinstance(value, WeightedTarget) or (isinstance(value, dict) and {"year", "weights"} & set(value))
    return "weighted" if is_of_year else kind_of(value)


Target = Annotated[Figure | Feed | Annotated[PriorYear, Tag("mapping")] | Annotated[WeightedTarget, Tag("weighted")], Discriminator(_target_form)]
Baseline = Annotated[Figure | Feed | Annotated[PriorBaseline, Tag("mapping")], Discriminator(kind_of)]
Incentive = Annotated[Figure | Feed, Discriminator(kind_of)]
Ties = Annotated[Annotated[Literal["min", "share"], Tag("word")] | Annotated[TieBreak, Tag("mapping")], Discriminator(kind_of)]


def _measure_form(value: Any) -> str:
    return "Distinct" if isinstance(value, Distinct) or (isinstance(value, dict) and "distinct" in value) else kind_of(value)


Measure = Annotated[Annotated[Text, Tag("word")] | Annotated[Measured, Tag("mapping")] | Annotated[Distinct, Tag("Distinct")], Discriminator(_measure_form)]
BaseName = Literal["measure", "amount", "quantity", "margin", "increment"]
Base = Annotated[Annotated[BaseName, Tag("word")] | Annotated[Based, Tag("mapping")], Discriminator(kind_of)]
Ids = Annotated[list[Identifier], Field(min_length=1), Tag("list")]
Selector = Annotated[Values, Field(min_length=1), Tag("mapping")]
Boundary = Literal["lower_inclusive", "upper_inclusive"]
Above = Literal["hold", "extend", "zero"]
Places = Annotated[list[Number], Field(min_length=1, max_length=100)]
Grid = list[list[Number]]


class MatrixSide(Part):
    """One side of a grid: an axis and where its rows or columns begin."""

    by: Axis = Field(description="The axis.")
    from_: Places = Field(alias="from", description="Where each row or column begins, in rising order.")


class Matrix(Part):
    """A two-way grid instead of tiers. Nothing is paid below its first row or column; its last row and column have no upper end."""

    rows: MatrixSide = Field(description="The first axis; its row is reported as tier.")
    columns: MatrixSide = Field(description="The second axis.")
    method: Literal["whole", "linear"] = Field(default="whole", description="whole looks a cell up; linear interpolates between the grid's points, both ways.")
    rate: list[list[Rate]] | None = Field(default=None, description="A fraction of the base per cell, row by row.")
    amount: Grid | None = Field(default=None, description="Money per cell, row by row.")
    share: Grid | None = Field(default=None, description="A fraction of the incentive per cell, row by row.")


class Gate(Part):
    """A condition of payment, on the same window. Every bound that is given must hold."""

    by: Axis = Field(description="The axis that is tested; x is the place on it.")
    at_least: Number | None = Field(default=None, description="x must be this or more.")
    above: Number | None = Field(default=None, description="x must be more than this.")
    at_most: Number | None = Field(default=None, description="x must be this or less.")
    below: Number | None = Field(default=None, description="x must be less than this.")
    otherwise: KeptPart = Field(default=Decimal(0), description="The part still paid where the gate fails, 0 to 1; parts of several failed gates multiply.")


class Multiplier(Part):
    """A factor on everything that the curve pays; 0 below its first tier."""

    by: Axis = Field(description="The axis of the factor.")
    method: Literal["whole", "linear"] = Field(default="whole", description="whole: the factor of the tier reached; linear: interpolated between the points.")
    boundary: Boundary = Field(default="lower_inclusive", description="Whether a tier holds at exactly its `from` (whole only).")
    above: Above = Field(default="hold", description="Past the last point of a linear factor.")
    tiers: list[FactorTier] = Field(min_length=1, max_length=1000, description="The factors, in rising order of `from`.")


class Limits(Part):
    """In the agreement's currency, applied to what a span earns, in this order: at_most and rate_at_most cap it, less than pays_from pays 0, at_least raises it."""

    at_most: Number | None = Field(default=None, description="Never more than this.")
    rate_at_most: Rate | None = Field(
        default=None, description="Never more than this part of the base, which must be money; nothing where the base is below 0."
    )
    at_least: Number | None = Field(
        default=None, description="Never less than this, also below the first tier and with failed gates; a blocked result stays 0."
    )
    pays_from: Number | None = Field(default=None, description="Less than this is not paid at all.")


NO_LIMITS = Limits()


class AgreementLimits(Part):
    """Limits of the sum of all benefits, per participant, in the agreement's currency."""

    at_most: Number | None = Field(default=None, description="All benefits together earn no more than this in the span.")
    at_least: Number | None = Field(default=None, description="They earn no less than this, once the span has ended and nothing in it is blocked.")
    per: Literal["window", "year", "term"] = Field(description="The span: each window, each fiscal year, or the whole term.")


class Release(Part):
    """A part of what is payable, and when it falls due."""

    share: Share = Field(description="The part, such as 0.8 or 1/3; those of all parts add up to exactly 1.")
    after: Literal["window", "year", "term"] = Field(default="window", description="It falls due after the end of the window, its fiscal year, or the term.")
    lag_days: int = Field(default=0, ge=0, le=3660, description="Days from that end to the due date.")


class Settle(Part):
    """When the benefit is paid, and what happens when a span has earned less than was paid before."""

    lag_days: int = Field(default=0, ge=0, le=3660, description="Days from the window's end to the due date.")
    minimum: Annotated[Number, Field(gt=0)] | None = Field(
        default=None, description="Less than this is not paid out yet: it waits for later windows until their sum reaches it, or the term ends."
    )
    release: list[Release] | None = Field(
        default=None, min_length=1, max_length=100, description="Parts that fall due one after the other, instead of all lag_days after the window."
    )
    when: Literal["collected", "fully_collected"] | None = Field(
        default=None,
        description="Pay only as far as customers have paid the lines: collected counts each line's part, fully_collected a line once all of it is paid.",
    )
    hold_disputed: bool = Field(default=False, description="Do not pay out what is disputed (feed disputes) until the dispute is resolved.")
    clawback: Literal["pay", "carry", "none"] = Field(
        default="carry",
        description="pay: a negative payout; carry: set off against later windows; none: set off within the span, and the rest is forgiven at its end.",
    )


NO_SETTLE = Settle()


class AtTier(Part):
    """As if a tier were reached."""

    tier: int = Field(ge=1, description="The tier's number, from 1; with method whole only.")


Placement = Annotated[Annotated[Literal["actual", "forecast"], Tag("word")] | Annotated[AtTier, Tag("mapping")], Discriminator(kind_of)]


class Accrue(Part):
    """Which tier an accrual uses while the window is open."""

    placement: Placement = Field(
        default="actual", description="actual: the tier reached so far; forecast: the tier of the projected window; {tier: n}: as if tier n were reached."
    )
    forecast: Literal["linear", "seasonal", "feed"] = Field(
        default="linear", description="How the window is projected: linear by days, seasonal by the prior year's share, feed from the targets feed."
    )


NO_ACCRUE = Accrue()


class Approval(Part):
    """Who approved which terms, and when. `tierledger approve AGREEMENT --by NAME` writes it."""

    by: Name = Field(description="Name.")
    on: Day = Field(description="Day; it counts from this day on.")
    terms_sha256: Sha256 | None = Field(
        default=None, description="Hash of the terms that were approved; `tierledger approve` writes it. Changed terms are not approved."
    )


class FixedRates(Part):
    """Agreed exchange rates."""

    fixed: dict[Currency, ExchangeRate] = Field(min_length=1, description="{USD: 0.92}: 1 USD is 0.92 of the agreement's currency.")


Fx = Annotated[
    Annotated[Literal["transaction_date", "period_end"], Tag("word")] | Annotated[FixedRates, Tag("mapping")],
    Discriminator(kind_of),
]


class Combine(Part):
    """How the agreement combines with others."""

    rule: Literal["all", "best", "exclusive", "net_of"] = Field(
        default="all",
        description="all: each pays; best: only the largest payout of the group is paid; exclusive: a line counts for one agreement of the group; net_of: amounts are net of what others pay.",
    )
    group: Text | None = Field(default=None, description="Agreements of one group are compared (best, exclusive).")
    priority: int = Field(default=1, ge=-1_000_000, le=1_000_000, description="The lowest number comes first.")
    agreements: list[Identifier] | None = Field(default=None, min_length=1, description="With net_of: whose payouts on the same lines are taken off.")


NO_COMBINE = Combine()


class Draw(Part):
    """An amount that is paid at least, in advance of what other benefits of the agreement pay."""

    amount: Annotated[Number, Field(ge=0)] = Field(description="What is paid in every window at least, together with the benefits that it is against.")
    against: list[Identifier] = Field(min_length=1, max_length=100, description="The benefits whose payouts count: those of windows that end in the draw's.")
    recover: bool = Field(default=False, description="true: what is paid in advance is a balance, which later windows pay back from what exceeds the amount.")
    ceiling: Annotated[Number, Field(ge=0)] | None = Field(default=None, description="With recover: the balance grows no further than this.")
    from_: Identifier | None = Field(
        default=None, alias="from", description="An agreement that ended before: its draw of the same id leaves its balance to this one."
    )


class Benefit(Part):
    """One clause that pays."""

    id: Identifier = Field(description="Unique in the agreement.")
    clause: Text = Field(description="Where it is in the contract; shown on every payout.")
    quote: str | None = Field(default=None, description="The clause's wording.")
    window: Literal["month", "quarter", "half_year", "year", "term"] = Field(
        description="How often it is settled: periods of the book's calendar, clipped to the term."
    )
    accumulate: Literal["window", "quarter", "half_year", "year", "term"] = Field(
        default="window",
        description="Measure from the start of this span, and pay the result minus what its earlier windows earned. Not shorter than the window.",
    )
    scope: Scope = Field(default_factory=lambda: NO_SCOPE, description="Narrows the agreement's scope.")
    measure: Measure = Field(
        default="amount",
        description="amount, quantity, margin, count, or a numeric attribute; or {of, scope}, or {distinct: product_id}. It decides the place on the curve.",
    )
    base: Base = Field(
        default="measure", description="What a rate multiplies: measure, amount, quantity, margin, increment (what exceeds the baseline); or {of, scope}."
    )
    by: Axis = Field(
        default="measure",
        description="The axis: measure, attainment, growth, growth_amount, rank, percentile, {rank: attainment}, {metric: name}, {benefit: id}, {score: [...]}, {ratio: [margin, amount]}.",
    )
    target: Target | None = Field(
        default=None, description="For attainment: a number, `feed`, {prior: year, times: 1.05}, or {year: 100000, weights: [20, 20, 20, 40]}."
    )
    baseline: Baseline | None = Field(default=None, description="For growth and increment: a number, `feed`, or {prior: year}.")
    incentive: Incentive | None = Field(default=None, description="What `share` multiplies: a number or `feed`.")
    method: Literal["whole", "graduated", "linear", "rolling", "total", "running"] = Field(default="whole", description="How the tiers pay.")
    slices: Literal["by_line"] | None = Field(
        default=None, description="graduated only, by_line: each line is cut at the thresholds by itself, in order, and pays on its own base and quantity."
    )
    boundary: Boundary = Field(
        default="lower_inclusive", description="At exactly `from` you are in the tier (lower_inclusive) or still in the one before (upper_inclusive)."
    )
    above: Above = Field(default="hold", description="linear only, past the last point: hold its value, extend the last line, or pay nothing (zero).")
    ties: Ties = Field(
        default="min",
        description="rank only: tied participants all get the better rank (min), share the payouts of the ranks they occupy (share), or other figures decide ({then: [quantity]}).",
    )
    tiers: list[Tier] | None = Field(default=None, min_length=1, max_length=1000, description="The tiers, in rising order of `from`.")
    matrix: Matrix | None = Field(default=None, description="A two-way grid instead of tiers.")
    each: Text | None = Field(
        default=None,
        description="The curve and its limits are applied to each group of lines with the same value of this, and the groups are added up: transaction_id, "
        "partner_id, product_id, product.x, partner.x, or a column of the transactions.",
    )
    requires: list[Gate] = Field(default=[], max_length=100, description="Conditions that must hold for full payment.")
    multiply: Multiplier | None = Field(default=None, description="A factor on what the curve pays.")
    limits: Limits = Field(default_factory=lambda: NO_LIMITS, description="Caps and floors.")
    order: list[Literal[SCALING_STEPS]] = Field(  # type: ignore[valid-type]
        default=[*SCALING_STEPS], description="The order in which the contract applies multiply, requires and limits; each is named once."
    )
    prorate: Literal["none", "days"] = Field(
        default="none", description="days: thresholds, target, incentive and amounts of a window that the term clips shrink with its days."
    )
    accrue: Accrue = Field(default_factory=lambda: NO_ACCRUE, description="How it is accrued.")
    settle: Settle = Field(default_factory=lambda: NO_SETTLE, description="When and how it is settled.")
    accounts: AccountMapping | None = Field(default=None, description="Accounts of its entries in the journal, before those of the agreement and the book.")
    manual: Literal[True] | None = Field(default=None, description="It counts no lines and pays 0 by itself; adjustments are made to it.")
    draw: Draw | None = Field(default=None, description="It counts no lines: it pays what other benefits leave of an amount, and may recover it later.")

    @model_validator(mode="after")
    def _pay_nothing(self) -> Benefit:
        """A benefit without a curve is calculated as one that pays 0 whatever the measure."""
        if not has_curve(self) and self.tiers is None:
            self.__dict__["tiers"] = [Tier(**{"from": Decimal(0), "amount": Decimal(0)})]
        return self


class Agreement(Part):
    """One version of one agreement."""

    agreement: Identifier = Field(description="Its id, the same for all versions.")
    version: int = Field(default=1, ge=1, le=10_000, description="A higher version of the same id amends the lower ones from `effective` on.")
    for_each: Text | None = Field(
        default=None, description="A .csv file beside this one: a row per agreement, a column per value that differs. The text says the rest, for all of them."
    )
    effective: Day | None = Field(default=None, description="The day from which this version applies. Default: the first day of the term.")
    amendment: Literal["next_window", "restate", "from_date"] = Field(
        default="next_window",
        description="next_window: for windows that start on or after `effective`; restate: also for the window that contains it; "
        "from_date: for lines from `effective` on, also within a window.",
    )
    approved: Approval | None = Field(default=None, description="Required where the book has require_approval: true.")
    changed_by: Name | None = Field(default=None, description="Who wrote these terms, and so cannot approve them.")
    review_by: Day | None = Field(default=None, description="Past this day, `validate --lint` warns.")
    title: Text | None = Field(default=None, description="A name for people. Default: the id.")
    direction: Literal["payable", "receivable"] = Field(default="payable", description="payable: we owe the participant; receivable: the participant owes us.")
    currency: Currency = Field(description="ISO 4217 code.")
    term: Term = Field(description="The days that it covers.")
    windows: WindowsFrom | None = Field(
        default=None, description="{from: term}: windows, spans and years count from the term's first day. Default: they are the book's fiscal ones."
    )
    participants: Annotated[Ids | Selector, Discriminator(kind_of)] = Field(description="A list of partner ids, or attributes that a partner must have.")
    pool: Literal["each", "together", "placed"] = Field(
        default="each", description="One result per participant, one for all of them, or one place on the curve for all of them, each paid on its own lines."
    )
    payee: Identifier | None = Field(
        default=None, description="With pool together: who is paid. With pool placed: whose rows of the feeds targets and metrics are meant."
    )
    include_children: bool = Field(default=True, description="Whether the transactions of a partner's children count for it.")
    document: Text | None = Field(default=None, description="Where the signed contract is kept.")
    scope: Scope = Field(default_factory=lambda: NO_SCOPE, description="Which transactions count.")
    fx: Fx = Field(default="transaction_date", description="Which exchange rate converts a line: that of its date, that of its period's end, or an agreed one.")
    returns: Literal["posted", "original"] = Field(default="posted", description="A return counts on its own date, or on that of its original.")
    limits: AgreementLimits | None = Field(
        default=None, description="Caps and floors of all its benefits together. Those of the version in force on a span's last day hold."
    )
    combine: Combine = Field(default_factory=lambda: NO_COMBINE, description="How it combines with other agreements.")
    accounts: AccountMapping | None = Field(default=None, description="Accounts of its entries in the journal, before those of the book.")
    benefits: list[Benefit] = Field(min_length=1, max_length=1000, description="The clauses that pay.")


def has_curve(benefit: Benefit) -> bool:
    """Whether the benefit pays by lines and a curve: all but manual ones and draws."""
    return not benefit.manual and benefit.draw is None


def scope_of(benefit: Benefit) -> Scope:
    """The scope of the benefit's lines; one without a curve has none."""
    return benefit.scope if has_curve(benefit) else Scope.model_construct(types=[])


def releases_of(settle: Settle) -> list[Release]:
    """The parts in which a payout falls due."""
    return settle.release or [Release(share=1, lag_days=settle.lag_days)]


def measure_of(benefit: Benefit) -> tuple[str, Scope]:
    """The name of what is measured, and its own scope. Distinct values are a count."""
    measure = benefit.measure
    if isinstance(measure, Distinct):
        return "count", measure.scope
    return (measure, NO_SCOPE) if isinstance(measure, str) else (measure.of, measure.scope)


def factor_of(benefit: Benefit) -> str | None:
    """The attribute by which each line of the measure is multiplied."""
    return benefit.measure.times if isinstance(benefit.measure, Measured) else None


def distinct_of(benefit: Benefit) -> str | None:
    """The attribute whose distinct values are counted."""
    return benefit.measure.distinct if isinstance(benefit.measure, Distinct) else None


def over_of(benefit: Benefit) -> Trailing | str | None:
    """The days that the measure sees, if they are not the window's."""
    return benefit.measure.over if isinstance(benefit.measure, Measured) else None


def counts_multiples(benefit: Benefit) -> bool:
    """Whether M is a number of multiples: a count, also where what is counted is money."""
    return isinstance(benefit.measure, Measured) and benefit.measure.every is not None


def tie_figures(benefit: Benefit) -> list[Any]:
    """What decides among participants of equal rank, in order: names of what is summed, or metrics."""
    return benefit.ties.then if isinstance(benefit.ties, TieBreak) else []


def base_of(benefit: Benefit) -> tuple[str, Scope]:
    """The name of what a rate multiplies, and its own scope."""
    base = benefit.base
    return (base, NO_SCOPE) if isinstance(base, str) else (base.of, base.scope)


def axes_of(benefit: Benefit) -> list[Any]:
    """Every axis of the benefit, in the order of slots: curve or rows, columns, multiply (None where there is none), then the gates."""
    matrix = benefit.matrix
    first: list[Any] = [matrix.rows.by, matrix.columns.by] if matrix else [benefit.by, None]
    return [*first, benefit.multiply.by if benefit.multiply else None, *(gate.by for gate in benefit.requires)]


def axis_name(axis: Any) -> str:
    """measure, attainment, growth, growth_amount, rank, percentile, metric, benefit, score or ratio."""
    return axis if isinstance(axis, str) else _axis_form(axis)


def parts_of(axis: Any) -> list[ScorePart]:
    """The other benefits and metrics that an axis looks at: a benefit alone is a score of one part."""
    if isinstance(axis, BenefitAxis):
        return [ScorePart(benefit=axis.benefit, of=axis.of, weight=Decimal(1))]
    return axis.score if isinstance(axis, ScoreAxis) else []


def compared_axis(axis: Any) -> str:
    """The axis whose figures are needed: for a rank, the axis that is ranked by."""
    return axis.rank if isinstance(axis, RankAxis) else "measure" if axis in ("rank", "percentile") else axis_name(axis)
