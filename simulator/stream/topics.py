"""Subscription topics: each TR id with its kind of data, its venues and the services that offer it."""

from enum import StrEnum
from typing import Final, NamedTuple

from simulator.settings import PAPER, REAL
from simulator.venues import Division


class Kind(StrEnum):
    """What a topic sends."""

    TRADES = "trades"
    BOOK = "book"
    EXPECTED = "expected match"
    STATUS = "status"
    PROGRAMS = "programs"
    BROKERS = "brokers"
    INDEX = "index"
    EXPECTED_INDEX = "expected index"
    NOTICES = "notices"


_OF_INDICES: Final = frozenset({Kind.INDEX, Kind.EXPECTED_INDEX})


class Topic(NamedTuple):
    """One TR id of the stream. Notices are encrypted and keyed by HTS id, the others by stock or index."""

    tr_id: str
    kind: Kind
    environments: frozenset[str]
    division: Division = Division.KRX

    @property
    def is_notice(self) -> bool:
        """Return whether it sends order notices."""
        return self.kind is Kind.NOTICES

    @property
    def is_of_an_index(self) -> bool:
        """Return whether its key is the code of an index."""
        return self.kind in _OF_INDICES


_BOTH: Final = frozenset({REAL, PAPER})
_REAL: Final = frozenset({REAL})
_VENUES: Final = {"ST": Division.KRX, "UN": Division.ALL, "NX": Division.NXT}
_OF_STOCKS: Final = {
    "CNT": Kind.TRADES,
    "ASP": Kind.BOOK,
    "ANC": Kind.EXPECTED,
    "MKO": Kind.STATUS,
    "PGM": Kind.PROGRAMS,
    "MBC": Kind.BROKERS,
}
_ON_PAPER: Final = frozenset({"H0STCNT0", "H0STASP0"})

REAL_NOTICES: Final = "H0STCNI0"
PAPER_NOTICES: Final = "H0STCNI9"

TOPICS: Final = {
    topic.tr_id: topic
    for topic in (
        *(
            Topic(tr_id, kind, _BOTH if tr_id in _ON_PAPER else _REAL, division)
            for venue, division in _VENUES.items()
            for name, kind in _OF_STOCKS.items()
            for tr_id in (f"H0{venue}{name}0",)
        ),
        Topic("H0UPCNT0", Kind.INDEX, _REAL),
        Topic("H0UPANC0", Kind.EXPECTED_INDEX, _REAL),
        Topic(REAL_NOTICES, Kind.NOTICES, _REAL),
        Topic(PAPER_NOTICES, Kind.NOTICES, frozenset({PAPER})),
    )
}
"""Every TR id that a session can register."""


def notices_of(environment: str) -> str:
    """Return the TR id of order notices in a service."""
    return PAPER_NOTICES if environment == PAPER else REAL_NOTICES
