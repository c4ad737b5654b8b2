"""`python -m fhir_server.cli` is `fhir-server`, also where scripts are not installed.

Spec: https://hl7.org/fhir/R4/http.html
"""

import sys

from fhir_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
