"""KIS Open API over HTTP: the only package that uses KIS's own terms, codes and numbers."""

from broker.kis.broker import KisBroker, MarketAccess
from broker.kis.connection import LIVE_URL, ORDER_TIMEOUT, PAPER_URL, KisConnection

__all__ = ["LIVE_URL", "ORDER_TIMEOUT", "PAPER_URL", "KisBroker", "KisConnection", "MarketAccess"]
