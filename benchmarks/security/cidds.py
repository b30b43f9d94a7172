"""CIDDS flows: are common ports and addresses as common in drawn rows, and do drawn flows keep the rules of networks?

    python benchmarks/security/cidds.py [--generator forest] [--seed 0]

For each column of ports and addresses: Spearman's rank correlation of the counts of all values that at least five flows
have, real against drawn: of as many drawn flows as real ones, and of ten times as many, which takes away most of the
chance of drawing. The floor is what chance alone leaves: real flows against as many drawn from them with replacement,
as often. Addresses are those that Seedstock gives out in the place of the real ones.

Source: Ring et al. (2017), Flow-based benchmark data sets for intrusion detection (CIDDS-001).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

import seedstock
from seedstock.core.rng import Rng
from seedstock.core.table import Column
from seedstock.network.mask import mask
from seedstock.passing import pass_rates
from seedstock.settings import make_generator

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
COLUMNS = ("Src IP Addr", "Dst IP Addr", "Src Pt", "Dst Pt")
FEWEST, TIMES, BAR = 5, 10, 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="forest")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    masked = mask(seedstock.read(DATA / "cidds_flows_10k.csv"), bytes(range(32)))
    train = masked.data
    fitted = make_generator(asked.generator, None).fit(train, Rng(asked.seed).child("fit"))
    n = len(train.table)
    drawn = fitted.sample(TIMES * n, Rng(asked.seed).child("sample"))
    g = Rng(asked.seed).child("floor").generator()
    again = train.table.take(g.integers(n, size=TIMES * n))
    ranks = {
        name: {
            f"{what} {times}x": popularity(train.table[name], table[name].take(slice(0, times * n)))
            for times in (1, TIMES)
            for what, table in (("drawn", drawn.table), ("floor", again))
        }
        for name in COLUMNS
    }
    rates = pass_rates(fitted, (train,), drawn, Rng(asked.seed).child("rules"))
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "generator": asked.generator,
        "seed": asked.seed,
        "machine": {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()},
        "versions": {name: version(name) for name in ("seedstock", "numpy", "scikit-learn")},
        "bars": {"rank_correlation": BAR},
        "addresses": {k: v for k, v in masked.facts.items() if k != "key"},
        "rank_correlation": ranks,
        "rules": [{k: r[k] for k in ("text", "enforced", "passes")} for r in rates],
    }
    file = HERE / "results" / f"{result['date']}-cidds-{asked.generator}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def popularity(real: Column, other: Column) -> dict[str, Any]:
    """Return the rank correlation of the values' counts, and over how many values."""
    counts, others = (Counter(_values(c)) for c in (real, other))
    known = [v for v, n in counts.items() if n >= FEWEST]
    value = spearmanr([counts[v] for v in known], [others[v] for v in known]).statistic
    return {"value": float(value), "values": len(known)}


def _values(column: Column) -> list[Any]:
    here = ~column.missing
    return [v for v in column.texts() if v is not None] if column.is_text else column.values[here].tolist()


if __name__ == "__main__":
    main()
