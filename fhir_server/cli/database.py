"""The database of a verb: the one that the settings name, or a private mongod that lives as long as the verb.

Spec: https://www.mongodb.com/docs/manual/reference/program/mongod/
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fhir_server.cli.failure import CommandError
from fhir_server.http.log import LOGGER
from fhir_server.kernel.settings import Settings
from fhir_server.storage.embedded import EmbeddedError, Mongod

_LOOK_EVERY_S = 0.5


class Database:
    """A database in use; `uri` stays the same for as long."""

    def __init__(self, settings: Settings, mongod: Mongod | None, uri: str) -> None:
        self.uri = uri
        self._settings = settings
        self._mongod = mongod

    async def keep(self) -> None:
        """Start a private mongod again whenever it ends by itself; never returns.

        Errors: CommandError when it does not start any more
        """
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if self._mongod is not None and (status := self._mongod.process.poll()) is not None:
                LOGGER.warning("mongod ended", extra={"fields": {"status": status}})
                await self._restart(self._mongod)

    async def _restart(self, ended: Mongod) -> None:
        self._mongod = None
        await ended.stop()  # it has ended: what is left is to release its folder
        self._mongod = await _start(self._settings)
        if self._mongod.uri != self.uri:
            raise CommandError("the private MongoDB could not be started again in its place: start the server again")

    async def close(self) -> None:
        if self._mongod is not None:
            await self._mongod.stop()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Give a database that takes writes.

    Errors: CommandError with one line that says what to do
    """
    mongod = await _start(settings) if settings.mongo is None else None
    database = Database(settings, mongod, settings.mongo or (mongod.uri if mongod else ""))
    try:
        yield database
    finally:
        await database.close()


async def _start(settings: Settings) -> Mongod:
    try:
        return await Mongod.start(settings)
    except EmbeddedError as error:
        raise CommandError(str(error)) from None
