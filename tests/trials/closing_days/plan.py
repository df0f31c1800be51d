"""A day's plan, drawn from its seed alone: who trades what, and which faults affect which stock until when."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from random import Random
from typing import Final

from domain.clock import KST
from domain.market import Symbol
from domain.money import Won
from domain.rules import RiskRules, StrategyRules, TradingRules, UniverseRules
from domain.session import Session, SessionDate
from simulator.hardships import Hardship
from simulator.listings import LISTINGS
from tests.support.stepping import CALENDAR, RULES

OPENING_CASH: Final = Won(400_000_000)
_DATES: Final = tuple(map(date.fromisoformat, ("2026-11-20", "2026-11-23", "2026-11-24", "2026-11-26")))
_ODD_DATES: Final = tuple(map(date.fromisoformat, ("2026-11-19", "2026-12-30")))
"""The CSAT day, an hour later than others, and the day before the year's first session, which opens at ten."""
_CAPITAL: Final = (1_000_000, 3_000_000, 8_000_000, 20_000_000)
_MOST_LISTED: Final = 14
_MINUTE: Final = timedelta(minutes=1)
_NO_STOCK: Final = Symbol("")
LIKELY: Final[Mapping[Hardship, float]] = {
    Hardship.LAGGING_LISTS: 0.5,
    Hardship.TWO_ACCEPTANCES: 0.4,
    Hardship.LATE_REJECTIONS: 0.25,
    Hardship.BEATEN_CANCELS: 0.4,
    Hardship.VARIED_BRANCHES: 0.6,
    Hardship.FOREIGN_ROWS: 0.6,
    Hardship.MARGIN_ACCOUNT: 0.3,
    Hardship.MARKET_IMPACT: 0.5,
    Hardship.QUEUE: 0.6,
    Hardship.PRICES_APART: 0.4,
    Hardship.STUCK_QUOTES: 0.25,
    Hardship.EARLY_REFUSALS: 0.15,
    Hardship.CLOCK_OFF: 0.3,
    Hardship.DEAD_TOKEN: 0.1,
}
"""How likely a day has each hardship. Those of connections and of the stream need real time: chaos has them."""
_GENTLE: Final = 0.1
BRIEF: Final = frozenset({Hardship.STUCK_QUOTES, Hardship.DEAD_TOKEN})


class Trouble(StrEnum):
    """Faults of a stock, the market or the broker, and trades of the owner."""

    THIN = "thin book"
    NO_BIDS = "no bids"
    LIMIT_LOCK = "lower limit"
    INTERRUPTION = "VI"
    HALT = "halt"
    NO_MARKET_ORDERS = "no market orders"
    BREAKER = "circuit breaker"
    DAY_ENDED = "breaker ends the day"
    OWNER_ELSEWHERE = "owner: other stock"
    OWNER_BESIDE = "owner: our stock too"
    OWNER_SELLS_OURS = "owner sells ours"
    REPLY_LOST = "reply lost"
    CANCEL_LOST = "cancel's reply lost"
    LISTED_LATE = "listed late"
    ODD_ROWS = "odd rows"


@dataclass(frozen=True, slots=True)
class Happening:
    """A trouble from one market instant to another (UTC); ``symbol`` is blank if it concerns no single stock."""

    kind: Trouble
    since: datetime
    until: datetime
    symbol: Symbol


@dataclass(frozen=True, slots=True)
class Hard:
    """A hardship from one market instant to another (UTC); ``size`` from 0 to 1 is how hard it hits."""

    kind: Hardship
    since: datetime
    until: datetime
    size: float


@dataclass(frozen=True, slots=True)
class DayPlan:
    """One day until the next session's first hour; instants are market time (UTC)."""

    seed: int
    session: Session
    tomorrow: Session
    starts_at: datetime
    workers: int
    symbols: tuple[Symbol, ...]
    drifts: tuple[float, ...]
    capital: Won
    after_market: bool
    happenings: tuple[Happening, ...]
    hardships: tuple[Hard, ...] = ()

    @property
    def rules(self) -> TradingRules:
        """Return the fleet's rules: the day's stocks, each traded at most once before the next morning."""
        return replace(
            RULES,
            universe=UniverseRules(ranking_size=0, symbols=self.symbols),
            strategy=StrategyRules(names=("volatility_breakout",)),
            execution=replace(RULES.execution, after_market=self.after_market),
            risk=RiskRules(symbol_cooldown=timedelta(hours=12), capital_per_trade=self.capital, losses_in_a_row=0),
        )

    @property
    def kinds(self) -> frozenset[Trouble | Hardship]:
        """Return the troubles and hardships of the day."""
        return frozenset((*(each.kind for each in self.happenings), *(each.kind for each in self.hardships)))

    @property
    def evening_ends_at(self) -> datetime:
        """Return when the last market of the day closes."""
        evening = self.session.after_market
        if evening is None:
            raise LookupError(f"{self.session.date} has no after-market")
        return evening.until


def plan_of(seed: int) -> DayPlan:
    """Draw the day of a seed.

    The hardships have a chance of their own: everything else of a seed's day is what it was before they existed.
    """
    chance = Random(f"closing day {seed}")
    session = _session(chance)
    tomorrow = CALENDAR.session_at_or_after(session.ends_at)
    workers = chance.randint(3, 6)
    symbols = tuple(map(Symbol, chance.sample(list(LISTINGS)[:_MOST_LISTED], workers + chance.randint(0, 2))))
    draw = _Draw(chance, session, tomorrow, symbols)
    return DayPlan(
        seed=seed,
        session=session,
        tomorrow=tomorrow,
        starts_at=draw.before_the_end(62, 43),
        workers=workers,
        symbols=symbols,
        drifts=tuple(chance.choice((0.0, 0.0, 0.0004, -0.0002)) for _ in symbols),
        capital=Won(chance.choice(_CAPITAL)),
        after_market=chance.random() < 0.4,
        happenings=tuple(sorted(draw.happenings(), key=lambda each: each.since)),
        hardships=tuple(_hardships(Random(f"hard day {seed}"), session, tomorrow)),
    )


