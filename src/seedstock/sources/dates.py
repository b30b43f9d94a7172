"""Dates, times of day and durations in texts: found out over the whole column, and written again in the same form.

Forms are strftime's, with ``%3f`` for three digits of a second's fraction, ``%-d`` for a day without a zero, ``%^b``
for a month in capitals and ``%P`` for am and pm.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
         "november", "december")  # fmt: skip
_NAME = "|".join(_LONG + _MONTHS + ("sept",))
_CLOCK = (
    r"(?:(?P<gap>T|,? ) ?(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:(?P<fs>[.,])(?P<f>\d{1,9}))?)?"
    r"(?P<pg> ?)(?P<p>[AaPp][Mm])?(?P<zg> ?)(?P<z>Z|UTC|[+-]\d{2}:?\d{2})?)?"
)
_DATES = tuple(
    re.compile(p + _CLOCK, re.IGNORECASE | re.ASCII)
    for p in (
        r"(?P<Y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})",
        r"(?P<a>\d{1,2})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<Y>\d{4}|\d{2})",
        rf"(?P<d>\d{{1,2}})(?P<s>[-/ .]|\. )(?P<m>{_NAME})(?P<t>[-/ .]|, )(?P<Y>\d{{4}}|\d{{2}})",
        rf"(?P<m>{_NAME})(?P<s>[ -])(?P<d>\d{{1,2}})(?P<t>, ?|[ -])(?P<Y>\d{{4}})",
    )
)
_TIME = re.compile(r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:(?P<fs>[.,])(?P<f>\d{1,9}))?)?", re.ASCII)
_SPAN = re.compile(
    r"(?P<sign>-)?(?:(?P<days>\d{1,8}) days?,? ?)?"
    r"(?:\+?(?P<H>\d{1,8}):(?P<M>\d{2}):(?P<S>\d{2})(?:\.(?P<f>\d{1,9}))?)?",
    re.ASCII,
)
MAX_CHARS = 64
_SHAPE = str.maketrans("123456789", "000000000")
DAY, HOUR, MINUTE, SECOND = 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000


@dataclass(frozen=True, eq=False)
class Times:
    """Texts as times.

    Attributes
    ----------
    values : ndarray, shape (k,)
        datetime64[us] or timedelta64[us].
    dtype : str
        ``date``, ``datetime[us]``, ``datetime[us, ZONE]``, ``time`` or ``duration[us]``.
    format : str
    notes : list of str
        What was decided in doubt, to be continued after the column's name.
    """

    values: NDArray[Any]
    dtype: str
    format: str
    notes: list[str] = field(default_factory=list)


def parse_times(texts: Sequence[str], form: str | None = None) -> Times | None:
    """Return texts as dates, datetimes, times of day or durations; None where one of them is none.

    Parameters
    ----------
    texts : sequence of str
    form : str or None
        A known form, which tells the day from the month.

    >>> parse_times(["1/31/2020", "2/1/2020"]).format
    '%-m/%-d/%Y'
    >>> parse_times(["06:55", "23:10"]).dtype
    'time'
    """
    if not texts or max(map(len, texts)) > MAX_CHARS or not re.search(r"\d", texts[0]):
        return None
    for pattern in _DATES:
        if pattern.fullmatch(texts[0]):
            found = [pattern.fullmatch(t) for t in texts]
            if None not in found:
                return _dates([m for m in found if m is not None], form)
    return _times_of_day(texts) or _durations(texts)


def _dates(found: list[re.Match[str]], known: str | None) -> Times | None:
    notes: list[str] = []
    month_first = False
    if "a" in found[0].groupdict():
        order = _known_order(known) if known else None
        order = _order(found, notes) if order is None else order
        if order is None:
            return None
        month_first = order
    d, m = ("b", "a") if month_first else ("a", "b")
    day_group, month_group = (d, m) if "a" in found[0].groupdict() else ("d", "m")
    year = np.array([int(x["Y"]) for x in found], np.int64)
    short = np.array([len(x["Y"]) == 2 for x in found])
    year = np.where(short, np.where(year < 69, 2000 + year, 1900 + year), year)
    month = np.array([_month(x[month_group]) for x in found], np.int64)
    day = np.array([int(x[day_group]) for x in found], np.int64)
    clock = _clock(found)
    if clock is None or ((year < 1) | (month < 1) | (month > 12) | (day < 1)).any():
        return None
    months = (year - 1970).astype("M8[Y]").astype("M8[M]") + (month - 1)
    dates = months.astype("M8[D]") + (day - 1)
    if (dates.astype("M8[M]") != months).any():  # 31 April
        return None
    micros, zone, zone_form = clock
    values = dates.astype("M8[us]") + micros.astype("m8[us]")
    # "May" is as short as it is long: the other months decide.
    long = any(len(x[month_group]) > 4 for x in found)
    # Texts that differ in digits only have one form: one of them is looked at.
    shapes = Counter(x.string.translate(_SHAPE) for x in found)
    example = {x.string.translate(_SHAPE): x for x in found}
    forms: Counter[str] = Counter()
    for shape, n in shapes.items():
        forms[_form(example[shape], day_group, month_group, zone_form, long)] += n
    form = _widest(forms)
    if len(forms) > 1 and len({_bare(f) for f in forms}) > 1:
        notes.append(f"is written in {len(forms)} forms; all are written as {form} from here on")
    if not any(x["H"] for x in found):
        return Times(values, "date", form, notes)
    return Times(values, f"datetime[us, {zone}]" if zone else "datetime[us]", form, notes)


def _order(found: list[re.Match[str]], notes: list[str]) -> bool | None:
    """Tell whether the month comes first; None where neither order fits all."""
    a, b = max(int(x["a"]) for x in found), max(int(x["b"]) for x in found)
    if a > 12 and b > 12:
        return None
    if a <= 12 and b <= 12:
        first = found[0]["s"] == "/"
        which = "month first" if first else "day first"
        notes.append(
            f"could be read day first or month first; it is read {which} (a schema's format decides otherwise)"
        )
        return first
    return b > 12


def _known_order(form: str) -> bool | None:
    places = [
        min((p for p in (form.find(f) for f in fs) if p >= 0), default=-1) for fs in (("%m", "%-m"), ("%d", "%-d"))
    ]
    return None if min(places) < 0 else places[0] < places[1]


def _month(text: str) -> int:
    return int(text) if text.isdigit() else _MONTHS.index(text[:3].lower()) + 1


def _clock(found: list[re.Match[str]]) -> tuple[NDArray[np.int64], str | None, str] | None:
    """Return the microseconds of the day (less the zone's offset), the zone and how it is written."""
    hours = np.array([int(x["H"] or 0) for x in found], np.int64)
    minutes = np.array([int(x["M"] or 0) for x in found], np.int64)
    seconds = np.array([int(x["S"] or 0) for x in found], np.int64)
    fraction = np.array([int((x["f"] or "0")[:6].ljust(6, "0")) for x in found], np.int64)
    if any(x["p"] for x in found):
        if ((hours < 1) | (hours > 12)).any() or not all(x["p"] for x in found):
            return None
        hours = hours % 12 + np.array([12 if x["p"].upper() == "PM" else 0 for x in found])
    if ((hours > 23) | (minutes > 59) | (seconds > 60)).any():
        return None
    micros = hours * HOUR + minutes * MINUTE + seconds * SECOND + fraction
    zones = {x["z"] for x in found}
    if zones == {None}:
        return micros, None, ""
    if None in zones:
        return None
    if len(zones) == 1:
        text = str(zones.pop())
        # Values are UTC within; one offset for all is kept as the zone.
        zone = "UTC" if _offset(text) == 0 else f"{text[:3]}:{text[-2:]}"
        return micros - _offset(text), zone, text
    return micros - np.array([_offset(x["z"]) for x in found]), "UTC", "%z"


def _offset(text: str) -> int:
    if text.upper() in ("Z", "UTC"):
        return 0
    return (1 if text[0] == "+" else -1) * (int(text[1:3]) * HOUR + int(text[-2:]) * MINUTE)


def _form(x: re.Match[str], day: str, month: str, zone: str, long: bool) -> str:
    parts = x.groupdict()
    sep, sep2 = parts["s"], parts.get("t") or parts["s"]
    y = "%Y" if len(parts["Y"]) == 4 else "%y"
    d = "%d" if len(parts[day]) == 2 else "%-d"
    raw = parts[month]
    m = (
        ("%m" if len(raw) == 2 else "%-m")
        if raw.isdigit()
        else ("%^" if raw.isupper() else "%") + ("b" if len(raw) == 3 and not (long and raw.lower() == "may") else "B")
    )
    if x.start("Y") == 0:
        date = f"{y}{sep}{m}{sep}{d}"
    else:
        ahead = f"{m}{sep}{d}" if x.start(month) < x.start(day) else f"{d}{sep}{m}"
        date = f"{ahead}{sep2}{y}"
    if parts["H"] is None:
        return date
    twelve = bool(parts["p"])
    clock = _hour(parts["H"], twelve) + ":%M" + _seconds(parts)
    if twelve:
        clock += str(parts["pg"]) + ("%P" if str(parts["p"]).islower() else "%p")
    return date + parts["gap"] + clock + (parts["zg"] + zone if zone else "")


def _hour(text: str, twelve: bool) -> str:
    return "%" + ("-" if len(text) == 1 else "") + ("I" if twelve else "H")


def _seconds(parts: dict[str, str | None]) -> str:
    if parts["S"] is None:
        return ""
    digits = len(parts["f"] or "")
    return ":%S" + (f"{parts['fs']}%{min(digits, 6)}f" if digits else "")


def _bare(form: str) -> str:
    return form.replace("%-", "%")


def _widest(forms: Counter[str]) -> str:
    """Choose the commonest form; of forms that differ by a leading zero, the one without (9/10/2020 is no evidence)."""
    common = max(forms, key=lambda f: (forms[f], f))
    same = [f for f in forms if _bare(f) == _bare(common)]
    if len(same) == 1:
        return common
    # Each field is written without a zero as soon as one text shows that.
    fields = {f for form in same for f in re.findall(r"%-\w", form)}
    for short in fields:
        common = common.replace("%" + short[2:], short)
    return common


def _times_of_day(texts: Sequence[str]) -> Times | None:
    found = [_TIME.fullmatch(t) for t in texts]
    if None in found:
        return None
    seen = [m for m in found if m is not None]
    hours = np.array([int(x["H"]) for x in seen])
    if (hours > 23).any() or any(int(x["M"]) > 59 or int(x["S"] or 0) > 59 for x in seen):
        return None
    values = _micros(seen).astype("m8[us]")
    shapes = {x.string.translate(_SHAPE): x for x in seen}
    counts = Counter(x.string.translate(_SHAPE) for x in seen)
    forms: Counter[str] = Counter()
    for shape, x in shapes.items():
        forms[_hour(x["H"], False) + ":%M" + _seconds(x.groupdict())] += counts[shape]
    form = _widest(forms)
    several = len({_bare(f) for f in forms}) > 1
    return Times(values, "time", form, [f"is written in several forms; all become {form}"] if several else [])


def _durations(texts: Sequence[str]) -> Times | None:
    found = [_SPAN.fullmatch(t) for t in texts]
    if None in found or any(not m["days"] and not m["H"] for m in found if m is not None):
        return None
    seen = [m for m in found if m is not None]
    if any(int(x["M"] or 0) > 59 or int(x["S"] or 0) > 59 for x in seen):
        return None
    micros = _micros(seen) + np.array([int(x["days"] or 0) for x in seen], np.int64) * DAY
    values = np.where([bool(x["sign"]) for x in seen], -micros, micros).astype("m8[us]")
    days = any(x["days"] for x in seen)
    digits = max(len(x["f"] or "") for x in seen)
    return Times(
        values, "duration[us]", ("%D days " if days else "") + "%H:%M:%S" + (f".%{min(digits, 6)}f" if digits else "")
    )


def _micros(seen: list[re.Match[str]]) -> NDArray[np.int64]:
    hours = np.array([int(x["H"] or 0) for x in seen], np.int64) * HOUR
    minutes = np.array([int(x["M"] or 0) for x in seen], np.int64) * MINUTE
    seconds = np.array([int(x["S"] or 0) for x in seen], np.int64) * SECOND
    return hours + minutes + seconds + np.array([int((x["f"] or "0")[:6].ljust(6, "0")) for x in seen], np.int64)
