"""Which migrations a database lacks, and when the files are refused."""

from pathlib import Path

import pytest

from deploy.migrate import SERVICES, Migration, MigrationError, find_pending, read_migrations

FIRST = Migration("plans", "0001_first", "CREATE TABLE a ()")
SECOND = Migration("plans", "0002_second", "CREATE TABLE b ()")
APPLIED = {FIRST.name: FIRST.checksum}


def test_a_fresh_database_gets_all_in_order() -> None:
    assert find_pending([FIRST, SECOND], {}) == [FIRST, SECOND]


def test_what_was_applied_is_not_applied_again() -> None:
    assert find_pending([FIRST, SECOND], APPLIED) == [SECOND]
    assert find_pending([FIRST], APPLIED) == []


def test_a_file_that_was_changed_after_it_was_applied_is_refused() -> None:
    changed = Migration("plans", FIRST.name, FIRST.sql + ";")
    with pytest.raises(MigrationError, match="0001_first was changed"):
        find_pending([changed, SECOND], APPLIED)


def test_a_file_that_has_gone_is_refused() -> None:
    with pytest.raises(MigrationError, match="no such file"):
        find_pending([SECOND], APPLIED)


def test_a_number_before_the_newest_comes_too_late() -> None:
    with pytest.raises(MigrationError, match="0001_first comes too late"):
        find_pending([FIRST, SECOND], {SECOND.name: SECOND.checksum})


@pytest.mark.parametrize("service", SERVICES)
def test_the_files_of_a_service_are_numbered_without_gaps(service: str) -> None:
    numbers = [
        int(Path(migration.name).name.split("_")[0]) for migration in read_migrations(service)
    ]
    assert numbers == list(range(1, len(numbers) + 1))
