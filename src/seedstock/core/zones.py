"""Times of a zone and in UTC. Values are UTC within; a column's zone stands in its schema."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Times = NDArray[Any]


def unit_and_zone(dtype: str) -> tuple[str, str | None]:
    """Return the unit and the zone of ``datetime[us, ZONE]`` or ``duration[us]``.

    >>> unit_and_zone("datetime[ms, Europe/Berlin]")
    ('ms', 'Europe/Berlin')
    """
    found = re.fullmatch(r"\w+\[(s|ms|us|ns)(?:, *(.+))?\]", dtype)
    return (found[1], found[2]) if found else ("us", None)


def zone_of(name: str) -> tzinfo:
    """Return the zone of a name (``Europe/Berlin``) or an offset (``+02:00``); a `ValueError` where none is known."""
    try:
        fixed = datetime.strptime(name.removeprefix("UTC") or "Z", "%z").tzinfo
    except ValueError:
        return ZoneInfo(name)
    assert fixed is not None
    return fixed


def in_utc(local: Times, zone: str) -> Times:
    """Return times of a zone, datetime64[us] of shape (k,), in UTC; of two that an hour has in autumn, the first.

    >>> in_utc(np.array(["2024-07-01T10:00"], "M8[us]"), "+02:00").tolist()
    [datetime.datetime(2024, 7, 1, 8, 0)]
    """
    there = zone_of(zone)
    moments = local.astype("M8[us]").tolist()
    return np.array([m.replace(tzinfo=there).astimezone(UTC).replace(tzinfo=None) for m in moments], "M8[us]")


def in_zone(utc: Times, zone: str) -> Times:
    """Return times in UTC, datetime64[us] of shape (n,), as clocks of a zone show them.

    >>> in_zone(np.array(["2024-01-01", "2024-07-01"], "M8[us]"), "Europe/Berlin").astype("M8[h]").tolist()
    [datetime.datetime(2024, 1, 1, 1, 0), datetime.datetime(2024, 7, 1, 2, 0)]
    """
    there = zone_of(zone)
    # Clocks are put forward and back at quarters of an hour, if at all.
    quarters, place = np.unique(utc.astype("M8[us]").astype(np.int64) // 900_000_000, return_inverse=True)
    known = [datetime.fromtimestamp(q * 900, UTC).astimezone(there).utcoffset() for q in quarters.tolist()]
    offsets = np.array([o.total_seconds() * 1e6 if o is not None else 0 for o in known]).astype("m8[us]")
    out: Times = utc.astype("M8[us]") + offsets[place]
    return out
