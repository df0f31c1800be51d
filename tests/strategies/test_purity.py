"""Every impure source of the corpus is refused with its line, and every pure one passes."""

from pathlib import Path

import pytest

import strategies
from strategies.catalogue import BUILT_IN_MODULES
from strategies.purity import imports_in, impurities_of
from tests.strategies.impure_sources import IMPURE, PURE, in_entry

SAMPLES = Path(strategies.__file__).parents[1] / "samples/haru-sample-strategies/haru_sample_strategies"


@pytest.mark.parametrize("name", IMPURE)
def test_an_impure_source_is_refused(name: str) -> None:
    assert impurities_of(IMPURE[name], "gap.py")


@pytest.mark.parametrize("name", PURE)
def test_a_pure_source_passes(name: str) -> None:
    assert impurities_of(PURE[name], "gap.py") == ()


def test_a_refusal_names_file_line_and_fix() -> None:
    (found,) = impurities_of(in_entry("datetime.now()", "from datetime import datetime"), "gap.py")

    assert str(found) == "gap.py:6: .now reads a clock; use view.quote.observed_at"


def test_every_impurity_is_found_at_once() -> None:
    found = impurities_of(in_entry("print(open('x'))", "import os\nimport time"), "gap.py")

    assert [each.line for each in found] == [1, 2, 7, 7]


@pytest.mark.parametrize(
    "file", [*(Path(str(module.__file__)) for module in BUILT_IN_MODULES), *sorted(SAMPLES.glob("*.py"))], ids=str
)
def test_the_built_in_strategies_and_the_samples_are_pure(file: Path) -> None:
    assert impurities_of(file.read_text(), file.name) == ()


def test_a_module_of_its_own_package_may_be_imported() -> None:
    text = in_entry("pass", "from .means import ema\nfrom . import bands\nimport pack.means")

    assert imports_in(text) == {".means", ".bands", "pack.means"}
    assert impurities_of(text, "gap.py", frozenset({".means", ".bands", "pack.means"})) == ()
    assert len(impurities_of(text, "gap.py")) == 3
