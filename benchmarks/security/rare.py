"""The rare protocol on attacks: do synthetic rows of a rare class beat class weights and duplication?

    python benchmarks/security/rare.py [r2l] [u2r] [zeek] [--seeds 10]

r2l, u2r
    NSL-KDD: the two rare families against all other rows, learned from KDDTrain+ and tested on KDDTest+. The attack's
    name is the kind within the family: rows of kinds that were among the examples, and of kinds that were not, are
    scored apart.
zeek
    A labelled Zeek conn.log of an infected machine. There the malicious connections are the many (719 of 766) and the
    harmless ones the few: the rare class is Benign. Times, identifiers and addresses are left out, which give the
    answer away. It has no test file: a third is held out.

The protocol is `seedstock prove --rare`, see `seedstock.proof.rare`: equal rows out, split before anything is learned,
two tuned classifiers, 5, 10, 20 and 50 real examples, ten random subsets.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from seedstock.api.proving import prove_rare

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
GENERATORS = ("copula", "forest")
PARTS = ("zeek", "u2r", "r2l")
LEFT_OUT = ["ts", "uid", "id.orig_h", "id.resp_h", "tunnel_parents"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=240.0)
    asked = parser.parse_args()
    for name in asked.parts or PARTS:
        found = zeek(asked) if name == "zeek" else nslkdd(name, asked)
        result = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "part": name,
            "machine": {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()},
            "versions": {n: version(n) for n in ("seedstock", "numpy", "scikit-learn")},
            **found,
        }
        file = HERE / "results" / f"{result['date']}-rare-{name}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(result, indent=1) + "\n")
        print(name, result["sentence"], flush=True)
        for arm in result["arms"]:
            print(
                f"  {arm['learner']:<9} {arm['n_rare']:>3} {arm['name']:<14} {arm['average_precision']:.3f}", flush=True
            )


def nslkdd(family: str, asked: Any) -> dict[str, Any]:
    train, test = (
        pd.read_parquet(DATA / f"nslkdd_{s}.parquet").drop(columns=["difficulty"]) for s in ("train", "test")
    )
    return _prove(train, "attack_class", family, asked, test, "label")


def zeek(asked: Any) -> dict[str, Any]:
    lines = (DATA / "zeek" / "conn_labeled.log").read_text("utf-8").splitlines()
    names = next(line for line in lines if line.startswith("#fields")).split("\t")[1:]
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    frame = pd.DataFrame(rows, columns=names).replace({"-": None, "(empty)": None})
    frame = frame[frame["label"] != "Unknown"].drop(columns=LEFT_OUT)
    for name in frame:
        number = pd.to_numeric(frame[name], errors="coerce")
        if number.notna().sum() == frame[name].notna().sum() > 0:
            frame[name] = number
    return _prove(frame, "label", "Benign", asked, None, "detailedlabel", (5, 10, 20))


def _prove(
    frame: Any,
    target: str,
    value: str,
    asked: Any,
    test: Any,
    subtype: str,
    examples: tuple[int, ...] = (5, 10, 20, 50),
) -> dict[str, Any]:
    shown = _Shown()
    return prove_rare(
        frame, target, value, test, subtype, GENERATORS, examples, asked.seeds, asked.minutes, seed=0, progress=shown
    )


class _Shown:
    """Progress as lines, for a log."""

    wants_estimate = False

    def stage(self, name: str, what: str = "") -> None:
        print(name, what, flush=True)

    def share(self, done: float) -> None:
        print(f"{done:.3f}", flush=True)

    def estimate(self, seconds: float, megabytes: float) -> None:
        pass


if __name__ == "__main__":
    main()
