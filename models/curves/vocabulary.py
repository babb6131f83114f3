"""Words that the agreement language, the tables `terms.*` and the curves share: pay forms, slots of axes, scaling steps.

Belongs here: the words and their numbers. Does not belong here: what a form pays (pieces.py, matrices.py), places on axes (axes.py).
"""

from __future__ import annotations

#: The ways in which a tier pays. They multiply base, quantity, 1 and incentive.
PAY_FORMS = ("rate", "per_unit", "amount", "share")
#: The pay forms that a cell of a matrix may have.
GRID_FORMS = ("rate", "amount", "share")
#: Figures of a participant's window that tiers are compared with or multiply.
FIGURES = ("target", "baseline", "incentive")
#: Slots of `terms.axes`: the curve's x (a matrix's rows), a matrix's columns, `multiply`, then the gates in order.
CURVE, COLUMNS, MULTIPLY, FIRST_GATE = range(4)
#: What is done to the curve's payment, in the order that holds unless a benefit has one of its own.
SCALING_STEPS = ("multiply", "requires", "limits")
