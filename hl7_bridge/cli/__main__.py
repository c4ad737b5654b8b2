"""`python -m hl7_bridge.cli`: the same as `hl7-bridge`.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

import sys

from hl7_bridge.cli.command_line import main

sys.exit(main())
