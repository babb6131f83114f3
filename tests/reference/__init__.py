"""A second calculation of every payout, to hold the program against: plain Python, exact fractions, written from docs/language.md alone.

Belongs here: what a careful person with unlimited patience would compute, one rule after the other. Does not belong here: anything imported
from models, assets or pipelines, or speed bought with cleverness.

    compute.py    the way in: compute(book) gives payouts, accruals and payout lines
    read.py       files to rows: strict typing, business keys, refused rows, YAML with exact numbers
    language.py   which keys and values are computed; everything else is refused
    calendar.py   periods, windows, spans, the year before; months or weeks
    versions.py   amendments: which version owns which window
    condition.py  the SQL conditions of scopes
    parties.py    partners and products by date, participants, hierarchy, assignments
    credit.py     whose lines count for whom, in which currency, by which share
    series.py     one column of a benefit for one participant, per day and per line
    axes.py       places on the x axis, ranks
    position.py   all figures of a participant's span up to a day, or why they are missing
    curve.py      what a measure pays: methods, matrix, multipliers, gates
    sum_limits.py limits of an agreement, on the sum of its benefits
    earning.py    limits, rounding, and what an accrual sees of it
    shares.py     which line carries how much of a payout
    combine.py    best, exclusive, net_of
"""
