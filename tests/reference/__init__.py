"""A second calculation of every payout, to hold the program against: plain Python, exact fractions, written from the specification alone.

Belongs here: what a careful person with unlimited patience would compute, one rule after the other. Does not belong here: anything imported
from models, assets or pipelines, or speed bought with cleverness.

    read.py       files to rows: strict typing, business keys, refused rows, YAML with exact numbers
    calendar.py   periods, windows, spans, a year earlier
    credit.py     whose lines count for whom, in which currency, as sums per day
    curve.py      what a measure pays
    compute.py    every window of every benefit and participant, and the path of its accrual
"""
