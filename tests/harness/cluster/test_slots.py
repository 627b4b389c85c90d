from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from harness.cluster.slots import slots_of, taken
from harness.cluster.topology import Core, Topology, topology_found, whole_machine
from harness.errors import EnvironmentProblem, SettingsError
from harness.measure.slot import Slot
from tests.harness.cluster.sysfs_tree import written


def test_the_first_core_is_left_to_everything_else() -> None:
    slots = slots_of(Topology(tuple(Core((n,)) for n in range(4))), 1)
    assert [slot.cores for slot in slots] == [(1,), (2,), (3,)]
    assert {slot.quality for slot in slots} == {"exclusive"}


def measured_on(slots: tuple[Slot, ...]) -> list[tuple[tuple[int, ...], int | None]]:
    return [(slot.cores, slot.numa_node) for slot in slots]


def test_slots_stay_in_a_cache_domain(tmp_path: Path) -> None:
    root = written(tmp_path, packages=2, cores=4, threads=2, nodes=2, cores_per_cache=4)
    slots = slots_of(topology_found(range(16), root), 2)
    assert [slot.cores for slot in slots] == [(1, 2), (4, 5), (6, 7)]
    assert [slot.numa_node for slot in slots] == [0, 1, 1]


def test_more_threads_than_a_cache_domain_has(tmp_path: Path) -> None:
    root = written(tmp_path, packages=2, cores=4, nodes=2, cores_per_cache=2)
    assert measured_on(slots_of(topology_found(range(8), root), 4)) == [((4, 5, 6, 7), 1)]
    assert measured_on(slots_of(topology_found(range(8), root), 6)) == [((1, 2, 3, 4, 5, 6), None)]


def test_too_few_cores_is_said() -> None:
    only = Topology((Core((0,)),))
    assert slots_of(only, 1) == (Slot((0,), None, "shared", claims=(0,)),)
    two = Topology((Core((0,)), Core((1,))))
    assert slots_of(two, 1) == (Slot((1,), claims=(1,)),)
    assert slots_of(two, 2) == (Slot((0, 1), None, "shared", claims=(0, 1)),)


def test_a_slot_may_claim_its_numa_node_or_the_machine(tmp_path: Path) -> None:
    root = written(tmp_path, packages=2, cores=4, threads=2, nodes=2)
    (tmp_path / "online").write_text("0-15\n")
    machine = whole_machine(root)
    share = topology_found([0, 1, 2, 5, 6], root)
    by_node = slots_of(share, 1, "numa", machine)
    assert [slot.cores for slot in by_node] == [(1,), (5,)]
    assert [slot.claims for slot in by_node] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    (whole,) = slots_of(share, 1, "node", machine)
    assert (whole.cores, whole.claims) == ((1,), tuple(range(8)))


def test_a_core_is_locked_by_one_name_whichever_sibling_is_used(tmp_path: Path) -> None:
    root = written(tmp_path, packages=1, cores=4, threads=2)
    (slot,) = slots_of(topology_found([4, 5], root), 1)
    assert (slot.cores, slot.locked) == ((5,), (1,))


def test_a_claim_keeps_others_from_every_core_of_it(tmp_path: Path) -> None:
    wide = Slot((1,), claims=(1, 2, 3))
    with (
        taken(wide, "wide", folder=tmp_path),
        pytest.raises(EnvironmentProblem, match=r"core 3 is held by pid .* campaign wide"),
        taken(Slot((3,)), "other", folder=tmp_path, patience=0.3),
    ):
        raise AssertionError


@pytest.mark.parametrize("threads", [0, 3])
def test_more_threads_than_cores_are_refused(threads: int) -> None:
    two = Topology((Core((0,)), Core((1,))))
    with pytest.raises(SettingsError, match=rf"between 1 and the 2 physical .*, got {threads}"):
        slots_of(two, threads)


def test_a_slot_binds_openmp_to_its_cores() -> None:
    environment = Slot((2, 5)).environment()
    assert environment["OMP_NUM_THREADS"] == "2"
    assert environment["OMP_PLACES"] == "{2},{5}"


def test_a_taken_core_names_its_holder_and_is_given_back(tmp_path: Path) -> None:
    told: list[str] = []
    waiting, got = threading.Event(), threading.Event()

    def second() -> None:
        def heard(message: str) -> None:
            told.append(message)
            waiting.set()

        with taken(Slot((1, 2)), "second", heard, tmp_path):
            got.set()

    with taken(Slot((2, 3)), "first", folder=tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        assert not got.is_set()
    thread.join(10)
    assert got.is_set()
    assert told[0].startswith(f"core 2 is held by pid {os.getpid()}, user ")
    assert told[0].endswith(", campaign first")


def test_slots_without_a_common_core_do_not_wait(tmp_path: Path) -> None:
    with taken(Slot((1,)), "a", folder=tmp_path), taken(Slot((2,)), "b", folder=tmp_path):
        assert "campaign a" in (tmp_path / "polydl-core-1.lock").read_text()
    assert (tmp_path / "polydl-core-1.lock").read_text() == ""


def test_the_kernel_frees_what_a_dead_process_held(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        held = taken(Slot((1,)), "dies", folder=tmp_path)
        held.__enter__()
        os._exit(0)
    os.waitpid(child, 0)
    told: list[str] = []
    with taken(Slot((1,)), "next", told.append, tmp_path):
        assert not told


@pytest.mark.parametrize("kind", ["link", "hard link"])
def test_a_link_in_place_of_a_lock_empties_nothing(kind: str, tmp_path: Path) -> None:
    """All users may write where locks lie; as root the link's target was emptied once."""
    precious, lock = tmp_path / "precious", tmp_path / "polydl-core-1.lock"
    precious.write_text("do not empty this")
    if kind == "link":
        lock.symlink_to(precious)
    else:
        lock.hardlink_to(precious)
    with (
        pytest.raises(EnvironmentProblem, match=r"polydl-core-1\.lock cannot be"),
        taken(Slot((1,)), "root's", folder=tmp_path),
    ):
        raise AssertionError
    assert precious.read_text() == "do not empty this"


def test_an_owner_that_acts_on_terminals_is_shown_escaped(tmp_path: Path) -> None:
    with taken(Slot((1,)), "first", folder=tmp_path):
        (tmp_path / "polydl-core-1.lock").write_text("\x1b]0;mine\x07\nsecond line")
        with (
            pytest.raises(EnvironmentProblem) as refusal,
            taken(Slot((1,)), "second", folder=tmp_path, patience=0.0),
        ):
            raise AssertionError
    told = str(refusal.value)
    assert told.isprintable() and told.startswith(r"core 1 is held by \x1b]0;mine")
