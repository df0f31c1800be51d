"""Trials of which every signal stands alone, as if each stock had a worker of its own, with exits as data."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from domain.close_plan import sellable_quantity
from domain.costs import cost_rates
from domain.market import Market
from domain.money import NO_SHARES, Quantity, Won
from domain.pricing import entry_limit, size_entry
from domain.rules import TradingRules
from lab.sweep.compiled import Bought, Exits, played_alone
from lab.sweep.scene import Scene, Signal
from lab.trials import TrialDay
from simulator.natural_day import turns_of

_MINUTE = 60


def days_alone(scene: Scene, trials: Sequence[tuple[int, TradingRules]], capital: int) -> tuple[TrialDay, ...]:
    """Return what each trial earns in a session; trials that differ in exits only are played in one pass."""
    groups: dict[TradingRules, list[tuple[int, TradingRules]]] = {}
    for number, rules in trials:
        groups.setdefault(replace(rules, exits=_ANY.exits), []).append((number, rules))
    found: list[TrialDay] = []
    for rules, members in groups.items():
        exits = Exits([own.exits for _, own in members])
        sums = played_alone(list(purchases(scene, rules, capital)), exits, scene.session.date)
        found += sums.days([number for number, _ in members], scene.session.date)
    return tuple(sorted(found))


def purchases(scene: Scene, rules: TradingRules, capital: int) -> Iterator[Bought]:
    """Yield the purchase at the first signal of each stock that can be paid and sold by the close."""
    signals, seen = scene.signals_of(rules), set[str]()
    minutes = -(-scene.second(scene.plan.entries_until) // _MINUTE)
    for minute in range(minutes):
        for signal in scene.signals_at(signals, minute):
            symbol = signal.candidate.symbol
            if symbol in seen:
                continue
            seen.add(symbol)
            bought = _purchase(scene, rules, signal, (minute, capital))
            if bought is not None:
                yield bought
        if len(seen) == len(scene.market.symbols):
            return


def _purchase(scene: Scene, rules: TradingRules, signal: Signal, about: tuple[int, int]) -> Bought | None:
    minute, capital = about
    quote, symbol = signal.stock.view.quote, signal.candidate.symbol
    at, traded = scene.instant(minute * _MINUTE), scene.traded(symbol, minute * _MINUTE)
    sellable = NO_SHARES if traded is None else sellable_quantity(scene.session, at, traded)
    limit, rates = entry_limit(quote, rules.execution), cost_rates(scene.session.date)
    affordable = size_entry(limit, Quantity(capital), Won(capital), rules.risk, rates)
    quantity = min(affordable, sellable)
    if not quantity:
        return None
    bars = scene.market.path(symbol).natural.bars
    turns = [turns_of(bar.high, bar.low, bar.volume) for bar in bars]
    return Bought(
        price=quote.ask or quote.price,
        quantity=quantity,
        minute=minute,
        market=quote.market or Market.KOSPI,
        opens=[bar.open for bar in bars],
        firsts=[first for first, _ in turns],
        seconds=[second for _, second in turns],
        closes=[bar.close for bar in bars],
        deadline=scene.second(scene.plan.liquidation_at) // _MINUTE,
    )


_ANY = TradingRules()
