"""JSON logs, one line an event, from structlog and from libraries alike."""

import logging
import sys

import orjson
import structlog

from shared.runtime.tracing import add_trace


def configure_logging(service: str, level: str = "INFO") -> None:
    """Send everything that is logged to standard output as JSON lines that name the service."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        add_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.EventRenamer("message"),
                lambda _logger, _name, event: {"service": service, **event},
                structlog.processors.JSONRenderer(serializer=_serialize),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for noisy in ("aiokafka", "faststream", "httpx", "httpcore", "uvicorn.error", "aiosmtplib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _serialize(event: object, **_: object) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
