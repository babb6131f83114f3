"""What other systems call the columns of transactions, and how alike two names are.

Belongs here: names as data. Does not belong here: whether a column's values fit (roles.py).
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

#: Names without case, spaces and punctuation. The most certain come first.
NAMES: dict[str, tuple[str, ...]] = {
    "transaction_id": (
        *("transactionid", "invoiceno", "invoicenumber", "invoiceid", "invoice", "documentno", "documentnumber", "docno", "billingdocument"),
        *("orderid", "orderno", "ordernumber", "order", "receiptno", "salesorder", "transactionno", "belegnummer", "belegnr", "belegfeld1", "beleg"),
        *("rechnungsnummer", "rechnungsnr", "rechnung", "faktura", "fakturanummer", "vbeln", "num", "ref", "refno", "referenceno", "id", "number", "nr"),
    ),
    "line": ("line", "lineno", "linenumber", "linenum", "lineid", "itemno", "position", "positionsnummer", "posnr", "pos", "posno", "posten"),
    "date": (
        *("date", "invoicedate", "transactiondate", "postingdate", "documentdate", "billingdate", "orderdate", "salesdate", "saledate", "bookingdate"),
        *("datum", "rechnungsdatum", "fakturadatum", "faktdatum", "faktdat", "fkdat", "buchungsdatum", "budat", "belegdatum", "bldat", "verkaufsdatum"),
        *("createdat", "created", "createdutc", "createddateutc", "occurredat", "eventtime", "eventts", "day", "timestamp", "ts", "time"),
    ),
    "partner_id": (
        *("partnerid", "partner", "customerid", "customerno", "customernumber", "customercode", "selltocustomerno", "billtocustomerno", "custaccount"),
        *("invoiceaccount", "clientid", "accountid", "dealerid", "vendorid", "supplierid", "soldto", "soldtoparty", "payer", "kundennummer", "kundennr"),
        *("kundenid", "debitor", "debitorennr", "auftraggeber", "auftrgeber", "auftrgeb", "auftrgb", "regulierer", "kunnr", "customer", "client"),
        *("kunde", "custid", "buyerid", "buyer", "customername", "kundenname", "customeremail", "email", "dealer", "vendor", "supplier"),
        *("contactname", "contact", "name", "account"),
    ),
    "product_id": (
        *("productid", "productcode", "productno", "sku", "itemid", "itemcode", "itemnumber", "lineitemsku", "stockcode", "articleid", "articleno"),
        *("article", "materialno", "materialnummer", "matnr", "artikelnummer", "artikelnr", "upc", "ean", "gtin", "productservice", "product", "item"),
        *("material", "artikel", "produkt", "lineitemname", "no"),
    ),
    "quantity": (
        *("quantity", "qty", "units", "pieces", "invoicedquantity", "lineitemquantity", "quantitypurchased"),
        *("menge", "fakturiertemenge", "faktmenge", "fkimg", "anzahl", "stück", "stueck", "volume", "cases"),
    ),
    "amount": (
        *("amount", "netamount", "netvalue", "nettowert", "netwr", "nettobetrag", "nettoumsatz", "lineamount", "lineamountexclvat", "lineamountexcltax"),
        *("amountexclvat", "linetotal", "netsales", "nettotal", "extendedprice", "revenue", "sales", "turnover", "betrag", "umsatz"),
        *(
            "umsatzohnesollhabenkz",
            "umsatzohnesollhabenkennzeichen",
            "totalprice",
            "total",
            "amountcents",
            "amountincents",
            "amountminor",
            "value",
            "wert",
            "net",
            "gross",
            "grossamount",
            "bruttobetrag",
        ),
    ),
    "cost": ("cost", "costamount", "costofgoods", "cogs", "totalcost", "kosten", "wareneinsatz", "wavwr"),
    "currency": (
        *("currency", "currencycode", "curr", "waehrung", "währung", "währg", "waehrg", "waerk", "waers", "wkzumsatz", "wkz", "whrg", "currencyiso"),
        *("doccurrency", "presentmentcurrency"),
    ),
}
PRICES = ("unitprice", "price", "priceperunit", "salesprice", "lineitemprice", "unitpriceexclvat", "preis", "einzelpreis", "stückpreis", "vkpreis")
DISCOUNTS = ("discount", "lineitemdiscount", "linediscountamount", "discountamount", "rabatt", "rabattbetrag")
#: Columns that say of what kind a row is.
KINDS = (
    *("type", "transactiontype", "documenttype", "doctype", "invoicetype", "kind", "entrytype", "belegart", "fakturaart", "fakart", "fkart", "vorgang"),
    *("vorgangsart", "art", "reportingcategory", "category", "transactiontypename"),
)
STATES = ("status", "state", "paymentstatus", "financialstatus", "zustand")
_ALIKE = 0.82
_CURRENCY_SUFFIX = re.compile(r"[\s(\[_-]+(?:in\s+)?([A-Z]{3})[)\]]?$")


def bare(name: str) -> str:
    """A name as `NAMES` lists it. A dotted path into an object is compared by its last parts too."""
    return re.sub(r"[^a-z0-9äöüß]", "", _CURRENCY_SUFFIX.sub("", name).lower())


def currency_in(name: str) -> str:
    """The currency that a name ends with, as in Amount (EUR); empty if none."""
    found = _CURRENCY_SUFFIX.search(name)
    return found.group(1) if found else ""


def likeness(canonical: str, name: str) -> float:
    """1 for the most certain name, less for later ones; otherwise the similarity of the letters; 0 if they are not alike."""
    tails = [name] + [name.split(".", n)[n] for n in range(1, name.count(".") + 1)] if re.fullmatch(r"\w+(\.\w+)+", name) else [name]
    return max(_likeness(canonical, bare(tail)) - place / 100 for place, tail in enumerate(tails))


def _likeness(canonical: str, text: str) -> float:
    known = NAMES[canonical]
    if text in known:
        return 1.0 - known.index(text) / 1000
    similar = [each for each in known if len(text) > 3 and text.isalpha() and 2 * min(len(text), len(each)) >= _ALIKE * (len(text) + len(each))]
    alike = max((SequenceMatcher(None, text, each).ratio() for each in similar), default=0.0) - 0.02
    return alike if alike >= _ALIKE else 0.0
