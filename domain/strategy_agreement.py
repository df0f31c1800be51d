"""Whether the hosts of a fleet run the same code under one strategy's name."""

from collections.abc import Mapping, Sequence


def disagreements(
    own: Mapping[str, str], others: Mapping[str, Mapping[str, str]], used: Sequence[str]
) -> dict[str, str]:
    """Return by strategy why it may not buy: a living host runs other code under its name, or lacks it.

    Args:
        own: the source hash of each of our strategies.
        others: the same of each other living host; a host of an earlier version is not among them.
        used: the strategies that this host's rules name. Only these must exist everywhere.
    """
    return {name: why for name in own if (why := _objection(name, own[name], others, needed=name in used))}


def _objection(name: str, source: str, others: Mapping[str, Mapping[str, str]], *, needed: bool) -> str:
    for host, theirs in sorted(others.items()):
        if name not in theirs and needed:
            return f"{name} is missing on {host}; give every host the same strategies and restart it"
        if theirs.get(name, source) != source:
            return (
                f"{name} is other code on {host} ({theirs[name][:8]}, here {source[:8]}); "
                "give every host the same strategies and restart it"
            )
    return ""
