"""Strategies from files, folders and packages: found, checked, named in settings, and refused with file and line."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.errors import BadRulesError
from domain.rule_changes import changed
from domain.rules import TradingRules
from runtime import strategy_loading
from runtime.settings import SettingsError, load_settings
from runtime.strategy_loading import install_strategies
from strategies.catalogue import BUILT_IN_CATALOGUE, Catalogue, install, known, tradable

pytestmark = pytest.mark.usefixtures("nothing_configured")

GAP = '''"""Buys an open gap."""
from decimal import Decimal
from pydantic import Field
from strategies.api import EntrySignal, MarketView, OpenPosition, Parameters, Percent

class GapParameters(Parameters):
    least: Percent = Field(default=Decimal("0.01"), ge=0, le=Decimal("0.3"))
    days: int = Field(default=3, ge=1, le=14)
    strict: bool = False

class Gap:
    name = "gap"
    version = "1"
    Parameters = GapParameters
    def entry(self, view: MarketView, parameters: GapParameters) -> EntrySignal | None:
        return None
    def wants_out(self, view: MarketView, position: OpenPosition, parameters: GapParameters) -> bool:
        return False
'''
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _built_in_again() -> Iterator[None]:
    yield
    install(BUILT_IN_CATALOGUE)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files into one folder and return it."""

    def put(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        return tmp_path

    return put


def refusal(catalogue: Catalogue) -> str:
    (refused,) = catalogue.refused
    return str(refused)


def test_a_folder_and_a_single_file_bring_their_strategies(write: Write) -> None:
    folder = write(gap=GAP)

    for path in (folder, folder / "gap.py"):
        found = install_strategies(path)
        assert set(found.strategies) >= {"gap", "momentum", "volatility_breakout"}
        assert found.refused == ()
        assert (found.strategies["gap"].origin, len(found.sources["gap"])) == (str(folder / "gap.py"), 64)
        assert known() is found


def test_the_source_hash_follows_the_source_and_what_it_imports_but_not_line_ends(write: Write) -> None:
    def digest(helper: str, gap: str = f"from .helper import half\n{GAP}") -> str:
        return install_strategies(write(helper=helper, gap=gap)).sources["gap"]

    first = digest("def half(x):\n    return x / 2\n")

    assert digest("def half(x):\r\n    return x / 2\r\n") == first
    assert digest("def half(x):\n    return x / 3\n") != first
    assert digest("def half(x):\n    return x / 2\n", f"from .helper import half\n{GAP}# changed\n") != first


def test_a_filter_comes_through_the_same_door(write: Write) -> None:
    folder = write(mine="def cheap(stock):\n    return stock.view.quote.price < 5_000\n\nFILTERS = (cheap,)\n")

    assert set(install_strategies(folder).filters) == {"rising", "near_day_high", "cheap"}


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (GAP.replace("return None", "return open('x')"), 16, "open does I/O"),
        (f"import os\n{GAP}", 1, "imports os, which a strategy may not; allowed are strategies.api"),
        (GAP.replace("class Gap:", "class Gap"), 11, "cannot be read as Python"),
        (GAP.replace("Field(default=3, ge=1", "Field(default=3, gone=Missing"), 8, "cannot be imported: NameError"),
    ],
)
def test_a_refusal_names_file_line_and_reason(write: Write, text: str, line: int, why: str) -> None:
    folder = write(gap=text)

    message = refusal(install_strategies(folder))

    assert message.startswith(f"{folder / 'gap.py'}:{line}: {why}")
    assert "gap" not in known().strategies


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (GAP.replace('name = "gap"', 'name = "Gap 1"'), "Gap.name must be a text such as 'opening_gap'"),
        (GAP.replace('name = "gap"', 'name = "momentum"'), "the name momentum is taken; choose another"),
        (GAP.replace('version = "1"', "version = 1"), "gap: version must be a text"),
        (GAP.replace("    Parameters = GapParameters\n", ""), "gap: Parameters must be a class of"),
        (GAP.replace("ge=1, le=14", "ge=1"), "gap: days needs bounds"),
        (GAP.replace("default=3, ge=1, le=14", "ge=1, le=14"), "gap: days needs a default"),
        (GAP.replace("default=3", "default=30"), "gap: a default is not valid"),
        (GAP.replace("days: int", "days: str"), "gap: days is <class 'str'>: use Decimal, Percent, int"),
        (GAP.replace("strict: bool", "Strict: bool"), "gap: Strict: write names in lower case"),
        (
            GAP.replace("entry(self, view: MarketView, ", "entry(self, "),
            "gap: write `def entry(self, view, parameters)",
        ),
        (GAP.replace("def wants_out", "def wants"), "gap: write `def wants_out(self, view, position, parameters)`"),
        (
            GAP.replace("    def entry", "    def __init__(self, x):\n        pass\n    def entry"),
            "must need no arguments",
        ),
    ],
)
def test_a_class_of_another_form_is_refused_with_the_form(write: Write, text: str, why: str) -> None:
    assert why in refusal(install_strategies(write(gap=text)))


def test_a_source_that_never_ends_to_load_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    spins = """    @field_validator("days")
    @classmethod
    def odd(cls, value: int) -> int:
        while True:
            pass
"""
    text = GAP.replace("    strict: bool = False\n", f"    strict: bool = False\n{spins}")
    monkeypatch.setattr(strategy_loading, "_LOADS_WITHIN", 0.5)

    found = install_strategies(write(gap=text.replace("import Field", "import Field, field_validator")))

    (refused,) = [each for each in found.refused if each.name == "Gap"]
    assert refused.why == "takes longer than 0.5 s to load"


