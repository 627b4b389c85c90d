"""An exported library on its way into a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from compiler.errors import shown
from harness.errors import Unwritable
from harness.export.check import check_of
from harness.export.library import HEADER, cmake, distinct, function, header, makefile, source
from harness.export.selection import ExportedKernel, exported
from harness.export.selftest import selftest
from harness.record.folders import made_folders, remove_empty
from harness.record.journal import CampaignFolder

SELFTEST = "selftest.c"
SCRATCH = ".export-"  # how the folders of exports under way begin


def write_library(campaign: CampaignFolder, folder: Path) -> tuple[ExportedKernel, ...]:
    """The best kernels of a campaign in a folder that is new, empty, or an earlier export of them.

    Raises RecordError where there is nothing to export, Unwritable for a folder that holds other
    files or cannot be written, before the minutes that the self-test's references may take;
    nothing has been written then.
    """
    kernels = distinct(exported(campaign))
    try:
        _check(folder, kernels)
    except OSError as error:
        raise Unwritable(f"cannot read {shown(folder, 120)}: {shown(error)}") from error
    made: Sequence[Path] = ()
    try:
        made = made_folders(folder)
        for left in folder.glob(f"{SCRATCH}*"):  # by an export that was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder) as scratch:
            texts = library_texts(kernels, f"Kernels of the campaign {shown(campaign.name)}")
            for name, text in texts.items():
                Path(scratch, name).write_text(text, encoding="utf-8")
            for name in texts:
                os.replace(Path(scratch, name), folder / name)
    except OSError as error:
        raise Unwritable(f"cannot write {shown(folder, 120)}: {shown(error)}") from error
    finally:
        remove_empty(made)
    return kernels


def library_texts(kernels: Sequence[ExportedKernel], title: str) -> dict[str, str]:
    """By file name. The self-test's checksums take the reference of every problem."""
    checks = {one.name: check_of(one.primitive) for one in kernels}
    return {
        HEADER: header(kernels, f"{title}, by polydl {version('polydl')}."),
        **{f"{function(one)}.c": source(one) for one in kernels},
        SELFTEST: selftest(kernels, checks),
        "Makefile": makefile(kernels),
        "CMakeLists.txt": cmake(kernels),
    }


def _check(folder: Path, kernels: Sequence[ExportedKernel]) -> None:
    """Refuse a folder with files that are neither the library's nor made by its build."""
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise Unwritable(f"cannot write {shown(folder, 120)}: it is no folder")
    stems = [*map(function, kernels), "selftest"]
    own = {HEADER, "Makefile", "CMakeLists.txt", *(f"{stem}.c" for stem in stems)}
    built = {"libpolydl_kernels.a", "selftest", *(f"{stem}.o" for stem in stems)}
    found = [path for path in folder.iterdir() if not path.name.startswith(SCRATCH)]
    others = sorted(path.name for path in found if path.name not in own | built or path.is_dir())
    if others:
        raise Unwritable(
            f"{shown(folder, 120)} holds other files ({shown(', '.join(others[:3]))}); "
            "name a new folder"
        )
