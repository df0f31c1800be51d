"""Text of buys and sales as a trader reads them: stock, quantity, price, reason, and the result after costs."""

from collections.abc import Mapping
from typing import Final

from domain.alert import TRADES
from domain.clock import in_seoul
from domain.event import Event
from domain.event_kind import EventKind
from domain.plain_text import one_line
from reporting.sentences import Language, words

LONGEST_TRADE: Final = 170
"""Characters. Ten lines fit into one message."""
_LONGEST_NAME: Final = 30


def is_trade(event: Event) -> bool:
    """Return whether an event has a line of its own. Those of earlier versions lack the name and the amounts."""
    return event.kind in TRADES and {"name", "quantity", "price", "amount"} <= event.detail.keys()


def trade_line(event: Event, language: Language) -> str:
    """Return the line about a buy or a sale."""
    said, detail = words(language)["alerts"], event.detail
    about: dict[str, str | int] = {
        "name": one_line(str(detail["name"]), _LONGEST_NAME),
        "symbol": str(event.symbol),
        "quantity": int(detail["quantity"]),
        "price": int(detail["price"]),
        "amount": int(detail["amount"]),
        "worker": str(event.worker_id),
        "at": f"{in_seoul(event.at):%H:%M:%S}",
    }
    if event.kind == EventKind.POSITION_BOUGHT:
        return str(said["bought"].format(strategy=one_line(str(detail["strategy"]), _LONGEST_NAME), **about))
    return str(said["sold"].format(**about, **_result(detail, language)))


def _result(detail: Mapping[str, str | int], language: Language) -> dict[str, str | int | float]:
    net, spent = int(detail["net"]), int(detail["amount"])
    return {
        "reason": words(language).of("reasons", str(detail["exit"])),
        "net": net,
        "percent": net * 100 / spent if spent else 0.0,
        "costs": int(detail["costs"]),
        "bought_at": int(detail["bought_at"]),
    }
