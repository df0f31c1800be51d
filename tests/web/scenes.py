"""Books with something to see: a live day, a liquidation, an incident, and a year of results."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from domain.clock import KST, MarketClock
from domain.costs import Costs
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.flatness import Proven
from domain.identity import Environment, WorkerId
from domain.market import Symbol
from domain.money import Price, Won
from domain.order import Accepted, OrderRecord, Rejected
from domain.position import ExitReason, StrategyStamp
from domain.scan_outcome import StockOutcome
from domain.session import SessionDate
from domain.worker_state import WorkerState
from fleet.fleet import Fleet
from tests.database.books import HTTP_TIMEOUT, Books, an_opening, yes
from tests.support.builders import HYNIX, MONDAY, SAMSUNG, a_ref

NOW: Final = datetime(2026, 11, 23, 10, 40, tzinfo=KST).astimezone(UTC)
BOUGHT: Final = datetime(2026, 11, 23, 10, 0, tzinfo=KST).astimezone(UTC)
KAKAO, NAVER = Symbol("035720"), Symbol("035420")
STOCKS: Final = {
    SAMSUNG: ("Samsung Electronics", 70_000),
    HYNIX: ("SK hynix", 182_000),
    KAKAO: ("Kakao", 41_000),
    NAVER: ("NAVER", 245_000),
}
WORKERS: Final = tuple(WorkerId(f"worker-{number}") for number in range(1, 5))
DAYS: Final = tuple(
    SessionDate(day)
    for day in (date(2026, 10, 6) + timedelta(days=each) for each in range(48))
    if day.weekday() < 5 and day != date(2026, 10, 9)
)
_STAMP: Final = StrategyStamp(
    "volatility_breakout", "1", {"factor": "0.5"}, "price 70,000 broke the target 69,900 above the open 69,300", "c0de"
)


def at(fleet: Fleet, market: datetime) -> Fleet:
    """Return the fleet at a market instant."""
    return replace(fleet, clock=MarketClock(datetime.now(UTC), market))  # noqa: TID251 - the scene's own anchor


async def staffed(fleet: Fleet) -> Books:
    """Register the workers; return a driver of the books."""
    await fleet.database.workers.register_all(fleet.account_id, {each: f"w/{each}" for each in WORKERS})
    for each in WORKERS:
        about = (WorkerState.SCANNING, None, "scanning", NOW - timedelta(minutes=4))
        await fleet.database.workers.enter(fleet.account_id, each, *about)
    return Books(fleet.database, fleet.account_id)


async def bought(
    books: Books, worker: WorkerId, symbol: Symbol, moves: Sequence[int], quantity: int = 20
) -> OrderRecord:
    """Buy a stock at 10:00; its price then moves by so many basis points a minute."""
    name, price = STOCKS[symbol]
    buy = books.a_buy(
        await books.locked(worker, symbol), quantity, limit_price=Price(price), decision_price=Price(price)
    )
    opening = an_opening(buy, name=name, strategy=_STAMP)
    await books.database.orders.record_entry(buy, opening)
    permit = await books.database.orders.begin_sending(
        buy.intent_id, review=yes, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
    )
    assert permit.may_send
    record = await books.database.orders.record_outcome(buy.intent_id, Accepted(a_ref(1000 + len(moves) + quantity)))
    done = (await books.filled(record, quantity, price, symbol=symbol)).order
    best = price
    for minute, move in enumerate(moves):
        for step in (0, 9, -7, minute * 7 % 11 - 5):
            seen = Price(round(price * (10_000 + move + step) / 1_000_000) * 100)
            best = max(best, seen)
            when = BOUGHT + timedelta(minutes=minute, seconds=10)
            await books.database.positions.mark(buy.position_id, seen, Price(best), when)
    holding = (WorkerState.HOLDING, symbol, f"bought {quantity} at {price:,}", BOUGHT)
    await books.database.workers.enter(books.account_id, worker, *holding)
    return done


async def live_day(fleet: Fleet) -> Books:
    """Hold two stocks, one with a sale in flight; two trades are done."""
    books = await staffed(fleet)
    await books.traded(WORKERS[2], KAKAO, 70_900, session_date=MONDAY)
    rises = [min(each * 8, 250) - each * each % 7 * 9 for each in range(40)]
    first = await bought(books, WORKERS[0], SAMSUNG, rises)
    await bought(books, WORKERS[1], HYNIX, [(-each * 4) % 90 - 60 for each in range(40)], 7)
    lease = await books.locked(WORKERS[0], SAMSUNG)
    sale = books.a_sale(lease, first.intent.position_id, 20, limit_price=Price(71_700), reason="trailing_stop")
    await books.filled(await books.accepted(sale), 8, 71_700)
    outcomes = [
        StockOutcome(
            KAKAO,
            "Kakao",
            Price(41_550),
            Decimal("0.031"),
            "",
            "price rose 1.30% in 10 min at 2.1 times the earlier volume pace",
            Decimal("0.7"),
        ),
        StockOutcome(SAMSUNG, "Samsung Electronics", Price(71_900), Decimal("0.027"), "locked"),
        StockOutcome(HYNIX, "SK hynix", Price(181_000), Decimal("-0.004"), "no_signal"),
        *(
            StockOutcome(Symbol(f"{number:06}"), f"Stock {number}", Price(5_000 + number), Decimal("0.01"), dropped)
            for number, dropped in enumerate(("wide_spread", "thin_volume", "price_range", "bad_quote"), 100)
        ),
    ]
    await fleet.database.last_scans.keep(
        fleet.account_id, "volatility_breakout,momentum", MONDAY, NOW - timedelta(seconds=3), (212, outcomes)
    )
    verdict = {"violations": 0, "over": False, "invariants": {}}
    await fleet.database.day_seen.keep_verdict(fleet.account_id, MONDAY, verdict)
    return books


async def liquidation(fleet: Fleet) -> Books:
    """After the close: everything is sold, and the broker's list proves it."""
    books = await staffed(fleet)
    await books.traded(WORKERS[0], SAMSUNG, 71_000, session_date=MONDAY, exit_reason=ExitReason.DEADLINE)
    await books.traded(WORKERS[1], HYNIX, 69_200, session_date=MONDAY, exit_reason=ExitReason.DEADLINE)
    proven = Proven(MONDAY, flat=True, open_orders=0, at=NOW.replace(hour=6, minute=31))
    await fleet.database.snapshots.save(fleet.account_id, proven, ())
    return books


