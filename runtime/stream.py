"""Wire the duty that holds the account's market stream. Separate from composition, which must not import fleet code."""

from activities.market.stream_consumer import Ears
from broker.kis.broker import KisBroker
from fleet.duties.attending import StreamBounds
from fleet.duties.streaming import Streaming
from runtime.account_names import account_in
from runtime.composition import Collaborators, stream_of
from runtime.place import Place
from runtime.settings import Settings


def streaming_for(settings: Settings, place: Place, broker: KisBroker, with_: Collaborators) -> Streaming | None:
    """Return the duty that streams the market to this process, or None if it is disabled."""
    if not settings.stream.enabled or with_.feed is None:
        return None
    ears = Ears(with_.feed, with_.notices, with_.pace.now)
    stream = stream_of(settings, place, broker, with_.database)
    bounds = StreamBounds(settings.stream.registrations)
    return Streaming(account_in(settings, with_.database), with_.database, stream, ears, bounds)
