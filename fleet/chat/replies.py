"""What Haru reads of Telegram's replies. The library makes objects of all that it gets, for seconds from megabytes."""

import json
from collections.abc import Mapping
from typing import Any, Final

AT_ONCE: Final = 50
"""Updates of a poll."""
_LONGEST_TEXT: Final = 200
"""Characters of a message, or of a button's data. A command has fewer."""
_MOST: Final = 2**63

Values = Mapping[str, Any]


def needed(content: bytes) -> bytes:
    """Return a successful reply without the parts that are not read. Call it in a thread.

    Raises:
        ValueError: it is not a reply of Telegram.
    """
    try:
        answer = json.loads(content)
        result = answer["result"]
        if isinstance(result, list):
            result = [_update(each) for each in result[:AT_ONCE]]
        elif isinstance(result, dict):
            result = _message(result) if "message_id" in result else _person(result)
        return json.dumps({"ok": answer["ok"] is True, "result": result}).encode()
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(type(error).__name__) from None


def _update(update: Values) -> Values:
    kept: dict[str, Any] = {"update_id": _number(update["update_id"])}
    if "message" in update:
        kept["message"] = _message(update["message"])
    if "callback_query" in update:
        kept["callback_query"] = _press(update["callback_query"])
    return kept


def _press(press: Values) -> Values:
    kept: dict[str, Any] = {"id": _text(press["id"]), "from": _person(press["from"]), "chat_instance": ""}
    if "message" in press:
        kept["message"] = _message(press["message"])
    if "data" in press:
        kept["data"] = _text(press["data"])
    return kept


def _message(message: Values) -> Values:
    about = {"message_id": _number(message["message_id"]), "date": _number(message["date"])}
    chat = {"id": _number(message["chat"]["id"]), "type": _text(message["chat"]["type"])}
    return {**about, "chat": chat, "text": _text(message.get("text", ""))}


def _person(person: Values) -> Values:
    kept = {"id": _number(person["id"]), "is_bot": person["is_bot"] is True, "first_name": ""}
    return {**kept, "username": _text(person.get("username", ""))}


def _number(value: object) -> int:
    if not isinstance(value, int) or not -_MOST <= value < _MOST:
        raise ValueError("a number is not one")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is not one")
    return value[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
