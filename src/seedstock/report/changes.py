"""What was found, dropped or changed, and why: summed up, because single cells may be private."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from seedstock.report.text import shown

if TYPE_CHECKING:
    from seedstock.pipeline import Run

MAX_LINES = 200


def changes(run: Run) -> dict[str, Any]:
    """Return the lines of the findings, of the edits (one a check, column and kind of change) and the notes."""
    severity = {"high": 0, "medium": 1, "low": 2}
    ranked = sorted(run.findings, key=lambda f: (severity.get(f.severity, 3), -f.confidence))
    findings = [
        {
            "severity": shown(f.severity, 20),
            "check": shown(f.check.replace("_", " "), 60),
            "column": shown(f.column, 60) if f.column is not None else "",
            "rows": f"{len(f.rows):,}" if f.rows else "all",
            "message": shown(f.message, 300),
            "fix": shown(f.fix, 300),
            "confidence": f"{100 * f.confidence:.0f} %",
        }
        for f in ranked[:MAX_LINES]
    ]
    counted = Counter((e.check, e.column, _action(e.before, e.after, e.column), e.safe) for e in run.edits)
    edits = [
        {
            "check": shown(check.replace("_", " "), 60),
            "column": shown(column, 60) if column is not None else "",
            "action": action,
            "count": f"{count:,}",
            "safe": "can be undone" if safe else "a judgement",
        }
        for (check, column, action, safe), count in counted.most_common(MAX_LINES)
    ]
    notes = list(dict.fromkeys([*run.source.notes, *run.train.notes, *run.notes]))
    return {
        "findings": findings,
        "more_findings": max(0, len(run.findings) - MAX_LINES),
        "edits": edits,
        "n_edits": f"{len(run.edits):,}",
        "rows_removed": f"{len({(e.table, e.row) for e in run.edits if e.column is None}):,}",
        "notes": [shown(note, 400) for note in notes[:MAX_LINES]],
    }


def _action(before: str | None, after: str | None, column: str | None) -> str:
    if column is None:
        return "row removed"
    if after is None:
        return "cell emptied"
    return "cell filled" if before is None else "cell changed"
