"""The manifest for KubeRay gives what doctor demands: whole cores, and a quota of all of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cluster.members import CORES_LABEL
from harness.cluster.pinning import KUBERNETES, pinning_here

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples" / "kuberay"
CLUSTER: dict[str, Any] = yaml.safe_load((EXAMPLES / "raycluster.yaml").read_text())
KUBELET: dict[str, Any] = yaml.safe_load((EXAMPLES / "kubelet.yaml").read_text())
GROUPS = [CLUSTER["spec"]["headGroupSpec"], *CLUSTER["spec"]["workerGroupSpecs"]]
# Of KubeRay's custom resource, the fields that are used.
KNOWN = {
    "": {"apiVersion", "kind", "metadata", "spec"},
    "spec": {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"},
    "group": {
        *("groupName", "replicas", "minReplicas", "maxReplicas"),
        *("rayStartParams", "template"),
    },
    "container": {
        *("name", "image", "command", "args", "env", "resources"),
        *("livenessProbe", "readinessProbe"),
    },
}


def containers(group: dict[str, Any]) -> list[dict[str, Any]]:
    spec = group["template"]["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def test_the_fields_are_those_of_a_ray_cluster() -> None:
    assert (CLUSTER["apiVersion"], CLUSTER["kind"]) == ("ray.io/v1", "RayCluster")
    assert CLUSTER.keys() <= KNOWN[""] and CLUSTER["spec"].keys() <= KNOWN["spec"]
    for group in GROUPS:
        assert group.keys() <= KNOWN["group"]
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        assert all(container.keys() <= KNOWN["container"] for container in containers(group))


def test_ray_is_the_one_that_is_installed_and_asks_for_a_token() -> None:
    version = CLUSTER["spec"]["rayVersion"]
    assert f"ray=={version}\n" in (ROOT / "constraints.txt").read_text()
    assert CLUSTER["spec"]["authOptions"] == {"mode": "token"}


@pytest.mark.parametrize("group", GROUPS, ids=["head", "workers"])
def test_every_container_is_guaranteed_whole_processors(group: dict[str, Any]) -> None:
    for container in containers(group):
        resources = container["resources"]
        assert resources["requests"] == resources["limits"]
        assert resources["limits"].keys() == {"cpu", "memory"}
        assert resources["limits"]["cpu"].isdigit()


def test_workers_name_their_share_and_keep_ray_on_its_first_core() -> None:
    head, *workers = GROUPS
    assert head["rayStartParams"]["num-cpus"] == "0"
    for group in workers:
        assert group["rayStartParams"]["num-cpus"] == "1"
        (script,) = containers(group)[0]["args"]
        assert f"--labels={CORES_LABEL}=" in script and "taskset -c" in script
        assert CLUSTER["metadata"]["annotations"]["ray.io/overwrite-container-cmd"] == "true"


@pytest.mark.parametrize("group", GROUPS, ids=["head", "workers"])
def test_probes_are_the_kubelets_own(group: dict[str, Any]) -> None:
    """KubeRay's would start programs on the cores that measure, and ones that the image lacks."""
    port = int(group["rayStartParams"].get("node-manager-port", 6379))
    for container in containers(group):
        for probe in (container["livenessProbe"], container["readinessProbe"]):
            assert probe["tcpSocket"] == {"port": port} and "exec" not in probe


def test_kubelets_give_whole_cores() -> None:
    assert KUBELET["kind"] == "KubeletConfiguration"
    assert KUBELET["cpuManagerPolicy"] == "static"
    assert KUBELET["cpuManagerPolicyOptions"] == {"full-pcpus-only": "true"}
    assert re.fullmatch(r"[0-9,-]+", KUBELET["reservedSystemCPUs"])


def test_doctor_has_nothing_to_say_in_such_a_container(tmp_path: Path) -> None:
    """The kubelet's group: a quota of the limit, and as many processors, siblings together."""
    (worker,) = GROUPS[1:]
    cpus = int(containers(worker)[0]["resources"]["limits"]["cpu"])
    machine = tmp_path / "cpu"
    for processor in range(4 * cpus):
        folder = machine / f"cpu{processor}" / "topology"
        folder.mkdir(parents=True)
        first = processor // 2 * 2
        (folder / "thread_siblings_list").write_text(f"{first}-{first + 1}\n")
    (machine / "online").write_text(f"0-{4 * cpus - 1}\n")
    (tmp_path / "cpu.max").write_text(f"{cpus * 100000} 100000\n")
    (tmp_path / "self").write_text("0::/\n")
    own = frozenset(range(2, 2 + cpus))
    found = pinning_here(machine, tmp_path, tmp_path / "self", {KUBERNETES: "10.0.0.1"}, own)
    assert len(found) == 3 and not any(one.advice for one in found)
