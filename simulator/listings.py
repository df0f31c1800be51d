"""The stocks that the simulated exchange lists."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from simulator.krx.prices import ETF_GRID, STOCK_GRID, PriceGrid
from simulator.krx.units import Market, Price, Product, Symbol, TradingFlag


class Follows(NamedTuple):
    """What a product's price follows: the daily move of a market's stocks, so many times."""

    market: Market
    times: float


@dataclass(frozen=True, slots=True)
class Listing:
    """One listed stock: reference price in won, usual daily volume in shares, and volatility factor (1 = usual)."""

    symbol: Symbol
    name: str
    market: Market
    price: Price
    daily_volume: int
    wildness: float
    flags: frozenset[TradingFlag] = frozenset()
    product: Product | None = None
    follows: Follows | None = None

    @property
    def etf(self) -> bool:
        """Return whether it is an ETF or ETN."""
        return self.product is not None

    @property
    def grid(self) -> PriceGrid:
        """Return the prices at which it may be ordered."""
        return ETF_GRID if self.etf else STOCK_GRID

    @property
    def board(self) -> str:
        """Return KIS's name of its market."""
        return (
            self.product.upper() if self.product else {Market.KOSPI: "KOSPI200", Market.KOSDAQ: "KOSDAQ"}[self.market]
        )

    @property
    def listed_shares(self) -> int:
        """Return the number of shares outstanding."""
        return self.daily_volume * 160

    @property
    def isin(self) -> str:
        """Return the twelve-character standard code (ISIN)."""
        return f"KR7{self.symbol}00{int(self.symbol[-1], 36) % 10}"


_KOSPI: Final = (
    ("005930", "삼성전자", 71_300, 14_000_000, 0.8),
    ("000660", "SK하이닉스", 239_000, 3_600_000, 1.0),
    ("373220", "LG에너지솔루션", 412_500, 260_000, 0.9),
    ("207940", "삼성바이오로직스", 1_012_000, 62_000, 0.8),
    ("005380", "현대차", 218_500, 620_000, 0.9),
    ("000270", "기아", 98_700, 1_150_000, 0.9),
    ("068270", "셀트리온", 178_400, 640_000, 1.0),
    ("105560", "KB금융", 87_200, 1_050_000, 0.8),
    ("035420", "NAVER", 201_500, 610_000, 1.0),
    ("035720", "카카오", 43_950, 1_600_000, 1.1),
    ("012330", "현대모비스", 262_500, 160_000, 0.8),
    ("005490", "POSCO홀딩스", 331_000, 310_000, 1.0),
    ("051910", "LG화학", 296_500, 240_000, 1.0),
    ("006400", "삼성SDI", 254_500, 350_000, 1.1),
    ("034020", "두산에너빌리티", 19_850, 7_200_000, 1.3),
    ("042660", "한화오션", 37_150, 2_900_000, 1.2),
    ("010140", "삼성중공업", 11_340, 6_800_000, 1.2),
    ("015760", "한국전력", 22_450, 2_700_000, 0.9),
    ("011200", "HMM", 17_920, 3_900_000, 1.0),
    ("003490", "대한항공", 23_350, 1_300_000, 0.8),
    ("009830", "한화솔루션", 24_150, 1_700_000, 1.2),
    ("272210", "한화시스템", 21_600, 2_400_000, 1.2),
    ("079550", "LIG넥스원", 192_300, 330_000, 1.2),
    ("352820", "하이브", 196_800, 290_000, 1.1),
    ("001440", "대한전선", 12_880, 5_100_000, 1.3),
    ("082740", "한화엔진", 16_430, 1_900_000, 1.3),
    ("005880", "대한해운", 1_784, 2_600_000, 1.0),
    ("001470", "삼부토건", 1_012, 9_400_000, 1.4),
    ("013580", "계룡건설", 14_560, 31_000, 0.8),
    ("003960", "사조대림", 41_350, 28_000, 0.9),
)
_KOSDAQ: Final = (
    ("247540", "에코프로비엠", 158_900, 720_000, 1.2),
    ("086520", "에코프로", 74_600, 1_400_000, 1.3),
    ("196170", "알테오젠", 305_500, 560_000, 1.2),
    ("028300", "HLB", 68_900, 980_000, 1.3),
    ("277810", "레인보우로보틱스", 164_300, 410_000, 1.4),
    ("058470", "리노공업", 188_700, 90_000, 0.9),
    ("293490", "카카오게임즈", 17_240, 560_000, 1.0),
    ("039030", "이오테크닉스", 143_600, 140_000, 1.2),
    ("095340", "ISC", 58_400, 260_000, 1.2),
    ("112040", "위메이드", 34_250, 690_000, 1.3),
    ("056080", "유진로봇", 8_930, 4_300_000, 1.5),
    ("090710", "휴림로봇", 2_475, 12_500_000, 1.5),
    ("053800", "안랩", 63_200, 420_000, 1.3),
    ("043100", "솔고바이오", 1_358, 3_100_000, 1.4),
    ("060280", "큐렉소", 9_870, 610_000, 1.2),
    ("131370", "알서포트", 3_640, 220_000, 0.9),
    ("032850", "비트컴퓨터", 5_980, 47_000, 0.8),
    ("064550", "바이오니아", 26_850, 380_000, 1.2),
)
_FLAGGED: Final = {
    "001470": frozenset({TradingFlag.ADMINISTRATIVE}),
    "043100": frozenset({TradingFlag.WARNED}),
    "090710": frozenset({TradingFlag.OVERHEATED}),
}


