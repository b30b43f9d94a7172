"""The project's key: made on first use, readable by its owner only, and the columns of the tables it marked."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from seedstock.core.errors import InputError, ResourceError
from seedstock.provenance.record import key_id

FORMAT = "seedstock-key"
VERSION = 1
KEY_BYTES = 32
MOST_LAYOUTS = 500
_MAX_FILE = 16 * 2**20
_LOCK_SECONDS = 20.0
_STALE_SECONDS = 60.0


@dataclass(frozen=True)
class ProjectKey:
    """A secret key, and the columns of the tables that were marked with it.

    Attributes
    ----------
    secret : bytes, 32
    layouts : tuple of tuple of str
        Column names only; they tell a reader of the mark which columns a file has lost.
    path : Path
    """

    secret: bytes = field(repr=False)
    layouts: tuple[tuple[str, ...], ...]
    path: Path

    @property
    def name(self) -> str:
        """The key's public name, as records give it."""
        return key_id(self.secret)


def home() -> Path:
    """Return the folder of the user's keys and registers: ``SEEDSTOCK_HOME``, or where the system keeps settings."""
    if own := os.environ.get("SEEDSTOCK_HOME"):
        return Path(own)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home())) / "seedstock"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "seedstock"


def project_key(path: str | os.PathLike[str] | None = None) -> ProjectKey:
    """Return the project's key, and make it where there is none.

    Parameters
    ----------
    path : path, optional
        The key file; by default ``key.json`` in `home`.
    """
    file = Path(path) if path is not None else home() / "key.json"
    if not file.exists():
        _create(file)
    return read_key(file)


def read_key(path: str | os.PathLike[str]) -> ProjectKey:
    """Read a key file; an `InputError` where there is none or it is damaged."""
    file = Path(path)
    foreign = f"{str(file)!r} is no Seedstock key file"
    try:
        if file.stat().st_size > _MAX_FILE:
            raise InputError(f"{foreign}: it takes more than {_MAX_FILE >> 20} MiB")
        value = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no key file {str(file)!r}; name the one that the rows were marked with") from None
    except (ValueError, RecursionError):
        raise InputError(f"{foreign}: it is not JSON; name the one that the rows were marked with") from None
    except OSError as error:
        raise InputError(f"the key file {str(file)!r} cannot be read: {error.strerror}") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise InputError(f"{foreign}; name the one that the rows were marked with")
    if not isinstance(value.get("version"), int) or value["version"] > VERSION:
        raise InputError(f"the key file {str(file)!r} is from a newer Seedstock; update Seedstock")
    try:
        secret = bytes.fromhex(value["key"])
        layouts = tuple(tuple(str(c) for c in x) for x in value.get("layouts", []))
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{foreign}: it is damaged; restore it from a copy, no other key reads its marks") from None
    if len(secret) != KEY_BYTES:
        raise InputError(f"{foreign}: its key has {len(secret)} bytes, not {KEY_BYTES}; restore it from a copy")
    return ProjectKey(secret, layouts, file)


def remember(key: ProjectKey, columns: Sequence[str]) -> ProjectKey:
    """Keep the columns of a table that is marked with a key, so that the mark is read better where some are lost."""
    layout = tuple(sorted(columns))
    if layout in key.layouts:
        return key
    with _locked(key.path):
        now = read_key(key.path)
        layouts = (*(x for x in now.layouts if x != layout), layout)[-MOST_LAYOUTS:]
        new = ProjectKey(now.secret, layouts, key.path)
        temporary = _written(new)
        os.replace(temporary, key.path)
    return new


def _create(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = _written(ProjectKey(secrets.token_bytes(KEY_BYTES), (), file))
        try:
            os.link(temporary, file)  # fails where another process was first: its key stands
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            with _locked(file):
                if not file.exists():
                    os.replace(temporary, file)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
    except OSError as error:
        raise ResourceError(
            f"the key file {str(file)!r} cannot be written: {error.strerror}; name another place"
        ) from None


def _written(key: ProjectKey) -> str:
    value = {"format": FORMAT, "version": VERSION, "key": key.secret.hex(), "layouts": [list(x) for x in key.layouts]}
    handle, temporary = tempfile.mkstemp(dir=key.path.parent, prefix=".key-")  # mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(value, out)
        out.flush()
        os.fsync(out.fileno())
    return temporary


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    lock = file.with_name(file.name + ".lock")
    end = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
            break
        except FileExistsError:
            with suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > _STALE_SECONDS:
                    lock.unlink()
                    continue
            if time.monotonic() > end:
                raise ResourceError(f"{str(lock)!r} is held by another process; remove it if none runs") from None
            time.sleep(0.02)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            lock.unlink()
