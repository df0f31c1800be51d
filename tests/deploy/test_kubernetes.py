"""The Kubernetes manifests: built by kustomize, valid by their schemas, and understood by our settings."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.settings import load_settings
from tests.deploy.checkers import checked

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
BUILDS = ["base", *(f"overlays/{path.name}" for path in sorted((FOLDER / "overlays").iterdir()))]


def manifest(name: str) -> Any:
    return yaml.safe_load((FOLDER / "base" / f"{name}.yaml").read_text())


def built(name: str) -> list[Any]:
    return list(yaml.safe_load_all(checked("kubectl", "kustomize", str(FOLDER / name))))


def hosts_of(objects: list[Any]) -> Any:
    (found,) = (each for each in objects if each["kind"] in {"Deployment", "WorkerDeployment"})
    return found


@pytest.mark.parametrize("name", ["worker", "migrate"])
def test_a_pod_is_neither_root_nor_able_to_change_its_image(name: str) -> None:
    pod = manifest(name)["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod['securityContext']['runAsUser']}" in (ROOT / "Dockerfile").read_text()
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    # Root's, and readable by the pod's group: what our programs ask of a file with keys.
    (secrets,) = (each["secret"] for each in pod["volumes"] if "secret" in each)
    assert (secrets["defaultMode"], pod["securityContext"]["fsGroup"]) == (0o440, 10001)


def test_only_the_migration_knows_the_role_that_owns_the_tables() -> None:
    of_the_worker, of_the_migration = ((FOLDER / "base" / f"{name}.yaml").read_text() for name in ("worker", "migrate"))

    assert "owner_url" in of_the_migration
    assert "owner_url" not in of_the_worker
    assert "haru-migration" not in of_the_worker


def test_one_host_may_go_at_a_time_and_each_is_probed() -> None:
    worker, budget = manifest("worker"), manifest("disruption-budget")
    (container,) = worker["spec"]["template"]["spec"]["containers"]
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}

    assert worker["spec"]["replicas"] > budget["spec"]["maxUnavailable"]
    assert budget["spec"]["selector"] == worker["spec"]["selector"]
    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startup": "/live",
        "liveness": "/live",
        "readiness": "/ready",
    }
    assert {probe["port"] for probe in probes.values()} == {"health"}


def test_the_pods_environment_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_configured: None
) -> None:
    (container,) = manifest("worker")["spec"]["template"]["spec"]["containers"]
    secrets = {
        "haru.env": "",
        "application_url": "postgresql://haru_app:password@postgres:5432/haru",
        "payload_keys": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "token_key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    }
    for name, text in secrets.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable["value"].replace("/run/secrets/haru", str(tmp_path)))

    settings = load_settings()

    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    assert str(settings.telemetry.health_address).endswith(f":{ports['health']}")
    assert str(settings.telemetry.prometheus_address).endswith(f":{ports['metrics']}")
    assert settings.database_url is not None
    assert settings.payloads.keys


@pytest.mark.parametrize("name", BUILDS)
def test_kustomize_builds_what_the_schemas_allow(name: str, tmp_path: Path) -> None:
    (tmp_path / "built.yaml").write_text(yaml.safe_dump_all(built(name)))

    said = checked("kubernetes-validate", "--strict", str(tmp_path / "built.yaml"))

    # The resources of the Worker Controller are not Kubernetes's own.
    assert ("Couldn't find schema" in said) is (name == "overlays/worker-controller")


def test_the_worker_controller_gets_the_same_pods_without_what_it_sets_itself() -> None:
    plain, controlled = hosts_of(built("base")), hosts_of(built("overlays/worker-controller"))
    (before,), (after,) = (each["spec"]["template"]["spec"]["containers"] for each in (plain, controlled))

    assert (controlled["apiVersion"], controlled["kind"]) == ("temporal.io/v1alpha1", "WorkerDeployment")
    assert set(controlled["spec"]) == {"replicas", "template", "workerOptions", "rollout", "sunset"}
    removed = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}
    assert [each for each in before["env"] if each["name"] not in removed] == after["env"]
    assert {**before, "env": None} == {**after, "env": None}
