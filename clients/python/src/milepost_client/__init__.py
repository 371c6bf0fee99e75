"""Sends events to Milepost: in batches, again where it is right to, no faster than it is taken."""

from milepost_client.client import AsyncClient, Client, Token
from milepost_client.errors import MilepostError, RefusedError, UnavailableError
from milepost_client.events import Event, Kind, deleted, recorded
from milepost_client.report import Rejected, Report

__all__ = [
    "AsyncClient",
    "Client",
    "Event",
    "Kind",
    "MilepostError",
    "RefusedError",
    "Rejected",
    "Report",
    "Token",
    "UnavailableError",
    "deleted",
    "recorded",
]
