"""The facade: one pool, one attribute per aggregate."""

# ruff: noqa: PLC0415 - what only reports and the verifier read is imported at its first use

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from database.accounts import Accounts
from database.alerts import Alerts
from database.book_comparisons import BookComparisons
from database.broker_tokens import BrokerTokens, Token
from database.cash_baselines import CashBaselines
from database.chats import Chats
from database.day_seen import DaySeen
from database.disputes import Disputes
from database.entry_attempts import EntryAttempts
from database.events import Events
from database.first_looks import FirstLooks
from database.foreign_api_orders import ForeignApiOrders
from database.gauges import Gauges
from database.host_limits import LimitsOfHosts
from database.hosts import Hosts
from database.last_scans import LastScans
from database.listed_orders import ListedOrders
from database.locks import Locks
from database.market_messages import MarketMessages
from database.market_watches import MarketWatches
from database.orders import Orders
from database.payload_keys import PayloadKeys
from database.pool import NAMED_ONLY, FullDisk, Heard, Listeners, Pool, open_pool
from database.positions import Positions
from database.price_marks import PriceMarks
from database.rate_slots import RateSlots
from database.reports import Reports
from database.risk import Risk
from database.sales_by_others import SalesByOthers
from database.scan_wishes import ScanWishes
from database.server import Server
from database.session_days import SessionDays
from database.strategy_sources import StrategySources
from database.stream_leases import StreamLeases
from database.stream_news import StreamNews
from database.trade_messages import TradeMessages
from database.trades import Trades
from database.unattended import UnattendedSales
from database.unreadable_rows import UnreadableRows
from database.verdicts import Verdicts
from database.watch_calls import WatchCalls
from database.workers import Workers
from domain.identity import AccountId
from domain.masking import Masking

if TYPE_CHECKING:
    from database.audit import Audit
    from database.audit_log import AuditLogs
    from database.page_readings import PageReadings
    from database.snapshots import Snapshots
    from database.statements import Statements
    from database.summaries import Summaries

TokenT = TypeVar("TokenT", bound=Token)


class Database:
    """The book of record. Open it with ``open_database``, close it with ``aclose``."""

    def __init__(self, pool: Pool, url: str = "", disk: FullDisk | None = None) -> None:  # noqa: PLR0915 - one statement per aggregate
        self._pool = pool
        self.disk = disk or FullDisk()
        self.pinned_account: AccountId | None = None
        """The account of these books, read when the database was opened."""
        self._budgets: dict[tuple[AccountId, int], RateSlots] = {}
        self.accounts = Accounts(pool)
        self.alerts = Alerts(pool)
        self.cash_baselines = CashBaselines(pool)
        self.chats = Chats(pool)
        self.comparisons = BookComparisons(pool)
        self.day_seen = DaySeen(pool)
        self.disputes = Disputes(pool)
        self.entry_attempts = EntryAttempts(pool)
        self.events = Events(pool)
        self.first_looks = FirstLooks(pool)
        self.foreign_api_orders = ForeignApiOrders(pool)
        self.gauges = Gauges(pool)
        self.host_limits = LimitsOfHosts(pool)
        self.hosts = Hosts(pool)
        self.last_scans = LastScans(pool)
        self.listed_orders = ListedOrders(pool)
        self.locks = Locks(pool)
        self.market_messages = MarketMessages(pool)
        self.market_watches = MarketWatches(pool)
        self.orders = Orders(pool)
        self.payload_keys = PayloadKeys(pool)
        self.positions = Positions(pool)
        self.price_marks = PriceMarks(pool)
        self.reports = Reports()
        self.risk = Risk(pool)
        self.sales_by_others = SalesByOthers(pool)
        self.scan_wishes = ScanWishes(pool)
        self.server = Server(pool)
        self.session_days = SessionDays(pool)
        self.strategy_sources = StrategySources(pool)
        self.stream_leases = StreamLeases(pool)
        self.stream_news = StreamNews(pool, url)
        self.trade_messages = TradeMessages(pool)
        self.trades = Trades(pool)
        self.unattended_sales = UnattendedSales(pool)
        self.watch_calls = WatchCalls(url)
        self.unreadable_rows = UnreadableRows(pool)
        self.verdicts = Verdicts(pool)
        self.workers = Workers(pool)

    def load(self) -> "Database":
        """Import what is imported at its first use. A host does so at its start, and not while it trades."""
        for name, value in vars(Database).items():
            if isinstance(value, cached_property):
                getattr(self, name)
        return self

    @cached_property
    def audit(self) -> "Audit":
        from database.audit import Audit

        return Audit(self._pool)

    @cached_property
    def audit_logs(self) -> "AuditLogs":
        from database.audit_log import AuditLogs

        return AuditLogs(self._pool)

    @cached_property
    def page_readings(self) -> "PageReadings":
        from database.page_readings import PageReadings

        return PageReadings(self._pool)

    @cached_property
    def snapshots(self) -> "Snapshots":
        from database.snapshots import Snapshots

        return Snapshots(self._pool)

    @cached_property
    def statements(self) -> "Statements":
        from database.statements import Statements

        return Statements(self._pool)

    @cached_property
    def summaries(self) -> "Summaries":
        from database.summaries import Summaries

        return Summaries(self._pool)

    def tokens(
        self, app_key_fingerprint: str, make: Callable[[str, datetime], TokenT], key: bytes | None = None
    ) -> BrokerTokens[TokenT]:
        """Return the store of an app key's access token, as values of the type that ``make`` builds."""
        return BrokerTokens(self._pool, app_key_fingerprint, make, key)

    def rate_budget(self, account_id: AccountId, calls_per_second: int) -> RateSlots:
        """Return the account's rate budget; all callers in this process share one queue for it."""
        named = (account_id, calls_per_second)
        if named not in self._budgets:
            self._budgets[named] = RateSlots(self._pool, account_id, calls_per_second)
        return self._budgets[named]

    async def aclose(self) -> None:
        """Release held resources and close all connections."""
        await self.reports.aclose()
        await self.watch_calls.aclose()
        for budget in self._budgets.values():
            await budget.aclose()
        await self._pool.close()


async def open_database(
    url: str, pool_size: int = 10, *, any_level: bool = False, mask: Masking = NAMED_ONLY, heard: Heard | None = None
) -> Database:
    """Open the database at ``postgresql://…``. Only a diagnostic check may open one with ``any_level``.

    ``mask`` removes secrets from event details, including texts of a broker or a library. ``heard`` takes the text and
    the seconds of each statement.

    Raises:
        DatabaseTooOldError: its schema has not been migrated to this code yet.
        DatabaseTooNewError: newer code has taken away what this code uses.
    """
    listeners = Listeners(heard=heard)
    database = Database(await open_pool(url, pool_size, mask, listeners=listeners), url, listeners.disk)
    try:
        if not any_level:
            (await database.server.schema_level()).require_ours()
        database.pinned_account = await database.accounts.pinned_account()
    except BaseException:
        await database.aclose()
        raise
    return database


async def open_when_back(url: str, pool_size: int, mask: Masking = NAMED_ONLY) -> Database:
    """Return a database whose server is unavailable now; its operations fail until the server answers."""
    listeners = Listeners()
    return Database(await open_pool(url, pool_size, mask, at_once=False, listeners=listeners), url, listeners.disk)
