"""Every method and every axis of the agreement language is known wherever one of them is named: computed, explained, computed a second time.

Belongs here: lists that must hold the same words. Does not belong here: what a word does.
"""

from __future__ import annotations

from typing import get_args

from assets.published.explanation_view import METHODS
from models.agreements.schema import AxisName, Benefit
from models.calculation.explanation.steps import AXES
from models.curves.axes import KINDS
from models.curves.pieces import COMPILERS
from tests.reference.language import VALUES

METHODS_OF_THE_LANGUAGE = set(get_args(Benefit.model_fields["method"].annotation))
AXES_OF_THE_LANGUAGE = {*get_args(AxisName), "metric", "benefit", "score", "ratio"}


def test_every_method_is_compiled_explained_and_in_the_reference() -> None:
    with_matrix = METHODS_OF_THE_LANGUAGE | {"matrix"}
    assert set(COMPILERS) == with_matrix
    assert set(METHODS) == with_matrix
    assert VALUES["method"] == METHODS_OF_THE_LANGUAGE


def test_every_axis_is_placed_and_explained() -> None:
    assert set(KINDS) - {"none"} == AXES_OF_THE_LANGUAGE
    assert set(AXES) == AXES_OF_THE_LANGUAGE
