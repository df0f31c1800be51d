"""What a command will do, before it is confirmed: stocks that it sells, rules that it changes, orders it decides."""

from dataclasses import dataclass, field

from database.errors import DATABASE_FAULTS
from domain.identity import Environment
from domain.rules import TradingRules
from fleet.errors import OperationError
from fleet.fleet import Fleet
from web.commands.decisions import described_decision
from web.commands.rules import described_change
from web.commands.wanted import SELLS, Act, Wanted
from web.connection import Connection

_OPENS_ENTRIES = frozenset({Act.RESUME, Act.KILL_SWITCH_OFF})
_BOOKS_AWAY = "PostgreSQL is away: what is held is not known. The workers are commanded to sell when it is back"


@dataclass(frozen=True, slots=True)
class Described:
    """What a command will do. ``says`` are sentences for people; ``may_buy``: afterwards more may be bought."""

    workers: int = 0
    stocks: list[str] = field(default_factory=list)
    says: list[str] = field(default_factory=list)
    may_buy: bool = False
    is_live: bool = False

    @property
    def needs_password(self) -> bool:
        """Return whether the operator confirms by password: real money, and more may be bought."""
        return self.is_live and self.may_buy


async def described(connection: Connection, wanted: Wanted, rules: TradingRules) -> Described:
    """Return what a command will do now. The kill switch can be pressed without books.

    Raises:
        OperationError, TradingError, SettingsError: it would be refused. Database faults: its effect cannot be read.
    """
    try:
        fleet = await connection.fleet()
        return await _described(fleet, wanted, rules)
    except (OperationError, *DATABASE_FAULTS):
        if wanted.act is not Act.KILL_SWITCH_ON:
            raise
        return Described(says=[_BOOKS_AWAY])


async def _described(fleet: Fleet, wanted: Wanted, rules: TradingRules) -> Described:
    is_live = fleet.environment is Environment.LIVE
    if wanted.act is Act.RULES:
        workers, says, may_buy = await described_change(fleet, wanted, rules)
        return Described(workers, [], says, may_buy, is_live)
    if wanted.act in {Act.ADOPT, Act.DISMISS, Act.ACCEPT}:
        says, may_buy = await described_decision(fleet, wanted)
        return Described(0, [], says, may_buy, is_live)
    selected = await fleet.selected(wanted.worker) if wanted.concerns_workers else ()
    stocks = []
    if wanted.act in SELLS:
        positions = await fleet.database.positions.held_in(fleet.account_id)
        sold = [each for each in positions if not selected or each.worker_id in selected]
        stocks = [f"{each.symbol} {each.name} ×{each.quantity:,}" for each in sold]
    return Described(len(selected), stocks, [], wanted.act in _OPENS_ENTRIES, is_live)
