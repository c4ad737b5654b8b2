"""Driver errors → kernel errors: the only place that knows what MongoDB's failures mean to a client.

The driver's texts may hold parts of documents, so they are dropped: a message keeps the error's class and number.
Spec: https://hl7.org/fhir/R4/http.html#Status-Codes
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from fhir_server.kernel.errors import (
    Conflict,
    FhirError,
    Issue,
    Outdated,
    TooCostly,
    TooLarge,
    Unavailable,
    Unprocessable,
)

RETRY_AFTER_S = 5
"""What the Retry-After header says while the database is away: about one election or one restart."""

PATIENCE_S = 5.0
"""How long reads by id and small writes try again when the database is away: a restart or an election fits in."""

DUPLICATE_KEY = 11000
WRITE_CONFLICT = 112
_FENCED = 121
"""DocumentValidationFailure: only the fences of `reindexing.rules` are conditions on documents."""
_TOO_DEEP = frozenset({15})
_TOO_LARGE = frozenset({10334, 17419, 17420})
_TRANSACTION_TOO_LARGE = frozenset({257, 290, 388})
"""TransactionTooLarge; TransactionExceededLifetimeLimitSeconds; TransactionTooLargeForCache."""
_TOO_SLOW = frozenset({50, 262})
_AWAY = frozenset({6, 7, 64, 89, 91, 189, 202, 9001, 10058, 10107, 11600, 11602, 13435, 13436, 14031})
"""Hosts unreachable, write concern not met, shutting down, stepping down, not primary, disk full."""


class WriteConflict(Conflict):
    """Another transaction touched the same document first; the whole transaction may be tried again."""


@contextmanager
def errors(*, slow: type[FhirError] = TooCostly) -> Iterator[None]:
    """Raise kernel errors for what the driver raises inside of the block; `slow` is for an exceeded time limit."""
    try:
        yield
    except (PyMongoError, BSONError) as error:
        raise translated(error, slow=slow) from None


def translated(error: PyMongoError | BSONError, *, slow: type[FhirError] = TooCostly) -> FhirError:
    """Return the kernel error that a driver error means."""
    number = code(error)
    if isinstance(error, DuplicateKeyError) or number == DUPLICATE_KEY:
        return Conflict("another writer has already stored this")
    if number == WRITE_CONFLICT:
        return WriteConflict("another writer is changing this resource at the same moment")
    if number == _FENCED:
        return Outdated("the search parameters were altered in the meantime")
    if isinstance(error, ExecutionTimeout) or number in _TOO_SLOW:
        return unavailable() if slow is Unavailable else slow("the database needs longer for this than is allowed")
    if isinstance(error, ConnectionFailure | WTimeoutError | InvalidOperation | ConfigurationError) or number in _AWAY:
        return unavailable()
    return _refused(error, number)


def unavailable() -> Unavailable:
    """Return the error that tells a client to come back in a moment."""
    return Unavailable("the database cannot be reached at the moment", headers={"Retry-After": str(RETRY_AFTER_S)})


def code(error: PyMongoError | BSONError) -> int | None:
    """Return the server's number of an error; of a bulk write, that of its first error."""
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        failed = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
        return failed[0].get("code") if failed else None
    return error.code if isinstance(error, OperationFailure) else None


def _refused(error: PyMongoError | BSONError, number: int | None) -> FhirError:
    """Return the error for what MongoDB will not store or do, however often it is tried."""
    if isinstance(error, DocumentTooLarge) or number in _TOO_LARGE:
        return TooLarge("the resource is larger than one MongoDB document may be (16 MB)")
    if number in _TRANSACTION_TOO_LARGE:
        return TooLarge("the transaction is larger than MongoDB can hold in one; send it in parts")
    if number in _TOO_DEEP or isinstance(error, BSONError):
        return Unprocessable(Issue("structure", "the resource nests deeper than MongoDB can store"))
    return FhirError(Issue("exception", f"the database refused: {type(error).__name__} {number or ''}".rstrip()))
