"""The error hierarchy, by the required action."""

import pytest

from domain.errors import (
    BadRulesError,
    BrokerRefusedError,
    BrokerUnavailableError,
    InvalidTransitionError,
    RateLimitedError,
    StaleFencingTokenError,
    StopTradingError,
    TradingError,
    TryAgainError,
)


def test_a_refusal_keeps_the_brokers_code_and_message() -> None:
    error = BrokerRefusedError("APBK0506", "off the tick grid")

    assert (error.code, error.message) == ("APBK0506", "off the tick grid")
    assert str(error) == "APBK0506: off the tick grid"


@pytest.mark.parametrize("error", [BrokerUnavailableError, RateLimitedError])
def test_passing_faults_may_be_tried_again(error: type[Exception]) -> None:
    assert issubclass(error, TryAgainError)


def test_a_stale_token_stops_trading() -> None:
    assert issubclass(StaleFencingTokenError, StopTradingError)


@pytest.mark.parametrize("error", [TryAgainError, StopTradingError, BadRulesError, InvalidTransitionError])
def test_every_error_is_one_of_trading(error: type[Exception]) -> None:
    assert issubclass(error, TradingError)
