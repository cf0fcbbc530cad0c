"""docker-compose.yml cannot be run where there is no engine; it is parsed, and its commands and names are checked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from enrichment import queue
from frontend.management.commands import up

ROOT = Path(settings.BASE_DIR)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_it_describes_the_whole_deployment(compose: dict[str, Any]) -> None:
    workers = {"worker-control", "worker-cpu", "worker-files", "worker-interactive", "worker-gpu"}
    services = {"setup", "web", "scheduler", "postgres", "redis", "storage"} | workers
    assert set(compose["services"]) == services
    for name, service in compose["services"].items():
        for needed in service.get("depends_on", {}):
            assert needed in services, f"{name} depends on {needed}, which is not there"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source == "." or source in compose["volumes"], f"{name} mounts {source}, which is not declared"


def test_every_variable_it_sets_is_one_that_loupe_reads(compose: dict[str, Any]) -> None:
    read = (ROOT / "config" / "env.py").read_text()
    for name in compose["services"]["web"]["environment"]:
        if name not in {"PATH", "PYTHONDONTWRITEBYTECODE"}:
            assert f'"{name}"' in read, f"config/env.py does not read {name}"


# What belongs to the containers; everything else is for who runs them to set.
FIXED = {
    "DATABASE_URL",
    "LOUPE_HOME",
    "LOUPE_PRODUCTION",
    "REDIS_URL",
    "S3_ACCESS_KEY",
    "S3_BUCKET",
    "S3_ENDPOINT",
}


def test_every_variable_that_loupe_reads_can_be_set_in_one_file(compose: dict[str, Any]) -> None:
    ours = {name: each for name, each in compose["services"].items() if "working_dir" in each}
    assert len(ours) == 8
    for name, service in ours.items():
        assert service["env_file"] == ".env", name
        for variable, value in service["environment"].items():
            if variable in FIXED | {"PATH", "PYTHONDONTWRITEBYTECODE"}:
                continue
            assert "${" in value, f"{name} sets {variable} to {value!r}, whatever .env says"


def test_every_worker_has_a_name_of_its_own(compose: dict[str, Any]) -> None:
    commands = [str(service.get("command", "")) for service in compose["services"].values()]
    started = [command for command in commands if " worker " in command]
    names = [name for command in started for name in re.findall(r" -n (\S+@%h) ", command)]
    assert len(names) == len(set(names)) == len(started) == 5


def test_the_bucket_is_made_before_anything_is_stored(compose: dict[str, Any]) -> None:
    assert "manage.py prepare_storage" in compose["services"]["setup"]["command"]


def served_by(commands: Iterable[str]) -> Counter[str]:
    """How many of these workers take from each queue."""
    found = (queues for command in commands for queues in re.findall(r"--queues (\S+)", command))
    return Counter(name for queues in found for name in queues.split(","))


def test_no_queue_is_shared_by_a_worker_that_may_be_long_busy(compose: dict[str, Any]) -> None:
    """RabbitMQ hands a worker messages of each of its queues while all its processes are at batches of one.

    What is told again every few seconds would expire there, and an upload wait as long as a batch takes.
    """
    of_compose = [str(service.get("command", "")) for service in compose["services"].values()]
    of_up = [" ".join(command) for command in up.workers_of(2).values()]
    assert served_by(of_compose) == served_by(of_up) == Counter(queue.EVERY)
    for command in [*of_compose, *of_up]:
        served = served_by([command])
        assert len(served) < 2 or not served.keys() & {"control", "files"}


def test_every_queue_that_jobs_go_to_has_a_worker(compose: dict[str, Any]) -> None:
    commands = [str(service.get("command", "")) for service in compose["services"].values()]
    served = set(served_by(commands))
    assert served == set(queue.EVERY)
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert routed | {settings.CELERY_TASK_DEFAULT_QUEUE} <= served
