"""The rows of the report's section on rare situations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedstock.report.text import label, shown

if TYPE_CHECKING:
    from seedstock.pipeline import Run

FEW = 30
MAX_LISTED = 50


def rare_situations(run: Run) -> list[dict[str, Any]]:
    """Return one line a situation that was asked for: what stands behind it, how new its rows are, how plausible."""
    drawn = run.record.get("drawn") or {}
    near = {s["what"]: s.get("near_the_examples") for s in drawn.get("shares", ())}
    out = []
    for s in list(drawn.get("situations", ()))[:MAX_LISTED]:
        own = near.get(s["what"])
        how = "from the model of all rows"
        if own is not None:
            how = f"near the examples in {', '.join(label(c, 30) for c in own)}" if own else "no column separates it"
        out.append(
            {
                "what": shown(s["what"], 120),
                "real": f"{s['real_rows']:,}",
                "few": s["real_rows"] < FEW,
                "drawn": f"{s['drawn_rows']:,}",
                "novelty": "-" if s["novelty"] is None else f"{s['novelty']:.2f}",
                "copies": "-" if s["copies"] is None else f"{100 * s['copies']:.1f} %",
                "plausibility": _percent(s["plausibility"]),
                "plausibility_real": _percent(s["plausibility_real"]),
                "how": how,
            }
        )
    return out


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"
