"""Text of alerts: one line for equal events, in English or Korean, without secrets, short enough for any channel."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Final

from domain.alert import TRADES, Folded, fold
from domain.clock import in_seoul
from domain.event import Event, EventLevel
from domain.event_kind import AnyKind, EventKind
from domain.identity import Environment
from domain.plain_text import one_line
from fleet.alerting.channels import Message
from fleet.alerting.trade_text import LONGEST_TRADE, is_trade, trade_line
from reporting.digest import digest_lines
from reporting.sentences import Language, words

_LONGEST_BODY: Final = 1_800
"""Characters. Discord accepts 2,000."""
_LONGEST_TEXT: Final = 20_000
_LONGEST_LINE: Final = 280
_LONGEST: Final[Mapping[AnyKind, int]] = {
    **dict.fromkeys((EventKind.DAY_SUMMED_UP, EventKind.DIGEST_WRITTEN), _LONGEST_BODY - 1),
    **dict.fromkeys(TRADES, LONGEST_TRADE),
}
_MOST_NAMES: Final = 5
_LONGEST_NAMES: Final = 450
_ACCOUNT_NUMBER: Final = re.compile(r"\b\d{8}-\d{2}\b")
_MASK: Final = "***"


def message_of(
    environment: Environment, events: Sequence[Event], language: Language, mask: Callable[[str], str]
) -> Message:
    """Return one message about these events, most severe first. Secrets and account numbers are masked."""
    folded = fold(events)
    level = folded[0].level
    title = _title(environment, level, _named(folded[0], language), language)
    if len(folded) > 1:
        title += f" (+{len(folded) - 1})"
    # Mask before cutting: a secret that is cut in two would no longer be recognised.
    lines = [
        _cut(_hidden(text, mask), _LONGEST.get(each.kind, _LONGEST_LINE))
        for each in folded
        for text in _texts(each, language)
    ]
    fitting = _that_fit(lines)
    if len(fitting) < len(lines):
        fitting.append(words(language)["alerts"]["more"].format(number=len(lines) - len(fitting)))
    return Message(_hidden(title, mask), "\n".join(fitting), level)


def trial_message(environment: Environment, level: EventLevel, language: Language) -> Message:
    """Return the message that `alert-test` sends."""
    title = _title(environment, level, words(language).of("kinds", EventKind.ALERT_TEST), language)
    return Message(title, words(language)["alerts"]["test"], level)


def _title(environment: Environment, level: EventLevel, what: str, language: Language) -> str:
    return f"HARU · {environment.upper()} · {words(language).of('levels', level)}: {what}"


def _named(folded: Folded, language: Language) -> str:
    return words(language).of("kinds", folded.kind).replace("_", " ")


def _texts(folded: Folded, language: Language) -> list[str]:
    """Return the lines about equal events: one line, or one for each trade, or the whole result of each day."""
    if folded.kind == EventKind.DAY_SUMMED_UP:
        return [_day(event, language) for event in folded.events]
    if folded.kind == EventKind.DIGEST_WRITTEN:
        return ["\n".join(digest_lines(event.detail, language)) for event in folded.events]
    if all(is_trade(event) for event in folded.events):
        return [one_line(trade_line(event, language), _LONGEST_TEXT) for event in folded.events]
    first, last = (f"{in_seoul(at):%m-%d %H:%M:%S}" for at in folded.between)
    number = len(folded.events)
    parts = [
        f"[{words(language).of('levels', folded.level)}] {_named(folded, language)}"
        + (f" ×{number}" if number > 1 else "")
    ]
    if folded.symbols:
        parts.append(_few(folded.symbols))
    if workers := tuple(dict.fromkeys(event.worker_id for event in folded.events if event.worker_id)):
        parts.append(_few(workers))
    parts.append(first if first == last else f"{first} – {last[6:] if first[:5] == last[:5] else last}")
    text = " · ".join(parts) + (f" — {_said(folded.gist, language)}" if folded.gist else "")
    return [one_line(text, _LONGEST_TEXT)]


def _said(gist: str, language: Language) -> str:
    """Translate the cause of an event where it is one of ours. A number of shares may stand before it."""
    shares, colon, reason = gist.partition(": ") if gist.startswith("×") else ("", "", gist)
    texts = words(language)
    return f"{shares}{colon}{texts.say(texts.of('denials', reason) if language == 'ko' else reason)}"


def _that_fit(lines: Sequence[str]) -> list[str]:
    lengths = accumulate(len(line) + 1 for line in lines)
    return [line for line, length in zip(lines, lengths, strict=True) if length <= _LONGEST_BODY]


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} +{len(names) - _MOST_NAMES}"


def _day(event: Event, language: Language) -> str:
    result, said = event.detail, words(language)["alerts"]
    lines = [
        said["day"].format(
            date=event.session_date, trades=result["trades"], wins=result["wins"], losses=result["losses"]
        ),
        said["money"].format(net=int(result["net"]), gross=int(result["gross"]), costs=int(result["costs"])),
    ]
    shares = [
        said[name].format(names=_whole(one_line(str(result[name]), _LONGEST_TEXT)))
        for name in ("carried", "unexplained", "owners")
        if result.get(name)
    ]
    return "\n".join([*lines, *_how_flat(result, language), *shares])


def _how_flat(result: Mapping[str, str | int], language: Language) -> list[str]:
    """State what the close has proven, and nothing more."""
    said = words(language)["alerts"]
    if result.get("flat"):
        return [said["flat"]]
    open_orders = [said["open_orders"].format(number=result["open_orders"])] if result.get("open_orders") else []
    return open_orders if result.get("proven") else [said["unproven"], *open_orders]


def _whole(names: str) -> str:
    """Return as many shares as fit, each complete: half a number would be a different number."""
    every = names.split(", ")
    fitting = [
        name
        for name, end in zip(every, accumulate(len(name) + 2 for name in every), strict=True)
        if end <= _LONGEST_NAMES
    ]
    return names if len(fitting) == len(every) else f"{', '.join(fitting)} … +{len(every) - len(fitting)}"


def _hidden(text: str, mask: Callable[[str], str]) -> str:
    return _ACCOUNT_NUMBER.sub(_MASK, mask(text))
