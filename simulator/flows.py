"""Who trades: seeded shares of a stock's volume by group of investors, by broker and by program.

The simulated market has prices and volumes, and no other participants. Each group has a share of a day's volume that
stays the same all day, so what it has bought and sold only grows.
"""

from typing import Final, NamedTuple
from zlib import crc32

from simulator.krx.units import Symbol

INVESTORS: Final = ("prsn", "frgn", "orgn")
_OF_INSTITUTIONS: Final = {
    "scrt": 0.12,
    "ivtr": 0.25,
    "pe_fund": 0.18,
    "bank": 0.05,
    "insu": 0.1,
    "mrbn": 0.02,
}
"""Kinds of institutions; pension funds have the rest."""
_NONE: Final = ("etc", "etc_orgt", "etc_corp", "frgn_nreg")
_PROGRAMS: Final = (0.08, 0.22)
_BROKER_DAYS: Final = (0.7, 1.3)
"""Between these times its usual share a broker trades on a day."""
_MILLION: Final = 1_000_000


class Broker(NamedTuple):
    """A member of the exchange with its share of every stock's volume in percent."""

    number: str
    name: str
    english: str
    share: int
    is_foreign: bool = False


BROKERS: Final = (
    Broker("00050", "키움증권", "KIWOOM", 24),
    Broker("00003", "한국투자증권", "KIS", 15),
    Broker("00005", "미래에셋", "MIRAE ASSET", 12),
    Broker("00036", "모간서울", "MORGAN STANLEY", 6, is_foreign=True),
    Broker("00033", "JP모간", "JP MORGAN", 4, is_foreign=True),
)


class Flow(NamedTuple):
    """Shares bought and sold."""

    bought: int
    sold: int

    @property
    def net(self) -> int:
        """Return the shares bought less those sold."""
        return self.bought - self.sold


Flows = dict[str, Flow]
"""By KIS's prefix of the group."""


def flows_of(symbol: Symbol, day: object, volume: int) -> Flows:
    """Return what each group has bought and sold of a day's volume. Individuals take the rest, so both sides agree."""
    sides = [_groups(volume, _chance(f"{symbol}{day}{side}")) for side in ("buy", "sell")]
    return {name: Flow(*(side[name] for side in sides)) for name in sides[0]}


def _groups(volume: int, chance: float) -> dict[str, int]:
    foreigners = int(volume * (0.1 + 0.2 * chance))
    institutions = int(volume * (0.25 - 0.15 * chance))
    kinds = {name: int(institutions * share) for name, share in _OF_INSTITUTIONS.items()}
    return {
        "prsn": volume - foreigners - institutions,
        "frgn": foreigners,
        "frgn_reg": foreigners,
        "orgn": institutions,
        **kinds,
        "fund": institutions - sum(kinds.values()),
        **dict.fromkeys(_NONE, 0),
    }


def programs_of(symbol: Symbol, day: object, volume: int) -> Flow:
    """Return what programs have bought and sold of a day's volume."""
    least, most = _PROGRAMS
    return Flow(*(int(volume * (least + (most - least) * _chance(f"{symbol}{day}{side}pgm"))) for side in "bs"))


def brokers_of(symbol: Symbol, day: object, volume: int) -> list[tuple[Broker, Flow]]:
    """Return what each broker has bought and sold of a day's volume: about its share, and not the same of both."""
    least, most = _BROKER_DAYS
    return [
        (
            broker,
            Flow(
                *(
                    int(
                        volume
                        * broker.share
                        / 100
                        * (least + (most - least) * _chance(f"{symbol}{day}{side}{broker.name}"))
                    )
                    for side in "bs"
                )
            ),
        )
        for broker in BROKERS
    ]


def foreign_of(brokers: list[tuple[Broker, Flow]]) -> Flow:
    """Return what the foreign ones of these brokers have bought and sold."""
    foreign = [flow for broker, flow in brokers if broker.is_foreign]
    return Flow(sum(flow.bought for flow in foreign), sum(flow.sold for flow in foreign))


def added(flows: list[Flows]) -> Flows:
    """Return the sums of several stocks or days."""
    names = flows[0] if flows else ()
    return {name: Flow(*(sum(each[name][side] for each in flows) for side in (0, 1))) for name in names}


def flow_fields(names: str, flows: Flows, average: float, *, shares: int = 1, won: int = _MILLION) -> dict[str, str]:
    """Return the named fields at an average price (won): quantities in ``shares`` shares, amounts in ``won`` won."""
    fields = {}
    for name in names.split():
        end, value = next((end, kind) for end, kind in _ENDS.items() if name.endswith(f"_{end}"))
        amount = _part(flows[name.removesuffix(f"_{end}")], value)
        fields[name] = str(int(amount * average / won) if end.endswith("pbmn") else int(amount / shares))
    return fields


_ENDS: Final = {
    "seln_vol": "sold",
    "shnu_vol": "bought",
    "ntby_vol": "net",
    "ntby_qty": "net",
    "askp_qty": "sold",
    "bidp_qty": "bought",
    "seln_tr_pbmn": "sold",
    "shnu_tr_pbmn": "bought",
    "ntby_tr_pbmn": "net",
    "askp_pbmn": "sold",
    "bidp_pbmn": "bought",
    "ntby_pbmn": "net",
}
"""What the end of a field's name means."""


def _part(flow: Flow, value: str) -> int:
    return {"bought": flow.bought, "sold": flow.sold, "net": flow.net}[value]


def _chance(seed: str) -> float:
    return crc32(seed.encode()) / 0xFFFFFFFF
