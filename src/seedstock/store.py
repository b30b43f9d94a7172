"""Models on disk: arrays as npz, the rest as JSON. Nothing in such a folder is ever executed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seedstock import catalog
from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError, ResourceError
from seedstock.core.results import State

FORMAT = "seedstock-model"
VERSION = 1
MAX_JSON_BYTES = 256 * 2**20
MAX_ARRAY_BYTES = 16 * 2**30
"""Bytes that a model's arrays may take unpacked: a small file that claims more is no model."""
MAX_RATIO = 1_100
"""Deflate cannot pack tighter than 1,032 to 1."""


class Stored(NamedTuple):
    """A model and what it was saved with."""

    fitted: Fitted
    generator: str
    about: Mapping[str, Any]


def save(fitted: Fitted, generator: str, folder: str | os.PathLike[str], about: Mapping[str, Any]) -> None:
    """Write a model as a folder with ``model.json`` and ``arrays.npz``, all of it or nothing.

    Parameters
    ----------
    generator : str
        The catalog's name.
    about : mapping
        Further JSON values to keep beside it: settings, seed, lineage.
    """
    state = fitted.state()
    head = {"format": FORMAT, "version": VERSION, "generator": generator, "about": dict(about), "meta": state.meta}
    text = json.dumps(head, ensure_ascii=False, allow_nan=False, indent=1)
    with folder_in_place(folder, marker="model.json") as new:
        (new / "model.json").write_text(text, "utf-8")
        with open(new / "arrays.npz", "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **dict(state.arrays))


def load(folder: str | os.PathLike[str]) -> Stored:
    """Read a model; an `InputError` where the folder is foreign, damaged, or from a newer Seedstock."""
    path = Path(folder)
    if not path.is_dir():
        raise InputError(f"there is no model folder {str(path)!r}; make one with `seedstock fit`")
    head = _head(path / "model.json")
    arrays = _arrays(path / "arrays.npz")
    cls = catalog.load("generators", str(head["generator"])).GENERATOR.fitted
    damaged = f"the model in {str(path)!r} is damaged"
    try:
        fitted = cls.from_state(State(arrays, head["meta"]))
    except InputError:
        raise
    except Exception as error:  # whatever untrusted bytes can do to a constructor
        raise InputError(f"{damaged} ({type(error).__name__}: {str(error)[:120]}); fit it again") from None
    return Stored(fitted, str(head["generator"]), head["about"])


def _head(file: Path) -> dict[str, Any]:
    foreign = f"{str(file.parent)!r} is no Seedstock model"
    try:
        if file.stat().st_size > MAX_JSON_BYTES:
            raise InputError(f"{foreign}: its model.json is larger than {MAX_JSON_BYTES >> 20} MiB")
        head = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{foreign}: it has no model.json; make one with `seedstock fit`") from None
    except (ValueError, RecursionError):
        raise InputError(f"{foreign}: its model.json cannot be read; fit it again") from None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise InputError(f"{foreign}: its model.json says something else; make one with `seedstock fit`")
    version = head.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InputError(f"{foreign}: its version is {version!r}; fit it again")
    if version > VERSION:
        raise InputError(
            f"the model in {str(file.parent)!r} has format {version}, and this Seedstock reads up to {VERSION}; "
            f"update Seedstock"
        )
    if not all(isinstance(head.get(k), t) for k, t in (("generator", str), ("about", dict), ("meta", dict))):
        raise InputError(f"{foreign}: parts of its model.json are missing; fit it again")
    return head


def _arrays(file: Path) -> dict[str, np.ndarray[Any, Any]]:
    damaged = f"the model in {str(file.parent)!r} is damaged"
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
                    raise InputError(f"{damaged}: {entry.filename!r} claims more bytes than it can hold; fit it again")
            total = sum(entry.file_size for entry in archive.infolist())
        if total > MAX_ARRAY_BYTES:
            raise InputError(f"{damaged}: its arrays claim {total:,} bytes, more than {MAX_ARRAY_BYTES:,}")
        with np.load(file, allow_pickle=False) as archive_of_arrays:
            return {name: archive_of_arrays[name] for name in archive_of_arrays.files}
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{damaged}: it has no arrays.npz; fit it again") from None
    except MemoryError:
        raise ResourceError(f"the model in {str(file.parent)!r} does not fit into memory") from None
    except Exception as error:  # zlib, struct, ValueError, EOFError, NotImplementedError: one meaning
        raise InputError(f"{damaged}: its arrays cannot be read ({str(error)[:120]}); fit it again") from None


@contextmanager
def folder_in_place(folder: str | os.PathLike[str], marker: str) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of `folder` at the end, whole or not at all.

    A folder that is there already is replaced only where it is empty or holds `marker`: no one's other files.
    """
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise InputError(f"{str(target)!r} is a file; name another folder")
    if target.is_dir() and any(target.iterdir()) and not (target / marker).is_file():
        raise InputError(f"the folder {str(target)!r} holds other files; name another one, or empty it")
    target.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        yield new
        new.chmod(0o777 & ~_umask())
        if target.is_dir():
            old = new.with_suffix(".old")
            target.rename(old)
            new.rename(target)
            shutil.rmtree(old)
        else:
            new.rename(target)
    finally:
        with suppress(OSError):
            shutil.rmtree(new)


def file_in_place(path: str | os.PathLike[str], write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then rename it: a killed run leaves no half file."""
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{str(target)!r} is a folder; name a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    os.close(handle)
    new = Path(name)
    try:
        write(new)
        new.chmod(0o666 & ~_umask())
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
