"""The one family of errors; each knows its HTTP status and issue type, only `http.outcome` renders them.

    FhirError
    ├── Invalid 400              ├── TimedOut 408
    │   ├── NotSupported         ├── Conflict 409
    │   └── TooCostly            ├── PreconditionFailed 412
    ├── Unauthenticated 401      │   └── MultipleMatches
    ├── Forbidden 403            ├── TooLarge 413
    ├── NotFound 404             │   ├── UrlTooLong 414
    ├── MethodNotAllowed 405     │   └── HeadTooLarge 431
    └── NotAcceptable 406        ├── UnsupportedMediaType 415
                                 ├── Unprocessable 422
                                 ├── Throttled 429
                                 ├── Unavailable 503
                                 └── Outdated 503

Spec: https://hl7.org/fhir/R4/http.html#Status-Codes, https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One OperationOutcome.issue: `code` is an issue type, `expression` the FHIRPath of the place."""

    code: str
    diagnostics: str
    severity: Severity = "error"
    expression: str | None = None


class FhirError(Exception):
    """What went wrong, as issues for the client; never holds patient data."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"

    def __init__(self, *issues: Issue | str, headers: Mapping[str, str] | None = None) -> None:
        self.issues = tuple(Issue(self.code, issue) if isinstance(issue, str) else issue for issue in issues)
        self.headers = dict(headers or {})
        super().__init__("; ".join(issue.diagnostics for issue in self.issues))


class Invalid(FhirError):
    status, code = 400, "invalid"


class NotSupported(Invalid):
    code = "not-supported"


class TooCostly(Invalid):
    code = "too-costly"


class Unauthenticated(FhirError):
    status, code = 401, "login"


class Forbidden(FhirError):
    status, code = 403, "forbidden"


class NotFound(FhirError):
    status, code = 404, "not-found"


class MethodNotAllowed(FhirError):
    status, code = 405, "not-supported"


class NotAcceptable(FhirError):
    status, code = 406, "not-supported"


class TimedOut(FhirError):
    status, code = 408, "timeout"


class Conflict(FhirError):
    status, code = 409, "conflict"


class Gone(FhirError):
    status, code = 410, "deleted"


class PreconditionFailed(FhirError):
    status, code = 412, "conflict"


class MultipleMatches(PreconditionFailed):
    code = "multiple-matches"


class TooLarge(FhirError):
    status, code = 413, "too-long"


class UrlTooLong(TooLarge):
    status = 414


class HeadTooLarge(TooLarge):
    status = 431


class UnsupportedMediaType(FhirError):
    status, code = 415, "not-supported"


class Unprocessable(FhirError):
    status, code = 422, "processing"


class Throttled(FhirError):
    status, code = 429, "throttled"


class Unavailable(FhirError):
    status, code = 503, "transient"


class Outdated(FhirError):
    """The write follows search parameters that were altered in the meantime; with the new ones it can be done."""

    status, code = 503, "transient"


def only_errors(issues: Iterable[Issue]) -> list[Issue]:
    """Return the issues that forbid going on: warnings and information do not."""
    return [issue for issue in issues if issue.severity in ("fatal", "error")]
