"""Large content in GridFS."""

import pytest

from fhir_server.kernel.errors import NotFound
from fhir_server.storage import Storage


async def test_content_of_any_size_comes_back(storage: Storage) -> None:
    for content in (b"", b"x", bytes(range(256)) * 80_000):
        assert await storage.blobs.get(await storage.blobs.put(content)) == content


async def test_deleted_content_is_not_found_and_deleting_twice_is_no_error(storage: Storage) -> None:
    key = await storage.blobs.put(b"x")
    assert await storage.blobs.has(key)
    await storage.blobs.delete(key)
    await storage.blobs.delete(key)
    assert not await storage.blobs.has(key)
    with pytest.raises(NotFound):
        await storage.blobs.get(key)


@pytest.mark.parametrize("key", ["", "no key", "0" * 24])
async def test_an_unknown_key_is_not_found(storage: Storage, key: str) -> None:
    await storage.blobs.delete(key)
    assert not await storage.blobs.has(key)
    with pytest.raises(NotFound):
        await storage.blobs.get(key)
