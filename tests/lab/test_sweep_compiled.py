"""The compiled exits of a sweep: every trade equals plain Python, on random paths and rules."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from domain.costs import cost_rates, day_costs
from domain.market import Market, Side
from domain.money import Price, Won
from domain.rules import ExitRules
from domain.tick_size import next_below, round_down, round_up
from lab.sweep.compiled import REASONS, Bought, Exits, Sums
from lab.trials import Kernel

DAYS = (date(2025, 11, 17), date(2026, 1, 5))
MINUTES = 60


def a_purchase(chance: random.Random) -> Bought:
    """Return a purchase on a random day; prices cross bands of the grid."""
    price = chance.choice((1_990, 4_980, 12_000, 49_900, 199_000))
    path, at = list[int](), float(price)
    for _ in range(MINUTES):
        after = at * (1 + chance.gauss(0, 0.006))
        high, low = (
            max(at, after) * (1 + abs(chance.gauss(0, 0.003))),
            min(at, after) * (1 - abs(chance.gauss(0, 0.003))),
        )
        turns = [high, low] if chance.random() < 0.5 else [low, high]
        path += [max(1, round_down(int(value))) for value in (at, *turns, after)]
        at = after
    minute, deadline = chance.randrange(0, 20), chance.randrange(30, MINUTES)
    paid = round_up(path[minute * 4] + chance.randrange(0, 3))
    return Bought(paid, chance.randrange(1, 900), minute, chance.choice(tuple(Market)), path, deadline)


def plainly(bought: Bought, rules: ExitRules) -> tuple[int, int, str]:
    """Return minute, price and reason of a sale, price by price."""
    best = bought.price
    for minute, is_open, price in prices_after(bought):
        best = max(best, price)
        held = timedelta(minutes=minute - bought.minute)
        stop = Fraction(bought.price) * (1 - Fraction(rules.stop_loss))
        target = Fraction(bought.price) * (1 + Fraction(rules.take_profit))
        armed = best >= Fraction(bought.price) * (1 + Fraction(rules.trailing_start)) and best > bought.price
        trail = Fraction(best) * (1 - Fraction(rules.trailing_distance))
        if is_open and minute == bought.deadline:
            return minute, one_below(price), "deadline"
        if rules.stop_loss and price <= stop:
            return minute, one_below(price if is_open else round_down(int(stop))), "stop_loss"
        if rules.trailing_start and rules.trailing_distance and armed and price <= trail:
            return minute, one_below(price if is_open else round_down(int(trail))), "trailing_stop"
        if rules.take_profit and price >= target:
            return minute, one_below(price if is_open else round_up(-int(-target // 1))), "take_profit"
        if rules.longest_holding and is_open and held >= rules.longest_holding:
            return minute, one_below(price), "time_stop"
    raise AssertionError("a deadline ends every path")


def prices_after(bought: Bought) -> Iterator[tuple[int, bool, int]]:
    for place in range(bought.minute * 4 + 1, bought.deadline * 4 + 1):
        yield place // 4, place % 4 == 0, bought.path[place]


def one_below(price: int) -> int:
    return max(next_below(Price(price)), 1)


def all_rules() -> list[ExitRules]:
    stops, targets = ("0", "0.004", "0.01", "0.025"), ("0", "0.003", "0.012", "0.03")
    trails, holds = (("0", "0"), ("0.004", "0.003"), ("0.01", "0.006"), ("0.01", "0")), (0, 1, 7, 25)
    return [
        ExitRules(
            stop_loss=Decimal(stop),
            take_profit=Decimal(target),
            trailing_start=Decimal(start),
            trailing_distance=Decimal(distance),
            longest_holding=timedelta(minutes=hold),
        )
        for stop, target, (start, distance), hold in product(stops, targets, trails, holds)
    ]


RULES = all_rules()
EXITS = Exits(RULES)


@pytest.mark.parametrize("seed", range(12))
def test_every_trade_equals_plain_python(seed: int) -> None:
    chance = random.Random(seed)
    seen = set()
    for _ in range(4):
        bought = a_purchase(chance)
        sold = EXITS.sold(bought)
        for rules, end in zip(RULES, sold.of, strict=True):
            found = (int(sold.minutes[end]), int(sold.prices[end]), REASONS[int(sold.reasons[end])])
            assert found == plainly(bought, rules), (bought, rules)
            seen.add(found[2])
    assert len(seen) >= 4


def test_some_sets_sell_as_they_do_among_all() -> None:
    chance = random.Random(7)
    bought, sets = a_purchase(chance), np.array(sorted(chance.sample(range(len(RULES)), 20)))
    whole, some = EXITS.sold(bought), EXITS.sold(bought, sets)

    assert some.of.tolist() == whole.of[sets].tolist()
    assert (some.minutes.tolist(), some.prices.tolist()) == (whole.minutes.tolist(), whole.prices.tolist())


@pytest.mark.parametrize("day", DAYS)
def test_the_sums_of_a_day_are_those_of_its_trades_after_the_costs_of_the_domain(day: date) -> None:
    chance = random.Random(str(day))
    purchases, rates, sums = [a_purchase(chance) for _ in range(5)], cost_rates(day), Sums.of(len(RULES))
    without = np.arange(1, len(RULES))

    for number, bought in enumerate(purchases):
        sets = without if number == 4 else None
        sums.add(bought, EXITS.sold(bought, sets), rates, sets)

    for place, rules in enumerate(RULES):
        trades = []
        for bought in purchases if place else purchases[:4]:
            paid, brought = bought.price * bought.quantity, plainly(bought, rules)[1] * bought.quantity
            costs = day_costs(Side.BUY, Won(paid), bought.market, rates).plus(
                day_costs(Side.SELL, Won(brought), bought.market, rates)
            )
            trades.append((brought - paid, brought - paid - costs.total, paid))
        gross, net, stakes = (sum(column) for column in zip(*trades, strict=True))
        found = (sums.gross[place], sums.net[place], sums.stakes[place], sums.wins[place], sums.trades[place])
        assert found == (gross, net, stakes, sum(each[1] > 0 for each in trades), len(trades))


def test_sums_become_days_by_trial() -> None:
    (row,) = Sums.of(1).days([7], DAYS[0], [Kernel.COMPILED])

    assert (row.trial, row.trades, row.net, row.kernel) == (7, 0, 0, "compiled")
