"""The verdict on a mechanistic model, in words and pictures: a part of grow's report, and a page of its own."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seedstock.report.plots import bands, pairs, ranks
from seedstock.report.text import number, shown
from seedstock.store import file_in_place

_HERE = Path(__file__).parent


def mechanism(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows of one judged model.

    Parameters
    ----------
    one : mapping
        As `seedstock.physics.explanation.Explanation.to_json` makes it, with ``pictures``.
    """
    drawn = one.get("pictures") or {}
    calibration = one.get("calibration") or {}
    held, base = one.get("heldout_score"), one.get("baseline_score")
    failing = 0.05 / max(len(one.get("p_values", {})), 1)
    return {
        "name": shown(one["name"]),
        "verdict": one["verdict"],
        "tone": "good" if one["verdict"] == "explains" else "bad",
        "why": shown(one["why"], 1_200),
        "equations": shown(one.get("equations", ""), 600),
        "method": shown(one.get("method", "")),
        "parameters": [
            {"name": shown(name), **{k: number(v.get(k)) for k in ("mean", "sd", "q05", "median", "q95")}}
            for name, v in one.get("parameters", {}).items()
        ],
        "checks": [
            {"name": shown(name), "p": number(p), "ok": p >= failing} for name, p in one.get("p_values", {}).items()
        ],
        "held": None if held is None else {
            "measure": shown(one.get("heldout_measure", "")), "score": number(held), "base": number(base),
        },
        "notes": [shown(note, 400) for note in one.get("notes", ())],
        "bands": [
            {"name": shown(name), "picture": bands(b, drawn["time"])} for name, b in drawn.get("bands", {}).items()
        ],
        "pairs": pairs(drawn["pairs"]) if drawn.get("pairs") else Markup(""),
        "ranks": [
            {"name": shown(name), "picture": ranks(r, calibration["draws"]), "p": number(calibration["ks_p"].get(name)),
             "covered": number(100 * calibration["coverage90"][name])}
            for name, r in calibration.get("ranks", {}).items()
        ],
        "runs": calibration.get("runs", 0),
    }  # fmt: skip


def page(found: Mapping[str, Any], version: str = "") -> str:
    """Return the judged models of ``seedstock physics explain`` as one HTML page that needs nothing else.

    >>> one = {"name": "decay", "verdict": "does not explain", "why": "too few rows", "parameters": {}, "p_values": {}}
    >>> "does not explain" in page({"source": "data.csv", "rows": 3, "models": [one]})
    True
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    css = (_HERE / "assets" / "style.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    name = str(found["source"]).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return environment.get_template("explain.html").render(
        policy=policy, css=Markup(css), name=shown(name, 80), rows=found["rows"],
        models=[mechanism(one) for one in found["models"]], sentence=_sentence(found["models"]), version=version,
    )  # fmt: skip


def _sentence(models: Sequence[Mapping[str, Any]]) -> str:
    """Return the answer over all models in one sentence.

    >>> _sentence([{"name": "sir", "verdict": "explains"}, {"name": "seir", "verdict": "does not explain"}])
    'sir explains these data; 1 other model does not.'
    """
    good = [shown(m["name"]) for m in models if m["verdict"] == "explains"]
    rest = len(models) - len(good)
    if not good:
        return "None of these models explains the data." if rest > 1 else "This model does not explain the data."
    verb = "explains" if len(good) == 1 else "explain"
    others = "" if not rest else f"; {rest} other model{'s do' if rest > 1 else ' does'} not"
    return f"{', '.join(good)} {verb} these data{others}."


def save_page(found: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write `page` as one file."""
    from seedstock.report.build import product_version

    text = page(found, product_version())
    file_in_place(path, lambda new: new.write_text(text, "utf-8"))
