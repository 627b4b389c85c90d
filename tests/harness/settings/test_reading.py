"""A setting that changes nothing where it is written is refused, with what would."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.choices import ClusterChoice
from harness.conf_files import keys
from harness.errors import SettingsError
from harness.readers import READERS, Reader, kinds_that_read, reads
from harness.settings import as_recorded, load_settings, one_of_settings

MATMUL = "primitive=matmul"
WORDS: dict[Reader, list[str]] = {
    "run": [MATMUL, "tracking=journal"],
    "explain": [MATMUL],
    "doctor": [],
    "kernel": [MATMUL],
}


@pytest.mark.parametrize(
    ("reader", "word", "told"),
    [
        ("run", "schedule=scalar/order:m+n+k", "strategy.fixed.schedule=LINE measures a schedule"),
        ("run", "+schedule.order=[m,n,k]", "+schedule.order=[m,n,k] changes nothing here (run); "),
        ("run", "format=json", "`polydl show`, `report` and `export-data` tell of a campaign"),
        ("run", "out=x.html", "campaign.dir=DIR says where"),
        ("run", "cluster.address=head:6379", "with cluster=serial; it needs cluster=ray"),
        ("run", "cluster.attempts=2", "with cluster=serial; it needs cluster=local or cluster=ray"),
        ("run", "tracking.uri=http://h:5000", "with tracking=journal; it needs tracking=mlflow"),
        ("explain", "baseline=[naive]", "baseline=[naive] changes nothing here (explain); what is"),
        ("explain", "baseline.onednn.path=/x", "read: architecture, primitive, workload, "),
        ("explain", "~baseline", "~baseline changes nothing here"),
        ("explain", "measure=careful", "experiment, threads, numerics, schedule, format, out"),
        ("explain", "cluster=ray", "cluster=ray changes nothing here"),
        ("explain", "campaign.name=x", "campaign.name=x changes nothing here"),
        ("doctor", "format=json", "what is read: architecture, cluster, experiment, threads"),
        ("kernel", "cluster=ray", "changes nothing here (kernel)"),
        ("kernel", "schedule=x", "the argument `schedule` is read"),
    ],
)
def test_what_changes_nothing_is_refused(reader: Reader, word: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings([*WORDS[reader], word], reader)
    assert told in str(caught.value)


def test_what_is_read_is_taken() -> None:
    cores = "cluster.cores=[0]"
    words: dict[Reader, list[str]] = {
        "run": [MATMUL, cores, "baseline=[]", "campaign.name=x", "seed=3"],
        "explain": [MATMUL, cores, "schedule=scalar/order:m+n+k", "format=json", "out=x"],
        "doctor": [cores, "cluster.address=head:6379", "threads=2"],
        "kernel": [MATMUL, cores, "measure=careful", "seed=3"],
    }
    assert tuple(words) == READERS
    for reader, own in words.items():
        assert one_of_settings(own, reader).cluster.cores == (0,)
    (joined,) = load_settings([MATMUL, "cluster=ray", "cluster.address=head:6379"], "run")
    assert joined.cluster.address == "head:6379"


def test_an_experiments_file_may_set_more_than_is_read() -> None:
    settings = one_of_settings(["experiment=quickstart"], "explain")
    assert settings.baselines


def test_several_combinations_are_for_campaigns() -> None:
    for words in (["-m", MATMUL, "threads=1,2"], ["experiment=paper_smoke"]):
        with pytest.raises(SettingsError, match="one combination is taken, got"):
            one_of_settings(words, "explain")


def test_the_tables_name_keys_that_there_are() -> None:
    known = {key.name for key in keys()}
    for reader in READERS:
        assert {name for name in known if reads(reader, name)} < known
    assert kinds_that_read("cluster.cores") == ("serial", "local", "ray")
    assert kinds_that_read("threads") == ()


def test_a_resumed_campaign_runs_where_it_ran_but_for_what_is_said() -> None:
    (ran,) = load_settings([MATMUL, "cluster=local", "cluster.attempts=5", "tracking=journal"])

    def resumed(*words: str) -> ClusterChoice:
        (settings,) = as_recorded(["campaign.resume=one", *words], [ran.resolved])
        return settings.cluster

    assert resumed() == ran.cluster
    assert resumed("cluster.cores=[1]") == replace(ran.cluster, cores=(1,))
    assert resumed("cluster=serial").kind == "serial"
    assert resumed("cluster=ray", "cluster.address=head:6379").attempts == 3
    for word in ("cluster.address=head:6379", "tracking.uri=http://h:5000"):
        with pytest.raises(SettingsError, match="changes nothing with"):
            resumed(word)
