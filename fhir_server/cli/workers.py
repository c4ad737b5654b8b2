"""The parent's side of the server processes: starts them, restarts those that die, ends them in good order.

A worker's stdin is a pipe that only closes; its stdout says `ready` or why it cannot start. With one worker it is the
same: the process that holds the signals and the private mongod is never the one that runs requests.
Spec: https://hl7.org/fhir/R4/http.html
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from socket import socket

from fhir_server.cli.failure import CommandError
from fhir_server.http.log import LOGGER

_READY = "ready"  # as fhir_server.cli.worker says it; importing that module costs the web framework
_RESTART_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
_KILL_AFTER_S = 5


class Workers:
    """Server processes, one for each listening socket; the first ones have one for HL7 v2 messages as well."""

    def __init__(
        self, listeners: Sequence[socket], environ: Mapping[str, str], grace_s: int, mllp: Sequence[socket] = ()
    ) -> None:
        self._listeners = listeners
        self._mllp = mllp
        self._environ = environ
        self._grace_s = grace_s
        self._slots = range(len(listeners))
        self._running: dict[int, Process] = {}
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Return when every worker accepts requests.

        Errors: CommandError with the worker's own reason when one cannot start
        """
        results = await asyncio.gather(*(self._launch(slot) for slot in self._slots), return_exceptions=True)
        for failure in filter(None, results):
            raise failure
        self._keepers = [asyncio.create_task(self._keep(slot)) for slot in self._slots]

    async def stop(self) -> None:
        """Let requests in flight finish, then return; a worker that outstays its grace is killed."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(self._end(process) for process in self._running.values()))

    def kill(self) -> None:
        """End every worker at once: what a second Ctrl-C asks for."""
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.kill()

    async def _launch(self, slot: int) -> None:
        numbers = [one.fileno() for one in (self._listeners[slot], *self._mllp[slot : slot + 1])]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fhir_server.cli.worker", *map(str, numbers)),
            stdin=PIPE,
            stdout=PIPE,
            env=self._environ,
            pass_fds=numbers,
            start_new_session=True,  # Ctrl-C is the parent's to answer
        )
        self._running[slot] = process
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode().strip()
        if said != _READY:
            await self._end(process)
            raise CommandError(said or f"a server process ended while starting, with status {process.returncode}")

    async def _keep(self, slot: int) -> None:
        """Start the worker again whenever it dies; pauses grow while it cannot start."""
        failures = 0
        while True:
            status = await self._running[slot].wait()
            self._forget_figures(self._running[slot].pid)
            _warn("worker ended", slot, status=status)
            await asyncio.sleep(_RESTART_PAUSES_S[min(failures, len(_RESTART_PAUSES_S) - 1)])
            try:
                await self._launch(slot)
                failures = 0
            except CommandError as error:
                failures += 1
                _warn("worker cannot start", slot, reason=str(error))

    def _forget_figures(self, pid: int) -> None:
        """Remove what a dead worker counted as open at the moment; its sums stay."""
        for file in Path(self._environ["PROMETHEUS_MULTIPROC_DIR"]).glob(f"gauge_live*_{pid}.db"):
            file.unlink()

    async def _end(self, process: Process) -> None:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(self._grace_s + _KILL_AFTER_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _warn(event: str, slot: int, **facts: object) -> None:
    LOGGER.warning(event, extra={"fields": {"worker": slot + 1, **facts}})
