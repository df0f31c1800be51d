"""One session on KIS's WebSocket: its registrations, the key of its notices, and its texts as our values."""

import asyncio
import json
import logging
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from broker.kis.market_messages import MARKET_PHASES, messages_in
from broker.kis.stream_frames import (
    PING,
    TICKS,
    AccountNotice,
    Cipherment,
    Control,
    Frame,
    FrameError,
    UndecryptableError,
    notices_in,
    read_frame,
    ticks_in,
)
from broker.kis.stream_line import Line
from broker.protocol import StreamEvent
from domain.errors import StreamInUseError, StreamLostError
from domain.identity import Environment
from domain.market import Symbol
from domain.masking import Masking
from domain.stream import Garbled

logger = logging.getLogger("haru.stream")

_PACE: Final = 0.125
"""Seconds between two requests; KIS recommends 0.1 to 0.15 (2026-04-20)."""
MOST_A_MINUTE: Final = 120
"""Registrations and deregistrations per minute. KIS temporarily blocks a key that sends them endlessly (2026-02-24)."""
_MINUTE: Final = 60.0
_ANSWERS_WITHIN: Final = 5.0
_LONGEST_WAIT: Final = 60.0
"""Seconds before an unanswered registration is repeated; they double from five."""
_NOTICES: Final = {Environment.LIVE: "H0STCNI0", Environment.SIMULATED: "H0STCNI0", Environment.PAPER: "H0STCNI9"}

_PHASES_OF: Final = Symbol("005930")
"""Market-wide messages arrive with any stock; this one is always listed and always trades."""
_AT_ONCE: Final = 16_384
"""Characters of a frame read in the event loop; larger ones, some 60 records, are read in a thread."""
_ALREADY_REGISTERED: Final = "OPSP0002"
_NOT_REGISTERED: Final = frozenset({"OPSP0001", "OPSP0003"})
_TOO_MANY: Final = "OPSP0008"
_IN_USE: Final = "OPSP8996"
_LOCKED_NOTICES: Final = 3
"""Consecutive notices that a key may fail to decrypt: one may be damaged, more mean another key."""
_BAD_KEY: Final = frozenset({"OPSP0010", "OPSP0011", "OPSP9994", "OPSP9996"})


class ApprovalRefusedError(StreamLostError):
    """KIS does not know the approval key (OPSP0011)."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """The subscriber: the approval key, the HTS login id for notices, and the notices' account (ten digits)."""

    environment: Environment
    approval_key: str = field(repr=False)
    hts_id: str = field(repr=False)
    account: str = field(repr=False)

    @property
    def notices(self) -> str:
        """Return the TR id of own order notices."""
        return _NOTICES[self.environment]

    def masked(self, text: str) -> str:
        """Return a text of the broker's without our secrets."""
        return Masking([self.approval_key, self.hts_id, self.account, self.account[:8]])(text)


