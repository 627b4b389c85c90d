"""Units over Ray: compile and analyse as ordinary tasks, measure in one agent for each node.

A unit is prepared for a kind of node, on any node of that kind, and measured by any of them; what
was compiled travels between them through Ray's object store. Whatever dies or falls silent on the
way costs an attempt, and the unit goes elsewhere.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from harness.account import expanded
from harness.choices import ArchitectureChoice, ClusterChoice
from harness.cluster.agent import Beat, prepare
from harness.cluster.flight import Counts, Flight
from harness.cluster.members import members, portable, refuse_lacking
from harness.cluster.node import Share, share_of
from harness.cluster.patience import Patience, measure_limit, prepare_limit
from harness.cluster.pool import Event, Node, Watch, lost
from harness.cluster.ray_start import join, start_local
from harness.cluster.site import Opening, Site, first_line
from harness.cluster.work import WORK, Work
from harness.errors import EnvironmentProblem, SettingsError
from harness.kernel.toolchain import SCRATCH
from harness.record.result import Stage
from harness.scratch import clear_scratch
from harness.trial import UnitOutcome
from harness.unit import Contender, Unit

log = logging.getLogger("polydl")

WAIT_SECONDS = 0.25
GET_SECONDS = 20.0  # for an outcome to arrive, whose node says that it is there
LOOK_SECONDS = 2.0  # between two looks at the cluster's list of nodes
AHEAD = 4  # units prepared or being prepared for a kind of node, at least


class RayPool:
    """See harness.cluster.pool.Pool. `local` starts a cluster and ends it, `ray` joins one.

    A `share` that is given is that of every node.
    """

    def __init__(
        self,
        choice: ClusterChoice,
        architecture: ArchitectureChoice,
        threads: int,
        campaign: str,
        cache: Path,
        watch: Watch,
        work: Work = WORK,
        share: Share | None = None,
    ) -> None:
        self._choice = choice
        self._cache = cache
        self._watch = watch
        self._patience = Patience.chosen(choice)
        self._waiting: deque[Flight] = deque()
        self._active: dict[str, Flight] = {}  # by the unit's key; those that are not waiting
        self._calls: dict[Any, tuple[Flight, Unit]] = {}  # Ray's reference -> what it answers
        self._given_up: deque[tuple[Unit, UnitOutcome]] = deque()
        self._sites: dict[str, Site] = {}
        self._told: set[str] = set()
        self._first: Node | None = None  # what is given up names it, where no other is known
        self._looked = self._alive = time.monotonic()
        try:
            if choice.kind == "local":
                share = share_of(choice.cores, choice.exclusive) if share is None else share
                start_local(share)
            else:
                join(choice)
                self._cache = cache = portable(cache)
            self._work = ray.put(work)
            self._prepare = ray.remote(num_cpus=1, max_retries=0, num_returns=2)(prepare)
            self._opening = Opening(work, share, choice, architecture, threads, campaign, cache)
            self._open_sites()
        except BaseException:
            self.close()
            raise

    def nodes(self) -> tuple[Node, ...]:
        return tuple(site.node for site in self._sites.values() if site.known)

    def installed(self, baselines: Sequence[Contender]) -> tuple[Contender, ...]:
        asked = [site.installed(baselines) for site in self._sites.values() if site.open]
        answers = []
        for answer in asked:
            with suppress(RayError):  # of a node that went meanwhile
                answers.append(ray.get(answer, timeout=self._patience.describe))
        return tuple(b for b in baselines if answers and all(b in has for has in answers))

    def submit(self, unit: Unit) -> None:
        self._waiting.append(Flight(unit))

    def outcomes(self) -> Iterator[tuple[Unit, UnitOutcome]]:
        while self._waiting or self._active or self._given_up:
            while self._given_up:
                yield self._given_up.popleft()
            self._tend(time.monotonic())
            self._dispatch(time.monotonic())
            for ref in self._arrived():
                finished = self._collected(ref)
                if finished is not None:
                    yield finished

    def close(self) -> None:
        """Ends the agents; their children die with them."""
        self._waiting.clear()
        self._active.clear()
        self._calls.clear()
        if ray.is_initialized():
            for site in self._sites.values():
                site.end()
        self._sites = {}
        ray.shutdown()
        clear_scratch(expanded(self._cache) / SCRATCH)

    # Nodes: opened together at first; later one by one, as they are lost and come back.

    def _open_sites(self) -> None:
        self._look()
        if not self._sites:
            raise EnvironmentProblem("the Ray cluster has no node that is alive and has a CPU")
        if self._choice.kind == "ray":
            refuse_lacking(members(self._choice), self._cache)  # while the agents start
        deadline = time.monotonic() + self._patience.describe
        silent = [site.await_description(deadline) for site in self._sites.values()]
        refusals = [site.refusal for site in self._sites.values() if site.refusal is not None]
        if len(refusals) == len(self._sites):
            raise refusals[0].of_all(refusals)
        if not self.nodes():
            raise EnvironmentProblem("; ".join(filter(None, silent)))
        self._first = self.nodes()[0]

    def _look(self) -> None:
        """Take in nodes that have come, forget those that will not come back under their id."""
        alive = {member.id: member for member in members(self._choice)}
        for site in [site for site in self._sites.values() if site.id not in alive]:
            self._lose(site, "Ray declared the node dead")
            del self._sites[site.id]
        for identity, member in alive.items():
            if identity not in self._sites:
                self._sites[identity] = Site(member, self._opening, self._patience)

    def _tend(self, now: float) -> None:
        """Heartbeats, deadlines, nodes that went and came."""
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            try:
                self._look()
            except SettingsError as error:  # a node joined whose label is wrong: others go on
                if str(error) not in self._told:
                    self._told.add(str(error))
                    log.warning("%s", error)
        for site in list(self._sites.values()):
            reason = site.tend(now, self._heard)
            if reason is not None:
                self._lose(site, reason)
        for flight in list(self._active.values()):
            overdue = self._overdue(flight, now)
            if overdue is not None:
                self._end_overdue(flight, overdue)
        if any(site.open for site in self._sites.values()):
            self._alive = now
        elif now - self._alive > self._patience.without_nodes:
            self._give_up_all(f"no node was left for {self._patience.without_nodes:.0f} s")

    def _heard(self, site: Site, beat: Beat) -> None:
        """What an agent says of its units; a deadline does not run while a unit only waits."""
        now = time.monotonic()
        for (key, attempt), waits_for in beat.doing.items():
            flight = self._active.get(key)
            if flight is None or flight.unit.attempt != attempt or flight.site is not site:
                continue
            if waits_for and flight.note != waits_for:
                self._watch(Event(flight.unit, "waiting", site.name, waits_for))
            if not waits_for and (flight.note or flight.step == "sent"):
                self._watch(Event(flight.unit, "measuring", site.name))
            if waits_for or flight.step == "sent":
                flight.moved("measuring", now)
            flight.note = waits_for

    def _overdue(self, flight: Flight, now: float) -> str | None:
        limits = {
            "preparing": prepare_limit(flight.unit),
            "sent": self._patience.arrival,
            "measuring": measure_limit(flight.unit),
        }
        limit = limits.get(flight.step)
        if limit is None or now - flight.since <= limit:
            return None
        return f"{flight.step} for more than {limit:.0f} s"

    def _end_overdue(self, flight: Flight, reason: str) -> None:
        """A task can be ended alone; a thread of an agent only with its agent."""
        if flight.step == "preparing":
            ray.cancel(flight.call, force=True)
            self._again(flight, flight.builder, reason)
        elif flight.site is not None:
            self._lose(flight.site, f"{flight.unit.problem.name}: {reason}")

    def _lose(self, site: Site, reason: str) -> None:
        """Quarantine a site; every unit that depends on it goes elsewhere."""
        site.quarantine(time.monotonic(), reason)
        for flight in list(self._active.values()):
            if flight.depends_on(site):
                self._again(flight, site, reason)

    # Units: prepared for a kind of node while its slots are busy, sent when one has room.

    def _dispatch(self, now: float) -> None:
        kinds: dict[str, list[Site]] = {}
        for site in self._sites.values():
            if site.open:
                kinds.setdefault(site.node.fingerprint, []).append(site)
        if not kinds:
            return
        counts = Counts(self._active.values())
        while self._waiting:
            kind, sites = min(kinds.items(), key=lambda item: counts.load(*item))
            slots = sum(site.node.slots for site in sites)
            if counts.ahead[kind] >= max(AHEAD, 2 * slots):
                break
            flight = self._waiting.popleft()
            builder = min(sites, key=counts.building)
            self._begin(flight, kind, builder, sites[0].node, now)
            counts.add(flight)
        for flight in [f for f in self._active.values() if f.step == "ready"]:
            sites = [s for s in kinds.get(flight.kind, ()) if counts.room(s)]
            elsewhere = [s for s in sites if s is not flight.last] or sites
            if elsewhere:
                site = min(elsewhere, key=counts.sent)
                self._send(flight, site, now)
                counts.send(flight)

    def _begin(self, flight: Flight, kind: str, builder: Site, node: Node, now: float) -> None:
        flight.kind, flight.builder = kind, builder
        task = self._prepare.options(scheduling_strategy=builder.where)
        flight.call, flight.prepared = task.remote(
            self._work,
            flight.unit,
            node.architecture,
            self._cache,
            builder.node.housekeeping,
        )
        flight.moved("preparing", now)
        self._active[flight.unit.key] = flight
        self._calls[flight.call] = (flight, flight.unit)
        self._watch(Event(flight.unit, "preparing", builder.name))

    def _send(self, flight: Flight, site: Site, now: float) -> None:
        flight.site = site
        flight.call = site.measure(flight.prepared, flight.unit)
        flight.moved("sent", now)
        self._calls[flight.call] = (flight, flight.unit)
        self._watch(Event(flight.unit, "prepared", site.name))

    def _arrived(self) -> Sequence[Any]:
        """All references that are ready, after a short wait for the first."""
        refs = list(self._calls)
        if not refs:
            time.sleep(WAIT_SECONDS)
            return []
        if not ray.wait(refs, num_returns=1, timeout=WAIT_SECONDS, fetch_local=False)[0]:
            return []
        done: Sequence[Any] = ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)[0]
        return done

    def _collected(self, ref: Any) -> tuple[Unit, UnitOutcome] | None:
        """What a finished task or call brought; nothing for what was given up meanwhile."""
        flight, unit = self._calls.pop(ref)
        if self._active.get(unit.key) is not flight or flight.unit.attempt != unit.attempt:
            log.info("%s: a late answer to attempt %d", unit.problem.name, unit.attempt)
            return None
        preparing = flight.step == "preparing"
        site = flight.builder if preparing else flight.site
        assert site is not None
        try:
            value = ray.get(ref, timeout=GET_SECONDS)
        except RayTaskError as error:
            if isinstance(error.cause, RayError | OSError):  # of the node's, not of the unit's
                self._again(flight, site, first_line(error.cause))
                return None
            log.error("%s: %s", unit.problem.name, error)
            del self._active[unit.key]
            stage: Stage = "compile" if preparing else "measure"
            return unit, lost(unit, stage, first_line(error.cause), site.node)
        except RayActorError as error:
            self._lose(site, f"its agent died: {first_line(error)}")
            return None
        except RayError as error:
            self._again(flight, site, first_line(error))
            return None
        if preparing:
            flight.moved("ready", time.monotonic())
            return None
        del self._active[unit.key]
        site.succeeded()
        return unit, value

    def _again(self, flight: Flight, site: Site | None, reason: str) -> None:
        """One attempt is lost: the unit goes back to the front of the queue, or is given up."""
        unit = flight.unit
        log.warning("%s, attempt %d: %s", unit.problem.name, unit.attempt, reason)
        del self._active[unit.key]
        node = site.node if site is not None and site.known else self._first
        flight.failed(site, reason)
        if unit.attempt >= self._patience.attempts:
            self._given_up.append((unit, lost(unit, "measure", flight.told(), node)))
        else:
            self._waiting.appendleft(flight)

    def _give_up_all(self, reason: str) -> None:
        for flight in (*self._active.values(), *self._waiting):
            flight.history.append(reason)
            outcome = lost(flight.unit, "measure", "; ".join(flight.history), self._first)
            self._given_up.append((flight.unit, outcome))
        self._active.clear()
        self._waiting.clear()
