"""Posts Bundles to a FHIR server and tells which entries it refused, and why.

Spec: https://hl7.org/fhir/R4/http.html#transaction-response, https://hl7.org/fhir/R4/operationoutcome.html
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2
import msgspec

from fhir_server.cli.failure import CommandError
from fhir_server.cli.loading.submissions import Submission

_HEADERS = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json", "Prefer": "return=minimal"}
_BUSY = (429, 503)
_TRIES_WHEN_BUSY = 6
_LONGEST_PAUSE_S = 10.0
_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an entry was not stored: HTTP status and the issues in one line."""

    status: int
    reason: str


class Poster:
    """A client of one server; use as an async context manager."""

    def __init__(self, url: str, in_flight: int) -> None:
        self._url = url
        limits = httpx2.Limits(max_connections=in_flight)
        self._client = httpx2.AsyncClient(headers=_HEADERS, limits=limits, timeout=_TIMEOUT_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def check_base(self) -> None:
        """Raise CommandError unless a FHIR server answers at the URL: else all entries of a long load are refused."""
        answer = await self._answer("GET", f"{self._url}/metadata")
        if not (answer.is_success and _is_capability_statement(answer.content)):
            raise CommandError(
                f"{self._url} is not the base URL of a FHIR server (no CapabilityStatement below it at /metadata): "
                "name one with --url, as http://127.0.0.1:8080/fhir"
            )

    async def post(self, submission: Submission) -> Mapping[int, Refusal]:
        """Return the refused entries by position; a refused transaction refuses all its entries.

        Errors: CommandError when nobody answers
        """
        answer = await self._answer("POST", self._url, submission.body)
        if answer.is_success:
            return _refused_entries(answer.content)
        refusal = Refusal(answer.status_code, _reason(answer.content))
        return dict.fromkeys(range(len(submission.entries)), refusal)

    async def _answer(self, method: str, url: str, body: bytes | None = None) -> httpx2.Response:
        """Return the answer; a server that is busy is asked again, after the pause that it wishes."""
        for attempt in range(_TRIES_WHEN_BUSY):
            try:
                answer = await self._client.request(method, url, content=body)
            except (httpx2.TransportError, httpx2.InvalidURL) as error:
                raise CommandError(
                    f"{self._url} does not answer ({type(error).__name__}): "
                    "start a server with `fhir-server serve`, or name another with --url"
                ) from None
            if answer.status_code not in _BUSY:
                break
            await asyncio.sleep(_pause_s(answer, attempt))
        return answer


def _pause_s(answer: httpx2.Response, attempt: int) -> float:
    wish = answer.headers.get("Retry-After", "")
    return min(float(wish) if wish.isdecimal() else 0.5 * 2**attempt, _LONGEST_PAUSE_S)


class _Typed(msgspec.Struct):
    resourceType: str = ""  # noqa: N815 - FHIR's own name


def _is_capability_statement(text: bytes) -> bool:
    try:
        return msgspec.json.decode(text, type=_Typed).resourceType == "CapabilityStatement"
    except msgspec.MsgspecError:
        return False


class _Response(msgspec.Struct):
    status: str = ""
    outcome: msgspec.Raw = msgspec.Raw()


class _AnswerEntry(msgspec.Struct):
    response: _Response = msgspec.field(default_factory=_Response)


class _Answer(msgspec.Struct):
    entry: list[_AnswerEntry] = []


def _refused_entries(text: bytes) -> dict[int, Refusal]:
    responses = [entry.response for entry in msgspec.json.decode(text, type=_Answer).entry]
    return {
        position: Refusal(int(response.status[:3]), _reason(bytes(response.outcome)))
        for position, response in enumerate(responses)
        if not response.status.startswith("2")
    }


def _reason(text: bytes) -> str:
    """Return an OperationOutcome's errors in one line; anything else is cut to a readable length."""
    try:
        issues = msgspec.json.decode(text).get("issue", [])
        return "; ".join(_line(issue) for issue in issues if issue.get("severity") in ("fatal", "error"))
    except (msgspec.MsgspecError, AttributeError):
        return text[:200].decode("utf-8", "replace")


def _line(issue: Mapping[str, Any]) -> str:
    said = issue.get("diagnostics") or issue.get("details", {}).get("text") or issue.get("code", "")
    return " at ".join(filter(None, [str(said), *issue.get("expression", [])[:1]]))
