"""A rule change counts as enlarging unless it is known to buy less or to concern sales alone."""

import pytest

from domain.enlarging import enlarging
from domain.rule_changes import changed, rule_values
from domain.rules import TradingRules


@pytest.mark.parametrize(
    ("name", "text", "enlarges"),
    [
        ("risk.capital_per_trade", "5,000,001", True),
        ("risk.capital_per_trade", "4,999,999", False),
        ("risk.fleet_daily_loss", "3,000,000", True),
        ("risk.trades_per_worker", "29", False),
        ("risk.losses_in_a_row", "0", True),
        ("risk.losses_in_a_row", "3", False),
        ("risk.give_back_from", "100,000", False),
        ("risk.cooldown_after_loss", "10s", True),
        ("risk.cooldown_after_loss", "10m", False),
        ("risk.slippage_allowance", "1%", True),
        ("exits.stop_loss", "2%", False),
        ("exits.stop_loss", "4%", True),
        ("exits.stop_loss", "0%", True),
        ("exits.take_profit", "9%", False),
        ("exits.take_profit", "0%", True),
        ("execution.exit_reprice", "1s", False),
        ("screening.least_price", "500", True),
        ("universe.symbols", "005930", True),
        ("strategy.names", "momentum", True),
        ("strategy.momentum.window", "300s", True),
    ],
)
def test_only_what_is_known_to_be_tighter_is_free(name: str, text: str, enlarges: bool) -> None:
    before = TradingRules()
    assert enlarging(before, changed(before, {name: text})) == ((name,) if enlarges else ())


def test_turning_a_guard_on_is_tighter_and_no_change_is_nothing() -> None:
    off = changed(TradingRules(), {"exits.stop_loss": "0%", "risk.give_back_from": "0"})
    on = changed(off, {"exits.stop_loss": "9%", "risk.give_back_from": "1,000,000"})

    assert enlarging(off, on) == ()
    assert enlarging(on, on) == ()


def test_every_rule_that_is_named_exists() -> None:
    import domain.enlarging as module  # noqa: PLC0415 - its tables are private

    named = [each for name, each in vars(module).items() if name.startswith("_") and isinstance(each, frozenset)]
    assert frozenset().union(*named) <= rule_values(TradingRules()).keys()
