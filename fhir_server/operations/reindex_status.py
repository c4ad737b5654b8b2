"""$reindex-status: how far a job is that $reindex has begun, as the asynchronous pattern tells it; DELETE cancels it.

Spec: https://hl7.org/fhir/R4/async.html
"""

from typing import Any

from conformance.definitions import OperationDefinition, OperationParameter
from fhir_server.interactions.bundles import outcome
from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.kernel.call import Call, Principal, Result
from fhir_server.kernel.errors import Conflict, FhirError, Forbidden, Invalid, Issue, NotFound
from fhir_server.kernel.fhir_json import encode
from fhir_server.kernel.fhir_time import instant
from fhir_server.kernel.query import Access
from fhir_server.operations.definition import own_url
from fhir_server.operations.parameters import checked
from fhir_server.operations.reindex import STATUS
from fhir_server.storage import Job

_JOB = "job"
_ASK_AGAIN_S = 1


async def reindex_status(env: Env, call: Call, _access: Access) -> Result:
    """Return 202 with X-Progress as long as the job runs, then 200 with Parameters.

    Errors: NotFound for a job that is not known (any more) or was cancelled, FhirError for one that failed
    """
    job = await _job(env, call)
    match job.state:
        case "done":
            return Result(200, body=encode(_result(job)))
        case "failed":
            raise FhirError(Issue("processing", f"indexing anew failed: {job.problem}"))
    progress = _progress(job)
    body = encode(outcome([Issue("informational", progress, "information")]))
    return Result(202, body=body, headers={"x-progress": progress, "retry-after": str(_ASK_AGAIN_S)})


async def cancel(env: Env, call: Call, _access: Access) -> Result:
    """Return 202 when the job was open until now; who runs it stops within a batch, what is indexed stays so.

    Errors: Forbidden for who is not the administrator; NotFound as above; Conflict for a job that has ended by itself
    """
    if call.principal != Principal():
        raise Forbidden("to cancel a job is not for every principal")
    job = await _job(env, call)
    if not await env.storage.jobs.cancel(job.id, env.clock()):
        raise Conflict(f"the job {job.id} has ended: there is nothing to cancel")
    cancelled = Issue(
        "informational", "cancelled: what is indexed stays so, a new $reindex does the rest", "information"
    )
    return Result(202, body=encode(outcome([cancelled])))


async def _job(env: Env, call: Call) -> Job:
    """Return the job that is asked for; raise NotFound for one that is not known, and for one that was cancelled.

    R4 does not say how a cancelled one is told of; the later versions of its pattern and Bulk Data ask for a 404.
    """
    id_ = checked(env.pipeline, OPERATION.definition, call.params, call.body).text(_JOB)
    if id_ is None:
        raise Invalid(Issue("required", "job: which one?", expression=_JOB))
    job = await env.storage.jobs.get(id_)
    if job is None:
        raise NotFound(f"there is no job {id_[:64]}")
    if job.state == "cancelled":
        raise NotFound(f"the job {job.id} was cancelled: what was indexed stays so, a new $reindex does the rest")
    return job


def _progress(job: Job) -> str:
    if job.state == "queued":
        return "waits for its turn"
    share = min(99, 100 * job.done // job.total) if job.total else 0
    return f"{share} %: {job.done} of about {job.total} resources, now {job.at or 'none'}"


def _result(job: Job) -> dict[str, Any]:
    assert job.finished is not None
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "resources", "valueInteger": job.done},
            {"name": "started", "valueInstant": instant(job.created)},
            {"name": "finished", "valueInstant": instant(job.finished)},
        ],
    }


OPERATION = Operation(
    OperationDefinition(
        code=STATUS,
        url=own_url(STATUS),
        resources=("SearchParameter",),
        system=True,
        parameters=(
            OperationParameter(_JOB, "in", min=1, type="id"),
            OperationParameter("resources", "out", type="integer"),
            OperationParameter("started", "out", type="instant"),
            OperationParameter("finished", "out", type="instant"),
        ),
    ),
    reindex_status,
    cancel=cancel,
)
