"""$reindex: indexes what is stored by the search parameters now in force, in the background.

FHIR R4 has no such operation; the answer is that of its asynchronous pattern.
Spec: https://hl7.org/fhir/R4/async.html, https://hl7.org/fhir/R4/searchparameter.html
"""

from conformance.definitions import OperationDefinition, OperationParameter
from fhir_server.interactions.bundles import outcome
from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.interactions.read import existing
from fhir_server.kernel.call import Call, Principal, Result
from fhir_server.kernel.errors import Forbidden, Invalid, Issue, Unprocessable
from fhir_server.kernel.fhir_json import encode
from fhir_server.kernel.query import Access
from fhir_server.operations.definition import own_url
from fhir_server.operations.parameters import checked
from fhir_server.storage import Job

STATUS = "reindex-status"
_TYPE = "type"


async def reindex(env: Env, call: Call, access: Access) -> Result:
    """Return 202 with the address where the progress is told, once the job is stored.

    Errors: Forbidden for who is not the administrator, Invalid for an unknown type, NotFound for the SearchParameter,
            Unprocessable for one that is not in force
    """
    if call.principal != Principal():
        raise Forbidden("$reindex takes much of the server's time: it is not for every principal")
    passed = checked(env.pipeline, OPERATION.definition, call.params, call.body)
    types = passed.texts(_TYPE)
    for type_ in types:
        if type_ not in env.definitions.resource_types:
            raise Invalid(Issue("value", f"type: {type_[:64]!r} is no resource type", expression=_TYPE))
    if types:
        await env.storage.rules.touch(types)
    if call.address.id is not None:
        types = (*types, *await _types_of(env, call, access))
    job = Job(env.new_id(), env.clock(), tuple(sorted(set(types))))
    await env.storage.jobs.add(job)
    started = Issue("informational", "indexing anew has begun; Content-Location tells how far it is", "information")
    location = f"{call.base_url}/${STATUS}?job={job.id}"
    return Result(202, body=encode(outcome([started])), headers={"content-location": location})


async def _types_of(env: Env, call: Call, access: Access) -> list[str]:
    """Return the types whose parameters a SearchParameter defines."""
    version = await env.storage.reader.read(call.type, call.id, access)
    source = existing(version, f"{call.type}/{call.id}").reference
    types = list(env.search.in_force.of(source))
    if not types:
        refused = env.search.in_force.refused.get(source)
        why = str(refused) if refused else "only an active one that is not R4's own can be indexed"
        raise Unprocessable(Issue("business-rule", f"{source} is not in force: {why}"))
    return types


OPERATION = Operation(
    OperationDefinition(
        code="reindex",
        url=own_url("reindex"),
        resources=("SearchParameter",),
        system=True,
        instance=True,
        affects_state=True,
        parameters=(OperationParameter(_TYPE, "in", max=None, type="code"),),
    ),
    reindex,
)
