"""What was found, dropped or changed, and why: summed up, because single cells may be private."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seedstock.core.results import Finding
from seedstock.report.text import label, shown

if TYPE_CHECKING:
    from seedstock.core.results import Edit
    from seedstock.pipeline import Run

MAX_LINES = 200
SEVERITIES = {"high": 0, "medium": 1, "low": 2}
TONES = {"high": "bad", "medium": "off"}
"""Severity -> the class of its pill."""


def changes(run: Run) -> dict[str, Any]:
    """Return the lines of the findings, of the edits (one a check, column and kind of change) and the notes."""
    ranked = sorted(run.findings, key=lambda f: (SEVERITIES.get(f.severity, 3), -f.confidence))
    findings = [
        {
            "severity": shown(f.severity, 20),
            "check": shown(f.check.replace("_", " "), 60),
            "column": label(f.column, 60) if f.column is not None else "",
            "rows": f"{len(f.rows):,}" if f.rows else "all",
            "message": shown(f.message, 300),
            "fix": shown(f.fix, 300),
            "confidence": f"{100 * f.confidence:.0f} %",
        }
        for f in ranked[:MAX_LINES]
    ]
    reasons: defaultdict[tuple[str, str | None, str, bool], Counter[str]] = defaultdict(Counter)
    for e in run.edits:
        reasons[e.check, e.column, _action(e.before, e.after, e.column), e.safe][_general(e)] += 1
    ordered = sorted(reasons.items(), key=lambda item: -item[1].total())
    edits = [
        {
            "check": shown(check.replace("_", " "), 60),
            "column": label(column, 60) if column is not None else "",
            "action": action,
            "count": f"{whys.total():,}",
            "why": _reason(whys),
            "safe": "can be undone" if safe else "a judgement",
        }
        for (check, column, action, safe), whys in ordered[:MAX_LINES]
    ]
    rules = [
        {
            "text": shown(rule.get("text", ""), 200),
            "support": f"{int(rule.get('support', 0)):,}",
            "violations": f"{int(rule.get('violations', 0)):,}",
            "source": _source(rule),
            **{k: _rate((rule.get("passes") or {}).get(k)) for k in ("real", "synthetic", "unenforced")},
            "kept": "kept" if rule.get("enforced", True) else "left: real rows break it",
        }
        for rule in run.model.get("rules", ())
    ]
    rules.sort(key=lambda r: r["kept"] == "kept")
    notes = list(dict.fromkeys([*run.source.notes, *run.train.notes, *run.notes]))
    removed = len({(e.table, e.row) for e in run.edits if e.column is None})
    return {
        "damage": [damage_line(d.to_json()) for d in run.damage],
        "findings": findings,
        "more_findings": max(0, len(run.findings) - MAX_LINES),
        "edits": edits,
        "summary": f"{_count(len(run.edits), 'edit')} before learning, {_count(removed, 'row')} removed",
        "rules": rules[:MAX_LINES],
        "more_rules": max(0, len(rules) - MAX_LINES),
        "notes": [shown(note, 400) for note in notes[:MAX_LINES]],
    }


def _source(rule: Mapping[str, Any]) -> str:
    if rule.get("declared"):
        return "declared"
    return "the field" if rule.get("kind") in ("bounds", "at_least", "admits") else "found"


def _rate(share: object) -> str:
    """Return a share in percent; what is not all is never shown as all."""
    if not isinstance(share, float):
        return ""
    if share >= 1:
        return "100 %"
    return f"{100 * share:.4g} %" if share < 0.9999 else f"{min(100 * share, 99.999):.3f} %"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _general(edit: Edit) -> str:
    """Return the edit's reason, or nothing where it quotes the cell: that may be private."""
    return "" if any(cell and cell in edit.why for cell in (edit.before, edit.after)) else edit.why


def _reason(whys: Counter[str]) -> str:
    known = Counter({why: count for why, count in whys.items() if why})
    if not known:
        return "differs from cell to cell"
    more = len(whys) - 1
    return shown(known.most_common(1)[0][0], 200) + (f" (and {more:,} other reasons)" if more else "")


def _action(before: str | None, after: str | None, column: str | None) -> str:
    if column is None:
        return "row removed"
    if after is None:
        return "cell emptied"
    return "cell filled" if before is None else "cell changed"


def found_in(findings: Sequence[Finding]) -> dict[str, list[tuple[str, str]]]:
    """Return for each column the kinds of its findings, gravest first: (kind, severity).

    >>> f = Finding("outliers", "t", "x", (1,), "low", 0.9, "m", "f")
    >>> found_in([f, f])
    {'x': [('outliers', 'low')]}
    """
    out: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for f in sorted(findings, key=lambda f: SEVERITIES.get(f.severity, 3)):
        if f.column is not None:
            out[f.column].setdefault(f.check.replace("_", " "), f.severity)
    return {column: list(kinds.items()) for column, kinds in out.items()}


def damage_line(d: Mapping[str, Any]) -> dict[str, Any]:
    """Return what one kind of contamination costs a model, as a line of a table."""
    low, high = d["interval"]
    return {
        "check": shown(str(d["check"]).replace("_", " "), 60),
        "rows": f"{d['rows']:,}",
        "points": f"{d['points']:+.2f}",
        "interval": f"{low:+.2f} to {high:+.2f}",
        "advice": shown(d["advice"], 200),
        "tone": "bad" if low > 0 else "none",
    }
