"""Subscription topics: each TR id with the services that offer it."""

from typing import Final, NamedTuple

from simulator.settings import PAPER, REAL


class Topic(NamedTuple):
    """One TR id of the stream; ``is_notice`` topics are encrypted and keyed by HTS id instead of a stock."""

    tr_id: str
    environments: frozenset[str]
    is_notice: bool = False


_BOTH: Final = frozenset({REAL, PAPER})
_REAL: Final = frozenset({REAL})

TRADES: Final = "H0STCNT0"
TRADES_OF_ALL_VENUES: Final = "H0UNCNT0"
BOOK: Final = "H0STASP0"
EXPECTED: Final = "H0STANC0"
STATUS: Final = "H0STMKO0"
REAL_NOTICES: Final = "H0STCNI0"
PAPER_NOTICES: Final = "H0STCNI9"

TOPICS: Final = {
    topic.tr_id: topic
    for topic in (
        Topic(TRADES, _BOTH),
        Topic(TRADES_OF_ALL_VENUES, _REAL),
        Topic(BOOK, _BOTH),
        Topic(EXPECTED, _REAL),
        Topic(STATUS, _REAL),
        Topic(REAL_NOTICES, _REAL, is_notice=True),
        Topic(PAPER_NOTICES, frozenset({PAPER}), is_notice=True),
    )
}
"""Every TR id that a session can register."""


def notices_of(environment: str) -> str:
    """Return the TR id of order notices in a service."""
    return PAPER_NOTICES if environment == PAPER else REAL_NOTICES
