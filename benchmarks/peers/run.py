"""Every peer on every table, each in its own environment, all before the same judge.

    python benchmarks/peers/run.py                    everything that is not in the cache yet
    python benchmarks/peers/run.py --only forest --again   one peer anew, the others from the cache
    python benchmarks/peers/run.py --report           no run; the dated tables from the cache

Needs nothing but Python 3.11 and pip. Environments, tables, synthetic rows and results of single cells stay in the
cache folder, so a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from environments import InstallError, facts_of, python_of
from report import write
from roster import ENVIRONMENTS, OURS, PEERS, REPOSITORY

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", REPOSITORY / ".." / "shared" / "data"))
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "seedstock-peers"
TABLES = ("census", "shoppers", "intrusion")
FLOOR = "real rows"
SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=[*PEERS, "ours"], help="one peer; may be given again")
    parser.add_argument("--table", action="append", choices=TABLES, help="one table; may be given again")
    parser.add_argument("--again", action="store_true", help="run the asked cells anew, though they are in the cache")
    parser.add_argument("--rejudge", action="store_true", help="judge the rows of the asked cells anew, fit nothing")
    parser.add_argument("--report", action="store_true", help="write the dated tables from the cache, run nothing")
    parser.add_argument("--minutes", type=float, default=15, help="limit of one cell, fit and sample (default 15)")
    parser.add_argument("--threads", type=int, default=1, help="threads of every library (default 1)")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"default {CACHE}")
    parser.add_argument("--constraint", type=Path, help="a pip constraints file for every environment")
    asked = parser.parse_args()
    cache = asked.cache.resolve()
    if REPOSITORY in cache.parents:
        parser.error(f"the cache must lie outside of the repository, however: {cache}")
    if not asked.report:
        names = [p for n in asked.only or PEERS for p in (OURS if n == "ours" else [n])]
        run_all(names, asked.table or list(TABLES), cache, asked)
    write(collect(cache, list(TABLES)), HERE / "results")


def run_all(names: list[str], tables: list[str], cache: Path, asked: argparse.Namespace) -> None:
    extra = [] if asked.constraint is None else ["--constraint", str(asked.constraint)]
    judge = python_of(ENVIRONMENTS["judge"], cache, extra)
    try_judge(judge, cache)
    for table in tables:
        folder = cache / "tables" / table
        if not (folder / "about.json").exists():
            subprocess.run([str(judge), str(HERE / "tables.py"), table, str(DATA), str(folder)], check=True)
        cell = cache / "cells" / table / f"{FLOOR}.json"
        if asked.rejudge or not cell.exists():
            files = [folder / f"{n}.parquet" for n in ("train", "floor_holdout", "floor_drawn")]
            store(cell, {"status": "ok", "scores": judged(judge, files, folder, asked.threads)})
        for name in names:
            cell = cache / "cells" / table / f"{name}.json"
            if asked.rejudge and cell.exists():
                result = json.loads(cell.read_text())
                if result["status"] in ("ok", "not judged"):
                    rows = [folder / "train.parquet", folder / "holdout.parquet", cell.with_suffix(".parquet")]
                    scores = judged(judge, rows, folder, asked.threads)
                    store(cell, result | {"status": "ok", "scores": scores})
            elif asked.again or not cell.exists():
                print(f"{time.strftime('%H:%M:%S')} {table:<10} {name:<20} ", end="", flush=True)
                store(cell, run_cell(name, folder, cell.with_suffix(".parquet"), judge, cache, asked, extra))
                print(json.loads(cell.read_text())["status"], flush=True)


def run_cell(
    name: str, folder: Path, out: Path, judge: Path, cache: Path, asked: argparse.Namespace, extra: list[str]
) -> dict[str, Any]:
    """Fit, draw and judge; a peer that fails leaves its reason."""
    peer = PEERS[name]
    about = json.loads((folder / "about.json").read_text())
    started = {"load": os.getloadavg()[0], "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "seed": SEED}
    started |= {"minutes": asked.minutes, "threads": asked.threads}
    if name in OURS:
        started["revision"] = revision()
    try:
        python = python_of(ENVIRONMENTS[peer.environment], cache, extra)
    except InstallError as error:
        return started | {"status": "not installed", "reason": str(error)}
    command = [str(python), str(HERE / "adapters" / f"{peer.adapter}.py"), "--model", peer.model]
    command += ["--train", str(folder / "train.parquet"), "--about", str(folder / "about.json")]
    command += ["--rows", str(about["rows"]), "--seed", str(SEED), "--out", str(out)]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    try:
        printed = call(command, asked.minutes * 60, cache, asked.threads)
    except subprocess.TimeoutExpired:
        return started | {"status": "time limit", "reason": f"not done within {asked.minutes:g} minutes"}
    except subprocess.CalledProcessError as error:
        return started | {"status": "failed", "reason": last_line(error.stderr) or f"exit {error.returncode}"}
    measured = json.loads(printed.strip().splitlines()[-1])
    try:
        scores = judged(judge, [folder / "train.parquet", folder / "holdout.parquet", out], folder, asked.threads)
    except subprocess.CalledProcessError as error:
        return started | measured | {"status": "not judged", "reason": last_line(error.stderr)}
    return started | measured | {"status": "ok", "scores": scores}


def try_judge(judge: Path, cache: Path) -> None:
    """Hold the judge to its own tests, once an environment."""
    done = cache / "envs" / "judge" / "tested"
    source = (REPOSITORY / "benchmarks" / "judge.py").read_bytes()
    if done.exists() and done.read_bytes() == source:
        return
    tests = REPOSITORY / "tests" / "benchmarks" / "test_judge.py"
    command = [str(judge), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(tests)]
    subprocess.run(command, check=True, cwd=cache, env=surroundings(cache, 1))
    done.write_bytes(source)


def judged(judge: Path, files: list[Path], folder: Path, threads: int) -> dict[str, float]:
    command = [str(judge), str(REPOSITORY / "benchmarks" / "judge.py"), *map(str, files), str(folder / "about.json")]
    return json.loads(call([*command, "--seed", str(SEED)], 1800, folder.parents[1], threads))


def call(command: list[str], seconds: float, cache: Path, threads: int) -> str:
    """Return what the command printed; past its time it is ended with all its children."""
    work = cache / "work"
    work.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=work,
        env=surroundings(cache, threads), start_new_session=True,
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, out, err)
    return out


def surroundings(cache: Path, threads: int) -> dict[str, str]:
    names = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "LOKY_MAX_CPU_COUNT")
    limits = {n if "_" in n else f"{n}_NUM_THREADS": str(threads) for n in names}
    # Keys and settings of the product's user are none of this benchmark's business.
    return {**os.environ, **limits, "SEEDSTOCK_HOME": str(cache / "home"), "PYTHONHASHSEED": "0"}


def store(cell: Path, result: dict[str, Any]) -> None:
    cell.parent.mkdir(parents=True, exist_ok=True)
    part = cell.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    part.replace(cell)


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def collect(cache: Path, tables: list[str]) -> dict[str, Any]:
    """Gather the cells that are there, and what they ran on."""
    out: dict[str, Any] = {"seed": SEED, "machine": machine(), "tables": {}, "peers": {}, "environments": {}}
    for table in tables:
        about = cache / "tables" / table / "about.json"
        if not about.exists():
            continue
        facts = json.loads(about.read_text())
        cells = {n: cache / "cells" / table / f"{n}.json" for n in (FLOOR, *PEERS)}
        found = {n: json.loads(c.read_text()) for n, c in cells.items() if c.exists()}
        out["tables"][table] = {k: facts[k] for k in ("rows", "holdout_rows", "columns", "target")} | {"cells": found}
    for name, peer in PEERS.items():
        out["peers"][name] = {"environment": peer.environment, "model": peer.model, "licence": peer.licence}
    out["environments"] = {n: facts_of(n, cache) for n in ENVIRONMENTS}
    return out


def revision() -> str:
    """Return the commit of Seedstock's working tree, "+" where files of the product differ from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--abbrev=10", "--exclude=*"], cwd=REPOSITORY, capture_output=True, text=True
    )
    dirty = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "src"], cwd=REPOSITORY).returncode
    return done.stdout.strip() + ("+" if dirty else "")


def machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    models = [line.split(":", 1)[1].strip() for line in (info.read_text().splitlines() if info.exists() else [])
              if line.startswith("model name")]  # fmt: skip
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": platform.system(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())
