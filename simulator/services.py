"""KIS's two services over one market. Each has its own keys, tokens, limits and accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.approvals import ApprovalDesk
from simulator.call_counter import CallCounter
from simulator.not_served import NotServed
from simulator.orders import AccountId
from simulator.settings import PAPER, SimulationSettings
from simulator.tokens import TokenDesk


@dataclass(frozen=True, slots=True)
class Service:
    """One service: real or paper."""

    environment: str
    tokens: TokenDesk
    approvals: ApprovalDesk
    calls: CallCounter
    not_served: NotServed

    @property
    def is_paper(self) -> bool:
        """Return whether this is KIS's paper service."""
        return self.environment == PAPER


def services_of(settings: SimulationSettings) -> Mapping[str, Service]:
    """Return the main service and, beside a real one, the paper service."""
    limits = {PAPER: settings.paper_rate_limit} | {settings.environment: settings.rate_limit}
    services = {
        environment: Service(
            environment,
            TokenDesk(settings.token_interval, settings.allowed.keys if settings.allowed else None),
            ApprovalDesk(settings.approval_interval),
            CallCounter(limit),
            NotServed(environment),
        )
        for environment, limit in limits.items()
    }
    for service in services.values():
        service.tokens.others.extend(other.tokens for other in services.values() if other is not service)
    return services


@dataclass(slots=True)
class AccountOwners:
    """The service and app keys that use each account. An account belongs to the service that used it first."""

    _environments: dict[AccountId, str] = field(default_factory=dict)
    _app_keys: dict[AccountId, set[str]] = field(default_factory=dict)

    def is_new(self, account: AccountId, app_key: str) -> bool:
        """Return whether this app key has not used the account yet."""
        return app_key not in self._app_keys.get(account, ())

    def claim(self, account: AccountId, environment: str, app_key: str) -> None:
        """Bind an account to an app key of the service that owns it."""
        self._environments.setdefault(account, environment)
        self._app_keys.setdefault(account, set()).add(app_key)

    def may_use(self, account: AccountId, environment: str) -> bool:
        """Return whether the account is unused or belongs to this service."""
        return self._environments.get(account, environment) == environment

    def environment_of(self, account: AccountId) -> str | None:
        """Return the service that owns an account, or None while it is unused."""
        return self._environments.get(account)

    def is_tied(self, account: AccountId, environment: str, app_key: str) -> bool:
        """Return whether notices of the account go to this app key's session."""
        return self._environments.get(account) == environment and app_key in self._app_keys[account]
