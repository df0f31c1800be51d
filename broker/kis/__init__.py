"""KIS Open API over HTTP: the only package that uses KIS's own terms, codes and numbers."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from broker.kis.broker import KisBroker, MarketAccess
    from broker.kis.connection import ORDER_TIMEOUT, KisConnection
else:

    def __getattr__(name: str) -> Any:
        # A verb that only wants a constant of a module does without the client, its HTTP and its WebSocket.
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = "broker" if name in ("KisBroker", "MarketAccess") else "connection"
        return getattr(import_module(f"{__name__}.{home}"), name)


__all__ = ["ORDER_TIMEOUT", "KisBroker", "KisConnection", "MarketAccess"]
