"""A small colour set like CIFAR, cut from photographs that scikit-image and scikit-learn carry: do all generators run?

python benchmarks/images/colour.py MINUTES FOLDER     keeps what each drew in FOLDER; results/colour-DATE.json
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import seedstock
from seedstock.report.images import sheet

HERE = Path(__file__).parent
SIDE, EACH = 32, 100
NAMES = ("image_gaussian", "image_flow", "image_diffusion")


def photographs() -> dict[str, Any]:
    """Return eight colour photographs, each a class of its own."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    china, flower = load_sample_images().images
    own = {name: getattr(data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")}
    hubble, retina = data.hubble_deep_field(), data.retina()
    return {"china": china, "flower": flower, "hubble": hubble, "retina": retina, **own}


def crops(folder: Path) -> None:
    """Write `EACH` crops of each photograph, made 160 pixels small, in a subfolder of its own."""
    g = np.random.default_rng(0)
    for name, picture in photographs().items():
        image = Image.fromarray(picture)
        scale = 160 / min(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)))
        (folder / name).mkdir(parents=True, exist_ok=True)
        for k in range(EACH):
            x, y = (int(g.integers(0, side - SIDE + 1)) for side in image.size)
            image.crop((x, y, x + SIDE, y + SIDE)).save(folder / name / f"{k:03d}.png")


def main(minutes: float, folder: Path) -> None:
    """Run the whole line with each generator."""
    crops(folder / "set")
    out: dict[str, Any] = {}
    for name in NAMES:
        cpu = time.process_time()
        budget = {} if name == "image_gaussian" else {"max_minutes": minutes}
        grown = seedstock.grow(folder / "set", target="label", generator=name, rows=400, **budget)
        grown.save(folder / name)
        facts = json.loads((folder / name / "run.json").read_text())
        out[name] = {
            "cpu_seconds": round(time.process_time() - cpu, 1),
            "trained": facts["model"].get("trained"),
            "scores": {k: round(s.value, 4) for k, s in grown.scores.items()},
            "floors": {k: round(s.floor, 4) for k, s in grown.scores.items()},
            "beside": {k: dict(s.details) for k, s in grown.scores.items()},
            "verdict": grown.verdict.sentence,
        }
        images = grown.run.synthetic.table["image"].values[:64]
        Image.fromarray(sheet(images, 8)).resize((512, 512), Image.Resampling.NEAREST).save(folder / f"{name}.png")
        print(name, json.dumps(out[name]["scores"]), flush=True)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    said = {"date": today, "classes": 8, "images": 8 * EACH, "side": SIDE, "max_minutes": minutes, "runs": out}
    (HERE / "results" / f"colour-{today}.json").write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]))
