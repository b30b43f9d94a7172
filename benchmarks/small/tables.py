"""The small-data suite: tables that scikit-learn carries, and those of the shared data folder where it is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import seedstock
from seedstock.core.table import Dataset

SHARED = Path(os.environ.get("SEEDSTOCK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def _bundled(load: str, number: bool = False) -> Callable[[], Any]:
    def frame() -> Any:
        from sklearn import datasets

        out = getattr(datasets, load)(as_frame=True).frame
        return out if number else out.assign(target=out["target"].map("class {}".format))

    return frame


def _file(path: str, target: str | int, drop: tuple[str, ...] = (), **how: Any) -> Callable[[], Any]:
    def frame() -> Any:
        import pandas as pd

        file = SHARED / path
        whole = (pd.read_parquet(file) if path.endswith(".parquet") else pd.read_csv(file, **how)).drop(columns=[*drop])
        name = whole.columns[target] if isinstance(target, int) else target
        return whole.rename(columns={name: "target"}).assign(target=lambda d: d["target"].astype(str))

    frame.path = SHARED / path  # type: ignore[attr-defined]
    return frame


TABLES: dict[str, Callable[[], Any]] = {
    "breast cancer": _bundled("load_breast_cancer"),
    "wine": _bundled("load_wine"),
    "diabetes": _bundled("load_diabetes", number=True),
    "digits": _bundled("load_digits"),
    "census": _file("adult_train.csv", -1, na_values="?", skipinitialspace=True),
    "shoppers": _file("shoppers_train.parquet", -1),
    "intrusion": _file("nslkdd_train.parquet", "attack_class", ("label", "difficulty")),
    "heart": _file("small/heart_disease_orange.csv", -1),
    "phishing": _file("small/phishing.parquet", "is_phishing"),
    "pima": _file("small/pima_diabetes.csv", -1),
    "german credit": _file("small/german_credit.csv", -1),
    "breast cancer, Ljubljana": _file("small/breast_cancer_ljubljana.csv", -1),
}


def names() -> list[str]:
    """Return the tables that can be read here."""
    return [n for n, load in TABLES.items() if getattr(load, "path", Path(__file__)).exists()]


def table(name: str) -> Dataset:
    """Return a table whose column ``target`` is to be predicted."""
    frame = TABLES[name]()
    kinds = {} if frame["target"].dtype.kind == "f" else {"target": "category"}
    return seedstock.read(frame, target="target", kinds=kinds)
