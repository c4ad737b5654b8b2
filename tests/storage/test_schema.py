"""Collections and indexes are there before they are needed."""

import asyncio

from conformance.load import definitions
from fhir_server.kernel.layout import ID, LAST_UPDATED, IndexSpec
from fhir_server.kernel.settings import Settings
from fhir_server.search import Search
from fhir_server.storage import Storage, open_storage
from fhir_server.storage.schema import Schema
from tests.storage.make import creation


def one(*keys: tuple[str, int | str], **options: object) -> tuple[IndexSpec, ...]:
    return (IndexSpec("mine", keys, options),)


async def test_the_first_write_of_a_type_makes_its_collections_and_indexes(storage: Storage) -> None:
    await storage.database.drop_collection("Goal")
    await storage.database.drop_collection("Goal_history")
    await storage.writer.commit([creation("a", type_="Goal")])
    assert set(await storage.database["Goal"].index_information()) == {"_id_", "deleted", "deletions", "by_id"}
    assert set(await storage.database["Goal_history"].index_information()) == {"_id_", "updated", "versions"}
    assert await storage.schema.missing_indexes("Goal") == []


async def test_many_first_writes_at_once_are_no_problem(storage: Storage) -> None:
    other = Schema(storage.database, lambda _type: ())
    await storage.database.drop_collection("Flag")
    await asyncio.gather(*(schema.ensure(["Flag"]) for schema in (storage.schema, other) for _ in range(10)))
    assert "Flag" in await storage.schema.stored_types()


def test_search_has_the_one_index_of_instants_that_history_reads() -> None:
    for type_ in definitions().resource_types:
        indexes = [spec.keys[:2] for spec in Search(definitions()).indexes(type_)]
        assert indexes.count(((LAST_UPDATED, -1), (ID, 1))) == 1


async def test_an_index_with_another_definition_is_replaced(storage: Storage) -> None:
    await storage.database.drop_collection("Flag")
    await Schema(storage.database, lambda _type: one(("index.a", 1))).ensure(["Flag"])
    await Schema(storage.database, lambda _type: one(("index.b", 1))).ensure(["Flag"])
    changed = Schema(storage.database, lambda _type: one(("index.b", 1), sparse=True))
    await changed.ensure(["Flag"])
    definition = (await storage.database["Flag"].index_information())["mine"]
    assert (definition["key"], definition["sparse"]) == ([("index.b", 1)], True)


async def test_an_index_whose_keys_had_another_name_is_replaced(storage: Storage) -> None:
    await storage.database.drop_collection("Flag")
    await storage.database["Flag"].create_index([("index.a", 1)], name="other")
    await Schema(storage.database, lambda _type: one(("index.a", 1))).ensure(["Flag"])
    assert set(await storage.database["Flag"].index_information()) == {"_id_", "deleted", "deletions", "mine"}


async def test_options_and_special_kinds_of_index_are_passed_on(storage: Storage) -> None:
    await storage.database.drop_collection("Flag")
    schema = Schema(storage.database, lambda _type: one(("index.rare.$**", 1)))
    await schema.ensure(["Flag"])
    assert await schema.missing_indexes("Flag") == []


async def test_opening_makes_the_indexes_that_a_newer_release_wants(
    storage: Storage, storage_settings: Settings
) -> None:
    await storage.writer.commit([creation("a")])
    async with open_storage(storage_settings, lambda _type: one(("index.newer", 1))):
        assert "mine" in await storage.database["Patient"].index_information()
    await storage.database["Patient"].drop_index("mine")


async def test_a_missing_index_is_named(storage: Storage) -> None:
    await storage.schema.ensure(["Patient"])
    await storage.database["Patient"].drop_index("by_id")
    assert await storage.schema.missing_indexes("Patient") == ["Patient.by_id"]
    await Schema(storage.database, lambda _type: (IndexSpec("by_id", (("index.id", 1),)),)).ensure(["Patient"])


async def test_an_index_that_is_to_have_other_documents_is_named_until_it_is_made_anew(storage: Storage) -> None:
    def schema_of(**options: object) -> Schema:
        return Schema(storage.database, lambda _type: one(("index.a", 1), **options))

    await storage.database.drop_collection("Flag")
    await schema_of().ensure(["Flag"])
    partial: dict[str, object] = {"partialFilterExpression": {"index.a": {"$exists": True}}}
    for schema in (schema_of(**partial), schema_of(sparse=True), schema_of()):
        assert await schema.missing_indexes("Flag") == ["Flag.mine"]
        await schema.ensure(["Flag"])
        assert await schema.missing_indexes("Flag") == []