class KisSession:
    """``broker.protocol.StreamSession``; ``clock`` returns market time (UTC)."""

    def __init__(self, line: Line, speaker: Speaker, clock: Callable[[], datetime]) -> None:
        self._line = line
        self._speaker = speaker
        self._clock = clock
        self._cipherment: Cipherment | None = None
        self._locked = 0
        self._registered: dict[Symbol, None] = {}
        self._asked: dict[Symbol, float] = {}
        self._unanswered: Counter[Symbol] = Counter()
        self._said: deque[float] = deque()
        self._refused: set[Symbol] = set()
        self._room: int | None = None
        self._one_asks = asyncio.Lock()

    @property
    def registered(self) -> tuple[Symbol, ...]:
        """Return the stocks whose registration KIS has confirmed."""
        return tuple(self._registered)

    @property
    def hears_notices(self) -> bool:
        """Return whether KIS has confirmed the notices and provided their key."""
        return self._cipherment is not None

    async def ask_for_notices(self) -> None:
        """Register for own order notices; before stocks, so that there is always room for them."""
        await self._say("1", self._speaker.notices, self._speaker.hts_id)

    async def ask_for_market_phases(self) -> None:
        """Register for the exchange's messages about open, close and halts; the paper service has none."""
        if self._speaker.environment is not Environment.PAPER:
            await self._say("1", MARKET_PHASES, _PHASES_OF)

    async def register(self, wanted: Sequence[Symbol]) -> None:
        """Register exactly these stocks; the replies arrive with the events, requests over the limit are sent later."""
        async with self._one_asks:
            self._give_up_unanswered()
            for symbol in [each for each in (*self._registered, *self._asked) if each not in wanted]:
                if self._has_turns():
                    await self._leave(symbol)
            for symbol in wanted:
                if symbol not in self._registered and symbol not in self._asked and self._may_ask(symbol):
                    await self._ask(symbol)

    async def register_again(self, symbol: Symbol) -> None:
        """Register a stock again because no message about it arrives."""
        async with self._one_asks:
            await self._leave(symbol)
            await self._ask(symbol)

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield events until the session ends.

        Raises:
            StreamLostError: the connection is cut or silent, the key is refused, or it decrypts no notice.
        """
        while True:
            text = await self._line.hear()
            try:
                for event in await self._read(text):
                    yield event
            except FrameError as error:
                yield Garbled(str(error))

    async def _read(self, text: str) -> Sequence[StreamEvent]:
        match read_frame(text):
            case Control(tr_id=tr_id) as word:
                if tr_id == PING:
                    await self._line.say(text)
                else:
                    self._answered(word)
                return ()
            case Frame() as frame if len(text) > _AT_ONCE:
                return await asyncio.to_thread(self._all_events_of, frame)
            case Frame() as frame:
                return self._all_events_of(frame)

    def _all_events_of(self, frame: Frame) -> Sequence[StreamEvent]:
        return tuple(self._events_of(frame))

    def _events_of(self, frame: Frame) -> Iterator[StreamEvent]:
        if frame.tr_id == TICKS:
            yield from ticks_in(frame, self._clock())
        elif frame.tr_id == MARKET_PHASES:
            yield from messages_in(frame)
        elif frame.tr_id == self._speaker.notices:
            for word in self._opened(frame):
                if isinstance(word, Garbled):
                    yield word
                elif word.account == self._speaker.account:
                    yield word.notice

    def _opened(self, frame: Frame) -> Sequence[AccountNotice | Garbled]:
        """Decrypt a frame of notices; a single failure costs only that frame, several in a row end the session."""
        try:
            words = notices_in(frame, self._cipherment)
        except UndecryptableError as fault:
            self._locked += 1
            if self._locked >= _LOCKED_NOTICES:
                raise
            return (Garbled(str(fault)),)
        self._locked = 0
        return words

    def _answered(self, word: Control) -> None:
        if word.code == _IN_USE:
            raise StreamInUseError("another session of this app key is open (OPSP8996)")
        if word.code in _BAD_KEY:
            raise ApprovalRefusedError(f"the approval key is refused ({word.code})")
        if word.tr_id == TICKS:
            self._stock_answered(Symbol(word.tr_key), word)
        elif word.tr_id == self._speaker.notices and word.succeeded:
            self._cipherment = word.cipherment or self._cipherment
        elif not word.succeeded:
            logger.error("stream_refused", extra={"code": word.code, "cause": self._speaker.masked(word.message)})

    def _stock_answered(self, symbol: Symbol, word: Control) -> None:
        if word.code in _NOT_REGISTERED:
            return  # it was deregistered when this was sent, and may have been registered again since
        if symbol not in self._asked and symbol not in self._unanswered:
            return  # a reply without a request; storing its code would let a stranger fill the memory
        self._asked.pop(symbol, None)
        self._unanswered.pop(symbol, None)
        if word.succeeded or word.code == _ALREADY_REGISTERED:
            self._registered[symbol] = None
        elif word.code == _TOO_MANY:
            self._room = len(self._registered)
            logger.warning("stream_full", extra={"registered": self._room})
        else:
            self._refused.add(symbol)
            logger.warning(
                "stream_refused",
                extra={"symbol": symbol, "code": word.code, "cause": self._speaker.masked(word.message)},
            )

    def _may_ask(self, symbol: Symbol) -> bool:
        has_room = self._room is None or len(self._registered) + len(self._asked) < self._room
        return has_room and symbol not in self._refused and self._has_turns()

    def _has_turns(self) -> bool:
        now = asyncio.get_running_loop().time()
        while self._said and now - self._said[0] >= _MINUTE:
            self._said.popleft()
        return len(self._said) < MOST_A_MINUTE

    def _give_up_unanswered(self) -> None:
        now = asyncio.get_running_loop().time()
        for symbol, at in list(self._asked.items()):
            if now - at >= min(_ANSWERS_WITHIN * 2 ** self._unanswered[symbol], _LONGEST_WAIT):
                del self._asked[symbol]
                self._unanswered[symbol] += 1

    async def _ask(self, symbol: Symbol) -> None:
        self._asked[symbol] = asyncio.get_running_loop().time()
        await self._say("1", TICKS, symbol)

    async def _leave(self, symbol: Symbol) -> None:
        self._registered.pop(symbol, None)
        self._asked.pop(symbol, None)
        await self._say("2", TICKS, symbol)

    async def _say(self, tr_type: str, tr_id: str, tr_key: str) -> None:
        header = {
            "approval_key": self._speaker.approval_key,
            "custtype": "P",
            "tr_type": tr_type,
            "content-type": "utf-8",
        }
        self._said.append(asyncio.get_running_loop().time())
        await self._line.say(json.dumps({"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}}))
        await asyncio.sleep(_PACE)
