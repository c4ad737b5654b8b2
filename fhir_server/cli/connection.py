"""One HTTP/1.1 connection: uvicorn's, with bounds on the head of a request and on how slowly a request may come.

Neither uvicorn nor its parser has such bounds: one client could fill the memory with a header, or hold thousands of
connections open by a byte now and then.
Spec: https://hl7.org/fhir/R4/http.html#Status-Codes, https://www.rfc-editor.org/rfc/rfc6585#section-5
"""

from asyncio import Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from fhir_server.http.outcome import error_body, header_list
from fhir_server.kernel.errors import FhirError, HeadTooLarge, Invalid, Issue, TimedOut, UrlTooLong

MAX_HEAD_BYTES = 65_536
"""Most bytes of a head that comes in parts; what one read of the socket brings may be up to four times that."""
_LONGEST_URL = 65_535  # what httptools' parser can count
_SLOWEST = 100  # bytes a second, of a request that has begun


class Connection(HttpToolsProtocol):
    """Refuses what uvicorn would take; `look` is to be called now and then."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._since = self.loop.time()
        self._received = self._head = 0

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        if not self._in_head():
            self._head = 0
            return
        self._head += len(data)
        if self._head > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge(f"the head of the request has more than {MAX_HEAD_BYTES} bytes"))

    def look(self, now: float, patience_s: float) -> None:
        """Close the connection when a request, or the rest of one, has come too slowly for `patience_s` seconds."""
        owes, waited = self._owes(), now - self._since
        if owes and waited < patience_s:
            return
        if owes and self._received < patience_s * _SLOWEST:
            self._end()
        self._since, self._received = now, 0

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser cannot read, as an OperationOutcome."""
        if self.scope is not None and len(self.url) > _LONGEST_URL:
            self._refuse(
                UrlTooLong(f"the URL has more than {_LONGEST_URL} bytes; POST …/_search takes more parameters")
            )
        else:
            self._refuse(Invalid(Issue("structure", msg)))

    def _in_head(self) -> bool:
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    def _owes(self) -> bool:
        if self.flow.read_paused:  # it is the server that is behind
            return False
        if self.cycle is None or self._in_head():
            return True
        return self.cycle.more_body  # also of one that was refused before its body had come

    def _end(self) -> None:
        unanswered = self._in_head() or (self.cycle is not None and not self.cycle.response_started)
        if unanswered:
            self._refuse(TimedOut("the rest of the request did not come"))
        else:
            self.transport.close()

    def _refuse(self, error: FhirError) -> None:
        if self.transport.is_closing():
            return
        body = error_body(error)
        headers: list[tuple[Any, Any]] = [
            *self.server_state.default_headers,
            *header_list({"connection": "close"}, body),
        ]
        lines = (name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(b"".join([STATUS_LINE[error.status], *lines, b"\r\n", body]))
        self.transport.close()
