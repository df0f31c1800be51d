"""A KIS account for tests: a scripted server, and a token store and rate budget in memory."""

from collections.abc import Callable

import httpx
import pytest

from broker.kis import KisBroker
from domain.identity import Environment
from tests.broker.parts import Budget, ScriptedKis, Tokens, a_connection, market_now


@pytest.fixture
def kis() -> ScriptedKis:
    return ScriptedKis()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def budget() -> Budget:
    return Budget()


@pytest.fixture
def broker_in(kis: ScriptedKis, tokens: Tokens, budget: Budget) -> Callable[[Environment], KisBroker]:
    def build(environment: Environment) -> KisBroker:
        transport = httpx.MockTransport(kis)
        return KisBroker(a_connection(environment), budget, tokens, market_now, transport)

    return build


@pytest.fixture
def broker(broker_in: Callable[[Environment], KisBroker]) -> KisBroker:
    return broker_in(Environment.SIMULATED)
