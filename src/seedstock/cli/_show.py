"""Results as text for people: a verdict, tables of scores and findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seedstock.cli._door import printable, say

if TYPE_CHECKING:
    from seedstock.core.results import Finding
    from seedstock.outcomes import Judged

MAX_ROWS = 40


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[int] = ()) -> None:
    """Print a table. Cells are shown as text, whatever they contain."""
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for k, head in enumerate(heads):
        out.add_column(head, justify="right" if k in right else "left", overflow="fold")
    for row in rows:
        out.add_row(*(Text(printable(cell)) for cell in row))
    Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 140).print(out)


def traced(found: Mapping[str, Any]) -> None:
    """Print where data come from."""
    generation, share, p = found["generation"], found["synthetic_share"], found["p_value"]
    where = {None: "unauthenticated: no record, and nobody's word", 0: "real"}.get(
        generation, f"synthetic, generation {generation}"
    )
    say(f"Origin     {where}")
    if share is not None:
        interval = found.get("interval")
        within = f" ({interval[0]:.0%} to {interval[1]:.0%})" if interval else ""
        say(f"Synthetic  {share:.0%} of {found['rows']:,} rows{within}")
    if len(found["shares"]) > 1:
        say("Mixture    " + ", ".join(f"{share:.0%} {_generation(g)}" for g, share in found["shares"].items()))
    if p is not None:
        say(f"Mark       {'found' if found['watermark']['found'] else 'not found'}, p = {p:.2g}")
    if found["overlaps"]:
        table(
            ("registered", "equal rows", "near rows", "match %", "verdict", "direction"),
            [
                (o["name"], o["exact_rows"], o["near_rows"], o.get("match"), o.get("verdict"), o["direction"])
                for o in found["overlaps"]
            ],
            right=(1, 2, 3),
        )
    for sign in found["signs"]:
        say(printable(f"Sign       {sign['message']} (confidence {sign['confidence']:.0%})"))
    for line in (*found["marks"], *found["notes"]):
        say(printable(line if isinstance(line, str) else str(line.get("message", line))))


def _generation(name: str) -> str:
    return {"0": "real", "unauthenticated": "unauthenticated"}.get(name, f"synthetic of generation {name}")


def judged(result: Judged) -> None:
    """Print verdict and scores."""
    from seedstock.metrics._words import explain

    run = result.run
    say(f"Train on it: {run.verdict.train_on}.  Share it: {run.verdict.share}.")
    say(printable(run.verdict.sentence))
    marks = {True: "good", False: "short", None: "unknown"}
    table(
        ("", "synthetic", "real", "aim", ""),
        [
            (
                explain(s)[0],
                number(s.value),
                number(s.floor),
                {"low": "low", "high": "high", "half": "0.5"}[s.better],
                marks[s.ok] if s.good == s.good and abs(s.good) != float("inf") else "",
            )
            for s in run.scores
        ],
        right=(1, 2),
    )
    for line in run.verdict.watch[:5]:
        say(f"Watch: {printable(line)}")


def mended(result: Judged) -> None:
    """Print in one line what the checks found, and what was done about it."""
    run = result.run
    counts = Counter(f.check.replace("_", " ") for f in run.findings)
    if not counts:
        say("Found: nothing.")
        return
    found = ", ".join(f"{name} ({n})" if n > 1 else name for name, n in counts.items())
    rows = sum(e.column is None for e in run.edits)
    say(f"Found: {printable(found)}. Mended: {rows:,} rows removed, {len(run.edits) - rows:,} cells changed.")


def proven(facts: Mapping[str, Any]) -> None:
    """Print what a proof says: the sentence, and each learner's scores."""
    say(f"Synthesis {facts['advice']}. {facts['sentence']}")
    say(printable(facts["why"]))
    scores = {(a["learner"], a["n_real"], a["name"]): a["score"] for a in facts["arms"]}
    equal = {(e["learner"], e["n_real"]): e for e in facts["real_equivalents"]}
    table(
        ("learner", "real rows", "alone", "+ synthetic", "worth real rows", "of all real rows"),
        [
            (
                learner,
                f"{n:,}",
                number(scores[learner, n, "real"]),
                number(scores[learner, n, "chosen"]),
                f"{e['rows']:,} ({e['interval'][0]:,} to {e['interval'][1]:,})",
                number(scores[learner, facts["rows"]["pool"], "real"]),
            )
            for (learner, n), e in equal.items()
        ],
        right=(1, 2, 3, 4, 5),
    )
    shares = ", ".join(f"{k} {v:.0%}" for k, v in facts["gap_closed"].items() if v is not None)
    say(f"Score: {facts['measure']}. Gap to ten times as many real rows closed: {shares or 'there is no gap'}.")
    for line in facts["notes"]:
        say(printable(line))


def proven_rare(facts: Mapping[str, Any]) -> None:
    """Print what the protocol for rare situations says."""
    say(printable(facts["sentence"]))
    table(
        ("classifier", "examples", "beside them", "avg precision", "seen kinds", "new kinds", "false alarms"),
        [
            (a["learner"], a["n_rare"], a["name"], number(a["average_precision"]), *_known(a, "seen", "unseen"),
             number(a["false_alarms_at_50"]))
            for a in facts["arms"]
        ],
        right=(1, 3, 4, 5, 6),
    )  # fmt: skip
    unseen = facts.get("kinds", {}).get("test only")
    if unseen:
        say(printable(f"Kinds that the training rows never had, and nothing can bring back: {', '.join(unseen)}."))
    for line in facts["notes"]:
        say(printable(line))


def _known(values: Mapping[str, Any], *names: str) -> list[str]:
    return ["-" if values[n] is None else number(values[n]) for n in names]


def findings(found: Sequence[Finding]) -> None:
    """Print what the checks found, the gravest first."""
    if not found:
        say("Nothing was found.")
        return
    rank = {"high": 0, "medium": 1, "low": 2}
    ordered = sorted(found, key=lambda f: (rank[f.severity], -f.confidence))
    table(
        ("severity", "check", "column", "rows", "what", "what to do"),
        [(f.severity, f.check, f.column or "", len(f.rows) or "all", f.message, f.fix) for f in ordered[:MAX_ROWS]],
        right=(3,),
    )
    if len(ordered) > MAX_ROWS:
        say(f"and {len(ordered) - MAX_ROWS} more; --json lists all.")


def number(value: float) -> str:
    """Return a score for people.

    >>> number(0.91234), number(float("nan"))
    ('0.912', '-')
    """
    return "-" if value != value else f"{value:.3g}"