def _session(chance: Random) -> Session:
    day = chance.choice(_ODD_DATES if chance.random() < 0.1 else _DATES)
    session = CALENDAR.session_on(day)
    if session is None:
        raise LookupError(f"{day} has no session")
    return session


def _hardships(chance: Random, session: Session, tomorrow: Session) -> Iterator[Hard]:
    """Draw each hardship for itself, most of them for the whole day and the next morning; one day in ten has none."""
    if chance.random() < _GENTLE:
        return
    next_noon = tomorrow.opens_at + timedelta(hours=3)
    for kind, likely in LIKELY.items():
        is_drawn, size = chance.random() < likely, round(chance.random(), 3)
        since = session.ends_at - timedelta(seconds=chance.randint(11 * 60, 40 * 60))
        brief = since + timedelta(seconds=chance.randint(60, 300))
        if not is_drawn:
            continue
        if kind in BRIEF:
            yield Hard(kind, since, brief, size)
        else:
            yield Hard(kind, session.opens_at, next_noon, size)


class _Draw:
    """Draws events; times count from the session's own end, so that a later session has the same day later."""

    def __init__(self, chance: Random, session: Session, tomorrow: Session, symbols: tuple[Symbol, ...]) -> None:
        self._chance = chance
        self._session = session
        self._tomorrow = tomorrow
        self._symbols = symbols

    def before_the_end(self, most: float, least: float) -> datetime:
        """Return a whole second between two numbers of minutes before the session's end."""
        return self._session.ends_at - timedelta(seconds=self._chance.randint(round(least * 60), round(most * 60)))

    def happenings(self) -> Iterator[Happening]:
        for symbol in self._symbols:
            if self._chance.random() < 0.65:
                yield self._of_a_stock(symbol, self._chance.choice(_OF_A_STOCK))
            if self._chance.random() < 0.15:
                yield self._of_a_stock(symbol, Trouble.THIN)
        yield from self._of_the_market()
        yield from self._of_the_owner()
        yield from self._of_the_broker()

    def _of_a_stock(self, symbol: Symbol, kind: Trouble) -> Happening:
        match kind:
            case Trouble.INTERRUPTION:
                since = self.before_the_end(17, 10.6)
                return Happening(kind, since, since, symbol)
            case Trouble.NO_MARKET_ORDERS:
                return Happening(kind, self.before_the_end(24, 16), self._tonight(), symbol)
            case Trouble.THIN:
                return Happening(
                    kind, self.before_the_end(24, 16), self._end_after(self.before_the_end(14, 11)), symbol
                )
            case _:
                since = self.before_the_end(20, 10.6)
                return Happening(kind, since, self._end_after(since), symbol)

    def _end_after(self, since: datetime) -> datetime:
        """Return an end: soon, in the closing auction, in the evening, at night, or the next morning."""
        ends_at = self._session.ends_at
        return self._chance.choice(
            (
                since + timedelta(seconds=self._chance.randint(60, 360)),
                ends_at - timedelta(seconds=self._chance.randint(60, 240)),
                ends_at + timedelta(minutes=self._chance.randint(40, 150)),
                self._tonight(),
                self._tonight(),
                self._tomorrow.opens_at + timedelta(seconds=self._chance.randint(30, 900)),
            )
        )

    def _tonight(self) -> datetime:
        return datetime.combine(SessionDate(self._session.date), time(21), KST).astimezone(self._session.ends_at.tzinfo)

    def _of_the_market(self) -> Iterator[Happening]:
        which = self._chance.random()
        if which < 0.06:
            since = self.before_the_end(42.5, 40.5)
            yield Happening(Trouble.BREAKER, since, since, _NO_STOCK)
        elif which < 0.12:
            since = self.before_the_end(18, 11)
            yield Happening(Trouble.DAY_ENDED, since, since, _NO_STOCK)

    def _of_the_owner(self) -> Iterator[Happening]:
        for kind in (Trouble.OWNER_ELSEWHERE, Trouble.OWNER_BESIDE, Trouble.OWNER_SELLS_OURS):
            if self._chance.random() < 0.2:
                since = self.before_the_end(28, 11)
                yield Happening(kind, since, since, self._chance.choice(self._symbols))

    def _of_the_broker(self) -> Iterator[Happening]:
        for kind in (Trouble.REPLY_LOST, Trouble.CANCEL_LOST, Trouble.LISTED_LATE, Trouble.ODD_ROWS):
            if self._chance.random() < 0.15:
                since = self.before_the_end(16, 11)
                yield Happening(kind, since, self._session.ends_at + 40 * _MINUTE, _NO_STOCK)


_OF_A_STOCK: Final = (
    Trouble.THIN,
    Trouble.NO_BIDS,
    Trouble.NO_BIDS,
    Trouble.LIMIT_LOCK,
    Trouble.LIMIT_LOCK,
    Trouble.INTERRUPTION,
    Trouble.HALT,
    Trouble.HALT,
    Trouble.NO_MARKET_ORDERS,
)
