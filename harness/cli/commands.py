"""Every command: what may be asked of it, what it is for, and examples. They stand here alone.

A command is a dataclass of what the user wrote, and the `main` that takes it, in a file of the
command's name beside this one.
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
    full: bool = option("full", "every problem, however many there are", False, kind=bool)


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
    campaigns: tuple[str, ...] = argument("CAMPAIGN", CAMPAIGN, count="+", completed="campaign")
    out: str = option("out", "where the network goes", MISSING, value="FILE", completed="file")
    test: str = option("test", "workloads to keep for judging it", "", value="NETWORK,...")
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


@dataclass(frozen=True)
class Command:
    """`examples` are pairs of a command line and what it is for; `file` holds its `main`."""

    name: str
    asked: type[Asked]
    summary: str
    examples: tuple[tuple[str, str], ...]
    notes: str = ""

    @property
    def file(self) -> str:
        """A module `list` would hide the builtin from its neighbours."""
        return {"list": "listing"}.get(self.name, self.name.replace("-", "_"))


COMMANDS = {
    command.name: command
    for command in (
        Command(
            "run",
            Run,
            "run a campaign from a Hydra configuration; -m sweeps",
            (
                ("polydl run experiment=quickstart", "the demo"),
                (
                    "polydl run primitive=conv2d primitive.sizes.ic=17 strategy=[roofline,top_k]",
                    "one problem, two ways of choosing its schedule",
                ),
                ("polydl run workload=resnet50 campaign.dry_run=true", "the plan and its time"),
                ("polydl run -m primitive=matmul threads=1,2", "a sweep, as one campaign"),
                ("polydl run campaign.resume=CAMPAIGN", "what is missing or failed in it"),
            ),
            "Exit status 1 where a trial failed, 130 after Ctrl-C; what was measured is kept.",
        ),
        Command(
            "explain",
            Configured,
            "one problem: domain, dependences, working sets, ranked schedules, C text",
            (
                ("polydl explain primitive=matmul", "what the model's first choice looks like"),
                (
                    "polydl explain workload=resnet50 workload.select=[resnet50_03] format=json",
                    "one problem of a list, as data",
                ),
                ("polydl explain primitive=conv2d format=html out=conv2d.html", "as a page"),
                ("polydl explain primitive=conv2d format=c", "the C text alone"),
                (
                    "polydl explain primitive=matmul 'schedule.order=[m@1,n,k,m]' "
                    "'schedule.tiles={m@1:16}'",
                    "loops in an order of one's own",
                ),
            ),
        ),
        Command(
            "doctor",
            Configured,
            "what this host or a cluster offers, what is missing, how noisy it is",
            (
                ("polydl doctor", "this host; changes nothing"),
                ("polydl doctor cluster.address=HOST:PORT", "every node of a cluster"),
            ),
        ),
        Command(
            "list",
            List,
            "campaigns with date, problems, verdicts, host",
            (("polydl list", "those of ./runs, newest first"),),
        ),
        Command(
            "show",
            Show,
            "a campaign's table again, or one trial with all that is known of it",
            (
                ("polydl show CAMPAIGN", "the table"),
                ("polydl show CAMPAIGN resnet50_03:roofline", "one trial, with what repeats it"),
            ),
        ),
        Command(
            "compare",
            Compare,
            "two campaigns, paired, with what differs between them; or the history of several",
            (
                ("polydl compare BEFORE AFTER", "status 1 where something is slower for certain"),
                ("polydl compare BEFORE AFTER threshold=0.05 format=junit out=ci.xml", "for CI"),
                ("polydl compare FIRST SECOND THIRD", "each contender's steps over the commits"),
            ),
        ),
        Command(
            "export",
            Export,
            "the best generated kernels as a small C library, with its build and a self-test",
            (("polydl export CAMPAIGN kernels", "what a C or C++ program links"),),
            "Of each problem the fastest that needs no library; `make test` in DIR tests it.",
        ),
        Command(
            "export-data",
            ExportData,
            "a row for each trial, with intervals, as csv, parquet or a latex table",
            (
                ("polydl export-data CAMPAIGN out=trials.csv", "pandas.read_csv takes it"),
                ("polydl export-data CAMPAIGN format=parquet out=trials.parquet", "with types"),
            ),
        ),
        Command(
            "report",
            Report,
            "the review page: one HTML file with every figure; of several campaigns compared",
            (
                ("polydl report CAMPAIGN", "written into its folder, as at the end of a run"),
                ("polydl report BEFORE AFTER out=review.html", "what differs, and what it changed"),
            ),
            "It opens from disk and needs no network. docs/how-to/review.md says how to read it.",
        ),
        Command(
            "sync",
            Sync,
            "bring MLflow up to date from the campaign's journal; safe to repeat",
            (("polydl sync CAMPAIGN tracking.uri=http://127.0.0.1:5000", "to a server"),),
        ),
        Command(
            "train",
            Train,
            "learn the tournament's network from measured candidates",
            (
                (
                    "polydl train CAMPAIGN out=m.json test=resnet50",
                    "judged on a network that it has not seen",
                ),
            ),
        ),
        Command(
            "dashboard",
            Dashboard,
            "a campaign in MLflow's UI, worst trials first; loopback only",
            (
                ("polydl dashboard CAMPAIGN", "the link to its trials, served until Ctrl-C"),
                ("polydl dashboard CAMPAIGN open=true", "the same, in a browser"),
                ("polydl dashboard", "the campaigns of ./runs"),
            ),
        ),
        Command(
            "baseline",
            Baseline,
            "the baselines, their versions, what is missing; make the environment of one",
            (
                ("polydl baseline list", "what is there"),
                ("polydl baseline install autotvm", "some minutes, once"),
            ),
        ),
        Command(
            "clean",
            Clean,
            "what is cached, with sizes; --yes removes it",
            (
                ("polydl clean", "only shows"),
                ("polydl clean --yes builds", "removes compiled kernels"),
            ),
            "What tuners have found took hours: it goes only when `tuning` is named.",
        ),
        Command(
            "completion",
            Completion,
            "the lines that make a shell complete commands, campaigns, groups, members of lists",
            (
                ('eval "$(polydl completion bash)"', "in this shell; in ~/.bashrc for all"),
                ('eval "$(polydl completion zsh)"', "the same for zsh"),
            ),
        ),
        Command(
            "help",
            Help,
            "this text, or what a command takes",
            (("polydl help show", "the same as polydl show --help"),),
        ),
    )
}
