"""The demo book's master data: vendors and brands, packs, chains, sales people. Data only.

Belongs here: the made-up distributor's master data as tables. Does not belong here: how lines are drawn (generate.py).
Prices and costs are whole euro cents per case; every name is invented.
"""

from __future__ import annotations

#: vendor_id: (name, country, invoice currency, category, brands)
VENDORS: dict[str, tuple[str, str, str, str, tuple[str, ...]]] = {
    "VE-01": ("Oldenhaven Brewery", "NL", "EUR", "beer", ("Oldenhaven Pils", "Oldenhaven Dark", "Zilver Free")),
    "VE-02": ("Brouwerij De Klok", "BE", "EUR", "beer", ("De Klok Blond", "De Klok Tripel", "De Klok Kriek")),
    "VE-03": ("Fennimore Cider", "GB", "GBP", "cider", ("Fennimore Dry", "Fennimore Pear")),
    "VE-04": ("Aquadorn Springs", "DE", "EUR", "water", ("Aquadorn Still", "Aquadorn Sparkling")),
    "VE-05": ("Sunpress Juices", "NL", "EUR", "juice", ("Sunpress Orange", "Sunpress Apple")),
    "VE-06": ("Kaskade Soft Drinks", "DE", "EUR", "soft_drinks", ("Kaskade Cola", "Kaskade Lemon", "Kaskade Tonic")),
    "VE-07": ("Voltline Energy", "DE", "EUR", "energy", ("Voltline Original", "Voltline Zero")),
    "VE-08": ("Casa Belvara Wines", "IT", "EUR", "wine", ("Belvara Rosso", "Belvara Bianco", "Belvara Spumante")),
    "VE-09": ("Glen Torrin Distillers", "GB", "GBP", "spirits", ("Glen Torrin 12", "Torrin Gin")),
    "VE-10": ("Blue Mesa Spirits", "US", "USD", "spirits", ("Blue Mesa Bourbon", "Mesa Verde Agave")),
}

#: category: packs as (pack, list price per case, cost per case, millilitres per case)
PACKS: dict[str, tuple[tuple[str, int, int, int], ...]] = {
    "beer": (("keg_50l", 11840, 8710, 50000), ("crate_24", 1895, 1391, 7920), ("can_24", 2240, 1702, 7920), ("bottle_6", 745, 541, 4500)),
    "cider": (("keg_30l", 8960, 6480, 30000), ("can_24", 2790, 2055, 10560), ("bottle_12", 1980, 1445, 6000)),
    "water": (("crate_12", 598, 377, 8400), ("pet_6", 312, 204, 9000), ("glass_20", 1040, 689, 10000)),
    "juice": (("glass_24", 2375, 1722, 4800), ("carton_12", 1490, 1098, 12000)),
    "soft_drinks": (("crate_24", 1665, 1177, 7920), ("can_24", 1388, 996, 7920), ("bib_10l", 4420, 3015, 10000)),
    "energy": (("can_24", 2985, 2102, 6000), ("bottle_12", 1925, 1366, 6000)),
    "wine": (("bottle_6", 3870, 2705, 4500), ("bottle_12", 7340, 5250, 9000)),
    "spirits": (("bottle_6", 11290, 8540, 4200), ("bottle_12", 21870, 16990, 8400)),
}

#: Returnable packaging: it is invoiced like goods, but counts in no programme.
DEPOSITS: tuple[tuple[str, str, int], ...] = (("DEP-CRATE", "Deposit crate", 390), ("DEP-KEG", "Deposit keg", 3000))

#: The brand that is new to the market, and the first day it is sold.
LAUNCH_BRAND = "Voltline Zero"
LAUNCH_DAY = "2025-09-15"

