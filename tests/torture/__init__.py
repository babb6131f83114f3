"""The program against the reference on random books over the whole language, with volumes aimed at the thresholds.

    drawing.py     the seeded dice, and the parts of the language a book may use
    calendars.py   periods and windows, as far as a book needs them to be written
    people.py      partners, their versions and hierarchy, assignments, metrics
    lines.py       products, transactions with returns and gaps, rates
    scopes.py      which lines count: drawn, and a line that does
    curves.py      axes, tiers, matrices, gates, multipliers
    agreements.py  benefits, agreements, amendments, groups
    books.py       all of it as one book, and as a folder
    aiming.py      lines that bring measures to their thresholds, and how many lie there
    compare.py     program and reference on one folder, and where they differ
    metamorphic.py what must not change a result, or change it in a known way
    __main__.py    the long run and its scorecard: `make torture`

Nothing here shares code with the program, so that a mistake there cannot hide here.
"""
