"""Made-up machines under a folder that looks like /sys/devices/system/cpu."""

from __future__ import annotations

from pathlib import Path


def written(
    root: Path,
    packages: int,
    cores: int,
    threads: int = 1,
    nodes: int = 1,
    cores_per_cache: int | None = None,
) -> Path:
    """`cores` in each package; siblings are numbered as Linux does, all first threads first."""
    total = packages * cores
    shared = cores_per_cache or cores
    for core in range(total):
        package = core // cores
        siblings = ",".join(str(core + t * total) for t in range(threads))
        first = core // shared * shared
        together = ",".join(
            f"{first + t * total}-{first + shared - 1 + t * total}" for t in range(threads)
        )
        for thread in range(threads):
            folder = root / f"cpu{core + thread * total}"
            (folder / "topology").mkdir(parents=True)
            (folder / "topology/physical_package_id").write_text(f"{package}\n")
            (folder / "topology/thread_siblings_list").write_text(f"{siblings}\n")
            (folder / f"node{core * nodes // total}").mkdir()
            for index, (level, kind, size, sharing) in enumerate(
                [
                    (1, "Data", "32K", siblings),
                    (1, "Instruction", "32K", siblings),
                    (2, "Unified", "1024K", siblings),
                    (3, "Unified", "32M", together),
                ]
            ):
                cache = folder / "cache" / f"index{index}"
                cache.mkdir(parents=True)
                for name, text in {
                    "level": level,
                    "type": kind,
                    "size": size,
                    "coherency_line_size": 64,
                    "ways_of_associativity": 8,
                    "shared_cpu_list": sharing,
                }.items():
                    (cache / name).write_text(f"{text}\n")
    return root
