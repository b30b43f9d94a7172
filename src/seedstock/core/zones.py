"""Times of a zone and in UTC. Values are UTC within; a column's zone stands in its schema."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError

Times = NDArray[Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = np.datetime64("0001-01-03", "us"), np.datetime64("9999-12-29", "us")


def unit_and_zone(dtype: str) -> tuple[str, str | None]:
    """Return the unit and the zone of ``datetime[us, ZONE]`` or ``duration[us]``.

    >>> unit_and_zone("datetime[ms, Europe/Berlin]")
    ('ms', 'Europe/Berlin')
    """
    found = re.fullmatch(r"\w+\[(s|ms|us|ns)(?:, *(.+))?\]", dtype)
    return (found[1], found[2]) if found else ("us", None)


def zone_of(name: str) -> tzinfo:
    """Return the zone of a name (``Europe/Berlin``) or an offset (``+02:00``); an `InputError` where none is known.

    Frames may bring zones that only their own program knows, such as ``tzlocal()`` or a name of one's own.
    """
    try:
        fixed = datetime.strptime(name.removeprefix("UTC") or "Z", "%z").tzinfo
    except ValueError:
        fixed = None
    try:
        return fixed if fixed is not None else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InputError(f"nothing is known here of the zone {name!r}; write times with an offset (+02:00)") from None


def is_known(name: str) -> bool:
    """Tell whether clocks of a zone can be read.

    >>> is_known("Europe/Berlin"), is_known("UTC+05:30"), is_known("tzlocal()"), is_known("Europe")
    (True, True, False, False)
    """
    try:
        zone_of(name)
    except InputError:
        return False
    return True


def name_of(zone: tzinfo) -> str:
    """Return the name of a zone, or its offset where the name is one of somebody's own.

    >>> name_of(ZoneInfo("Europe/Berlin")), name_of(timezone(timedelta(hours=2), "CEST"))
    ('Europe/Berlin', '+02:00')
    """
    offset = zone.utcoffset(None)
    return str(zone) if is_known(str(zone)) or offset is None else str(timezone(offset)).removeprefix("UTC") or "UTC"


def in_utc(local: Times, zone: str) -> Times:
    """Return times of a zone, datetime64[us] of shape (k,), in UTC; of two that an hour has in autumn, the first.

    >>> in_utc(np.array(["2024-07-01T10:00", "NaT"], "M8[us]"), "+02:00").astype(str).tolist()
    ['2024-07-01T08:00:00.000000', 'NaT']
    """
    there = zone_of(zone)
    out = local.astype("M8[us]")
    known = _is_dated(out)
    moments = out[known].tolist()
    out[known] = [m.replace(tzinfo=there).astimezone(UTC).replace(tzinfo=None) for m in moments]
    return out


def in_zone(utc: Times, zone: str) -> Times:
    """Return times in UTC, datetime64[us] of shape (n,), as clocks of a zone show them.

    >>> times = np.array(["2024-01-01", "2024-07-01", "NaT"], "M8[us]")
    >>> in_zone(times, "Europe/Berlin").astype("M8[h]").astype(str).tolist()
    ['2024-01-01T01', '2024-07-01T02', 'NaT']
    """
    there = zone_of(zone)
    out = utc.astype("M8[us]")
    known = _is_dated(out)
    # Clocks are put forward and back at quarters of an hour, if at all.
    quarters, place = np.unique(out[known].astype(np.int64) // 900_000_000, return_inverse=True)
    offsets = [(_EPOCH + timedelta(minutes=15 * q)).astimezone(there).utcoffset() for q in quarters.tolist()]
    out[known] += np.array([0 if o is None else round(o.total_seconds() * 1e6) for o in offsets], "m8[us]")[place]
    return out


def _is_dated(times: Times) -> NDArray[np.bool_]:
    """Tell which times are of the years that Python's calendar has, but for a few days at its ends."""
    out: NDArray[np.bool_] = (times > _FIRST) & (times < _LAST)
    return out
