"""What the kernel tells of caches and processors under /sys; missing files are unknown (None)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CPU_ROOT = Path("/sys/devices/system/cpu")
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class SystemCache:
    """A data or unified cache as sysfs has it; a guest may be told what it does not own."""

    level: int
    bytes: int
    line: int
    ways: int
    processors: tuple[int, ...]  # logical ones that share it


def text_of(path: Path) -> str | None:
    """The stripped text of a small file, None when it is missing or unreadable."""
    try:
        return path.read_text().strip() or None
    except OSError:
        return None


def number_of(path: Path, default: int) -> int:
    text = text_of(path)
    return int(text) if text is not None and text.lstrip("-").isdigit() else default


def processor_list(text: str) -> tuple[int, ...]:
    """`0-3,8` as (0, 1, 2, 3, 8)."""
    found: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


def caches(processor: int, root: Path = CPU_ROOT) -> tuple[SystemCache, ...]:
    """Data caches of a logical processor, innermost first."""
    found = []
    for folder in sorted((root / f"cpu{processor}" / "cache").glob("index*")):
        size = text_of(folder / "size")
        if size is None or text_of(folder / "type") == "Instruction":
            continue
        unit = UNITS.get(size[-1])
        found.append(
            SystemCache(
                level=number_of(folder / "level", 0),
                bytes=int(size[:-1]) * unit if unit else int(size),
                line=number_of(folder / "coherency_line_size", 64),
                ways=number_of(folder / "ways_of_associativity", 8),
                processors=processor_list(text_of(folder / "shared_cpu_list") or str(processor)),
            )
        )
    return tuple(sorted(found, key=lambda cache: cache.level))


def siblings(processor: int, root: Path = CPU_ROOT) -> tuple[int, ...]:
    """Logical processors of the same physical core, the processor itself included."""
    text = text_of(root / f"cpu{processor}" / "topology" / "thread_siblings_list")
    return processor_list(text) if text else (processor,)
