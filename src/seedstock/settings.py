"""Settings: a generator's own from ``NAME=VALUE``, and a run's from one TOML file."""

from __future__ import annotations

import dataclasses
import os
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seedstock import catalog
from seedstock.core.contracts import Generator
from seedstock.core.errors import InputError

MAX_TOML_BYTES = 2**20
GROW = {
    "target": (str,),
    "rows": (int,),
    "generator": (str,),
    "seed": (int,),
    "holdout": (int, float),
    "policy": (str,),
    "epsilon": (int, float),
    "delta": (int, float),
    "given": (list,),
    "given_file": (str,),
    "rare": (list,),
    "rebalance": (list,),
    "insist": (bool,),
    "schema": (str,),
    "kinds": (dict,),
    "roles": (dict,),
}
"""What a settings file may say besides ``[generator.NAME]`` tables, and in which types."""


def make_generator(name: str, given: Mapping[str, Any] | None = None) -> Generator:
    """Return a generator with some of its settings changed.

    Parameters
    ----------
    name : str
        As the catalog lists it.
    given : mapping
        Setting -> value; texts are read as the type of the setting.

    Examples
    --------
    >>> make_generator("forest", {"trees": "7"}).trees
    7
    """
    cls = catalog.load("generators", name).GENERATOR
    hints = typing.get_type_hints(cls)
    fields = {f.name: hints[f.name] for f in dataclasses.fields(cls) if f.init}
    values = {}
    for key, value in (given or {}).items():
        if key not in fields:
            known = f"its settings are {', '.join(fields)}" if fields else "it has no settings"
            raise InputError(f"the generator {name!r} has no setting {key!r}; {known}")
        values[key] = _as(fields[key], value, f"the setting {key!r} of the generator {name!r}")
    generator: Generator = cls(**values)
    return generator


def parse_pairs(pairs: Sequence[str], option: str) -> dict[str, str]:
    """Read ``NAME=VALUE`` texts.

    >>> parse_pairs(["trees=7"], "--set")
    {'trees': '7'}
    """
    out: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InputError(f"{option} takes NAME=VALUE, not {pair!r}")
        out[name.strip()] = value.strip()
    return out


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a settings file: keys of `GROW`, and tables ``[generator.NAME]``.

    Returns
    -------
    dict
        The keys that are there; ``"generators"`` maps names to settings.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MAX_TOML_BYTES:
            raise InputError(f"the settings file {str(file)!r} is larger than 1 MiB; that is no settings file")
        value = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no settings file {str(file)!r}") from None
    except (IsADirectoryError, PermissionError) as error:
        raise InputError(f"the settings file {str(file)!r} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"the settings file {str(file)!r} is not TOML: {str(error)[:160]}") from None
    out: dict[str, Any] = {}
    for key, item in value.items():
        if key == "generator" and isinstance(item, dict):
            # [generator] name = "copula" beside [generator.copula] tables.
            own = {k: v for k, v in item.items() if isinstance(v, dict)}
            loose = {k: v for k, v in item.items() if k not in own and k != "name"}
            if loose:
                raise InputError(
                    f"the settings file has {next(iter(loose))!r} under [generator]; write [generator.NAME]"
                )
            out["generators"] = own
            if "name" in item:
                out["generator"] = _typed("generator", item["name"])
        elif key in GROW:
            out[key] = _typed(key, item)
        else:
            raise InputError(f"the settings file has an unknown key {key!r}; there are {', '.join(GROW)}")
    return out


def _typed(key: str, value: Any) -> Any:
    types_ = GROW[key]
    if (isinstance(value, bool) and bool not in types_) or not isinstance(value, types_):
        names = " or ".join(t.__name__ for t in types_)
        raise InputError(f"in the settings file {key!r} must be of type {names}, not {value!r}")
    return value


def _as(hint: Any, value: Any, what: str) -> Any:
    """Return a value as the type that a dataclass field declares."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if typing.get_origin(hint) is typing.Literal:
        choices = typing.get_args(hint)
        if value in choices:
            return value
        raise InputError(f"{what} must be one of {', '.join(map(str, choices))}, not {value!r}")
    if type(None) in options and (value is None or value in ("", "none", "None")):
        return None
    for kind in options:
        if kind is type(None):
            continue
        done, out = _convert(kind, value)
        if done:
            return out
    names = " or ".join(getattr(k, "__name__", str(k)) for k in options if k is not type(None))
    raise InputError(f"{what} must be of type {names}, not {value!r}")


def _convert(kind: Any, value: Any) -> tuple[bool, Any]:
    if kind is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        return (
            (True, value) if isinstance(value, bool) else (str(value).lower() in words, words.get(str(value).lower()))
        )
    if isinstance(value, bool):
        return False, None
    if kind in (int, float):
        try:
            number = float(value)
            if kind is int:
                return number == int(number), int(value) if isinstance(value, str) and value.lstrip(
                    "+-"
                ).isdigit() else int(number)
            return True, number
        except (TypeError, ValueError, OverflowError):
            return False, None
    if kind is str:
        return isinstance(value, str), value
    return (True, value) if typing.get_origin(kind) is None and isinstance(value, kind) else (False, None)
