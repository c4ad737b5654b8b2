"""capabilities: what this server can do, from the tables by which it does it.

Spec: https://hl7.org/fhir/R4/http.html#capabilities
"""

from fhir_server.interactions.env import Env
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.errors import Invalid, Issue, NotSupported
from fhir_server.kernel.query import Access

_MODES = ("full", "normative", "terminology")


async def capabilities(env: Env, call: Call, _access: Access) -> Result:
    """Return the CapabilityStatement; `mode` full and normative give the same one.

    Errors: NotSupported for mode=terminology, Invalid for an unknown mode
    """
    mode = next((value for name, value in call.params if name == "mode"), "full")
    if mode not in _MODES:
        raise Invalid(Issue("value", "mode must be full, normative or terminology", expression="mode"))
    if mode == "terminology":
        raise NotSupported("this server has no terminology service")
    return Result(200, body=env.capabilities(call.base_url))
