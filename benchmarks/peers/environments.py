"""Makes the virtual environments, once each, in the cache folder; what went wrong is kept for the table."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from roster import Environment

INSTALLERS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")


class InstallError(Exception):
    """An environment could not be made; the message is the installer's last line."""


def python_of(environment: Environment, cache: Path, extra: list[str]) -> Path:
    """Return the environment's Python, making the environment where it is absent."""
    folder = cache / "envs" / environment.name
    python = folder / "bin" / "python"
    facts = folder / "facts.json"
    if facts.exists():
        return python
    print(f"making the environment {environment.name}", flush=True)
    if not python.exists():
        _call([sys.executable, "-m", "venv", str(folder)])
    start = time.perf_counter()
    for step in environment.steps:
        _call([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *extra, *step])
    if environment.removed:
        _call([str(python), "-m", "pip", "uninstall", "--quiet", "--yes", *environment.removed])
    listed = _call([str(python), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"])
    versions = {p["name"].lower(): p["version"] for p in json.loads(listed)}
    facts.write_text(
        json.dumps(
            {"install_mb": size(folder), "install_seconds": time.perf_counter() - start, "versions": versions},
            indent=1,
        )
    )
    return python


def facts_of(name: str, cache: Path) -> dict[str, Any] | None:
    """Return install_mb, install_seconds and versions; None where the environment was never made."""
    path = cache / "envs" / name / "facts.json"
    return json.loads(path.read_text()) if path.exists() else None


def size(folder: Path) -> float:
    """Return the size of all that was installed, the installer itself left out, in MB of 10^6 bytes."""
    total = 0
    for site in folder.glob("lib/python*/site-packages"):
        for top in site.iterdir():
            if top.name.startswith(INSTALLERS):
                continue
            files = top.rglob("*") if top.is_dir() else [top]
            total += sum(f.lstat().st_size for f in files if f.is_file())
    return total / 1e6


def _call(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()] or [f"exit {done.returncode}"]
        errors = [line for line in lines if line.startswith("ERROR")] or lines
        raise InstallError(errors[-1][:300])
    return done.stdout
