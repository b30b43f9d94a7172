"""The dependency direction of the house, enforced; and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "seedstock"
HEAVY = {"torch", "pandas", "polars", "pyarrow", "sbi", "PIL"}
# The only places that may know these libraries; each inside a function, when a user brings one in.
ALLOWED = {"sources/frames.py", "nets"}


def test_layers_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_importing_loads_no_library() -> None:
    code = "import sys, seedstock, seedstock.cli; print([m for m in sys.modules if '.' not in m])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in (*HEAVY, "numpy", "scipy", "sklearn", "duckdb"):
        assert f"'{name}'" not in loaded, name


def test_core_imports_no_optional_library() -> None:
    for file in SOURCE.rglob("*.py"):
        where = file.relative_to(SOURCE).as_posix()
        if where in ALLOWED or where.split("/")[0] in ALLOWED:
            continue
        for node in ast.parse(file.read_text("utf-8")).body:
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not {n.split(".")[0] for n in names} & HEAVY, f"{where} imports {names}"


@pytest.mark.parametrize("word", ["pickle", "joblib.load", "eval(", "exec(", "allow_pickle=True"])
def test_nothing_executes_data(word: str) -> None:
    for file in SOURCE.rglob("*.py"):
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            said = line.strip()
            found = word in said and (word != "pickle" or said.startswith(("import pickle", "from pickle")))
            assert not found, f"{file.name}:{number}: {said}"


def test_files_are_short() -> None:
    long = {
        f.relative_to(ROOT).as_posix(): n
        for folder in ("src", "tests", "benchmarks")
        for f in (ROOT / folder).rglob("*.py")
        if (n := len(f.read_text("utf-8").splitlines())) > 400
    }
    assert not long, f"split these files (400 lines at most): {long}"
