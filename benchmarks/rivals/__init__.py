"""Hand-written programs that compute the benchmark book's payouts without any framework, each in its own process.

Belongs here: the rivals, and the reading of agreements that they share. Does not belong here: making books (benchmarks/generator),
measuring (benchmarks/comparison.py), and anything of the product: a rival that shared its code would share its mistakes.
"""
