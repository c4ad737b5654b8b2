"""$validate: would the server accept this resource, or this change? Nothing is stored.

Spec: https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from collections.abc import Iterator

from conformance.definitions import Definitions
from fhir_server.interactions import binary
from fhir_server.interactions.bundles import outcome
from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.interactions.read import existing
from fhir_server.interactions.update import check_may_create, check_same_id
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.errors import FhirError, Invalid, Issue
from fhir_server.kernel.fhir_json import decode_stored, encode
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Resource
from fhir_server.operations.definition import standard
from fhir_server.operations.parameters import Arguments, arguments
from fhir_server.resources.prepare import resource_of_type

_MODES = frozenset({"create", "update", "delete", "profile"})
_BASE = "http://hl7.org/fhir/StructureDefinition/"


async def validate(env: Env, call: Call, access: Access) -> Result:
    """Return 200 with an OperationOutcome of everything that was found, also when the resource is not valid.

    Errors: Invalid for parameters that cannot be read, NotFound or Gone where a stored resource is to be judged that
            is not there
    """
    passed, resource = _passed(call)
    mode = passed.code("mode", _MODES)
    _check_level(mode, call)
    profile = passed.text("profile")
    if mode == "profile" and profile is None:
        raise Invalid(Issue("required", "profile: mode=profile needs one", expression="profile"))
    if mode == "delete":
        existing(await env.storage.reader.read(call.type, call.id, access), f"{call.type}/{call.id}")
        return _result([])
    if resource is None:
        resource = await _stored(env, call, access)
    issues = _judged(env, resource, call.type)
    if mode == "update":
        issues += await _update_issues(env, call, access, resource)
    if profile is not None:
        issues += _profile_issues(profile, call.type, env.definitions)
    return _result(issues)


def _passed(call: Call) -> tuple[Arguments, object]:
    """Return the parameters and the resource to judge: the body itself, or the parameter that holds it.

    A Parameters resource is what is to be judged only where the URL says so and it passes no resource.
    """
    body = call.body
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        try:
            passed = arguments(call.params, body)
            passed.check_known(OPERATION.definition)
        except Invalid:
            if call.type != "Parameters":
                raise
        else:
            return passed, passed.resource("resource")
    passed = arguments(call.params, None)
    passed.check_known(OPERATION.definition)
    return passed, body


def _check_level(mode: str | None, call: Call) -> None:
    on_instance = call.address.id is not None
    if mode == "create" and on_instance:
        raise Invalid(Issue("invalid", "mode: what is to be created has no id yet: call the type", expression="mode"))
    if mode in ("update", "delete") and not on_instance:
        raise Invalid(Issue("invalid", f"mode: call the resource that is to be {mode}d", expression="mode"))


async def _stored(env: Env, call: Call, access: Access) -> Resource:
    if call.address.id is None:
        raise Invalid(Issue("required", "resource: there is nothing to validate", expression="resource"))
    version = existing(await env.storage.reader.read(call.type, call.id, access), f"{call.type}/{call.id}")
    text = version.json if version.blob is None else await binary.restore(env.storage.blobs, version)
    stored: Resource = decode_stored(text)
    return stored


def _judged(env: Env, resource: object, type_: str) -> list[Issue]:
    try:
        return list(env.pipeline.check(resource_of_type(resource, type_)))
    except Invalid as error:
        return list(error.issues)


async def _update_issues(env: Env, call: Call, access: Access, resource: object) -> list[Issue]:
    """Return what would keep the resource from taking the place of the one that is called."""
    try:
        if isinstance(resource, dict):
            check_same_id(resource, call.id)
        check_may_create(env, await env.storage.reader.read(call.type, call.id, access))
    except FhirError as error:
        return list(error.issues)
    return []


def _profile_issues(profile: str, type_: str, definitions: Definitions) -> Iterator[Issue]:
    """Yield what cannot be said of a profile: only the base definitions of the standard are known here."""
    url, _, version = profile.partition("|")
    name = url.removeprefix(_BASE)
    known = definitions.types.get(name) if url.startswith(_BASE) else None
    if known is None or known.kind != "resource" or version not in ("", definitions.version):
        said = f"profile: {url[:200]!r} is not known here; the resource was judged by its base definition alone"
        yield Issue("not-supported", said, severity="warning", expression="profile")
    elif not definitions.is_a(type_, name):
        yield Issue("invalid", f"profile: a {type_} is no {name}", expression="profile")


def _result(issues: list[Issue]) -> Result:
    return Result(200, body=encode(outcome(issues)))


OPERATION = Operation(standard("validate", "Resource"), validate)
