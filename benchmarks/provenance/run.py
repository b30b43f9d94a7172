"""The mark, the register and the guard against their bars, on the census and other real tables.

`run.py PART ...` runs single parts (mark, null, curves, fidelity, register, hundred, trace, images), and all of them by
default. Each part replaces its own entry of today's result file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from analysis import one_bit_power, rows_needed
from image_marks import part_images
from registers import part_hundred, part_register
from scipy.stats import binomtest

from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.schema import Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators.forest import Forest
from seedstock.metrics.detection import Detection
from seedstock.metrics.shapes import Shapes
from seedstock.metrics.trends import Trends
from seedstock.metrics.utility import Utility
from seedstock.provenance.detect import detect
from seedstock.provenance.register import Register
from seedstock.provenance.trace import trace
from seedstock.provenance.watermark import mark
from seedstock.sources.read import read
from seedstock.sources.write import write

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
SEED = 20_240_717
SMALL = (
    "shoppers_train.parquet",
    "cidds_flows_10k.csv",
    "small/german_credit.csv",
    "small/pima_diabetes.csv",
    "small/breast_cancer_ljubljana.csv",
    "small/heart_disease_orange.csv",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART")
    for name in parser.parse_args().parts or list(PARTS):
        start = time.perf_counter()
        found = PARTS[name]()
        found["seconds"] = round(time.perf_counter() - start, 1)
        store(name, found)
        print(json.dumps({name: found}, indent=1))


def store(name: str, found: dict[str, Any]) -> None:
    file = HERE / "results" / f"{datetime.date.today().isoformat()}.json"
    value = json.loads(file.read_text()) if file.exists() else {}
    value["machine"] = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    value[name] = found
    file.write_text(json.dumps(value, indent=1) + "\n")


def census() -> tuple[Dataset, Dataset]:
    return (
        read(DATA / "adult_train.csv", target="income"),
        read(DATA / "adult_test.csv", target="income"),
    )


def key_of(k: int) -> bytes:
    return (SEED + k).to_bytes(32, "big")


def stack(data: Dataset, *tables: Table) -> Dataset:
    return data.with_table(Table.concat(tables))


# --- the mark ---


def part_mark() -> dict[str, Any]:
    """True positives at 150 rows, after attacks on 5,000 rows, and in a mixture; a key of its own for each try."""
    train, _ = census()
    model = Forest().fit(train, Rng(SEED))
    tries = int(os.environ.get("TRIES", "100"))
    g = np.random.default_rng(SEED)
    hits: dict[str, list[float]] = {}
    shares: list[float] = []
    covered = 0
    names = train.table.names
    for k in range(tries):
        key = key_of(k)
        marked = mark(model, key).sample(5_000, Rng(k))
        hits.setdefault("150 rows, at 0.1 %", []).append(detect(marked.take(slice(0, 150)), key).p_value)
        for attack, (change, layouts) in attacks(g, names).items():
            hits.setdefault(attack, []).append(detect(change(marked), key, layouts).p_value)
        few = mark(model, key).sample(2_000, Rng(k))
        real = train.take(g.permutation(len(train.table))[:18_000])
        found = detect(stack(few, few.table, real.table), key)
        hits.setdefault("10 % of 20,000 rows, at 0.1 %", []).append(found.p_value)
        shares.append(found.share if found.share is not None else 0.0)
        covered += found.interval is not None and found.interval[0] <= 0.1 <= found.interval[1]
    rates = {
        what: {
            "found": float(np.mean(np.array(p) <= (1e-3 if "0.1 %" in what else 1e-2))),
            "median_p": float(np.median(p)),
        }
        for what, p in hits.items()
    }
    share = np.array(shares)
    return {
        "tries": tries,
        "power": rates,
        "share_of_10_percent": {
            "mean": float(share.mean()),
            "sd": float(share.std()),
            "within_3_points": float((np.abs(share - 0.1) <= 0.03).mean()),
            "interval_covers": covered / tries,
        },
        "bars": {"150 rows, at 0.1 %": 0.99, "attacks, at 1 %": 0.90},
    }


Change = Callable[[Dataset], Dataset]


def attacks(g: np.random.Generator, names: list[str]) -> dict[str, tuple[Change, list[list[str]]]]:
    def half(d: Dataset) -> Dataset:
        return d.take(g.permutation(len(d.table))[: len(d.table) // 2])

    def select(d: Dataset, kept: list[str]) -> Dataset:
        schema = Schema({d.name: TableSchema({c: d.columns[c] for c in kept})})
        return Dataset({d.name: d.table.select(kept)}, schema)

    def shuffle(d: Dataset) -> Dataset:
        return select(d.take(g.permutation(len(d.table))), list(g.permutation(d.table.names)))

    def drop(d: Dataset) -> Dataset:
        lost = set(g.permutation(d.table.names)[:3])
        return select(d, [c for c in d.table.names if c not in lost])

    def rounded(d: Dataset, how: Callable[[float], float]) -> Dataset:
        new = {}
        for c in d.table:
            col = d.table[c]
            if not col.is_text and d.columns[c].kind == "number":
                values = np.array([how(v) for v in col.values.astype(float)])
                new[c] = Column(values.astype(col.values.dtype), col.missing)
        return d.with_table(d.table.assign(new))

    def rewrite(d: Dataset) -> Dataset:
        new = {}
        for c in d.table:
            rows = np.arange(len(d.table))
            hit = g.random(len(rows)) < 0.1
            rows[hit] = g.permutation(len(rows))[hit]
            new[c] = d.table[c].take(rows)
        return d.with_table(d.table.assign(new))

    def csv(d: Dataset) -> Dataset:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rows.csv"
            write(d, file)
            return read(file)

    def digits(d: Dataset) -> Dataset:
        return rounded(d, lambda v: float(f"{v:.2g}"))

    def tens(d: Dataset) -> Dataset:
        return rounded(d, lambda v: round(v / 10) * 10)

    def together(d: Dataset) -> Dataset:
        return csv(rewrite(digits(drop(shuffle(half(d))))))

    return {
        "as drawn": (lambda d: d, []),
        "half the rows deleted": (half, []),
        "rows and columns shuffled": (shuffle, []),
        "3 of 15 columns dropped": (drop, []),
        "3 of 15 columns dropped, layout known from the key file": (drop, [names]),
        "numbers to 2 digits": (digits, []),
        "numbers to tens": (tens, []),
        "10 % of the cells rewritten": (rewrite, []),
        "CSV round trip": (csv, []),
        "all of it at once": (together, []),
        "all of it at once, layout known from the key file": (together, [names]),
    }


def part_null() -> dict[str, Any]:
    """False alarms on 10,000 draws of real tables, each with a key of its own, and with keys that stay."""
    tables = [census()[0], census()[1]]
    for name in SMALL:
        tables.append(read(DATA / name))
    draws = int(os.environ.get("DRAWS", "10000"))
    g = np.random.default_rng(SEED)
    p = np.empty(draws)
    sizes = [50, 150, 500, 2_000]
    for k in range(draws):
        data = tables[k % len(tables)]
        rows = g.permutation(len(data.table))[: sizes[(k // len(tables)) % 4]]
        # Every second draw keeps one of eight keys, as a project does.
        key = key_of(10**6 + k) if k % 2 else key_of(10**7 + (k // 2) % 8)
        p[k] = detect(data.take(rows), key, threshold=0.0).p_value
    out: dict[str, Any] = {"draws": draws, "tables": len(tables)}
    for alpha in (0.1, 0.05, 0.01, 0.001):
        count = int((p <= alpha).sum())
        test = binomtest(count, draws, alpha, alternative="greater")
        out[f"alarms at {alpha}"] = {"count": count, "rate": count / draws, "p_of_more_than_allowed": test.pvalue}
    return out


def part_curves() -> dict[str, Any]:
    """Power by rows beside the analysis of one fair bit a row: 1 - 2^-m ones among all rows that are marked."""
    train, _ = census()
    model = Forest().fit(train, Rng(SEED))
    tries = int(os.environ.get("TRIES", "60"))
    g = np.random.default_rng(1)
    out: dict[str, Any] = {}
    grid = {1.0: (12, 24, 50, 75, 105, 150), 0.5: (50, 141, 250, 457, 700), 0.1: (1_000, 3_819, 8_000, 11_721)}
    for m in (2, 4):
        for share, sizes in grid.items():
            for n in sizes:
                found = 0
                for k in range(tries if n < 3_000 else tries // 3):
                    marked = mark(model, key_of(k), candidates=m).sample(max(1, round(n * share)), Rng(1_000 + k))
                    real = train.table.take(g.permutation(len(train.table))[: n - len(marked.table)])
                    found += detect(stack(marked, marked.table, real), key_of(k), threshold=0.0).p_value <= 1e-3
                out[f"m={m} share={share:g} rows={n}"] = {
                    "found": found / (tries if n < 3_000 else tries // 3),
                    "analysis": one_bit_power(n, m, share),
                }
    needed = {f"m={m} share={s:g}": rows_needed(m, s) for m in (2, 4) for s in grid}
    return {"power_at_0.1_percent": out, "analysis_rows_for_99_percent": needed, "tries": tries}


def part_fidelity() -> dict[str, Any]:
    """Scores with and without the mark, over seeds: the difference of the means beside the spread over seeds."""
    train, test = census()
    model = Forest().fit(train, Rng(SEED))
    seeds = int(os.environ.get("SEEDS", "6"))
    scores: dict[str, dict[str, list[float]]] = {}
    for k in range(seeds):
        for what, own in (("plain", model), ("marked", mark(model, key_of(k)))):
            start = time.perf_counter()
            drawn = own.sample(len(train.table), Rng(k))
            scores.setdefault("seconds", {}).setdefault(what, []).append(time.perf_counter() - start)
            evidence = Evidence(train, test, drawn)
            for metric in (Shapes(), Trends(), Detection(), Utility()):
                for s in metric(evidence, Rng(k)):
                    scores.setdefault(s.name, {}).setdefault(what, []).append(s.value)
    out = {}
    seconds = {what: float(np.mean(v)) for what, v in scores.pop("seconds").items()}
    for name, both in scores.items():
        a, b = np.array(both["plain"]), np.array(both["marked"])
        sd = float(np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2))
        out[name] = {
            "plain": float(a.mean()),
            "marked": float(b.mean()),
            "difference": float(b.mean() - a.mean()),
            "standard_error": sd * np.sqrt(2 / seeds),
            "sd_over_seeds": sd,
            "within": bool(abs(b.mean() - a.mean()) < sd),
        }
    return {"seeds": seeds, "rows": len(train.table), "sample_seconds": seconds, "scores": out}


# --- the register ---


def part_trace() -> dict[str, Any]:
    """The verdicts on real tables: copies, edits, another sample of one population, grown rows, other tables."""
    train, test = census()
    ref = train.take(slice(0, 16_000))
    model = Forest().fit(ref, Rng(SEED))
    out: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        book = Register(Path(folder) / "register.sqlite")
        book.add(ref, "ref")
        g = np.random.default_rng(0)
        how = attacks(g, ref.table.names)
        cases = {
            "same": ref,
            "half of it": ref.take(slice(0, 8_000)),
            "columns and rows shuffled": how["rows and columns shuffled"][0](ref),
            "CSV round trip": how["CSV round trip"][0](ref),
            "3 columns dropped": how["3 of 15 columns dropped"][0](ref),
            "numbers to 2 digits": how["numbers to 2 digits"][0](ref),
            "10 % of the cells rewritten": how["10 % of the cells rewritten"][0](ref),
            "another sample of the same population": train.take(slice(16_000, 32_000)),
            "official test set": test,
            "rows grown from it": mark(model, key_of(1)).sample(16_000, Rng(1)),
            "shoppers (unrelated)": read(DATA / "shoppers_train.parquet"),
        }
        for what, data in cases.items():
            start = time.perf_counter()
            found = trace(data, register=book)["overlaps"]
            keep = ("exact_rows", "near_rows", "direction", "match", "verdict")
            out[what] = {k: found[0][k] for k in keep} if found else None
            if found:
                out[what]["seconds"] = round(time.perf_counter() - start, 3)
    return out


# --- images ---


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "mark": part_mark,
    "null": part_null,
    "curves": part_curves,
    "fidelity": part_fidelity,
    "register": part_register,
    "hundred": part_hundred,
    "trace": part_trace,
    "images": lambda: part_images(key_of, DATA),
}

if __name__ == "__main__":
    sys.exit(main())
