"""Faces: each generator of images beside real images, noise and copies, by judges that the generators never saw.

python benchmarks/images/run.py train image_flow 64 5 FOLDER     learns, draws 400 images, keeps them in FOLDER
python benchmarks/images/run.py train image_diffusion 32 100 FOLDER steps=10000        with settings of the generator
python benchmarks/images/run.py measure FOLDER                   measures what lies in FOLDER; results/DATE.json, grids

Needs the extra `torch`; `measure` also the extra `judge`.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from seedstock import catalog
from seedstock.core.rng import Rng
from seedstock.core.split import split
from seedstock.core.watching import watched
from seedstock.encoding.image_features import features
from seedstock.metrics.image_copies import _copies, _seen
from seedstock.metrics.image_faces import face_rate
from seedstock.metrics.image_likeness import kernel_distance
from seedstock.nets import judge
from seedstock.sources.images import read_images

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[2] / "shared" / "data")) / "olivetti64.npz"
DRAWN, HELD_SHARE, SEED = 400, 0.2, 0
BESIDE = 100
"""Images of noise, and copies."""


def train(name: str, side: int, minutes: float, folder: Path, own: dict[str, Any]) -> None:
    """Learn 32 people's faces, draw 400 images, and keep them beside the 8 held-out people's."""
    data = read_images(DATA, side, roles={"person": "group"})
    known, held = split(data, HELD_SHARE, Rng(SEED))
    generator = catalog.load("generators", name).GENERATOR
    settings = {} if name == "image_gaussian" else {"max_minutes": minutes, **own}
    start, cpu = time.time(), time.process_time()

    def hear(m: Any) -> None:
        if m.step % 100 == 0:
            used = time.process_time() - cpu
            print(m.step, f"{m.seconds:.0f} s, {used:.0f} s of CPU, {m.loss:.4f}, {m.held:.4f}", flush=True)

    with watched(hear, folder / "checkpoints"):
        fitted = generator(**settings).fit(known, Rng(SEED).child("fit"))
    facts = {"wall": time.time() - start, "cpu": time.process_time() - cpu, "facts": getattr(fitted, "facts", {})}
    drawn = fitted.sample(DRAWN, Rng(SEED).child("sample"))
    images = {k: d.table["image"].values for k, d in (("synthetic", drawn), ("train", known), ("holdout", held))}
    np.savez(folder / f"{name}-{side}.npz", **images)
    (folder / f"{name}-{side}.json").write_text(json.dumps(facts))


def sets_of(folder: Path, name: str, side: int, gaussian: Any) -> dict[str, Any]:
    """Return the images that are measured side by side."""
    with np.load(folder / f"{name}-{side}.npz") as file:
        known, held, drawn = file["train"], file["holdout"], file["synthetic"]
    g = np.random.default_rng(SEED)
    noise = g.integers(0, 256, drawn.shape, np.uint8)
    noise, copies = noise[:BESIDE], known[g.integers(len(known), size=BESIDE)]
    return {"train": known, "held": held, name: drawn, "image_gaussian": gaussian, "noise": noise, "copies": copies}


def grid(images: Any, path: Path) -> None:
    """Write the first 64 images, whatever they are, as 8 x 8."""
    from PIL import Image

    h, w = images.shape[1:3]
    x = images[:64, ..., 0].reshape(8, 8, h, w).transpose(0, 2, 1, 3).reshape(8 * h, 8 * w)
    Image.fromarray(x).resize((16 * h, 16 * w), Image.Resampling.NEAREST).save(path, optimize=True)


def measure(folder: Path) -> None:
    """Measure each trained generator in the folder; write results and grids."""
    out: dict[str, Any] = {}
    for name, side in (("image_flow", 64), ("image_diffusion", 32)):
        if not (folder / f"{name}-{side}.npz").is_file():
            continue
        with np.load(folder / f"image_gaussian-{side}.npz") as file:
            gaussian = file["synthetic"]
        sets = sets_of(folder, name, side, gaussian)
        known = sets["train"]
        centre, scale = features(known).mean(0), features(known).std(0) + 1e-6
        judged = {k: judge.see(v) for k, v in sets.items()}
        random = {k: (features(v) - centre) / scale for k, v in sets.items()}
        own = np.concatenate([_pixels(known), _pixels(known[:, :, ::-1])]), _seen(known)
        rows = {}
        for k, images in sets.items():
            row = {"face_rate": face_rate(images)}
            for space, points in (("efficientnet", judged), ("random", random)):
                z = {s: p / np.sqrt(p.shape[1]) for s, p in points.items()}
                for other in ("train", "held"):
                    if k != other:
                        row[f"kernel_{space}_to_{other}"] = 1000 * kernel_distance(z[other], z[k])
            if k != "train":
                row["copy_rate"] = 100 * float(_copies(own, images, len(known))["copy"].mean())
            rows[k] = row
            print(name, k, {a: round(b, 3) for a, b in row.items()}, flush=True)
        training = json.loads((folder / f"{name}-{side}.json").read_text())
        out[f"{name}-{side}"] = {"training": training, "measures": rows}
        grid(sets[name], HERE / f"{name}-{side}.png")
    if not out:
        raise SystemExit(f"there is no training in {folder}")
    machine = {"platform": platform.platform(), "python": platform.python_version(), "cpus": os.cpu_count()}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    path = HERE / "results" / f"{today}.json"
    before = json.loads(path.read_text())["runs"] if path.is_file() else {}
    result = {"date": today, "machine": machine, "seed": SEED, "runs": before | out}
    path.write_text(json.dumps(result, indent=1) + "\n")


def _pixels(images: Any) -> Any:
    from seedstock.encoding.image_features import small

    return small(images).reshape(len(images), -1).astype(np.float64)


if __name__ == "__main__":
    if sys.argv[1] == "train":
        where = Path(sys.argv[5])
        where.mkdir(parents=True, exist_ok=True)
        own = dict(argument.split("=") for argument in sys.argv[6:])
        train(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), where, {k: json.loads(v) for k, v in own.items()})
    else:
        measure(Path(sys.argv[2]))
