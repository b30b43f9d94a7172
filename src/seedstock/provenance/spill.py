"""Sorting more hashes than memory should hold: they go to files by their first bits, and each file is sorted alone."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from seedstock.core.errors import ResourceError
from seedstock.provenance.cells import Hash, distinct

SHARDS = 64
MOST = 1 << 22
"""Hashes that one sorter holds in memory: 32 MiB."""
_SHIFT = np.uint64(64 - 6)
_PREFIX = ".spill-"
_STALE_SECONDS = 2 * 86_400


class Sorter:
    """Takes hashes that are spread evenly, and gives them back sorted.

    Parameters
    ----------
    folder : Path or None
        Where to put what does not fit; None keeps all in memory.
    name : str
        Tells this sorter's files from others' in the folder.
    share : int
        Only hashes below 2^64 / share come in.

    Examples
    --------
    >>> Sorter(None, "x").add(np.array([3, 1, 3], np.uint64)).sorted().tolist()
    [1, 3, 3]
    """

    def __init__(self, folder: Path | None, name: str, share: int = 1) -> None:
        self.folder, self.name, self.share = folder, name, share
        self.count = 0
        self.n_distinct = 0
        self._held: list[Hash] = []
        self._n_held = 0
        self._spilled = False

    def add(self, hashes: Hash) -> Sorter:
        """Take some more."""
        self._held.append(hashes)
        self._n_held += len(hashes)
        self.count += len(hashes)
        if self.folder is not None and self._n_held >= MOST:
            self._spill()
        return self

    def thin(self, share: int) -> None:
        """Keep one in `share` from now on, and of those that are held; before anything was spilled."""
        assert not self._spilled
        self.share = share
        self._held = [sampled(h, share) for h in self._held]
        self.count = self._n_held = sum(map(len, self._held))

    def sorted(self, unique: bool = False) -> Hash:
        """Return all hashes in ascending order, or each once; mapped from a file if they were too many.

        `n_distinct` is then their number without repeats. The sorter is empty afterwards.
        """
        if not self._spilled:
            held = np.sort(np.concatenate(self._held)) if self._held else np.empty(0, np.uint64)
            once = distinct(held)
            self.n_distinct = len(once)
            self._held = []
            return once if unique else held
        self._spill()
        out = self._file("sorted")
        self.n_distinct = 0
        with _explained(), out.open("wb") as target:
            for k in range(SHARDS):
                shard = self._file(str(k))
                if not shard.exists():
                    continue
                here = np.fromfile(shard, np.uint64)
                here.sort()
                once = distinct(here)
                self.n_distinct += len(once)
                (once if unique else here).tofile(target)
                shard.unlink()
        return np.memmap(out, np.uint64, "r")

    def _spill(self) -> None:
        if not self._held:
            return
        held = np.concatenate(self._held)
        self._held, self._n_held, self._spilled = [], 0, True
        with np.errstate(over="ignore"):
            place = ((held * np.uint64(self.share)) >> _SHIFT).astype(np.uint8)
        order = np.argsort(place, kind="stable")
        ends = np.cumsum(np.bincount(place, minlength=SHARDS))
        held = held[order]
        with _explained():
            for k, (start, end) in enumerate(zip(ends - np.diff(ends, prepend=0), ends, strict=True)):
                if end > start:
                    with self._file(str(k)).open("ab") as shard:
                        held[start:end].tofile(shard)

    def _file(self, part: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{self.name}.{part}"


def sampled(hashes: Hash, share: int) -> Hash:
    """Return the hashes that a sketch keeps of these: one in `share`, the same ones whoever chooses."""
    return hashes if share == 1 else hashes[hashes < np.uint64(2**64 - 1) // np.uint64(share)]


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Make a folder for what is spilled, and remove it; those of runs that were killed go after two days."""
    with _explained():
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                if time.time() - old.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(old, ignore_errors=True)
        own = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResourceError(f"hashes of so many rows need room on disk: {error.strerror}; make room for it") from None