def _listing(market: Market, row: tuple[str, str, int, int, float]) -> Listing:
    symbol, name, price, volume, wildness = row
    return Listing(Symbol(symbol), name, market, Price(price), volume, wildness, _FLAGGED.get(symbol, frozenset()))


LISTINGS: Final[Mapping[Symbol, Listing]] = {
    listing.symbol: listing
    for market, rows in ((Market.KOSPI, _KOSPI), (Market.KOSDAQ, _KOSDAQ))
    for listing in (_listing(market, row) for row in rows)
}
"""Listed stocks by six-digit code, KOSPI first."""

_PRODUCTS: Final = (
    ("069500", "KODEX 200", Product.ETF, 35_400, 6_200_000, Follows(Market.KOSPI, 1)),
    ("122630", "KODEX 레버리지", Product.ETF, 18_250, 21_000_000, Follows(Market.KOSPI, 2)),
    ("114800", "KODEX 인버스", Product.ETF, 4_285, 24_000_000, Follows(Market.KOSPI, -1)),
    ("252670", "KODEX 200선물인버스2X", Product.ETF, 1_987, 130_000_000, Follows(Market.KOSPI, -2)),
    ("233740", "KODEX 코스닥150레버리지", Product.ETF, 9_120, 19_000_000, Follows(Market.KOSDAQ, 2)),
    ("251340", "KODEX 코스닥150선물인버스", Product.ETF, 3_655, 18_000_000, Follows(Market.KOSDAQ, -1)),
    ("0000J0", "PLUS 한화그룹주", Product.ETF, 12_845, 310_000, Follows(Market.KOSPI, 1)),
    ("Q500001", "모의 코스피 ETN", Product.ETN, 10_215, 42_000, Follows(Market.KOSPI, 1)),
)
PRODUCTS: Final[Mapping[Symbol, Listing]] = {
    symbol: Listing(Symbol(symbol), name, Market.KOSPI, Price(price), volume, 1.0, product=product, follows=follows)
    for symbol, name, product, price, volume, follows in _PRODUCTS
}
"""ETFs and an ETN that may be listed beside the stocks; they follow the stocks of their market."""
_KINDS: Final[Mapping[str, tuple[Market, Product | None]]] = {
    "kospi": (Market.KOSPI, None),
    "kosdaq": (Market.KOSDAQ, None),
    "etf": (Market.KOSPI, Product.ETF),
    "etn": (Market.KOSPI, Product.ETN),
}
_ADDED: Final = re.compile(r"(Q?[0-9A-Z]{6})=(\d+)(?:,(kospi|kosdaq|etf|etn))?")
_ADDED_TURNOVER: Final = 10_000_000_000


def added_listing(text: str) -> Listing:
    """Read a security to list: the code of a product, or ``CODE=PRICE``, ``CODE=PRICE,KIND``.

    Raises:
        ValueError: the format, or the price on the security's grid, is wrong.
    """
    if text in PRODUCTS:
        return PRODUCTS[Symbol(text)]
    found = _ADDED.fullmatch(text)
    if found is None:
        kinds = ", ".join(_KINDS)
        raise ValueError(f"{text}: write CODE=PRICE or CODE=PRICE,KIND, such as 005935=58000,kospi (kinds: {kinds})")
    symbol, price, kind = Symbol(found[1]), Price(int(found[2])), found[3] or "kospi"
    market, product = _KINDS[kind]
    listing = Listing(
        symbol, f"추가종목 {symbol}", market, price, _ADDED_TURNOVER // (price or 1), 1.0, product=product
    )
    if not listing.grid.is_on_grid(price):
        raise ValueError(f"{text}: {price} won is not on the price grid; {listing.grid.round_up(price)} is")
    return listing


MOST_LISTINGS: Final = len(LISTINGS) + 1_000
_FIRST_EXTRA: Final = 400_010
_EXTRA_PRICES: Final = (2_000.0, 200_000.0)
_EXTRA_TURNOVER: Final = (1e9, 3e10)
"""Won per day: from a thinly traded stock to a busy one."""


def first_listings(count: int) -> dict[Symbol, Listing]:
    """Return ``count`` stocks: the well-known ones first, then generated ones.

    Raises:
        ValueError: there are not that many.
    """
    if not 1 <= count <= MOST_LISTINGS:
        raise ValueError(f"{count} stocks cannot be listed; choose 1 to {MOST_LISTINGS}")
    known = list(LISTINGS.items())[:count]
    return dict([*known, *((extra.symbol, extra) for extra in map(_extra, range(1, count - len(known) + 1)))])


def _extra(number: int) -> Listing:
    chance = Random(f"listing {number}")
    price = STOCK_GRID.round_down(int(_between(chance, _EXTRA_PRICES)))
    return Listing(
        Symbol(f"{_FIRST_EXTRA + 10 * number:06}"),
        f"모의종목{number:03}",
        chance.choice((Market.KOSPI, Market.KOSDAQ)),
        price,
        int(_between(chance, _EXTRA_TURNOVER)) // price,
        round(chance.uniform(0.8, 1.5), 1),
    )


def _between(chance: Random, bounds: tuple[float, float]) -> float:
    """Draw a value with a log-uniform distribution."""
    low, high = bounds
    return low * float((high / low) ** chance.random())
