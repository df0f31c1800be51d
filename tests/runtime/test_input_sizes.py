"""Every external number, text and list has an upper bound; a violation is refused by name."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

from domain.errors import BadRulesError
from domain.rule_changes import (
    EARLIER_NAMES,
    MOST_NAMES,
    MOST_PARAMETERS,
    MOST_SYMBOLS,
    changed,
    checked,
    new_name,
    rule_values,
)
from domain.rules import TradingRules
from runtime.env_file import LONGEST
from runtime.settings import Settings, SettingsError, load_settings
from strategies import tradable

DEFAULTS = TradingRules()
VALUES = rule_values(DEFAULTS)
HUGE: dict[type, tuple[Any, ...]] = {
    int: (10**30, -(10**30)),
    Decimal: (Decimal("1e999999"), Decimal("-1e999999"), Decimal("Infinity"), Decimal("NaN")),
    timedelta: (timedelta(days=999_999),),
    tuple: (("005930",) * 200_000, ("x" * 1_000_000,)),
}


def leaves(schema: dict[str, Any], node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each leaf value of a JSON schema, with its dotted name."""
    node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
    if "properties" not in node:
        yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from leaves(schema, inner, f"{path}.{name}" if path else name)


def with_value(name: str, value: object) -> TradingRules:
    group, _, rule = name.partition(".")
    changes: dict[str, Any] = {group: replace(getattr(DEFAULTS, group), **{rule: value}) if rule else value}
    return replace(DEFAULTS, **changes)


def rule_names() -> list[str]:
    """Return the schema of the rules in Temporal's payloads, without the parameters of strategies."""
    schema = TypeAdapter(TradingRules).json_schema()
    return [name for name, _ in leaves(schema, schema) if name not in {"strategy.parameters", *EARLIER_NAMES}]


def test_no_rule_is_left_out_here() -> None:
    assert sorted(rule_names()) == sorted([*VALUES, "version"])
    assert {type(value) for value in VALUES.values()} - {bool} == set(HUGE)
    assert all(hasattr(DEFAULTS, rule.name) for rule in fields(DEFAULTS))


@pytest.mark.parametrize("name", [name for name in rule_names() if not isinstance(VALUES.get(name), bool)])
def test_every_rule_has_bounds_and_its_refusal_is_short(name: str) -> None:
    for huge in HUGE[type(VALUES.get(name, 1))]:
        with pytest.raises(BadRulesError, match=f"{name}: .* must be ") as caught:
            checked(with_value(name, huge))
        with pytest.raises(BadRulesError):
            tradable(with_value(name, huge))

        assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", EARLIER_NAMES)
def test_a_huge_parameter_of_an_earlier_version_is_refused_in_a_short_sentence(name: str) -> None:
    for huge in HUGE[timedelta if name.endswith("window") else Decimal]:
        with pytest.raises(BadRulesError) as caught:
            tradable(with_value(name, huge))

        assert new_name(name) in str(caught.value)
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "parameters",
    [
        tuple((f"momentum.x{number}", "1") for number in range(MOST_PARAMETERS + 1)),
        (("momentum.window", "9" * 5_000),),
        (("x" * 5_000, "1"),),
        (("momentum", "1"),),
    ],
    ids=["many", "long text", "long name", "no parameter"],
)
def test_stored_parameters_have_bounds(parameters: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(BadRulesError) as caught:
        checked(with_value("strategy.parameters", parameters))

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", [*VALUES, *EARLIER_NAMES, "strategy.momentum.rise", "strategy.momentum.window"])
@pytest.mark.parametrize("text", ["9" * 5_000, "1e999999", "1e999999999", "1e999999%", "x," * 200_000, "٣" * 101])
def test_a_text_of_any_length_is_refused_in_a_short_sentence(name: str, text: str) -> None:
    with pytest.raises(BadRulesError) as caught:
        tradable(changed(DEFAULTS, {name: text}))

    assert name in str(caught.value) or new_name(name) in str(caught.value)
    assert len(str(caught.value)) < 500


def test_more_changes_than_rules_are_refused() -> None:
    with pytest.raises(BadRulesError, match="200,000 changes: there are only"):
        changed(DEFAULTS, {f"x{number}": "1" for number in range(200_000)})


def test_the_most_symbols_and_names_may_be_typed() -> None:
    symbols = ",".join(f"{number:06}" for number in range(MOST_SYMBOLS))

    assert len(changed(DEFAULTS, {"universe.symbols": symbols}).universe.symbols) == MOST_SYMBOLS
    for name, most in (("universe.symbols", MOST_SYMBOLS), ("strategy.names", MOST_NAMES)):
        with pytest.raises(BadRulesError, match=name):
            checked(with_value(name, ("005930",) * (most + 1)))


def test_every_number_of_the_settings_has_an_upper_bound() -> None:
    schema = Settings.model_json_schema()
    found = dict(leaves(schema, schema))
    kinds = {name: [*leaf.get("anyOf", ()), leaf] for name, leaf in found.items() if not name.startswith("rules.")}
    numbers = {name: kind for name, each in kinds.items() for kind in each if kind.get("type") in {"integer", "number"}}

    assert len(numbers) > 10
    assert [name for name, kind in numbers.items() if "maximum" not in kind] == []


@pytest.mark.usefixtures("nothing_configured")
@pytest.mark.parametrize("name", ["HARU_RULES__UNIVERSE__SYMBOLS", "HARU_BROKER__HTS_ID", "DATABASE_URL", "HARU_X"])
def test_no_variable_is_longer_than_its_bound(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x" * LONGEST)

    with pytest.raises(SettingsError, match=f"{name}: 32,768 characters; a variable has 32,768 at most") as caught:
        load_settings()

    assert len(str(caught.value)) < 200
