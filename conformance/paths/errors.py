"""Why a FHIRPath expression cannot become a search path.

Spec: https://hl7.org/fhir/R4/searchparameter.html#expression
"""


class PathError(ValueError):
    """The expression is FHIRPath, but names what the structures do not have or what search does not support."""
