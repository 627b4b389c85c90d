"""A folder in which the commands of the pages run as they stand: with campaigns of these names."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.cli import main
from tests.docs.commands import files
from tests.docs.pages import ROOT
from tests.harness.campaigns import BRIEF
from tests.harness.onnx.models import model, node, saved

COPIES = ("BEFORE", "AFTER", "FIRST", "SECOND", "THIRD")
SHAPES = 'mb1ic3ih224oc64oh112kh7sh2ph3_n"stem"\n128x768:768x3072_n"ffn"\n'
W, B = {"w": (8, 8, 3, 3)}, {"b": (8, 8)}
TOURNAMENT = (ROOT / "compiler" / "cost" / "tournament.json").read_text()


def write_files(folder: Path, page: Path) -> None:
    """What the page tells to write; and shapes, networks, a tournament, as commands name them."""
    given = {"FILE": SHAPES, "shapes": SHAPES, "mine.json": TOURNAMENT, "m.json": TOURNAMENT}
    for name, text in (*given.items(), *files(page)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    saved(model([node("Conv", "x w", "y")], {"x": (1, 8, 6, 6)}, "y", W), folder)
    tokens = {"x": ("batch", "seq", 8)}
    saved(model([node("MatMul", "x b", "y")], tokens, "y", B), folder, "bert.onnx")


def measure_campaigns(*more: str) -> None:
    """Into ./runs: one with a layer that the pages speak of, and copies of it."""
    words = ["workload=resnet50", "workload.select=[resnet50_03]", "baseline=[]"]
    assert main(["run", *words, *BRIEF, "campaign.name=CAMPAIGN", *more]) == 0
    for name in COPIES:
        shutil.copytree("runs/CAMPAIGN", f"runs/{name}")