async def incident(fleet: Fleet) -> Books:
    """A held stock, a rejected order, entries shut by the kill switch, and loud events."""
    books = await staffed(fleet)
    await bought(books, WORKERS[0], SAMSUNG, [-each * 6 for each in range(30)])
    buy = books.a_buy(await books.locked(WORKERS[1], HYNIX), 5)
    await books.sent(buy)
    refusal = Rejected("APBK0952", "주문가능금액을 초과 했습니다")
    await fleet.database.orders.record_outcome(buy.intent_id, refusal)
    await fleet.database.risk.press_kill_switch(fleet.account_id, "ops", "broker answers slowly", NOW)
    for kind, level, detail in (
        (EventKind.STRATEGY_FAILED, EventLevel.ERROR, {"cause": "momentum: ZeroDivisionError"}),
        (EventKind.STOCK_LEFT_OUT, EventLevel.WARNING, {"cause": "the broker garbled its price"}),
    ):
        event = Event(fleet.account_id, kind, level, NOW - timedelta(minutes=2), MONDAY, None, HYNIX, dict(detail))
        await fleet.database.events.append(event)
    return books


async def a_year(fleet: Fleet, data: Path) -> int:
    """Book two trades a session in October and November, and the levels of KOSPI; return the number of trades."""
    books = await staffed(fleet)
    books._number = 5_000
    profits = itertools.cycle((900, -400, 1_500, -1_100, 300, -700, 0, 2_100, -1_800))
    reasons = itertools.cycle((ExitReason.TAKE_PROFIT, ExitReason.STOP_LOSS, ExitReason.DEADLINE))
    for day in DAYS:
        for worker, symbol in ((WORKERS[2], KAKAO), (WORKERS[3], NAVER)):
            closed = datetime(day.year, day.month, day.day, 13, 5, tzinfo=KST)
            await books.traded(
                worker,
                symbol,
                70_000 + next(profits),
                session_date=SessionDate(day),
                name=STOCKS[symbol][0],
                opened_at=closed - timedelta(minutes=25),
                closed_at=closed,
                exit_reason=next(reasons),
                exit_costs=Costs(Won(90), Won(1_400)),
            )
    index = data / "bars" / "index"
    index.mkdir(parents=True, mode=0o700)
    levels = "".join(f"{day},{3_900 + place * 7 - (place % 4) * 25}\n" for place, day in enumerate((*DAYS, MONDAY)))
    (index / "KOSPI.csv").write_text(f"date,close\n{levels}")
    return 2 * len(DAYS)


def some_backtests(data: Path) -> None:
    """Write two backtests and a sweep."""
    for number, (name, factor) in enumerate((("breakout-1", "0.5"), ("breakout-2", "0.7"))):
        folder = data / "backtests" / name
        folder.mkdir(parents=True)
        nets = [(-1) ** (each + number) * 9_000 + each * 800 * (number + 1) for each in range(15)]
        values = {
            "kind": "backtest",
            "id": name,
            "strategy": "volatility_breakout",
            "first": "2026-10-05",
            "last": "2026-10-23",
            "sessions": 15,
            "trades": 40 + number,
            "wins": 22,
            "gross": sum(nets) + 9_000,
            "commission": 4_000,
            "tax": 5_000,
            "net": sum(nets),
            "drawdown": 31_000,
            "sound": True,
            "profit_factor": 1.3,
            "expectancy": 700 + number,
            "ratios": {"sharpe": 1.1 + number, "sortino": 1.9, "calmar": 2.5},
            "rules": {"strategy.parameters": f"volatility_breakout.factor={factor}", "exits.stop_loss": "0.03"},
            "days": [{"date": f"2026-10-{5 + each:02}", "net": net} for each, net in enumerate(nets)],
        }
        (folder / "report.json").write_text(json.dumps(values))
        (folder / "report.html").write_text("<title>a backtest</title>")
    (data / "backtests" / "breakout-2" / "verdict.json").write_text('{"conclusion": "not_enough_evidence"}')
    sweep = data / "sweeps" / "breakout-3"
    sweep.mkdir(parents=True)
    found = {"id": "breakout-3", "strategy": "volatility_breakout", "first": "2026-10-05", "last": "2026-10-23"}
    figures = {
        "sessions": 15,
        "trials": 120,
        "train": {"net_bp": 31.5},
        "test": {"net_bp": -4.2, "net": -81_000, "trades": 77},
    }
    (sweep / "report.json").write_text(json.dumps(found | figures))
