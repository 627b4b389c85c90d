"""Every command: its name, what may be asked of it, what it is for, and examples.

A command is what may be asked of it (asked.py) and the `main` that takes it, in a file of the
command's name beside this one.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.cli.asked import (
    Asked,
    Baseline,
    Claims,
    Clean,
    Compare,
    Completion,
    Configured,
    Dashboard,
    Export,
    ExportData,
    Help,
    Keep,
    List,
    Report,
    Run,
    Show,
    Sync,
    Train,
)
from harness.readers import READERS, Reader


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

    @property
    def reader(self) -> Reader | None:
        """What of a configuration it reads, where it works on one."""
        return next((one for one in READERS if one == self.name), None)


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
            "Exit status 1 where nothing can be measured: not here, or on no node of the cluster.",
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
            "claims",
            Claims,
            "what paper, README and docs say, held against records: reproduced, or not",
            (
                ("polydl claims", "all of them, against the records that are kept"),
                ("polydl claims quickstart again=true minutes=10", "measured on this machine"),
                ("polydl claims from=CAMPAIGN format=html out=claims.html", "as a page"),
            ),
            "Exit status 1 where a claim deviates and nothing says why. The file: "
            "docs/reference/claims.md.",
        ),
        Command(
            "keep",
            Keep,
            "a finished campaign in a few small files with its page, as experiments/ holds them",
            (("polydl keep CAMPAIGN experiments/02_matmul/zen5", "to be kept beside the code"),),
            "What is kept is a campaign, too: show, report, compare and export-data read it.",
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
            "learn a tournament from measured candidates",
            (
                (
                    "polydl train CAMPAIGN out=m.json test=resnet50",
                    "judged on a network that it has not seen",
                ),
                (
                    "polydl train FIRST SECOND out=m.json judge=THIRD",
                    "judged on a campaign of a host that it has not seen",
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
