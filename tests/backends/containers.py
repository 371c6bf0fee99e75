"""Kafka and PostgreSQL in containers, through testcontainers."""

import os
import time
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.home import Home
from deploy.local.kafka import SETTINGS
from deploy.local.ports import choose_ports
from tests.backends.base import run

KAFKA_IMAGE = "apache/kafka:4.1.1"
POSTGRES_IMAGE = "postgres:18"
READY_SECONDS = 90
# The reaper is one more image to fetch; every fixture removes its containers itself.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")


def why_not() -> str | None:
    """What keeps containers from being used here; None when nothing does."""
    import docker  # needs a moment, and only this backend needs it
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except DockerException:
        return "no Docker engine answers"
    for image in (KAFKA_IMAGE, POSTGRES_IMAGE):
        try:
            client.images.get(image)
        except DockerException:
            try:
                client.images.pull(image)
            except DockerException:
                return f"the image {image} cannot be had"
    return None


class Container:
    """A container on a port of this machine that stays the same when it is started again."""

    def __init__(
        self,
        image: str,
        port: int,
        inner_port: int,
        environment: dict[str, str],
        user: str | None = None,
    ) -> None:
        from testcontainers.core.container import DockerContainer

        self.port = port
        container = DockerContainer(image, user=user).with_bind_ports(inner_port, port)
        for name, value in environment.items():
            container = container.with_env(name, value)
        self._container = container
        self._made = False

    def start(self) -> None:
        if self._made:
            self._inner().start()
        else:
            self._made = True
            self._container.start()
        self._wait()

    def kill(self) -> None:
        self._inner().kill()
        self._inner().wait()

    def stop(self) -> None:
        self._container.stop()

    def _inner(self) -> Any:
        return self._container.get_wrapped_container()

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not run(self._answers):
            if time.monotonic() > deadline:
                out, errors = self._container.get_logs()
                raise RuntimeError(f"not ready\n{out.decode()[-4000:]}\n{errors.decode()[-4000:]}")
            time.sleep(0.1)

    async def _answers(self) -> bool:
        raise NotImplementedError


class KafkaContainer(Container):
    def __init__(self, port: int) -> None:
        listeners = {
            "node.id": "1",
            "controller.quorum.voters": "1@localhost:9093",
            "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "log.dirs": "/tmp/kafka-logs",  # noqa: S108 - inside the container
        }
        settings = SETTINGS | listeners
        environment = {
            "KAFKA_" + name.upper().replace(".", "_"): value for name, value in settings.items()
        }
        environment["KAFKA_HEAP_OPTS"] = "-Xmx512m"
        # As root, so that the image's start can write its settings whatever mode its files have.
        super().__init__(KAFKA_IMAGE, port, 9092, environment, user="root")
        self.bootstrap = f"127.0.0.1:{port}"

    async def _answers(self) -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=5000)
        try:
            await admin.start()
            return bool((await admin.describe_cluster())["brokers"])
        except (KafkaError, OSError, TimeoutError):
            return False
        finally:
            await admin.close()


class PostgresContainer(Container):
    def __init__(self, port: int) -> None:
        super().__init__(POSTGRES_IMAGE, port, 5432, {"POSTGRES_PASSWORD": "test"})

    def url(self, database: str, user: str = "postgres", password: str = "") -> str:
        return f"postgresql://{user}:{password or 'test'}@127.0.0.1:{self.port}/{database}"

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url("postgres"), timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True


class ContainerBackend:
    """Servers in containers of this machine's Docker engine."""

    name = "docker"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def kafka(self) -> KafkaContainer:
        server = KafkaContainer(self._port("kafka"))
        server.start()
        return server

    def postgres(self) -> PostgresContainer:
        server = PostgresContainer(self._port("postgres"))
        server.start()
        return server

    def _port(self, name: str) -> int:
        self._made += 1
        home = Home(self._folder / f"server-{self._made}")
        home.make()
        return choose_ports(home, ())[name]
