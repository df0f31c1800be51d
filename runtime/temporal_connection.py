"""Connection to Temporal: which server, which keys, and whether it is safe enough for the account's money."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from temporalio.client import Client, Interceptor
from temporalio.runtime import Runtime
from temporalio.service import RPCError, TLSConfig

from database.database import Database
from domain.errors import with_remedy
from domain.identity import AccountId, Environment
from runtime.embedded.payload_key import kept_ring
from runtime.place import Place
from runtime.settings import Settings, SettingsError
from security.sealing.client import Sealing
from security.sealing.codec import sealed
from security.sealing.keys import KeyRing
from security.sealing.refusals import Refusals
from workflows.faults import temporal_cause
from workflows.payloads import DATA_CONVERTER

if TYPE_CHECKING:
    from security.sealing.guard import Guard


USUAL_REMEDY: Final = "start it, or correct TEMPORAL_ADDRESS"


class TemporalAwayError(Exception):
    """Temporal's server cannot be reached; the text says where and how to fix it."""


async def connect_temporal(  # noqa: PLR0913 - two are keywords
    settings: Settings,
    place: Place,
    runtime: Runtime | None = None,
    refusals: Refusals | None = None,
    *,
    tracing: Sequence[Interceptor] = (),
    lazy: bool = False,
) -> Client:
    """Connect by Temporal's own configuration, or to the embedded server if there is none.

    Every payload is encrypted and sealed. A client that hosts workers needs ``refusals``, which counts messages that
    failed to authenticate; its ``tracing`` interceptors make spans. A ``lazy`` client connects at its first call.
    """
    ring = ring_of(settings)
    config: dict[str, Any] = {"target_host": place.temporal_address, **settings.temporal}
    config["data_converter"] = sealed(DATA_CONVERTER, ring, refusals or Refusals())
    config["interceptors"] = [Sealing(ring) if refusals is None else _guard(ring, refusals), *tracing]
    try:
        return await Client.connect(**config, runtime=runtime, lazy=lazy)
    except (RuntimeError, RPCError) as error:
        cause = with_remedy(temporal_cause(error), USUAL_REMEDY)
        raise TemporalAwayError(f"Temporal at {config['target_host']}: {cause}") from error


def _guard(ring: KeyRing, refusals: Refusals) -> "Guard":
    from security.sealing.guard import Guard  # noqa: PLC0415 - it imports the SDK's worker, which an operator does not need

    return Guard(ring, refusals)


def ring_of(settings: Settings) -> KeyRing:
    """Return the payload encryption keys.

    Raises:
        SettingsError: several machines may share the server or the database, and no shared key is configured.
    """
    if settings.payloads.keys:
        return KeyRing(key.get_secret_value() for key in settings.payloads.keys)
    is_shared = settings.database_url is not None or "target_host" in settings.temporal
    if is_shared and settings.broker.environment is not Environment.SIMULATED:
        raise SettingsError(
            "HARU_PAYLOADS__KEYS: with DATABASE_URL or TEMPORAL_ADDRESS all machines encrypt what crosses Temporal "
            "under the same key; `python starter.py new-key` makes one"
        )
    return kept_ring(settings.data_dir)


def open_to_strangers(settings: Settings) -> str:
    """Return why others than the fleet can command the Temporal server; empty when it requires credentials."""
    config = settings.temporal
    if "target_host" not in config:
        return "the embedded Temporal server does not authenticate clients; set TEMPORAL_ADDRESS to one that does"
    tls, api_key = config.get("tls"), config.get("api_key")
    if not (tls or (tls is None and api_key)):
        return "the connection to Temporal is not encrypted; set TEMPORAL_TLS"
    has_certificate = isinstance(tls, TLSConfig) and tls.client_cert is not None
    if not (api_key or has_certificate):
        return "Temporal authenticates no clients; set TEMPORAL_API_KEY or TEMPORAL_TLS_CLIENT_CERT_PATH and _KEY_PATH"
    return ""


def refuse_open_temporal(settings: Settings) -> None:
    """Refuse real money on a Temporal server that others can command.

    Raises:
        SettingsError: it lacks TLS, or requires neither an API key nor a client certificate.
    """
    if settings.broker.environment is Environment.LIVE and (why := open_to_strangers(settings)):
        raise SettingsError(f"real money: {why}")


async def check_keys(settings: Settings, database: Database, account_id: AccountId) -> None:
    """Compare this machine's keys with the fleet's.

    Raises:
        KeysDifferError: commands of this machine would be refused, or the hosts' answers unreadable.
    """
    await database.payload_keys.check(account_id, ring_of(settings).ids)
