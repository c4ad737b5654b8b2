"""The command line: `hl7-bridge --fhir URL --mllp PORT`, and `send | load | watch | convert | explain | dead`.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

from hl7_bridge.cli.command_line import main

__all__ = ["main"]
