"""Books that live through a year or two: random histories with every invariant of closing checked after every step, and golden stories.

    world.py       a seed's partners, agreements and lines (drawn by tests.torture), and the timetable that a group of histories shares
    history.py     one history: what has arrived, what is still to come, what may explain a difference
    events.py      one event of one history: late lines, returns, resends, corrections, references, amendments, payments (also of batches), disputes
    paying.py      payment batches between the events: proposed, approved by another person, cancelled; their lines; what must have happened in a sample
    simulation.py  a group of histories in one book, step by step: files, run, close, reopen, rerun
    accounts.py    what the published tables and the ledger must say after every step, as queries
    evidence.py    what only files can tell: the chain, folders that never change, reruns byte for byte, a fresh book, the reference
    groups.py      one book of the long run
    __main__.py    the long run, resumable, on several processes: `make histories`

    stories.py     golden stories in YAML: month by month what arrives and what must be booked (stories/*.yaml)

A run costs the same for one history as for twenty, so the histories of a group share a book, its calendar and its closes. Everything else of a history
comes from its own seed, so that it plays alone as it does in company.
"""
