"""The data card: a record in words, for people who decide whether to use the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seedstock.provenance.croissant import describe, responsible
from seedstock.provenance.guard import MIN_REAL
from seedstock.provenance.record import FORMAT
from seedstock.report.text import number, shown

MAX_SOURCES = 20
_FIELDS = {
    "rai:dataCollection": "How the rows came about",
    "rai:dataLimitations": "Limitations",
    "rai:dataBiases": "Biases",
    "rai:dataUseCases": "Made for",
    "rai:personalSensitiveInformation": "Persons",
    "rai:dataSocialImpact": "Social impact",
    "rai:dataReleaseMaintenancePlan": "Maintenance",
}
Line = tuple[str, str]


def data_card(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the lines of a data card, as safe texts; None where there is no record of Seedstock's.

    Returns
    -------
    dict or None
        ``summary`` (a sentence or two) and ``parts``: titles with their lines, each a name and a text.

    Examples
    --------
    >>> from seedstock.provenance.record import record
    >>> card = data_card(record([{"name": "a.csv", "declared": "real"}], {}, "forest", {"trees": 9}, 1))
    >>> [title for title, _ in card["parts"]]
    ['Sources', 'Making', 'Responsible use']
    """
    if record.get("format") != FORMAT:
        return None
    parts = [("Sources", _sources(record)), ("Making", _making(record)), ("Responsible use", _responsible(record))]
    return {"summary": shown(describe(record), 600), "parts": parts}


def _sources(record: Mapping[str, Any]) -> list[Line]:
    parents: Sequence[Mapping[str, Any]] = record.get("parents") or ()
    lines = [(shown(p.get("name", "unnamed data"), 80), _source(p)) for p in parents[:MAX_SOURCES]]
    if len(parents) > MAX_SOURCES:
        lines.append(("and", f"{len(parents) - MAX_SOURCES:,} more sources, all in run.json"))
    shares = record.get("shares") or {}
    if shares:
        words = ", ".join(f"{number(100 * share)} % {_generation(g)}" for g, share in shares.items())
        lines.append(("What was learned from", shown(words, 300)))
    return lines


def _source(parent: Mapping[str, Any]) -> str:
    words = []
    if isinstance(parent.get("rows"), int):
        words.append(f"{parent['rows']:,} rows")
    generation = parent.get("generation")
    words.append(_generation("unauthenticated" if generation is None else str(generation)))
    if generation == 0 and parent.get("declared"):
        words.append("by the user's word")
    for name, title in (("sha256", "SHA-256"), ("content", "content")):
        if parent.get(name):
            words.append(f"{title} {str(parent[name])[:16]}…")
            break
    words += [str(b) for b in parent.get("broken", [])]
    return shown("; ".join(words), 300)


def _generation(name: str) -> str:
    words = {"0": "real (generation 0)", "unauthenticated": "unauthenticated: no record, and nobody's word for it"}
    return words.get(name, f"synthetic (generation {name})")


def _making(record: Mapping[str, Any]) -> list[Line]:
    generator = record.get("generator") or {}
    settings = ", ".join(f"{k} {v}" for k, v in (generator.get("settings") or {}).items()) or "none"
    edits = record.get("edits") or {}
    by_check = ", ".join(f"{k.replace('_', ' ')} {v:,}" for k, v in (edits.get("by_check") or {}).items())
    mended = f"{edits.get('count', 0):,} edits, {edits.get('rows_removed', 0):,} of them rows removed"
    mark = record.get("watermark") or {}
    marked = f"keyed, one of {mark.get('candidates')} candidate rows kept; key {mark.get('key')}"
    versions = ", ".join(f"{k} {v}" for k, v in (record.get("versions") or {}).items())
    lines = [
        ("Generation", f"{record.get('generation')} (0 is real, 1 is grown from real, 2 from grown)"),
        (
            "Origin authenticated",
            "yes" if record.get("authenticated") else "no: the generation is the least it can be",
        ),
        ("Cleaned before", mended + (f": {by_check}" if by_check else "")),
        ("Generator", f"{generator.get('name')}, seed {generator.get('seed')}"),
        ("Settings", settings),
        ("Mark in the values", marked if mark.get("on") else f"none: {mark.get('why', 'off')}"),
        ("Versions", versions),
        ("Seal", f"{str(record.get('seal', ''))[:16]}…"),
    ]
    rules = [(f"Rule overridden (least real share {MIN_REAL:.0%})", f"{o.get('rule')} Reason given: {o.get('reason')}")
             for o in record.get("overrides") or ()]  # fmt: skip
    return [(shown(name, 80), shown(text, 600)) for name, text in lines + rules]


def _responsible(record: Mapping[str, Any]) -> list[Line]:
    said = responsible(record)
    out = []
    for field, title in _FIELDS.items():
        value = said.get(field, "")
        text = value if isinstance(value, str) else (", " if field == "rai:dataUseCases" else " ").join(map(str, value))
        out.append((title, shown(text, 600)))
    return out
