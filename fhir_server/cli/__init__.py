"""The command line: `fhir-server serve | load | check | settings | demo`.

Spec: https://hl7.org/fhir/R4/http.html (what the served base URL answers)
"""

from fhir_server.cli.command_line import main

__all__ = ["main"]
