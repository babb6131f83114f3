"""Curves as pictures: SVG text made from the normal form of models.curves.pieces, for the docs and for `explain`.

Floats are fine here: nobody is paid by a picture.
"""
