"""fhir_server.resources.preconditions: If-Match, If-None-Match, If-Modified-Since."""

from datetime import UTC, datetime, timedelta

import pytest

from fhir_server.kernel.call import Conditions
from fhir_server.kernel.errors import PreconditionFailed
from fhir_server.kernel.types import Version
from fhir_server.resources.preconditions import check_write, not_modified

NOON = datetime(2026, 11, 22, 12, 0, 0, 123000, UTC)
CURRENT = Version("Patient", "p", 3, NOON, "PUT", b"{}")
DELETED = Version("Patient", "p", 4, NOON, "DELETE", b"")


@pytest.mark.parametrize("tag", ['W/"3"', '"3"', "3", 'W/"2", W/"3"', "*"])
def test_if_match_that_names_the_current_version_passes(tag: str) -> None:
    check_write(Conditions(if_match=tag), CURRENT)


@pytest.mark.parametrize("tag", ['W/"2"', '"33"', "", 'W/"x"'])
def test_if_match_that_names_another_version_is_412(tag: str) -> None:
    with pytest.raises(PreconditionFailed):
        check_write(Conditions(if_match=tag), CURRENT)


def test_if_match_on_what_never_existed_says_so() -> None:
    with pytest.raises(PreconditionFailed, match="nothing was ever stored here"):
        check_write(Conditions(if_match='W/"1"'), None)


@pytest.mark.parametrize("current", [None, DELETED])
def test_if_match_star_needs_a_living_resource(current: Version | None) -> None:
    with pytest.raises(PreconditionFailed):
        check_write(Conditions(if_match="*"), current)


def test_if_none_match_star_allows_only_to_create() -> None:
    check_write(Conditions(if_none_match="*"), None)
    check_write(Conditions(if_none_match="*"), DELETED)
    with pytest.raises(PreconditionFailed):
        check_write(Conditions(if_none_match="*"), CURRENT)


def test_a_reader_who_has_the_version_gets_nothing_new() -> None:
    assert not_modified(Conditions(if_none_match='W/"3"'), CURRENT)
    assert not not_modified(Conditions(if_none_match='W/"2"'), CURRENT)


def test_if_modified_since_counts_whole_seconds() -> None:
    second = NOON.replace(microsecond=0)
    assert not_modified(Conditions(if_modified_since=second), CURRENT)
    assert not not_modified(Conditions(if_modified_since=second - timedelta(seconds=1)), CURRENT)


def test_if_none_match_goes_before_if_modified_since() -> None:
    assert not not_modified(Conditions(if_none_match='W/"2"', if_modified_since=NOON), CURRENT)
