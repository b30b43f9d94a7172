"""Physical models against their bars: published posteriors, exact answers, calibration, verdicts, simulations, peaks.

    python benchmarks/physics/run.py [published|exact|calibration|verdicts|likelihood_free|extrapolation ...]

Each part writes its numbers into ``results/DATE.json``, beside those of the other parts of that day.
"""

from __future__ import annotations

import datetime
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PARTS = ("published", "exact", "calibration", "verdicts", "likelihood_free", "extrapolation")


def main(asked: list[str]) -> int:
    unknown = [name for name in asked if name not in PARTS]
    if unknown:
        print(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    sys.path.insert(0, str(HERE))
    short = 0
    for name in asked or PARTS:
        start = time.perf_counter()
        found = importlib.import_module(name).run()
        write(name, {**found, "seconds": round(time.perf_counter() - start, 1), **machine()})
        for bar in found["bars"]:
            short += not bar["ok"]
            print(
                f"{'ok   ' if bar['ok'] else 'SHORT'} {name}: {bar['name']} = {bar['value']:.4g} ({bar['bar']})",
                flush=True,
            )
    return 1 if short else 0


def bar(name: str, value: float, rule: str, limit: float) -> dict[str, Any]:
    """Return one measured number beside what it must reach."""
    ok = value <= limit if rule == "<=" else value >= limit
    return {"name": name, "value": float(value), "bar": f"{rule} {limit:g}", "ok": bool(ok)}


def machine() -> dict[str, Any]:
    from importlib.metadata import version
    from importlib.util import find_spec

    extra = ("sbi", "torch") if find_spec("sbi") else ()
    own = {name: version(name) for name in ("numpy", "scipy", "scikit-learn", *extra)}
    return {"python": platform.python_version(), "versions": own, "machine": platform.machine(), "cpus": os.cpu_count()}


def write(part: str, found: dict[str, Any]) -> None:
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    file = folder / f"{datetime.date.today().isoformat()}.json"
    whole = json.loads(file.read_text("utf-8")) if file.exists() else {}
    whole[part] = found
    file.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
