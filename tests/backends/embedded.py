"""Kafka and PostgreSQL from wheels: the local stack's own servers, each in a temporary folder."""

import signal
from pathlib import Path

from deploy.local.home import Home
from deploy.local.kafka import EmbeddedKafka
from deploy.local.ports import choose_ports
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.process import Process, last_lines, spawn, stop
from tests.backends.base import run


class EmbeddedServer:
    """One of the local stack's servers as a child of the test run."""

    def __init__(self, server: EmbeddedKafka | EmbeddedPostgres, log: Path) -> None:
        self._server = server
        self._log = log
        self._process: Process | None = None

    def start(self) -> None:
        self._server.prepare()
        process = spawn(self._server.command(), self._log)
        self._process = process
        try:
            run(lambda: self._server.wait_until_ready(process))
        except Exception as failure:
            raise RuntimeError(f"{failure}\n{last_lines(self._log)}") from failure

    def kill(self) -> None:
        if self._process:
            self._process.kill()

    def stop(self) -> None:
        process = self._process
        if process:
            polite = signal.SIGINT if isinstance(self._server, EmbeddedPostgres) else signal.SIGTERM
            run(lambda: stop(process, polite, 20))


class EmbeddedKafkaServer(EmbeddedServer):
    def __init__(self, server: EmbeddedKafka, log: Path) -> None:
        super().__init__(server, log)
        self.bootstrap = server.bootstrap


class EmbeddedPostgresServer(EmbeddedServer):
    def __init__(self, server: EmbeddedPostgres, log: Path) -> None:
        super().__init__(server, log)
        self.url = server.url


class EmbeddedBackend:
    """Servers that run on this machine as they do in the local stack."""

    name = "embedded"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def kafka(self) -> EmbeddedKafkaServer:
        home = self._home()
        ports = choose_ports(home, ())
        kafka = EmbeddedKafka(home.kafka, ports["kafka"], ports["controller"])
        server = EmbeddedKafkaServer(kafka, home.log("kafka"))
        server.start()
        return server

    def postgres(self) -> EmbeddedPostgresServer:
        home = self._home()
        postgres = EmbeddedPostgres(home.postgres, choose_ports(home, ())["postgres"], "test")
        server = EmbeddedPostgresServer(postgres, home.log("postgres"))
        server.start()
        return server

    def _home(self) -> Home:
        self._made += 1
        home = Home(self._folder / f"server-{self._made}")
        home.make()
        return home
