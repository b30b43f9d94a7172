"""Customers who arrive at random and are served in turn: the M/M/c queue.

arrival_rate and service_rate (of one server) in 1/time; the control servers is c. A row is a customer: the time column
is the arrival; observed is the stay, or the departure, or wait and service of which it is made. First come is first
served: service starts at max(arrival, the first moment at which a server is free); so the service times follow from
arrivals and departures, and the likelihood is exact. Derived: utilisation, and the probability to wait (Erlang C).
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy import special

from seedstock.core.errors import InputError
from seedstock.physics.model import Controls, Floats, Likelihood, PhysicalModel, States, Theta
from seedstock.physics.models._scales import span
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def erlang_c(load: Floats, servers: Floats) -> Floats:
    """Return the probability that a customer must wait, at a load of arrival_rate / service_rate; 1 if overloaded.

    >>> erlang_c(np.array([0.5, 1.0]), np.array([1, 2])).round(4)
    array([0.5   , 0.3333])
    """
    with np.errstate(all="ignore"):
        # The Poisson probabilities of the states below c, and of c, up to one factor.
        log_c = servers * np.log(load) - special.gammaln(servers + 1)
        below = special.gammaincc(servers, load) * np.exp(load)
        top = np.exp(log_c) * servers / (servers - load)
        return np.where(load < servers, top / (below + top), 1.0)


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    m, n, c = len(theta["arrival_rate"]), len(t), int(controls["servers"])
    gaps = rng.exponential(1 / theta["arrival_rate"][:, None], (m, n))
    gaps[:, 0] = 0.0
    arrival = np.cumsum(gaps, axis=1)
    service = rng.exponential(1 / theta["service_rate"][:, None], (m, n))
    free = np.zeros((m, c))
    start = np.empty((m, n))
    rows = np.arange(m)
    for k in range(n):
        first = np.argmin(free, axis=1)
        start[:, k] = np.maximum(arrival[:, k], free[rows, first])
        free[rows, first] = start[:, k] + service[:, k]
    wait = start - arrival
    return {"time": arrival, "stay": wait + service, "departure": start + service, "wait": wait, "service": service}


def _prepare(series: Series) -> Series:
    """Make the time of each stay of the departure, or of wait and service, whichever the data have."""
    lower = {name.lower(): name for name in series.values}

    def find(*words: str) -> str | None:
        return next((lower[n] for n in lower for w in words if n.startswith(w)), None)

    leave, wait, service = find("depart", "end", "finish", "left", "complet"), find("wait"), find("serv")
    if leave is not None:
        return replace(series, values={"stay": series.values[leave] - series.t}, names={"departure": leave})
    if wait is not None and service is not None:
        stay = series.values[wait] + series.values[service]
        return replace(series, values={"stay": stay}, names={"wait": wait, "service": service})
    return series


def services_of(arrival: Floats, departure: Floats, servers: int) -> Floats:
    """Return the service times that arrivals and departures imply.

    Raises
    ------
    InputError
        Where somebody would have left before the service began.
    """
    free = [-np.inf] * servers
    out = np.empty(len(arrival))
    for k, (a, d) in enumerate(zip(arrival.tolist(), departure.tolist(), strict=True)):
        start = max(a, free[0])
        out[k] = d - start
        if not out[k] >= -1e-9 * max(abs(d), 1.0):
            raise InputError(
                f"the customer in row {k} leaves before a server of {servers} is free: the queue is not first come "
                f"first served, or it has more servers (control servers)"
            )
        heapq.heapreplace(free, d)
    return np.maximum(out, 1e-300)


def _log_density(series: Series, theta: Theta, controls: Controls) -> Floats:
    stay = series.values["stay"]
    if not np.isfinite(stay).all():
        raise InputError("every customer needs a departure, and some are missing; drop the customers still in service")
    if (stay < 0).any():
        raise InputError(f"nobody leaves before he comes, and the customer in row {np.argmax(stay < 0)} does; mend it")
    service = services_of(series.t, series.t + stay, int(controls["servers"]))
    n, total = len(series.t) - 1, float(np.ptp(series.t))
    arrivals = n * np.log(theta["arrival_rate"]) - theta["arrival_rate"] * total
    return np.asarray(arrivals + len(service) * np.log(theta["service_rate"]) - theta["service_rate"] * service.sum())


def _statistics(t: Floats, values: States, controls: Controls) -> Mapping[str, Floats]:
    """Return what tells queues apart: how uneven gaps and services are, and how long people stay."""
    arrival, stay = values["time"], values["stay"]
    servers = int(controls["servers"])
    service = np.stack([services_of(a, a + s, servers) for a, s in zip(arrival, stay, strict=True)])
    gap = np.diff(arrival, axis=1)
    return {
        "unevenness of gaps": gap.std(axis=1) / gap.mean(axis=1),
        "unevenness of services": service.std(axis=1) / service.mean(axis=1),
        "longest service to the mean": service.max(axis=1) / service.mean(axis=1),
        "mean stay to mean service": stay.mean(axis=1) / service.mean(axis=1),
    }


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior | float]:
    rate = max(len(series.t) - 1, 1) / span(series)
    c = int(controls["servers"])
    return {
        "arrival_rate": Prior.lognormal(rate, 2),
        "service_rate": Prior.lognormal(2 * rate / c, 2),
        "servers": float(c),
    }


SOURCE = "Erlang (1917); Kleinrock (1975), Queueing Systems I, section 3.5; Kiefer and Wolfowitz (1955)."
MODEL = PhysicalModel(
    name="queue_mmc",
    simulate=_simulate,
    priors=_priors,
    observe=Likelihood(_log_density),
    columns=("stay",),
    kind="records",
    controls={"servers": 1},
    derived={
        "utilisation": lambda theta: theta["arrival_rate"] / theta["service_rate"] / theta["servers"],
        "wait_probability": lambda theta: erlang_c(theta["arrival_rate"] / theta["service_rate"], theta["servers"]),
    },
    statistics=_statistics,
    aliases={"stay": ("sojourn", "response", "latency")},
    prepare=_prepare,
    equations="arrivals Poisson(arrival_rate); services exponential(service_rate); c servers, first come first served",
    units={"arrival_rate": "1/time", "service_rate": "1/time"},
    source=SOURCE,
    origin="first",
)
