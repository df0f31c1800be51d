"""A host's limits follow from its settings: rules as variables, and the confirmations that real money requires."""

import pytest

from cli.demo.rules import DEMO_RULES
from domain.rule_changes import as_settings, setting_name
from domain.rules import TradingRules
from runtime.live_dangers import host_limits
from tests.runtime.test_settings import KIS, LIVE, configured
from tools.bench.stack import RULES as BENCH_RULES
from tools.chaos.day import CHAOS_RULES

pytestmark = pytest.mark.usefixtures("nothing_configured")


@pytest.mark.parametrize("rules", [TradingRules(), DEMO_RULES, CHAOS_RULES, BENCH_RULES])
def test_rules_as_variables_are_read_as_they_were(monkeypatch: pytest.MonkeyPatch, rules: TradingRules) -> None:
    assert configured(monkeypatch, **as_settings(rules)).rules == rules


def test_a_rule_is_named_as_its_variable() -> None:
    assert setting_name("risk.capital_per_trade") == "HARU_RULES__RISK__CAPITAL_PER_TRADE"


@pytest.mark.parametrize(
    ("variables", "consent"), [({"HARU_RULES__RISK__TRADES_PER_WORKER": "7"}, False), (KIS, False), (LIVE, True)]
)
def test_only_a_live_hosts_settings_confirm_real_money(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], consent: bool
) -> None:
    limits = host_limits(settings := configured(monkeypatch, **variables))

    assert limits.live_consent is consent
    assert limits.ceiling.risk == settings.rules.risk


@pytest.mark.parametrize("missing", ["live_confirmation", "live_account"])
def test_a_host_that_lacks_one_word_does_not_confirm_real_money(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """The settings reject this case at load; a host assembled in another way is refused when it sends."""
    settings = configured(monkeypatch, **LIVE)
    broker = settings.broker.model_copy(update={missing: ""})

    assert not host_limits(settings.model_copy(update={"broker": broker})).live_consent
