"""Signals alone and fleets by compiled entry rules: the same trades as by code, and as in plain Python."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.market import MarketView
from domain.position import OpenPosition
from domain.rule_changes import changed
from domain.rules import StrategyRules
from domain.strategy import EntrySignal
from lab.recording import RecordedSession
from lab.sweep.alone import AloneTrials
from lab.sweep.compiled import REASONS
from lab.sweep.kernel import play_variant
from lab.trials import Kernel
from strategies import known
from strategies.admission import admitted
from strategies.api import Parameters
from strategies.catalogue import Catalogue, install
from strategies.entry_rule import EntryRule
from tests.lab.sweep_sessions import CAPITAL, RULES, VARIED, a_scene, alone, by_code, odd, recorded, trials
from tests.lab.test_sweep_compiled import plainly

__all__ = ["by_code", "odd", "recorded"]


class NoParameters(Parameters):
    pass


class Tied:
    """Buys where one number is above another that is equal to it but for rounding: never."""

    name, version, Parameters = "tied", "1", NoParameters
    entry_rule = EntryRule("price * 0.1 > price / 10")

    def entry(self, view: MarketView, parameters: NoParameters) -> EntrySignal | None:
        return EntrySignal(self.name, self.version, Decimal("0.5"), "a tie")

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: NoParameters) -> bool:
        return False


class Level(Tied):
    name = "level"
    entry_rule = EntryRule("price * 0.1 >= price / 10")


@pytest.fixture
def ties() -> Iterator[None]:
    before = known()
    install(Catalogue({**before.strategies, **{each.name: admitted(each) for each in (Tied, Level)}}, before.filters))
    yield
    install(before)


@pytest.mark.usefixtures("ties")
def test_the_pure_functions_decide_a_signal_that_rounding_leaves_open(recorded: RecordedSession) -> None:
    rules = [replace(RULES, strategy=StrategyRules(names=(name,))) for name in ("tied", "level")]
    session = alone(recorded)

    firsts, kernels = session.first_signals(AloneTrials(list(enumerate(rules))))

    assert (firsts[0] < 0).all()
    assert (firsts[1] >= 0).all()
    assert kernels == [Kernel.COMPILED, Kernel.COMPILED]
    for each in rules:
        compiled, plain = (play_variant(a_scene(recorded, compiled=of), each, 1, CAPITAL) for of in (True, False))
        assert compiled == plain


@pytest.mark.parametrize("of", ["recorded", "odd"])
def test_signals_alone_are_the_same_by_rule_and_by_code(of: str, request: pytest.FixtureRequest) -> None:
    session: RecordedSession = request.getfixturevalue(of)
    compiled = alone(session)
    by_rule = compiled.days(trials())
    request.getfixturevalue("by_code")
    asked = alone(session)
    by_functions = asked.days(trials())

    assert [each._replace(kernel="") for each in by_rule] == [each._replace(kernel="") for each in by_functions]
    assert {each.kernel for each in by_rule} == {Kernel.COMPILED}
    assert {each.kernel for each in by_functions} == {Kernel.EXITS}
    assert compiled.scene is None, "no function of a strategy has been asked"
    assert asked.scene is not None
    assert sum(each.trades for each in by_rule) > 10


def test_each_trial_earns_what_its_trades_earn_in_plain_python(recorded: RecordedSession) -> None:
    session, varied = alone(recorded), trials()
    firsts, _ = session.first_signals(varied)
    found = {day.trial: day for day in session.days(varied)}

    for number, changes in enumerate(VARIED):
        rules = replace(changed(RULES, changes), version=1)
        gross = trades = 0
        for row, minute in enumerate(firsts[varied.entry_of[number]].tolist()):
            bought = session.purchase(row, minute, (rules.risk, rules.execution)) if minute >= 0 else None
            if bought is not None:
                _, price, reason = plainly(bought, rules.exits)
                assert reason in REASONS
                gross, trades = gross + (price - bought.price) * bought.quantity, trades + 1
        assert (found[number].gross, found[number].trades) == (gross, trades)


@pytest.mark.parametrize("of", ["recorded", "odd"])
@pytest.mark.parametrize("changes", VARIED, ids=lambda each: ",".join(each) or "default")
def test_a_fleet_with_compiled_entries_trades_as_without(
    of: str, changes: dict[str, str], request: pytest.FixtureRequest
) -> None:
    session: RecordedSession = request.getfixturevalue(of)
    rules = replace(changed(RULES, changes), version=1)
    plain, compiled = a_scene(session, workers=2), a_scene(session, compiled=True, workers=2)

    assert play_variant(compiled, rules, 2, CAPITAL) == play_variant(plain, rules, 2, CAPITAL)
    assert compiled.signals_of(rules).chosen is not None
    assert plain.signals_of(rules).chosen is None
