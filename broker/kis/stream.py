"""KIS's WebSocket as a market stream: one session per app key, with the fleet's approval key (docs/kis.md §7)."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from broker.kis.approval import ApprovalKeeper
from broker.kis.connection import KisConnection, host_of
from broker.kis.stream_line import open_line
from broker.kis.stream_session import ApprovalRefusedError, KisSession, Speaker
from broker.protocol import StreamSession
from domain.errors import EnvironmentMismatchError
from domain.hosts import STREAM_URLS

_PATH: Final = "/tryitout"


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """The stream's address, the HTS login id for notices, and the maximum silence in seconds."""

    url: str
    hts_id: str = field(repr=False)
    silence: float = 30.0

    def check(self, connection: KisConnection) -> None:
        """Accept only KIS's own stream with KIS, and only the simulator's own stream with a simulator.

        Raises:
            EnvironmentMismatchError: it is another stream.
        """
        if connection.is_of_kis:
            is_right = self.url == STREAM_URLS[connection.environment]
        else:
            is_right = host_of(self.url) == host_of(connection.trading_url)
        if not is_right:
            raise EnvironmentMismatchError(
                f"{host_of(self.url)} is not the stream of the {connection.environment} environment; "
                "unset HARU_BROKER__STREAM_URL"
            )


class KisStream:
    """``broker.protocol.MarketStream`` of one account; ``clock`` returns market time (UTC)."""

    def __init__(
        self,
        connection: KisConnection,
        address: StreamAddress,
        keeper: ApprovalKeeper,
        clock: Callable[[], datetime],
    ) -> None:
        address.check(connection)
        self._connection = connection
        self._address = address
        self._keeper = keeper
        self._clock = clock

    def session(self) -> AbstractAsyncContextManager[StreamSession]:
        """Open a session; its key and registrations end with it.

        Raises:
            StreamLostError: the address does not answer.
            TryAgainError: no approval key is available now. CredentialsRefusedError: KIS refuses this app key.
        """
        return self._session()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[StreamSession]:
        key = await self._keeper.key()
        account = self._connection.account_number.get_secret_value() + self._connection.product_code
        speaker = Speaker(self._connection.environment, key, self._address.hts_id, account)
        async with open_line(self._address.url + _PATH, self._address.silence) as line:
            session = KisSession(line, speaker, self._clock)
            try:
                await session.ask_for_notices()
                await session.ask_for_market_phases()
                yield session
            except ApprovalRefusedError:
                self._keeper.forget(key)
                raise
