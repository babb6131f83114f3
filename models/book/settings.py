"""book.yaml: the settings of one book, validated.

Belongs here: names, types and defaults of book.yaml. Does not belong here: opening files (assets/runtime/book_folder.py).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from models.book.accounts import Accounts
from models.book.engine_settings import EngineSettings
from models.book.limit_settings import LimitSettings
from models.book.payment_settings import PaymentSettings
from models.book.publish_settings import PublishSettings
from models.book.statement_settings import StatementSettings
from models.book.storage_settings import StorageSettings
from models.calendars import CalendarSettings, Day, TimeZone
from models.currencies import MINOR_UNITS
from models.documents import InputError, Problem, parse_documents
from models.feeds.columns import FEEDS
from models.feeds.settings import FeedSettings
from models.validation import Strict, problems_of


def _currency(value: Any) -> Any:
    if not isinstance(value, str) or value not in MINOR_UNITS:
        raise ValueError(f"{value!r} is not an ISO 4217 currency code such as EUR")
    return value


def _amount(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"an amount is needed here, such as 1 or 0.05 (found {value!r})")
    return Decimal(value)


def _payout_units(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"currencies with a number of decimals or a step are needed here, such as {{HUF: 0, CHF: 0.05}} (found {value!r})")
    for currency, unit in value.items():
        _currency(currency)
        if isinstance(unit, bool) or not isinstance(unit, int | Decimal):
            raise ValueError(f"{currency} needs a number of decimals such as 0, or a step such as 0.05 (found {unit!r})")
        if isinstance(unit, int) and not 0 <= unit <= 4:
            raise ValueError(f"{currency} may have 0 to 4 decimals (found {unit}); a step has a decimal point: {unit}.0")
        if isinstance(unit, Decimal) and not (0 < unit <= 1000 and unit == round(unit, 4)):
            raise ValueError(f"the step of {currency} must be above 0, at most 1000.0, and have up to 4 decimals (found {unit})")
    return value


Currency = Annotated[str, BeforeValidator(_currency)]


class CloseSettings(Strict):
    """Limits of a close: rejected rows since the last close, and how much of one payout `write-off` may write off, in the agreement's currency.

    `by_cause`: differences of closed periods are computed with one kind of change at a time, a row for each.
    """

    quarantine_limit: int = Field(default=0, ge=0)
    write_off_limit: Annotated[Decimal, BeforeValidator(_amount)] = Field(default=Decimal(1), ge=0, allow_inf_nan=False)
    by_cause: bool = False


class Book(Strict):
    """The whole of book.yaml."""

    book: str = Field(min_length=1)
    currency: Currency
    as_of: Day | None = None
    time_zone: TimeZone = "UTC"
    calendar: CalendarSettings = CalendarSettings()
    require_approval: bool = False
    rounding: Literal["half_up", "half_even"] = "half_up"
    minor_units: Annotated[dict[str, int | Decimal], BeforeValidator(_payout_units)] = Field(default_factory=dict)
    feeds: dict[str, FeedSettings]
    accounts: Accounts = Accounts()
    publish: PublishSettings = PublishSettings()
    storage: StorageSettings = StorageSettings()
    limits: LimitSettings = LimitSettings()
    engine: EngineSettings = EngineSettings()
    close: CloseSettings = CloseSettings()
    payments: PaymentSettings = PaymentSettings()
    statements: StatementSettings = StatementSettings()

    @model_validator(mode="before")
    @classmethod
    def _places_are_in_storage(cls, value: Any) -> Any:
        if isinstance(value, dict) and (found := [name for name in ("archive", "published", "ledger", "receipts") if name in value]):
            raise ValueError(f"{found[0]}: where archive and published are kept is said below `storage`; ledger and receipts stay in the book's folder")
        return value

    @model_validator(mode="after")
    def _feeds_are_known(self) -> Book:
        for name, settings in self.feeds.items():
            feed = FEEDS.get(name)
            if feed is None:
                raise ValueError(f"feeds: {name!r} is not a feed; allowed: {', '.join(FEEDS)}")
            canonical = {c.name for c in feed.columns}
            extra = (set(settings.columns) - canonical) if not feed.attributes else set()
            if extra:
                raise ValueError(f"feeds.{name}.columns: {sorted(extra)} not known; allowed: {', '.join(c.name for c in feed.columns)}")
        if "transactions" not in self.feeds:
            raise ValueError("feeds: a book needs at least the feed `transactions`")
        return self


def parse_book(text: str, file: str = "book.yaml") -> Book:
    """The settings in the text of book.yaml. Raises InputError with every problem found."""
    documents = parse_documents(text, file)
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise InputError([Problem(file, 1, "", "book.yaml holds one document with the keys book, currency, feeds, …")])
    try:
        return Book.model_validate(documents[0].value)
    except ValidationError as error:
        raise InputError(problems_of(error, documents[0], Book)) from None
