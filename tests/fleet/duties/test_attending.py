"""A stream session ends when another process has taken its lease, whatever the stream delivers."""

import asyncio
from collections.abc import AsyncGenerator, Iterable

import asyncpg
import pytest

from activities.market.order_notices import OrderNotices
from activities.market.quote_feed import QuoteFeed
from activities.market.stream_consumer import Ears
from domain.errors import StreamLostError
from domain.market import Quote, Symbol
from domain.stream import Garbled, OrderNotice
from fleet.duties.attending import Attendance, Owner, StreamBounds
from tests.activities.test_ticks import Market
from tests.support.stepping import ACCOUNT, pinned_database

TAKEN_BY_ANOTHER = "UPDATE stream_leases SET owner = 'another', expires_at = clock_timestamp() + interval '1 h'"


class QuietSession:
    """A session that stays open and delivers nothing."""

    registered: tuple[Symbol, ...] = ()
    hears_notices = True

    async def events(self) -> AsyncGenerator[Quote | OrderNotice | Garbled, None]:
        await asyncio.Event().wait()
        yield Garbled("never")

    async def register(self, symbols: Iterable[Symbol]) -> None:
        pass

    async def register_again(self, symbol: Symbol) -> None:
        pass


async def test_a_session_ends_once_another_process_holds_its_lease(database_url: str) -> None:
    market = Market()
    ears = Ears(QuoteFeed(market, market), OrderNotices(), market.now)  # type: ignore[arg-type]
    connection = await asyncpg.connect(database_url)
    try:
        async with pinned_database(database_url) as database:
            assert await database.stream_leases.take(ACCOUNT, "ours")
            attendance = Attendance(Owner("ours", ACCOUNT, database, StreamBounds(renewal=0.05)), QuietSession(), ears)
            attending_now = asyncio.create_task(attendance.attend())
            await asyncio.sleep(0.2)
            assert not attending_now.done(), "its own lease it keeps"

            await connection.execute(TAKEN_BY_ANOTHER)
            async with asyncio.timeout(20):
                with pytest.raises(StreamLostError, match="another process"):
                    await attending_now
    finally:
        await connection.close()
