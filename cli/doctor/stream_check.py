"""Doctor check of the real-time stream: the fleet's open session, or a short one of its own."""

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from cli.doctor.checkup import Finding, doubtful, fine
from domain.clock import in_seoul
from domain.errors import StreamLostError
from domain.identity import AccountId
from domain.market import Symbol

if TYPE_CHECKING:
    from broker.protocol import MarketStream, StreamSession
    from database.stream_leases import StreamLeases

_OWNER: Final = "doctor"
_ANSWERS_WITHIN: Final = 8.0
_LOOK_INTERVAL: Final = 0.05
_FIX: Final = "check HARU_BROKER__HTS_ID and HARU_BROKER__STREAM_URL; without the stream prices come by asking"

_WRONG_ID: Final = "correct HARU_BROKER__HTS_ID: your HTS login id, upper and lower case as it is"


async def look_at_stream(
    stream: "MarketStream", leases: "StreamLeases", account_id: AccountId, symbol: Symbol
) -> Finding:
    """Report the fleet's session; if there is none, open one, register a stock, and close it again.

    KIS allows one session per app key, so the check respects the fleet's lease on it.
    """
    if not await leases.take(account_id, _OWNER):
        return await _session_of_the_fleet(leases, account_id)
    try:
        return await look_at_own_session(stream, symbol)
    finally:
        await leases.release(account_id, _OWNER)


async def look_at_own_session(stream: "MarketStream", symbol: Symbol) -> Finding:
    """Open a session, register a stock, and close it again: for books that no fleet has ever used."""
    try:
        async with stream.session() as session:
            return await _registered(session, symbol)
    except StreamLostError as lost:
        return doubtful(str(lost), _FIX)


async def _session_of_the_fleet(leases: "StreamLeases", account_id: AccountId) -> Finding:
    state = await leases.state(account_id)
    if state is None or state.connected_since is None:
        return doubtful(f"the fleet has no session: {state.trouble if state else ''}".rstrip(": "), _FIX)
    since = in_seoul(state.connected_since)
    return fine(f"the fleet's session is open since {since:%H:%M:%S} (KST), {len(state.symbols)} stocks registered")


async def _registered(session: "StreamSession", symbol: Symbol) -> Finding:
    await session.register([symbol])
    hearing = asyncio.create_task(_hear(session))
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN):
            while symbol not in session.registered:
                if hearing.done():
                    await hearing
                await asyncio.sleep(_LOOK_INTERVAL)
    except TimeoutError:
        return doubtful(f"connected, but {symbol} was not registered within {_ANSWERS_WITHIN:.0f} s", _FIX)
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
    if not session.hears_notices:
        return doubtful("prices come, but order notices are refused: fills are only found by asking", _WRONG_ID)
    return fine(f"approval key, connection, order notices and a registration ({symbol}) work")


async def _hear(session: "StreamSession") -> None:
    async with aclosing(session.events()) as events:
        async for _ in events:
            pass
