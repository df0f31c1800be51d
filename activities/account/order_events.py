"""Events about one order; account, worker and stock come from its intent."""

from datetime import datetime

from domain.event import Event, EventLevel
from domain.order import OrderIntent


def order_event(
    intent: OrderIntent, kind: str, level: EventLevel, at: datetime, key: str, **detail: str | int
) -> Event:
    """Return an event of the intent's session at a market instant; its key starts with the kind."""
    return Event(
        intent.account_id,
        kind,
        level,
        at,
        session_date=intent.session_date,
        worker_id=intent.worker_id,
        symbol=intent.symbol,
        detail={"intent_id": intent.intent_id, **detail},
        key=f"{kind}/{intent.intent_id}/{key}",
    )
