"""Writes the benchmark book: a synthetic distributor of any size, the same bytes for the same arguments.

Belongs here: drawing partners, products, agreements and transaction lines, and writing them in the product's formats.
Does not belong here: computing anything from them (benchmarks/rivals) and measuring (benchmarks/comparison.py).
"""
