"""The page of a sweep."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from reporting.page import page
from reporting.sentences import Language
from reporting.writing import suffixed
from security.private_files import write_private


def write_page(folder: Path, values: Mapping[str, Any], language: Language) -> Path:
    """Write ``report.html`` into a sweep's folder and return its path."""
    path = folder / suffixed("report", language)
    write_private(path, page(page_values(values), language) + "\n")
    return path


def page_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a sweep with how bright each cell of a surface is, and short names of the rules."""
    shown = [{**each, "shown": _shown(each["cells"])} for each in values["surfaces"]]
    return {**values, "surfaces": shown, "names": _short(values["parameters"])}


def _short(rules: Collection[str]) -> dict[str, str]:
    """Return each rule without its group, unless another one would have the same name."""
    last = {rule: rule.rpartition(".")[2] for rule in rules}
    return {rule: name if list(last.values()).count(name) == 1 else rule for rule, name in last.items()}


def _shown(cells: Sequence[Sequence[int | None]]) -> list[list[dict[str, Any]]]:
    most = max((abs(net) for row in cells for net in row if net), default=1)
    return [[{"net": net, "share": round(abs(net or 0) / most, 3)} for net in row] for row in cells]
