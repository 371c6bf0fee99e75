"""Folding a batch: of each record the newest version goes first, the others to the history."""

from collections.abc import Iterable
from typing import Any

from services.progress.domain.version import FIELD_SEPARATOR, Version

Staged = tuple[Any, ...]
"""A version and two marks: whether it is the newest of its record, and whether it is contested."""


def fold(versions: Iterable[Version]) -> list[Staged]:
    """The rows to stage: one newest a record, in the order of their keys, then all others.

    The same version again is kept once, with the earliest acceptance. A version is contested
    when the batch holds another body of it. The result depends on the set of versions only.
    """
    newest: dict[str, Version] = {}
    others: dict[str, list[Version]] = {}
    for one in versions:
        # One string, since strings hash and sort several times as fast as pairs. No kind holds a
        # separator, so that no two records share a key.
        key = one.record_id + FIELD_SEPARATOR + one.kind
        best = newest.get(key)
        if best is None:
            newest[key] = one
        elif (one.version, one.body) > (best.version, best.body):
            newest[key] = one
            others.setdefault(key, []).append(best)
        else:
            others.setdefault(key, []).append(one)
    rows: list[Staged] = []
    rest: list[Staged] = []
    for key in sorted(newest):
        if key in others:
            head, *tail = _settle([newest[key], *others[key]])
            rows.append(head)
            rest += tail
        else:
            rows.append((*newest[key], True, False))
    return rows + rest


def _settle(versions: list[Version]) -> list[Staged]:
    """The versions of one record, newest first, each body once."""
    once: dict[tuple[int, str], Version] = {}
    for one in versions:
        known = once.get((one.version, one.body))
        if known is None or one.known_from < known.known_from:
            once[one.version, one.body] = one
    bodies: dict[int, int] = {}
    for number, _ in once:
        bodies[number] = bodies.get(number, 0) + 1
    newest = max(once)
    ordered = sorted(once, reverse=True)
    return [(*once[key], key == newest, bodies[key[0]] > 1) for key in ordered]