def test_a_bad_file_takes_nothing_from_a_good_one(write: Write) -> None:
    found = install_strategies(write(gap=GAP, other="import os\n"))

    assert "gap" in found.strategies
    assert [each.name for each in found.refused] == ["other"]


def test_tests_helpers_and_a_missing_path_are_no_strategies(write: Write) -> None:
    folder = write(test_gap="import pytest\n", _own="import os\n", conftest="import os\n", helper="HALF = 2\n")

    assert install_strategies(folder).refused == ()
    assert "has no strategy" in refusal(install_strategies(folder / "helper.py"))
    assert "does not exist" in refusal(install_strategies(folder / "nowhere"))


def test_an_impure_helper_refuses_its_strategy_with_the_helpers_line(write: Write) -> None:
    folder = write(gap=f"from ._clock import now\n{GAP}", _clock="\n\nimport time\n")

    assert refusal(install_strategies(folder)).startswith(f"{folder / '_clock.py'}:3: imports time")


def test_a_file_that_others_may_write_is_refused(write: Write) -> None:
    folder = write(gap=GAP)
    (folder / "gap.py").chmod(0o666)

    assert "can be changed by another user; `chmod go-w` it" in refusal(install_strategies(folder))


def test_nothing_of_a_package_runs_before_its_sources_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "haru_trap"
    info = tmp_path / "haru_trap-1.dist-info"
    package.mkdir()
    info.mkdir()
    (package / "__init__.py").write_text("import sys\nsys.haru_trap = True\n")
    (package / "gap.py").write_text(GAP)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: haru-trap\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[haru.strategies]\ngap = haru_trap.gap:Gap\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    trapped = refusal(install_strategies(None))
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "other"))  # the catalogue of one search path is kept
    found = install_strategies(None)

    assert trapped.startswith(f"{package / '__init__.py'}:1: imports sys")
    assert not hasattr(sys, "haru_trap")
    assert (found.strategies["gap"].origin, found.refused) == ("haru-trap 1", ())


def test_parameters_are_settings_by_themselves(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_STRATEGIES__PATH", str(write(gap=GAP)))
    monkeypatch.setenv("HARU_RULES__STRATEGY__NAMES", "gap,momentum")
    monkeypatch.setenv("HARU_RULES__STRATEGY__GAP__LEAST", "2%")
    monkeypatch.setenv("HARU_RULES__STRATEGY__MOMENTUM_WINDOW", "5m")

    settings = load_settings()

    assert settings.rules.strategy.parameters == (("gap.least", "2%"), ("momentum.window", "300s"))
    assert known().strategies["gap"].parameters(settings.rules.strategy) == {"least": "2%", "days": "3", "strict": "no"}
    assert settings.describe()["HARU_RULES__STRATEGY__GAP__LEAST"] == "2%"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("GAP__LEAST", "40%", "HARU_RULES__STRATEGY__GAP__LEAST: 40% must be within 0%..30%"),
        ("GAP__LEAST", "2", "HARU_RULES__STRATEGY__GAP__LEAST: a rate needs a percent sign; write 2%"),
        ("GAP__DAYS", "many", "HARU_RULES__STRATEGY__GAP__DAYS: many must look like 3"),
        ("GAP__LAEST", "2%", "HARU_RULES__STRATEGY__GAP__LAEST is not a variable of this program; did you mean"),
        ("GAPP__LEAST", "2%", "did you mean HARU_RULES__STRATEGY__GAP__LEAST"),
        ("MOMENTUM_RISE", "200%", "HARU_RULES__STRATEGY__MOMENTUM__RISE: 200% must be within 0%..100%"),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_variable(
    write: Write, monkeypatch: pytest.MonkeyPatch, name: str, text: str, message: str
) -> None:
    monkeypatch.setenv("HARU_STRATEGIES__PATH", str(write(gap=GAP)))
    monkeypatch.setenv(f"HARU_RULES__STRATEGY__{name}", text)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert message in str(caught.value)


def test_a_refused_strategy_does_not_keep_the_settings_from_loading(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(gap=f"import os\n{GAP}")
    monkeypatch.setenv("HARU_STRATEGIES__PATH", str(folder))
    monkeypatch.setenv("HARU_RULES__STRATEGY__NAMES", "gap")
    monkeypatch.setenv("HARU_RULES__STRATEGY__GAP__LEAST", "2%")

    rules = load_settings().rules

    assert rules.strategy.names == ("gap",)
    with pytest.raises(BadRulesError) as caught:
        tradable(rules)
    assert "strategy.names: gap; choose among momentum, volatility_breakout" in str(caught.value)
    assert f"Refused: {folder / 'gap.py'}:1: imports os" in str(caught.value)


def test_a_missing_strategy_does_not_prevent_a_change_of_the_stop() -> None:
    own = changed(TradingRules(), {"strategy.names": "gone", "strategy.gone.least": "2%"})
    change = {"exits.stop_loss": "1%"}

    assert tradable(changed(own, change), change).exits.stop_loss != own.exits.stop_loss
    for wrong in ({"strategy.gone.least": "3%"}, {"strategy.names": "gone"}):
        with pytest.raises(BadRulesError, match="gone"):
            tradable(changed(own, wrong), wrong)
