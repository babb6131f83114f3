"""Curves as pictures: SVG text made from the normal form of models.curves.pieces, for the docs and for `explain`.

Floats are fine here: no payment depends on a picture.
"""
