"""Who is compared, and what each needs. To add a peer: one entry here, one adapter beside the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# The CPU build first: asked for by a dependency alone, pip may choose one that brings gigabytes of CUDA.
TORCH = "torch==2.13.0"


@dataclass(frozen=True)
class Environment:
    """A virtual environment: pip is called once a step, with the step's arguments; `removed` is then uninstalled."""

    name: str
    steps: tuple[tuple[str, ...], ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Peer:
    """One row of the comparison: an adapter in an environment, and the model name that it is called with."""

    name: str
    environment: str
    adapter: str
    model: str
    licence: str


ENVIRONMENTS = {
    e.name: e
    for e in (
        Environment("judge", (("pandas", "pyarrow", "scikit-learn", "scipy", "lightgbm", "xgboost-cpu", "pytest"),)),
        Environment("seedstock", (("-e", str(REPOSITORY)),)),
        Environment("plain", (("imbalanced-learn", "pandas", "pyarrow"),)),
        Environment("sdv", ((TORCH,), ("sdv", "pyarrow", TORCH))),
        # arfpy 0.1.1 (2024) calls what newer NumPy and pandas have dropped.
        Environment("arfpy", (("arfpy", "numpy<2.3", "pandas<3", "pyarrow"),)),
        # Its language models want these; built for CUDA, they fail beside the CPU build and take 1 GB.
        Environment("tabularargn", ((TORCH,), ("mostlyai-engine", TORCH)), ("torchaudio", "torchvision", "triton")),
    )
}  # fmt: skip

PEERS = {
    p.name: p
    for p in (
        Peer("forest", "seedstock", "own", "forest", "Apache-2.0"),
        Peer("copula", "seedstock", "own", "copula", "Apache-2.0"),
        Peer("independent", "seedstock", "own", "independent", "Apache-2.0"),
        Peer("bootstrap", "plain", "plain", "bootstrap", "-"),
        Peer("sdv-gaussiancopula", "sdv", "sdv_models", "gaussiancopula", "BUSL-1.1"),
        Peer("smote", "plain", "plain", "smote", "MIT"),
        Peer("arfpy", "arfpy", "arf", "arf", "MIT"),
        Peer("tabularargn", "tabularargn", "tabularargn", "tabularargn", "Apache-2.0"),
        Peer("sdv-tvae", "sdv", "sdv_models", "tvae", "BUSL-1.1"),
        Peer("sdv-ctgan", "sdv", "sdv_models", "ctgan", "BUSL-1.1"),
    )
}
OURS = ("forest", "copula", "independent")
