"""Access to KIS's paper service with keys from the settings. Live accounts are refused."""

from typing import Final

from runtime.settings import Settings
from tools.conformance.kis import Access

REST_URL: Final = "https://openapivts.koreainvestment.com:29443"
STREAM_URL: Final = "ws://ops.koreainvestment.com:31000"
_PACE: Final = 1.1
_LIMIT: Final = 1


class RefusedError(Exception):
    """The settings do not name a paper account; the text names the fix."""


def paper_access(settings: Settings, *, may_order: bool) -> Access:
    """Return the access to the paper service in the settings, or raise RefusedError."""
    broker = settings.broker
    if broker.environment == "live":
        raise RefusedError(
            "HARU_BROKER__ENVIRONMENT is live: conformance is asked of paper accounts only; "
            "set it to paper, with paper keys"
        )
    if broker.environment != "paper" or not (broker.app_key and broker.app_secret and broker.account and broker.hts_id):
        raise RefusedError(
            "no paper keys: set HARU_BROKER__APP_KEY, HARU_BROKER__APP_SECRET, HARU_BROKER__ACCOUNT and "
            "HARU_BROKER__HTS_ID in the environment or in .env"
        )
    account = broker.account.replace("-", "")
    return Access(
        rest_url=str(broker.rest_url or REST_URL).rstrip("/"),
        stream_url=str(broker.stream_url or STREAM_URL).rstrip("/"),
        service="paper",
        app_key=broker.app_key.get_secret_value(),
        app_secret=broker.app_secret.get_secret_value(),
        account=account[:8],
        product=account[8:],
        hts_id=broker.hts_id,
        pace=_PACE,
        limit=_LIMIT,
        may_order=may_order,
        is_simulated=False,
    )
