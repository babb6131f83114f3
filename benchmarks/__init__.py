"""How fast Tierledger is compared with hand-written programs that compute the same payouts.

Belongs here: making books, running and comparing programs, reporting ratios. The product imports nothing from here.
"""
