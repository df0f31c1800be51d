"""KIS Open API over HTTP: the only package that uses KIS's own terms, codes and numbers."""

from broker.kis.broker import KisBroker, MarketAccess
from broker.kis.connection import ORDER_TIMEOUT, KisConnection

__all__ = ["ORDER_TIMEOUT", "KisBroker", "KisConnection", "MarketAccess"]
