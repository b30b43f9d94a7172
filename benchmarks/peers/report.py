"""The dated files: DATE.json with everything, DATE.md with one table a data set, the best of each row in bold."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cell = dict[str, Any]
FLOOR = "real rows"
REFERENCES = (FLOOR, "bootstrap")
"""Shown, never in bold: they hand out real rows."""


def _score(name: str) -> Callable[[Cell], float | None]:
    return lambda cell: cell.get("scores", {}).get(name)


def _sum(*names: str) -> Callable[[Cell], float | None]:
    return lambda cell: sum(cell[n] for n in names) if all(n in cell for n in names) else None


def _over(limit: float) -> Callable[[float, Cell], float]:
    # Below the limit nothing leaks, so being further below is not better.
    return lambda value, cell: max(limit, value)


def _low(value: float, cell: Cell) -> float:
    return value


def _high(value: float, cell: Cell) -> float:
    return -value


def _beyond_holdout(value: float, cell: Cell) -> float:
    return max(value, cell["scores"]["copies_holdout"])


ROWS: tuple[tuple[str, str, Callable[[Cell], float | None], Callable[[float, Cell], float]], ...] = (
    ("shape error, %", ".2f", _score("shape_error"), _low),
    ("trend error, %", ".2f", _score("trend_error"), _low),
    ("C2ST against train (XGBoost; 1 is best)", ".3f", _score("c2st"), _high),
    ("AUC against holdout (LightGBM; 0.5 is best)", ".3f", _score("holdout_auc"), _over(0.5)),
    ("AUC of a model trained on it (real: {trtr})", ".3f", _score("tstr_auc"), _high),
    ("nearest-neighbour share (0.5 is best)", ".3f", _score("nearest_share"), _over(0.5)),
    ("membership AUC (0.5 is best)", ".3f", _score("membership_auc"), _over(0.5)),
    ("exact copies of training rows, % (holdout: {copies})", ".2f", _score("copies"), _beyond_holdout),
    ("fit, s", ".1f", _sum("fit_seconds"), _low),
    ("draw, s", ".1f", _sum("sample_seconds"), _low),
    ("processor time of both, s", ".1f", _sum("fit_cpu_seconds", "sample_cpu_seconds"), _low),
    ("peak memory, MiB", ",.0f", _sum("peak_mib"), _low),
    ("installed, MB", ",.0f", _sum("install_mb"), _low),
)


def write(found: dict[str, Any], folder: Path) -> Path:
    """Write both files of today, and return the one to read."""
    folder.mkdir(parents=True, exist_ok=True)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    (folder / f"{today}.json").write_text(json.dumps({"date": today} | found, indent=1, sort_keys=True) + "\n")
    path = folder / f"{today}.md"
    path.write_text(page(found, today))
    print(path)
    return path


def page(found: dict[str, Any], today: str) -> str:
    machine = found["machine"]
    lines = [
        f"# The comparison of {today}",
        "",
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Python {machine['python']}; "
        f"{_conditions(found)}; seed {found['seed']}; default settings of every peer; no GPU.",
        "",
        "**Bold**: best of the row among the generators, ties as printed. Not ranked: *real rows* (one half of the "
        "holdout judged as if it were synthetic, against the other half) and *bootstrap* (training rows drawn again, "
        "so perfect in fidelity and worthless in privacy).",
    ]
    for name, table in found["tables"].items():
        lines += ["", f"## {name}: {table['rows']:,} rows x {table['columns']} columns, holdout "
                  f"{table['holdout_rows']:,}, target `{table['target']}`", ""]  # fmt: skip
        lines += _table(table["cells"], found)
    lines += ["", "## Versions", ""]
    for name, facts in found["environments"].items():
        if facts is not None:
            asked = _main_versions(facts["versions"])
            lines.append(f"- {name}: {asked}; {facts['install_mb']:,.0f} MB")
    revisions = sorted(
        {c["revision"] for t in found["tables"].values() for c in t["cells"].values() if "revision" in c}
    )
    if revisions:
        lines.append(f"- seedstock's commit: {', '.join(revisions)}")
    return "\n".join(lines) + "\n"


def _table(cells: dict[str, Cell], found: dict[str, Any]) -> list[str]:
    names = [n for n in [*found["peers"], FLOOR] if n in cells]
    names.sort(key=lambda n: n in REFERENCES)
    done = {n: _sized(n, cells[n], found) for n in names if cells[n]["status"] == "ok"}
    if not done:
        return ["No cell is done."]
    first = next(iter(done.values()))["scores"]
    facts = {"trtr": f"{first['trtr_auc']:.3f}", "copies": f"{first['copies_holdout']:.2f}"}
    real = next((c for n, c in done.items() if n not in REFERENCES), None)
    if real is not None:
        facts = {"trtr": f"{real['scores']['trtr_auc']:.3f}", "copies": f"{real['scores']['copies_holdout']:.2f}"}
    lines = ["| | " + " | ".join(done) + " |", "|---|" + "---:|" * len(done)]
    for title, form, value_of, rank in ROWS:
        values = {n: value_of(c) for n, c in done.items()}
        shown = {n: "" if v is None else format(v, form) for n, v in values.items()}
        ranks = {n: format(rank(v, done[n]), form) for n, v in values.items() if v is not None and n not in REFERENCES}
        best = min(ranks.values(), key=lambda text: float(text.replace(",", "")), default=None)
        marked = [f"**{text}**" if n in ranks and ranks[n] == best else text for n, text in shown.items()]
        lines.append(f"| {title.format(**facts)} | " + " | ".join(marked) + " |")
    missing = [f"- {n}: {cells[n]['status']}: {cells[n].get('reason', '')}" for n in names if n not in done]
    missing += [f"- {n}: not run yet" for n in found["peers"] if n not in cells]
    return [*lines, *([""] if missing else []), *missing]


def _sized(name: str, cell: Cell, found: dict[str, Any]) -> Cell:
    environment = found["peers"].get(name, {}).get("environment")
    facts = found["environments"].get(environment) if environment else None
    return cell if facts is None else cell | {"install_mb": facts["install_mb"]}


def _conditions(found: dict[str, Any]) -> str:
    cells = [c for t in found["tables"].values() for c in t["cells"].values() if "load" in c]
    if not cells:
        return "nothing was run"
    threads = sorted({c["threads"] for c in cells})
    loads = sorted(c["load"] for c in cells)
    limits = sorted({c["minutes"] for c in cells})
    return (
        f"{'/'.join(map(str, threads))} thread(s) a cell, limit {'/'.join(f'{m:g}' for m in limits)} minutes a cell, "
        f"machine's load average when a cell began {loads[0]:.1f} to {loads[-1]:.1f}"
    )


def _main_versions(versions: dict[str, str]) -> str:
    named = ("seedstock", "sdv", "ctgan", "copulas", "mostlyai-engine", "arfpy", "imbalanced-learn", "torch",
             "xgboost-cpu", "lightgbm", "scikit-learn", "numpy", "pandas", "duckdb")  # fmt: skip
    return ", ".join(f"{n} {versions[n]}" for n in named if n in versions)
