"""The result table (holds / differs / cannot be asked here), for a terminal and as JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from domain.plain_text import harmless
from tools.conformance.fact import Finding, Verdict
from tools.conformance.kis import Access

_STYLES: Final = {Verdict.HOLDS: "green", Verdict.DIFFERS: "bold red", Verdict.NOT_ASKED: "dim"}


def by_section(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings ordered by section; within a section, in the order asked."""
    return sorted(findings, key=lambda finding: [int(part) for part in finding.fact.section.split(".")])


def table(access: Access, findings: Sequence[Finding]) -> Table:
    """Return the findings as a table."""
    where = "the simulator" if access.is_simulated else "KIS"
    shown = Table("§", "mark", "fact", "", title=f"{where}, {access.service} service", title_justify="left")
    for finding in by_section(findings):
        said = Text(finding.fact.statement)
        if finding.seen:
            said.append(f"\n{harmless(finding.seen)}", _STYLES[finding.verdict])
        verdict = Text(finding.verdict.value, _STYLES[finding.verdict])
        shown.add_row(finding.fact.section, finding.fact.marks, said, verdict)
    return shown


def summary(findings: Sequence[Finding]) -> str:
    """Return one line with the count of each verdict."""
    counts = Counter(finding.verdict for finding in findings)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)


def to_json(access: Access, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as JSON values, without account data."""
    return {
        "server": "simulator" if access.is_simulated else "kis",
        "service": access.service,
        "orders": access.may_order,
        "facts": [
            {
                "section": finding.fact.section,
                "marks": finding.fact.marks,
                "name": finding.fact.name,
                "statement": finding.fact.statement,
                "verdict": finding.verdict.name.lower(),
                "seen": finding.seen,
            }
            for finding in by_section(findings)
        ],
    }
