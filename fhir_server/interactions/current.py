"""Which `Env` is in force: everything that follows from the stored SearchParameters is swapped as one.

A request takes it once, so it never sees two; the next request may have another.
Spec: https://hl7.org/fhir/R4/searchparameter.html
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from fhir_server.kernel.fhir_json import decode_stored
from fhir_server.kernel.query import EVERYTHING, Query
from fhir_server.kernel.types import Resource, RulesState
from fhir_server.storage import Storage

if TYPE_CHECKING:
    from fhir_server.interactions.env import Env

MOST_READ = 10_000
"""Active SearchParameters that are looked at: more than any server has use for."""

Build: TypeAlias = "Callable[[Env, RulesState, Sequence[Resource]], Env]"
"""Takes an Env, the state of the rules and the SearchParameters; gives the Env that follows them."""


class Current:
    """Holds the Env in force; `active` finds the SearchParameters that may define parameters."""

    def __init__(self, storage: Storage, active: Query) -> None:
        self._storage = storage
        self._active = active
        self._loading = asyncio.Lock()
        self._env: Env | None = None
        self._build: Build | None = None

    @property
    def env(self) -> "Env":
        assert self._env is not None, "not begun"
        return self._env

    async def begin(self, env: "Env", build: Build) -> "Env":
        """Return the first Env in force, made of one that knows R4's own parameters."""
        self._build = build
        return await self._load(env)

    async def refresh(self) -> "Env":
        """Return the Env in force after a look at what is stored."""
        async with self._loading:
            if self.env.rules != await self._storage.rules.state():
                await self._load(self.env)
            return self.env

    async def _load(self, env: "Env") -> "Env":
        assert self._build is not None, "not begun"
        while True:
            state = await self._storage.rules.state()
            found = await self._storage.finder.first(self._active, EVERYTHING, limit=MOST_READ)
            # An alteration between the two reads: what was found may not be what the state says.
            if state == await self._storage.rules.state():
                self._env = self._build(env, state, [decode_stored(version.json) for version in found])
                return self._env
