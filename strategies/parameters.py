"""Parameters of a strategy: a frozen pydantic model with bounds, read from the texts of the rules."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from domain.clock import duration_text, read_duration
from domain.money import is_without_unit, rate_text, read_rate
from domain.rule_changes import SWITCHES

ParameterValue = bool | int | Decimal | timedelta

_RATE: Final = "rate"
Percent = Annotated[Decimal, _RATE]
"""A fraction that operators write with a percent sign: ``Decimal("0.03")`` is ``3%``."""
_KINDS: Final = (bool, int, Decimal, timedelta)


class Parameters(BaseModel):
    """Base of every strategy's parameters. Each has a default, and numbers and durations have bounds on both sides."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class ParameterError(ValueError):
    """A text is no value of its parameter; the message names the parameter and what it may be."""


@lru_cache(maxsize=256)
def read_parameters(model: type[Parameters], texts: tuple[tuple[str, str], ...]) -> Parameters:
    """Return the parameters with these texts and otherwise the defaults.

    Raises:
        ParameterError: a name is unknown, or a text cannot be read or is out of bounds.
    """
    fields, values = model.model_fields, {}
    for name, text in texts:
        if name not in fields:
            raise ParameterError(f"{name}: unknown; choose among {', '.join(fields) or 'none'}")
        values[name] = _read(name, fields[name], text)
    try:
        return model(**values)
    except ValidationError as error:
        raise ParameterError("; ".join(_problem(model, dict(texts), each) for each in error.errors())) from None


def default_texts(model: type[Parameters]) -> dict[str, str]:
    """Return every parameter's default as operators write it."""
    return texts_of(model())


def texts_of(parameters: Parameters) -> dict[str, str]:
    """Return every parameter as operators write it."""
    fields = type(parameters).model_fields
    return {name: _text(field, getattr(parameters, name)) for name, field in fields.items()}


def bounds_of(model: type[Parameters], name: str) -> str:
    """Return what a parameter may be, for an operator."""
    field = model.model_fields[name]
    if field.annotation is bool:
        return "yes or no"
    least, greatest = _bound(field, Ge, Gt), _bound(field, Le, Lt)
    return f"within {_text(field, least)}..{_text(field, greatest)}"


def objection_to_model(model: object) -> str:
    """Return why a class cannot be a strategy's parameters; empty if it can."""
    if not (isinstance(model, type) and issubclass(model, Parameters)):
        return "Parameters must be a class of strategies.api.Parameters"
    if not model.model_config.get("frozen") or model.model_config.get("extra") != "forbid":
        return "Parameters must stay frozen and must not accept other names: leave model_config as it is"
    objections = filter(None, (_objection_to(name, field) for name, field in model.model_fields.items()))
    return next(objections, "") or _objection_to_defaults(model)


def _objection_to_defaults(model: type[Parameters]) -> str:
    try:
        texts = default_texts(model)
        same = read_parameters(model, tuple(texts.items())) == model()
    except (ValidationError, ParameterError) as error:
        return f"a default is not valid: {error}"
    return "" if same else "a default cannot be written as text without a loss: give it fewer digits"


def _objection_to(name: str, field: FieldInfo) -> str:
    if _kind(field) is None:
        return f"{name} is {field.annotation}: use Decimal, Percent, int, timedelta or bool"
    if field.is_required() or field.default_factory is not None:
        return f"{name} needs a default value"
    if name != name.lower() or "__" in name or len(name) > 40:
        return f"{name}: write names in lower case, with single underscores, 40 characters at most"
    is_bounded = _bound(field, Ge, Gt) is not None and _bound(field, Le, Lt) is not None
    return "" if is_bounded or field.annotation is bool else f"{name} needs bounds: Field(default=…, ge=…, le=…)"


def _kind(field: FieldInfo) -> type | None:
    annotation: Any = field.annotation
    annotation = getattr(annotation, "__supertype__", annotation)
    return next((kind for kind in _KINDS if annotation is kind), None)


def _bound(field: FieldInfo, *kinds: type) -> Any:
    """Return the first bound of these kinds, None without one."""
    found = (each for each in field.metadata if isinstance(each, kinds))
    return next((getattr(each, type(each).__name__.lower()) for each in found), None)


def _read(name: str, field: FieldInfo, text: str) -> ParameterValue:
    try:
        value = _parsed(_kind(field), text)
        lacks_unit = _RATE in field.metadata and is_without_unit(text)
    except (KeyError, ValueError, ArithmeticError):
        like = _text(field, field.default)
        raise ParameterError(f"{name}: {text:.60} must look like {like}") from None
    if lacks_unit:
        raise ParameterError(f"{name}: a rate needs a percent sign; write {text.strip()}%")
    return value


def _parsed(kind: type | None, text: str) -> ParameterValue:
    if not text.isascii():
        raise ValueError(text)
    if kind is bool:
        return SWITCHES[text.strip().lower()]
    if kind is timedelta:
        return read_duration(text)
    if kind is int:
        return int(text.replace(",", "").strip())
    if "e" in text.lower():
        raise ValueError(text)
    return read_rate(text)


def _text(field: FieldInfo, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return duration_text(value)
    return rate_text(Decimal(value)) if _RATE in field.metadata else str(value)


def _problem(model: type[Parameters], texts: Mapping[str, str], error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    if name not in texts:
        return str(error["msg"]).removeprefix("Value error, ")
    is_bound = error["type"] in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}
    what = bounds_of(model, name) if is_bound else str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {texts[name].strip()} must be {what}" if is_bound else f"{name}: {what}"