#: chain_id: (name, channel, offices as (region, country, currency, outlets), lines a month per outlet, discount in percent)
CHAINS: dict[str, tuple[str, str, tuple[tuple[str, str, str, int], ...], int, int]] = {
    "CH-01": ("Marlow Markets", "retail", (("benelux", "NL", "EUR", 9), ("benelux", "BE", "EUR", 6), ("dach", "DE", "EUR", 7)), 14, 14),
    "CH-02": ("Polder Supermarkten", "retail", (("benelux", "NL", "EUR", 10), ("benelux", "BE", "EUR", 4)), 12, 12),
    "CH-03": ("Rhenus Getränkemärkte", "retail", (("dach", "DE", "EUR", 8), ("dach", "AT", "EUR", 5)), 11, 10),
    "CH-04": ("Brasserie Lumen", "on_trade", (("benelux", "BE", "EUR", 7), ("benelux", "NL", "EUR", 5)), 9, 6),
    "CH-05": ("Kestrel Inns", "on_trade", (("uk", "GB", "GBP", 9), ("uk", "GB", "GBP", 8)), 10, 8),
    "CH-06": ("Harbour & Vine", "retail", (("uk", "GB", "GBP", 7), ("uk", "GB", "GBP", 5)), 10, 9),
    "CH-07": ("Nordlicht Hotels", "on_trade", (("dach", "DE", "EUR", 6), ("benelux", "NL", "EUR", 3), ("uk", "GB", "GBP", 3)), 9, 7),
    "CH-08": ("Quayside Cafés", "on_trade", (("benelux", "NL", "EUR", 6), ("benelux", "BE", "EUR", 3)), 8, 4),
}

#: A chain that became a customer late, and so has no prior year to compare with.
NEW_CHAIN, NEW_CHAIN_FROM = "CH-08", "2025-08"

#: Independent customers as (id prefix, how many, channel, region, country, currency, lines a month)
INDEPENDENTS: tuple[tuple[str, int, str, str, str, str, int], ...] = (
    ("IN", 16, "on_trade", "benelux", "NL", "EUR", 9),
    ("ID", 14, "retail", "dach", "DE", "EUR", 8),
    ("IU", 18, "on_trade", "uk", "GB", "GBP", 9),
    ("EX", 5, "export", "export", "US", "USD", 22),
)

#: Who looks after which region, as (sales_id, name); the first two share the chains of their region.
SALES: tuple[tuple[str, str], ...] = (
    ("SP-01", "Anneke Dijkman"),
    ("SP-02", "Bram Visscher"),
    ("SP-03", "Carla Osterholt"),
    ("SP-04", "Dieter Wanninger"),
    ("SP-05", "Edwin Slaughton"),
    ("SP-06", "Fiona Marchbank"),
    ("SP-07", "Gerrit Zandvoort"),
    ("SP-08", "Hanna Lindqvist"),
)

#: Partners that only receive payments: a buying group for its members, a sales team for its people.
GROUPS: tuple[tuple[str, str, str], ...] = (("BG-01", "Samen Sterk buying group", "buying_group"), ("TM-01", "Continental sales team", "team"))

#: What is measured in addition to invoices: metric: (who, first level, largest change from quarter to quarter, lowest, highest, decimals).
#: `who` are the beginnings of partner ids, or the outlets of one channel and region.
METRICS: dict[str, tuple[tuple[str, ...], int, int, int, int, int]] = {
    "returnables": (("CH-",), 840, 60, 600, 990, 3),  # share of the deposit packaging that comes back
    "on_time": (("CH-",), 925, 45, 700, 1000, 3),  # share of the invoices paid when due
    "nps": (("SP-",), 38, 9, -20, 80, 0),  # what a salesperson's customers say, -100 to 100
    "complaints": (("SP-",), 18, 9, 0, 60, 3),  # complaints per delivery
    "tap_check": (("uk on_trade",), 84, 8, 50, 100, 0),  # audit of the draught equipment, 0 to 100
    "fill_rate": (("VE-05",), 905, 36, 850, 1000, 3),  # share of the ordered cases that the vendor delivered
}
