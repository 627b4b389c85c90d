"""Time left of a campaign: from the plan's estimate, then from what was measured."""

from __future__ import annotations


def time_left(
    done: float, running: float, waiting: float, slots: int, spent: float, since: float
) -> float:
    """Seconds until all units have ended.

    `done`, `running` and `waiting` are the estimated seconds of the units in each state, `spent`
    the seconds from the start to the last unit that ended and `since` those from then to now.
    What units took is held against their estimates, and that factor scales what is left. Units
    that run longer than estimated raise it too: the time left does not stand at zero with others
    to come.
    """
    at_once = max(slots, 1)
    factor = spent * at_once / done if done else 1.0
    if running:
        factor = max(factor, (spent + since) * at_once / (done + running))
    return max(factor * (running + waiting) / at_once - since, 0.0)
