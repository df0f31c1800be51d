"""The exchange's own messages about open and close, beside the calendar."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.clock import in_seoul
from domain.session import Session, SessionPhase

LONGEST_HALT: Final = timedelta(minutes=40)
"""Market time after which a halt without an end message counts as over.

A circuit breaker lasts twenty minutes and an auction ten. Its third stage ends the day with its own message.
"""
_MOMENT: Final = timedelta(microseconds=1)
SLACK: Final = timedelta(minutes=2)
"""Market time by which a message may come before or after the calendar's instant."""


class MarketWord(StrEnum):
    """A market-wide message of the exchange, in our terms."""

    OPENING_AUCTION = "opening_auction"
    OPEN = "open"
    CLOSING_AUCTION = "closing_auction"
    CLOSED = "closed"
    HALTED = "halted"
    SIDECAR_ON = "sidecar_on"
    SIDECAR_OFF = "sidecar_off"

    @property
    def is_sidecar(self) -> bool:
        """Return whether the message concerns program orders only, which ours are not."""
        return self in {MarketWord.SIDECAR_ON, MarketWord.SIDECAR_OFF}


_PHASES: Final = {
    MarketWord.OPENING_AUCTION: SessionPhase.OPENING_AUCTION,
    MarketWord.OPEN: SessionPhase.CONTINUOUS,
    MarketWord.CLOSING_AUCTION: SessionPhase.CLOSING_AUCTION,
    MarketWord.CLOSED: SessionPhase.CLOSED,
}
_IN_SEQUENCE: Final = (SessionPhase.OPENING_AUCTION, SessionPhase.CONTINUOUS, SessionPhase.CLOSING_AUCTION)


@dataclass(frozen=True, slots=True)
class MarketMessage:
    """A message of the exchange from the stream; ``code`` is the broker's own."""

    word: MarketWord
    code: str


class Judgement(StrEnum):
    """The meaning of a message compared with the calendar."""

    AGREES = "agrees"
    HALTED = "halted"
    DIFFERS = "differs"
    LATE_CLOSE = "late_close"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement, with a reason for people; empty when both agree."""

    judgement: Judgement
    why: str = ""


AGREES: Final = Verdict(Judgement.AGREES)


@dataclass(frozen=True, slots=True)
class Heard:
    """The last message of a session, and when it was received (market time).

    ``is_current`` is true if no later message can be missing: the stream's session continues.
    """

    word: MarketWord
    code: str
    at: datetime
    is_current: bool = True


def judge(session: Session, heard: Heard | None, now: datetime, slack: timedelta = SLACK) -> Verdict:
    """Compare the last message with the calendar's session; no or a possibly outdated message counts as agreement.

    A halt counts until an open message arrives, or for its longest time. A closing auction that the exchange has not
    announced is a late close: no buy is possible then anyway.
    """
    if heard is None:
        return AGREES
    if heard.word is MarketWord.HALTED:
        why = f"the exchange has halted trading (message {heard.code})"
        return AGREES if now - heard.at >= LONGEST_HALT else Verdict(Judgement.HALTED, why)
    said = _PHASES.get(heard.word)
    expected = session.phase_at(now)
    if said is None or not heard.is_current or said in _phases_between(session, now - slack, now + slack):
        return AGREES
    if said is expected or (said is SessionPhase.OPENING_AUCTION and now < session.opens_at):
        return AGREES
    why = (
        f"the exchange's messages and the calendar disagree: {heard.word.value} (message {heard.code}) was received at "
        f"{in_seoul(heard.at):%H:%M}, the calendar says {expected.value}"
    )
    is_late = now >= session.auction_at and said in _IN_SEQUENCE
    return Verdict(Judgement.LATE_CLOSE if is_late else Judgement.DIFFERS, why)


def _phases_between(session: Session, since: datetime, until: datetime) -> set[SessionPhase]:
    """Return every phase of a stretch of market time, also one that is shorter than the stretch."""
    starts = (session.opens_at, session.auction_at, session.ends_at)
    edges = (edge for start in starts for edge in (start - _MOMENT, start))
    return {session.phase_at(at) for at in (since, *(edge for edge in edges if since <= edge <= until), until)}
