"""The report of image sets: what was drawn, beside the nearest real images; one HTML page without scripts."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from seedstock.core.results import Score
from seedstock.core.table import Dataset
from seedstock.encoding.image_features import both_ways, small
from seedstock.metrics._neighbours import nearest
from seedstock.report.cards import PERCENT, card
from seedstock.report.datacard import data_card
from seedstock.report.text import number, shown
from seedstock.sources.pictures import png

if TYPE_CHECKING:
    from seedstock.pipeline import Run

_HERE = Path(__file__).parent
SHOWN, PAIRS, MAX_LINES = 64, 16, 60
_SIDE, _WIDTH = 64, 1_024
_LOOKED_AT = 1_000

BASELINES = {"copies": "Copies", "gaussian": "Gaussian", "noise": "Noise"}
"""Images of known worth beside the drawn ones; see `seedstock.metrics._image_sides.baselines`."""

Bytes = NDArray[np.uint8]


def images_page(run: Run, name: str, version: str, style_hash: str, css: str) -> str:
    """Return the report of a run over images.

    Parameters
    ----------
    name, version : str
        Of the source, and of Seedstock.
    style_hash, css : str
        The page's style and its hash, which with pictures in the page is all that its own policy allows.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    train, drawn = _images(run.train), _images(run.synthetic)
    height, width, channels = train.shape[1:]
    facts = [
        ("Real images", f"{len(train):,} to learn from, {len(run.holdout.table):,} held out"),
        ("Synthetic images", f"{run.rows or len(drawn):,}"),
        ("Pixels", f"{width} x {height}, {'colour' if channels == 3 else 'grey'}"),
        ("Generator", shown(run.generator)),
        ("Seed", str(run.seed)),
        ("Took", f"{run.seconds.get('total', 0):.0f} s"),
    ]
    notes = dict.fromkeys([*run.source.notes, *run.notes, *run.synthetic.notes])
    html: str = environment.get_template("images.html").render(
        policy=f"default-src 'none'; style-src {style_hash}; img-src data:; base-uri 'none'; form-action 'none'",
        css=Markup(css),
        head={"name": shown(name, 200), "facts": facts},
        verdict={"sentence": shown(run.verdict.sentence, 600), "watch": [shown(w, 400) for w in run.verdict.watch[:6]]},
        cards=[{**card(s), "beside": _beside(s)} for s in run.scores],
        baselines=list(BASELINES.values()),
        grid=_picture(sheet(drawn[:SHOWN], 16), len(drawn[:SHOWN])),
        pairs=_picture(pairs(train, drawn), min(PAIRS, len(drawn))),
        labels=_labels(run),
        findings=[shown(f"{f.check}: {f.message} {f.fix}", 400) for f in run.findings[:MAX_LINES]],
        notes=[shown(n, 400) for n in notes][:MAX_LINES],
        card=data_card(run.record),
        version=version,
    )
    return html


def sheet(images: Bytes, across: int) -> Bytes:
    """Return images side by side, row after row, as one image; at most 64 pixels a side each.

    >>> sheet(np.zeros((5, 8, 8, 1), np.uint8), 4).shape
    (16, 32, 1)
    """
    if max(images.shape[1:3]) > _SIDE:
        images = np.round(small(images, _SIDE) * 255).astype(np.uint8)
    n, h, w, c = images.shape
    across = max(1, min(across, n))
    down = -(-n // across)
    whole = np.full((down * across, h, w, c), 255, np.uint8)
    whole[:n] = images
    return np.ascontiguousarray(whole.reshape(down, across, h, w, c).swapaxes(1, 2).reshape(down * h, across * w, c))


def pairs(train: Bytes, drawn: Bytes) -> Bytes:
    """Return the drawn images nearest to a training image, and below each the training image, as one image."""
    drawn, train = drawn[:_LOOKED_AT], train[:20_000]
    if not len(drawn) or not len(train):
        return np.full((8, 8, 1), 255, np.uint8)
    square, index = nearest(small(drawn).reshape(len(drawn), -1).astype(float), both_ways(train), 1)
    first = np.argsort(square[:, 0], kind="stable")[:PAIRS]
    real = [train[i % len(train)][:, :: -1 if i >= len(train) else 1] for i in index[first, 0]]
    return np.concatenate([sheet(drawn[first], PAIRS), sheet(np.stack(real), PAIRS)])


def _beside(score: Score) -> list[str]:
    unit = " %" if score.name in PERCENT else ""
    values = [score.details.get(name) for name in BASELINES]
    return ["-" if v is None else number(v) + unit for v in values]


def _picture(image: Bytes, n: int) -> dict[str, Any]:
    height, width = image.shape[:2]
    k = max(1, _WIDTH // max(width, 1))
    source = "data:image/png;base64," + base64.b64encode(png(image)).decode()
    return {"src": source, "width": k * width, "height": k * height, "n": n}


def _images(data: Dataset) -> Bytes:
    column = data.table[data.columns.of_kind("image")[0]]
    return column.values[~column.missing]


def _labels(run: Run) -> list[dict[str, str]]:
    out = []
    for name, schema in run.train.columns.columns.items():
        if schema.kind not in ("category", "boolean") or {"group", "entity"} & set(schema.roles):
            continue
        real, drawn = (np.asarray(d.table[name].texts()).astype(str) for d in (run.train, run.synthetic))
        for value in np.unique(real)[:MAX_LINES]:
            counts = [int((side == value).sum()) for side in (real, drawn)]
            shares = [f"{100 * n / max(len(side), 1):.1f} %" for n, side in zip(counts, (real, drawn), strict=True)]
            texts = {"label": shown(name, 80), "value": shown(value, 80)}
            texts |= {"real": f"{counts[0]:,}", "real_share": shares[0]}
            out.append({**texts, "drawn": f"{counts[1]:,}", "drawn_share": shares[1]})
    return out
