"""Hostile inputs of seven kinds, each a seeded change of something that works.

An input is made by its number alone: `made(seed, number)`, whatever ran before it. It is a job of
its own, run in a scratch folder, that ends as the command line ends: with a status.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml

from compiler.cost.features import FEATURES
from compiler.cost.tournament_file import KIND
from compiler.errors import CompilerError
from compiler.pipeline import compile_schedule, loop_nest, parse_schedule, ranked_schedules
from compiler.problem.architecture import Architecture, CacheLevel
from compiler.problem.specification import primitive_from
from harness.analysis.comparison import compared
from harness.analysis.means import campaign_means
from harness.analysis.rank_quality import campaign_quality
from harness.analysis.recorded import recorded
from harness.analysis.trial_rows import trial_rows
from harness.benchdnn.batch import entries_in
from harness.cli import main
from harness.conf_files import CONF
from harness.errors import HarnessError
from harness.learn.recorded import measured_in
from harness.record.configuration import documents_in
from harness.record.journal import CampaignFolder
from harness.report.comparison import comparison_grids
from harness.report.data_files import as_csv
from harness.report.junit import as_junit
from harness.report.latex import as_latex
from harness.report.markdown import as_markdown
from harness.report.tables import render_campaign
from harness.settings.model_file import read_model
from tests.fuzz.mutation import NUMBERS, mutated_data, mutated_text

MACHINE = "architecture=xeon_8280"  # described, so that nothing is measured
DRY = "campaign.dry_run=true"  # stands last: nothing before it can undo it
PRIMITIVES = {
    file.stem: yaml.safe_load(file.read_text()) for file in sorted(CONF.glob("primitive/*.yaml"))
}
OVERRIDES = (
    *("threads=2", "seed=7", "strategy=[roofline,top_k]", "strategy.top_k.k=5", "baseline=[]"),
    *("strategy=survey", "strategy.survey.rankings=[roofline,polydl]", "strategy=polydl_tree"),
    *("primitive.sizes={m: 8, n: 16, k: 4}", "primitive.sizes.m=31", "primitive.stored.a=[1,0]"),
    *("primitive.plain=[a,c]", "primitive.constant=[]", "primitive.dtype=f32"),
    *("workload=quickstart", "workload.select=[resnet50_03]", "workload.sizes.n=2"),
    *("measure.budget_seconds=2.5", "measure=careful", "measure.cache=cold", "measure.name=x"),
    *("architecture.peak=100.5", "architecture.caches.L1.bytes=32768", "architecture.isa=x86_64"),
    *("cluster.cores=[0,1]", "cluster.exclusive=numa", "cluster.attempts=2", "cluster=serial"),
    *("tracking=journal", "tracking.uri=sqlite:///x.db", "campaign.name=a-b.c", "campaign.dir=d"),
    *("strategy=fixed", "strategy.fixed.schedule=scalar/order:m+n+k", "strategy.fixed.from=c:t"),
    *("schedule=scalar/order:m+n+k", "schedule.order=[m@1,n,k,m]", "schedule.tiles={m@1: 16}"),
    *("baseline=[onednn,naive]", "baseline.onednn.path=/nowhere", "baseline=twin", "format=json"),
    *("threads=1,2", "threads=range(1,4)", "primitive=glob(*matmul)", "threads=sort(3,1,2)"),
    *("primitive.sizes.n=choice(8,16)", "strategy.roofline.space=paper", "experiment=a_a"),
    *("primitive.sizes.m=${primitive.sizes.n}", "+primitive.sizes.m=3", "~primitive.stored"),
    *("campaign.resume=campaign", "workload=benchdnn", "workload.batch=batch", "-m", "--multirun"),
    *("strategy=tournament", "strategy.tournament.model=model.json", "--cfg", "job", "hydra.x=1"),
)
SMALL_MATMUL = ("primitive=matmul", "primitive.sizes={m: 8, n: 16, k: 4}")
COMMANDS = (  # each works as it stands
    (*SMALL_MATMUL, "strategy=[roofline,top_k]", "strategy.top_k.k=5", "seed=3"),
    (*SMALL_MATMUL, "strategy=survey", "strategy.survey.rankings=[roofline,polydl]", "threads=2"),
    (*SMALL_MATMUL, "strategy=fixed", "strategy.fixed.schedule=scalar/order:m+n+k"),
    (*SMALL_MATMUL, "strategy=polydl_tree", "strategy.polydl_tree.space=paper"),
    (*SMALL_MATMUL, "primitive.plain=[c]", "primitive.constant=[b]", "baseline=[]"),
    (*SMALL_MATMUL, "strategy=tournament", "strategy.tournament.model=model.json"),
    (*SMALL_MATMUL, "measure.budget_seconds=2.5", "measure.processes=4", "measure.cache=cold"),
    (*SMALL_MATMUL, "baseline=[onednn,autotvm]", "baseline.autotvm.trials=9"),
    ("primitive=conv2d", "primitive.sizes.ih=9", "primitive.sizes.pad_h=0", "architecture.peak=99"),
    ("primitive=conv2d_bn_relu", "primitive.sizes.ic=5", "primitive.sizes.stride=2"),
    ("primitive=conv1d", "primitive.sizes.kw=7", "primitive.sizes.dilation=2"),
    ("workload=quickstart", "workload.select=[resnet50_03]", "workload.sizes.n=2"),
    ("workload=benchdnn", "workload.batch=batch", "workload.select=[gemm]"),
    ("-m", "primitive=matmul", "threads=1,2", "primitive.sizes.n=range(1,4)"),
    ("-m", "primitive=glob(*matmul)", "strategy=roofline,[top_k,polydl]"),
)
OF_CAMPAIGNS = ("-m", "baseline", "measure", "seed")
EXPLAINED = (*SMALL_MATMUL, "schedule.order=[m@1,n,k,m]", "schedule.tiles={m@1: 4}", "format=json")
LINES = (  # of the commands without a configuration, none that starts a server or installs
    *(
        "list .",
        "show campaign",
        "show campaign a:survey",
        "train campaign out=m.json test=a seed=3",
    ),
    *("clean", "clean --yes builds tuning", "help show", "completion bash", "run --help"),
    *("--complete run strategy=[roofline,", "--complete show campaign ", "--version"),
    *("--complete run primitive=conv2d primitive.sizes.", "--complete run workload.select=["),
    *("--complete explain --config-dir mine format=", "--complete baseline install "),
)
PIECES = ("--", "-", "-h", "--help", "--=", "-m=1", "a=", "=a", "port=9", "out=", "--yes", "")
BATCH = """\
# a network
--reset
mb1ic3ih16oc8oh16kh3ph1n"stem"
g4mb2ic8ih9oc8oh9kh3ph1n"depthwise*1"
ic4iw30oc4ow14kw3sw2pw0n"line"
ic4id6oc4kd3 --mb=4 ic16ih5oc8kh1\\
n"joined" --reset
--matmul --stag=abx --dtag=abx
12x8:8x16n"gemm"
3x12x8:3x8x16_n"batched"
--batch=batch2
"""
MODEL = {
    "kind": KIND,
    "features": list(FEATURES),
    "judges": "pairs",
    "mean": [1.5] * 2 * len(FEATURES),
    "scale": [2.0] * 2 * len(FEATURES),
    "layers": [
        {"weights": [[0.5, -0.5]] * 2 * len(FEATURES), "biases": [0.1, 0.2]},
        {"weights": [[1.0], [-1.0]], "biases": [0.0]},
    ],
    "provenance": {"campaigns": ["a"], "pairs": 12},
}
SMALL = {"n": 1, "ic": 4, "oc": 16, "ih": 6, "iw": 9, "id": 5, "m": 12, "k": 8, "c": 16, "g": 2}


Job = Callable[[], int]  # ends with a status, as the command line does


@dataclass(frozen=True)
class Input:
    """What to put into the scratch folder, what to call, and how it is shown."""

    kind: str
    shown: str
    files: Mapping[str, str | bytes]
    run: Job


@dataclass(frozen=True)
class Corpus:
    """Valid inputs that take a while to make: once, before anything is forked."""

    schedules: dict[str, tuple[str, ...]]  # lines by primitive
    campaign: dict[str, str]  # texts by path
    model: str

    @classmethod
    def gathered(cls, campaign: Path) -> Corpus:
        """With the schedules of small problems and the files of a recorded campaign."""
        levels = (CacheLevel("L1", 2**15), CacheLevel("L2", 2**20))
        machine = Architecture("host", "x86_64", 64, 32, caches=levels, peak=100.0)
        schedules = {}
        for name in ("matmul", "conv2d", "depthwise_conv2d", "pointwise_depthwise"):
            primitive = primitive_from(small(name))
            ranked = ranked_schedules(primitive, machine, threads=2)
            schedules[name] = tuple(str(one.schedule) for one in ranked[:: 1 + len(ranked) // 30])
        files = [file for file in campaign.rglob("*") if file.is_file() and file.name[0] != "."]
        texts = {str(file.relative_to(campaign)): file.read_text() for file in files}
        return cls(schedules, texts, json.dumps(MODEL))


def made(seed: int, number: int, corpus: Corpus) -> Input:
    """The input of this number."""
    rng = Random(f"{seed}.{number}")
    return KINDS[number % len(KINDS)](rng, corpus)


def small(name: str) -> dict[str, Any]:
    """A shipped primitive with sizes that take no time."""
    spec = dict(PRIMITIVES[name])
    spec["sizes"] = {
        key: min(value, SMALL.get(key, value)) if isinstance(value, int) else value
        for key, value in spec["sizes"].items()
    }
    return spec


def _overrides(rng: Random, corpus: Corpus) -> Input:
    words = [*rng.choice((*COMMANDS, EXPLAINED)), *rng.sample(OVERRIDES, rng.randrange(2))]
    for _ in range(rng.randrange(1, 3)):
        at = rng.randrange(len(words))
        key, _, value = words[at].partition("=")
        match rng.randrange(4):
            case 0:
                words[at] = mutated_text(rng, words[at], OVERRIDES)
            case 1:
                words[at] = f"{key}={rng.choice(OVERRIDES).partition('=')[2]}"
            case 2:
                words[at] = f"{key}={mutated_text(rng, value, OVERRIDES)}"
            case _:
                words[at] = f"{key}={rng.choice((*NUMBERS, '3', '8', '[1,2]', '{a: 1}', 'x'))}"
    command = ["run", MACHINE, *words, DRY] if rng.random() < 0.6 else explained(words)
    files = {"batch": BATCH, "batch2": "8x8:8x8", "model.json": corpus.model}
    return Input("overrides", repr(command), files, lambda: main(command))


def explained(words: Sequence[str]) -> list[str]:
    """Without what is for campaigns alone, which would be all that is refused."""
    return ["explain", MACHINE, *(w for w in words if not w.startswith(OF_CAMPAIGNS))]


def _lines(rng: Random, corpus: Corpus) -> Input:
    first, *words = rng.choice(LINES).split(" ")
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(words) + 1)
        if at < len(words) and rng.random() < 0.6:
            words[at] = mutated_text(rng, words[at], LINES)
        else:
            words.insert(at, rng.choice((*PIECES, *rng.choice(LINES).split(" "))))
    command = [first if rng.random() < 0.9 else mutated_text(rng, first, ("run", "list")), *words]
    if command[0] in ("baseline", "dashboard", "sync", "run", "explain", "doctor"):
        command.append("--help")
    files = {f"campaign/{name}": text for name, text in corpus.campaign.items()}
    return Input("line", repr(command), files, lambda: main(command))


def _primitives(rng: Random, corpus: Corpus) -> Input:
    spec = small(rng.choice(list(PRIMITIVES)))
    if rng.random() < 0.7:
        spec = mutated_data(rng, spec)
        text = yaml.safe_dump(spec) if _dumps(spec) else "a: 1"
    else:
        written = yaml.safe_dump(spec, sort_keys=False)
        text = mutated_text(rng, written, (written, "a: &a [x]\nb: *a\n", "defaults: [matmul]\n"))
    command = ["explain", MACHINE, "--config-dir", "mine", "primitive=mine"]
    files = {"mine/primitive/mine.yaml": text.encode("utf-8", "replace")}
    return Input("primitive", text, files, lambda: main(command))


def _schedules(rng: Random, corpus: Corpus) -> Input:
    name = rng.choice(list(corpus.schedules))
    known = corpus.schedules[name]
    line = "/".join(
        rng.choice((part, part, part, part, rng.choice(rng.choice(known).split("/"))))
        for part in rng.choice(known).split("/")
    )
    if rng.random() < 0.7:
        line = mutated_text(rng, line, known)

    def compiled() -> int:
        primitive = primitive_from(small(name))
        compile_schedule(primitive, parse_schedule(line))
        loop_nest(primitive)
        return 0

    return Input("schedule", f"{name}: {line}", {}, lambda: _status(compiled))


def _batches(rng: Random, corpus: Corpus) -> Input:
    text = mutated_text(rng, BATCH, (BATCH, "--batch=batch\n", "--batch=batch2\n" * 3))
    nested = rng.choice(("", "4x4:4x4\n", "--batch=batch\n", "--batch=batch2\n", "--mb=0\n"))
    files = {"batch": text.encode("utf-8", "replace"), "batch2": nested.encode()}

    def read() -> int:
        entries_in(Path("batch"))
        return 0

    command = ["run", MACHINE, "workload=benchdnn", "workload.batch=batch", DRY]
    whole = rng.random() < 0.2
    return Input("batch", text, files, (lambda: main(command)) if whole else lambda: _status(read))


def _models(rng: Random, corpus: Corpus) -> Input:
    if rng.random() < 0.5:
        text = json.dumps(mutated_data(rng, json.loads(corpus.model)))
    else:
        text = mutated_text(rng, corpus.model, (corpus.model, '{"kind": [NaN, 1e999]}'))

    def read() -> int:
        read_model(Path("model.json"))
        return 0

    command = ["explain", MACHINE, "primitive=matmul", "strategy=tournament"]
    command.append("strategy.tournament.model=model.json")
    whole = rng.random() < 0.1
    files = {"model.json": text.encode("utf-8", "replace")}
    return Input("model", text, files, (lambda: main(command)) if whole else lambda: _status(read))


def _journals(rng: Random, corpus: Corpus) -> Input:
    files: dict[str, str | bytes] = dict(corpus.campaign)
    path = rng.choice(list(files))
    text = corpus.campaign[path]
    lines = text.splitlines(keepends=True)
    if path.endswith("jsonl") and lines and rng.random() < 0.6:
        at = rng.randrange(len(lines))
        lines[at] = json.dumps(mutated_data(rng, json.loads(lines[at]))) + "\n"
        text = "".join(lines)
    else:
        text = mutated_text(rng, text, (text,))
    files[path] = text.encode("utf-8", "replace")
    placed = {f"campaign/{name}": held for name, held in files.items()}
    commands = (
        ["train", "campaign", "out=model.json"],
        ["run", "campaign.resume=campaign", MACHINE, DRY],
        [
            "explain",
            MACHINE,
            "primitive=matmul",
            "strategy=fixed",
            "strategy.fixed.from=campaign:x",
        ],
    )
    command = rng.choice(commands)
    whole = rng.random() < 0.2
    run = (lambda: main(command)) if whole else lambda: _status(_all_read)
    return Input("journal", f"{path}: {text}", placed, run)


def _all_read() -> int:
    """Everything that anybody reads of a campaign, and its table."""
    folder = CampaignFolder(Path("campaign"))
    results = folder.results()
    folder.starts()
    for result in results:
        folder.samples(result.trial)
    documents_in(folder.configuration)
    measured_in(folder)
    quality = campaign_quality(folder, results)
    render_campaign(results, campaign_means(folder, results), quality)
    one = recorded(folder)
    found = compared(one, one)
    as_junit(found)
    "".join(map(as_markdown, comparison_grids(found)))
    as_csv(*trial_rows(results))
    as_latex(results)
    return 0


def _status(call: Callable[[], int]) -> int:
    """As `main` ends; what nobody foresaw goes on, for the runner to see."""
    try:
        return call()
    except (HarnessError, CompilerError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _dumps(spec: Any) -> bool:
    try:
        yaml.safe_dump(spec)
    except (yaml.YAMLError, ValueError):
        return False
    return True


KINDS: tuple[Callable[[Random, Corpus], Input], ...] = (
    *(_overrides, _schedules, _batches, _primitives, _journals, _models, _schedules, _overrides),
    *(_journals, _batches, _lines),
)
