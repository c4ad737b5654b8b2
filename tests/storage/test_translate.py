"""Driver errors become the kernel's, and lose the documents that their texts hold."""

import pytest
from bson.errors import InvalidBSON
from pymongo import errors as driver

from fhir_server.kernel.errors import Conflict, FhirError, TooCostly, TooLarge, Unavailable, Unprocessable
from fhir_server.storage import translate

WRITE_ERROR = {"index": 0, "code": 11000, "errmsg": "dup key: Canary", "op": {"name": "Canary"}}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (driver.DuplicateKeyError("dup key: Canary", 11000), Conflict),
        (driver.BulkWriteError({"writeErrors": [WRITE_ERROR], "writeConcernErrors": []}), Conflict),
        (driver.BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}), Unavailable),
        (driver.OperationFailure("WriteConflict", 112), translate.WriteConflict),
        (driver.ExecutionTimeout("Canary", 50), TooCostly),
        (driver.NetworkTimeout("Canary"), Unavailable),
        (driver.AutoReconnect("Canary"), Unavailable),
        (driver.NotPrimaryError("Canary"), Unavailable),
        (driver.ServerSelectionTimeoutError("Canary"), Unavailable),
        (driver.WTimeoutError("Canary", 64), Unavailable),
        (driver.WaitQueueTimeoutError("Canary"), Unavailable),
        (driver.InvalidOperation("Cannot use AsyncMongoClient after close"), Unavailable),
        (driver.OperationFailure("InterruptedAtShutdown", 11600), Unavailable),
        (driver.OperationFailure("OutOfDiskSpace", 14031), Unavailable),
        (driver.DocumentTooLarge("Canary"), TooLarge),
        (driver.OperationFailure("BSONObjectTooLarge", 10334), TooLarge),
        (driver.OperationFailure("TransactionTooLarge", 257), TooLarge),
        (driver.BulkWriteError({"writeErrors": [{**WRITE_ERROR, "code": 388}]}), TooLarge),
        (driver.OperationFailure("Overflow", 15), Unprocessable),
        (InvalidBSON("Canary"), Unprocessable),
        (driver.OperationFailure("BadValue: Canary", 2), FhirError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_each_failure_of_the_driver_has_its_kernel_error(error: driver.PyMongoError, expected: type[FhirError]) -> None:
    with pytest.raises(expected) as raised, translate.errors():
        raise error
    assert type(raised.value) is expected
    assert "Canary" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_an_absent_database_tells_when_to_come_back() -> None:
    assert translate.unavailable().headers == {"Retry-After": "5"}


def test_an_exceeded_time_limit_may_mean_a_slow_database_instead_of_a_costly_question() -> None:
    with pytest.raises(Unavailable) as raised, translate.errors(slow=Unavailable):
        raise driver.ExecutionTimeout("operation exceeded time limit", 50)
    assert "Retry-After" in raised.value.headers


def test_errors_of_the_kernel_pass_unchanged() -> None:
    with pytest.raises(Conflict), translate.errors():
        raise Conflict("as it is")
