"""Real money, at the command line and on the page: a start needs confirmation, a danger acceptance by name."""

from collections.abc import Mapping, Sequence

from activities.support.pace import RealPace
from domain.dangers import Dangers, raises_a_limit
from domain.identity import LIVE_WORD, Environment, WorkerId
from domain.money import Won
from domain.rule_changes import changed
from domain.rules import TradingRules
from domain.session import session_date_of
from fleet.asked_rules import trading_rules_of
from fleet.duties.account_worth import account_worth
from fleet.errors import OperationError
from fleet.fleet import Fleet
from runtime.composition import broker_for
from runtime.embedded.endpoints import Endpoints
from runtime.embedded.finding import find_endpoints
from runtime.live_dangers import account_dangers, refuse, refuse_root, rules_dangers, settings_dangers
from runtime.place import place_of
from runtime.settings import Settings, load_settings


def refuse_dangerous_start(fleet: Fleet, word: str | None) -> None:
    """Refuse to start workers for real money without the confirmation, or with dangerous settings.

    Raises:
        OperationError: the confirmation is missing, or was given for an account without real money.
        SettingsError: a danger is not accepted by its name, or the process is root.
    """
    is_live = fleet.environment is Environment.LIVE
    if is_live and word != LIVE_WORD:
        raise OperationError(f"this account trades real money; say so with --live {LIVE_WORD}")
    if not is_live and word is not None:
        raise OperationError(f"--live was given, but the settings say {fleet.environment}: nothing was started")
    settings = load_settings()
    refuse_root(settings)
    refuse(settings, settings_dangers(settings, session_date_of(fleet.market_now())))


async def refuse_dangerous_changes(fleet: Fleet, workers: Sequence[WorkerId], changes: Mapping[str, str]) -> None:
    """Refuse changes that add a danger to a worker's rules. Applies to live accounts only.

    Raises:
        SettingsError: the settings do not accept a new danger.
        BadRulesError: the changes are invalid for trading.
        OperationError: the account's worth cannot be read.
    """
    if fleet.environment is not Environment.LIVE:
        return
    settings, worth = load_settings(), None
    for worker_id in workers:
        before = await trading_rules_of(fleet, worker_id) or settings.rules
        after = changed(before, changes)
        refuse(settings, _new(rules_dangers(settings, before), rules_dangers(settings, after)))
        if raises_a_limit(before.risk, after.risk):
            worth = worth if worth is not None else await _worth(settings, fleet)
            refuse(settings, _account(settings, before, after, worth))


def _account(settings: Settings, before: TradingRules, after: TradingRules, worth: Won) -> Dangers:
    return _new(account_dangers(settings, before, worth), account_dangers(settings, after, worth))


def _new(before: Dangers, after: Dangers) -> Dangers:
    return {danger: why for danger, why in after.items() if danger not in before}


async def _worth(settings: Settings, fleet: Fleet) -> Won:
    """Return the account's worth from the broker."""
    place = place_of(settings, await find_endpoints(settings) or Endpoints())
    async with broker_for(settings, place, fleet.database, RealPace(place.clock)) as broker:
        worth = await account_worth(broker)
    if worth is None:
        raise OperationError("what the account holds cannot be read, so that no limit can be raised; try again later")
    return worth
