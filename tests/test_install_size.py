"""What the core installation weighs: a fresh environment with the dependencies only."""

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_MEGABYTES, MAX_DISTRIBUTIONS = 400, 30


@pytest.fixture(scope="module")
def site_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("core") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-compile"]
    done = subprocess.run([*pip, "-c", ROOT / "constraints.txt", ROOT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (found,) = folder.glob("lib/python*/site-packages")
    return found


def own(site_packages: Path) -> dict[str, str]:
    names = {d.metadata["Name"].lower(): d.version for d in distributions(path=[str(site_packages)])}
    return {n: v for n, v in names.items() if n not in ("pip", "setuptools", "wheel")}


def test_it_is_small(site_packages: Path) -> None:
    pip = [p for p in site_packages.glob("pip*") if p.is_dir()]
    size = sum(
        f.stat().st_size for f in site_packages.rglob("*") if f.is_file() and not any(p in f.parents for p in pip)
    )
    assert size / 2**20 <= MAX_MEGABYTES
    assert len(own(site_packages)) <= MAX_DISTRIBUTIONS, sorted(own(site_packages))


def test_it_has_no_torch_and_no_frames(site_packages: Path) -> None:
    assert not {"torch", "pandas", "polars", "pyarrow"} & set(own(site_packages))


def test_it_works(site_packages: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("x,y\n" + "".join(f"{i % 7},{'ab'[i % 2]}\n" for i in range(120)))
    command = site_packages.parents[2] / "bin" / "seedstock"
    done = subprocess.run([command, "grow", table, "-o", tmp_path / "out"], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == ""
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
