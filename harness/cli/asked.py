"""What may be asked of each command: a dataclass of what the user wrote after it.

Parsing, help, completion and docs/reference/commands.md all come from these fields (see words.py).
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass

from harness.cli.words import argument, flag, option

HELP = ("--help", "-h")
CAMPAIGN = "a folder, or a name under ./runs"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the user wrote after a command; `words` as written."""

    words: tuple[str, ...] = ()
    help: bool = flag(*HELP, help="this text")


@dataclass(frozen=True, kw_only=True)
class Configured(Asked):
    """Of a command that works on a configuration: overrides, and Hydra's own options."""

    overrides: tuple[str, ...] = argument(
        "OVERRIDE", "KEY=VALUE of the configuration, listed below", count="*"
    )
    config_dir: str | None = flag(
        *("--config-dir", "-cd"),
        help="one more folder of configuration files, laid out as conf/",
        value="DIR",
        completed="folder",
    )
    cfg: str | None = flag(
        *("--cfg", "-c"),
        help="print the configuration that comes of the overrides, and do nothing else",
        choices=("job", "hydra", "all"),
        bare="job",
    )
    package: str | None = flag(
        "--package", "-p", help="with --cfg: only this part, such as strategy.top_k", value="PART"
    )
    resolve: bool = flag("--resolve", help="with --cfg: references replaced by what they refer to")
    info: str | None = flag(
        *("--info", "-i"),
        help="print how Hydra came to the configuration",
        choices=("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
        bare="all",
    )

    @property
    def wants_information(self) -> bool:
        """Whether Hydra is to answer about the configuration instead of the command."""
        return bool(self.cfg or self.info or self.package or self.resolve)


@dataclass(frozen=True, kw_only=True)
class Run(Configured):
    multirun: bool = flag("--multirun", "-m", help="sweep: values with commas are tried one by one")


@dataclass(frozen=True, kw_only=True)
class List(Asked):
    folder: str | None = argument(
        "FOLDER", "where campaigns lie; ./runs if left out", count="?", completed="folder"
    )


@dataclass(frozen=True, kw_only=True)
class Show(Asked):
    campaign: str = argument("CAMPAIGN", CAMPAIGN, completed="campaign")
    trial: str | None = argument(
        "TRIAL", "its id, the start of it, or PROBLEM:CONTENDER", count="?", completed="trial"
    )
    full: bool = option(
        "full", "every problem, and every node of a network that is in none", False, kind=bool
    )


@dataclass(frozen=True, kw_only=True)
class Compare(Asked):
    campaigns: tuple[str, ...] = argument(
        "CAMPAIGN",
        f"{CAMPAIGN}; two are compared, the second against the first, of several their history "
        "is told and the last two are compared",
        count="+",
        completed="campaign",
    )
    threshold: float = option(
        "threshold",
        "a change of less is none; status 1 where an interval lies beyond it, on the slower side",
        0.03,
        kind=float,
        least=0,
        most=1,
    )
    format: str = option(
        "format", "how it is told", "text", choices=("text", "markdown", "junit", "json")
    )
    out: str | None = option(
        "out", "a file instead of the terminal", value="FILE", completed="file"
    )


@dataclass(frozen=True, kw_only=True)
class ExportData(Asked):
    campaign: str = argument("CAMPAIGN", CAMPAIGN, completed="campaign")
    format: str = option("format", "of the file", "csv", choices=("csv", "parquet", "latex"))
    out: str | None = option(
        "out",
        "the file; the terminal if left out, but for parquet",
        value="FILE",
        completed="file",
    )


@dataclass(frozen=True, kw_only=True)
class Export(Asked):
    campaign: str = argument("CAMPAIGN", CAMPAIGN, completed="campaign")
    folder: str = argument("DIR", "a new folder for the library", completed="folder")


@dataclass(frozen=True, kw_only=True)
class Keep(Asked):
    campaign: str = argument("CAMPAIGN", CAMPAIGN, completed="campaign")
    folder: str = argument(
        "DIR", "a new folder, or that of a kept campaign, which is written anew", completed="folder"
    )


@dataclass(frozen=True, kw_only=True)
class Claims(Asked):
    select: tuple[str, ...] = argument(
        "SELECT", "names of claims or of their campaigns, `*` for any letters; all if left out", "*"
    )
    source: str | None = option(
        "from",
        "hold them against this campaign, of whichever of their problems it has",
        value="CAMPAIGN",
        completed="campaign",
    )
    minutes: float = option(
        "minutes",
        "measure what has no records, as long as it takes no longer than this each",
        0.0,
        kind=float,
        least=0,
        most=100_000,
    )
    again: bool = option(
        "again", "read what this machine has measured, and not what is kept", False, kind=bool
    )
    tables: bool = option(
        "tables", "write the tables of README, docs and experiments anew", False, kind=bool
    )
    format: str = option(
        "format", "how they are told", "text", choices=("text", "markdown", "json", "html")
    )
    out: str | None = option(
        "out", "a file instead of the terminal", value="FILE", completed="file"
    )
    file: str | None = option(
        "file",
        "the claims; experiments/claims.yaml if left out",
        value="FILE",
        completed="file",
    )


@dataclass(frozen=True, kw_only=True)
class Report(Asked):
    campaigns: tuple[str, ...] = argument(
        "CAMPAIGN", f"{CAMPAIGN}; of several the last, compared", count="+", completed="campaign"
    )
    out: str | None = option(
        "out",
        "where the page goes; into the campaign's folder if left out",
        value="FILE",
        completed="file",
    )


@dataclass(frozen=True, kw_only=True)
class Tracked(Asked):
    """Of a command that works on a campaign's store."""

    uri: str | None = option(
        "tracking.uri",
        "the store; as the campaign was run if left out",
        value="ADDRESS",
    )


@dataclass(frozen=True, kw_only=True)
class Sync(Tracked):
    campaign: str = argument("CAMPAIGN", CAMPAIGN, completed="campaign")
    experiment: str | None = option(
        "tracking.experiment", "MLflow's experiment; as the campaign was run if left out"
    )


@dataclass(frozen=True, kw_only=True)
class Dashboard(Tracked):
    campaign: str | None = argument(
        "CAMPAIGN", f"{CAMPAIGN}; the store of ./runs if left out", count="?", completed="campaign"
    )
    port: int | None = option(
        "port", "of 127.0.0.1; 5000 or any free one if left out", kind=int, least=1, most=65535
    )
    open: bool = option("open", "in a browser, too", False, kind=bool)


@dataclass(frozen=True, kw_only=True)
class Train(Asked):
    recordings: tuple[str, ...] = argument(
        "CAMPAIGN",
        f"{CAMPAIGN}; or a survey, FILE.csv with FILE.yaml beside it",
        count="+",
        completed="campaign",
    )
    out: str = option("out", "where the model goes", MISSING, value="FILE", completed="file")
    test: str = option("test", "workloads to keep for judging it", "", value="NETWORK,...")
    judge: str = option(
        "judge", "campaigns and surveys to judge it by alone, of other hosts", "", value="NAME,..."
    )
    features: str = option(
        "features",
        "what it sees of a schedule: all that there is, or the bytes that the paper's sees",
        "all",
        choices=("all", "paper"),
    )
    seed: int = option("seed", "of every random choice", 0, kind=int, least=0, most=2**32 - 1)


@dataclass(frozen=True, kw_only=True)
class Baseline(Asked):
    action: str = argument(
        "ACTION",
        "tell what is there, or make one's environment",
        choices=("list", "install"),
    )
    name: str | None = argument(
        "NAME", "of the baseline to install", count="?", completed="environment"
    )


PARTS = {
    "builds": "compiled kernels and measured ceilings",
    "tools": "tool environments of baselines",
    "tuning": "what baselines' tuners have found",
}


@dataclass(frozen=True, kw_only=True)
class Clean(Asked):
    parts: tuple[str, ...] = argument(
        *("PART", "what to remove; builds and tools if left out"), count="*", choices=tuple(PARTS)
    )
    yes: bool = flag("--yes", "-y", help="remove it; without, it is only shown")


@dataclass(frozen=True, kw_only=True)
class Completion(Asked):
    shell: str = argument("SHELL", "whose", choices=("bash", "zsh"))


@dataclass(frozen=True, kw_only=True)
class Help(Asked):
    command: str | None = argument(
        "COMMAND", "one of the commands; all of them if left out", count="?", completed="command"
    )
