"""docs/curves.md shows what its YAML pays, and its words name no number that the program would not pay."""

from __future__ import annotations

import re
from typing import get_args
from xml.etree import ElementTree

import pytest

from models.agreements.schema import AxisName, Benefit
from pipelines.pages.curves import PAGE, PICTURES, draw_pictures, read_benefits

TEXT = PAGE.read_text(encoding="utf-8")
DRAWN = draw_pictures(TEXT)
SVG = "{http://www.w3.org/2000/svg}"


def test_the_pictures_are_the_ones_drawn_from_the_page() -> None:
    assert {file.name: file.read_text(encoding="utf-8") for file in PICTURES.glob("*.svg")} == DRAWN, "run `make curves-page`"


def test_every_picture_of_the_page_is_drawn() -> None:
    assert re.findall(r"images/curves/([a-z-]+\.svg)", TEXT) == list(DRAWN)


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_picture_is_named_labelled_and_stays_in_its_frame(name: str) -> None:
    root = ElementTree.fromstring(DRAWN[name])
    height = float(root.attrib["viewBox"].split()[3])
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"]
    assert "prefers-color-scheme:dark" in DRAWN[name]
    assert len(list(root.iter(f"{SVG}text"))) > 4
    numbers = [tuple(map(float, pair)) for path in root.iter(f"{SVG}path") for pair in re.findall(r"([-\d.]+),([-\d.]+)", path.attrib["d"])]
    numbers += [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in root.iter(f"{SVG}circle")]
    numbers += [(float(box.attrib["x"]), float(box.attrib["y"])) for box in root.iter(f"{SVG}rect") if "x" in box.attrib]
    assert numbers
    assert all(0 <= x <= 640 and 0 <= y <= height for x, y in numbers)


def test_the_page_draws_every_method_and_every_kind_of_axis() -> None:
    benefits: list[Benefit] = [benefit for benefits in read_benefits(TEXT).values() for benefit in benefits]
    assert {b.method for b in benefits if not b.matrix} == set(get_args(Benefit.model_fields["method"].annotation))
    assert {b.matrix.method for b in benefits if b.matrix} == {"whole", "linear"}
    assert {b.above for b in benefits} == {"hold", "extend", "zero"}
    assert {b.by for b in benefits if isinstance(b.by, str)} >= set(get_args(AxisName)) - {"growth_amount"}
    assert any(b.multiply for b in benefits)
    assert any(b.requires for b in benefits)
