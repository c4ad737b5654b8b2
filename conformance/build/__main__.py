"""Compile the official package: `python -m conformance.build PACKAGE.tgz [FOLDER]`.

Spec: https://hl7.org/fhir/R4/downloads.html
"""

import argparse
from pathlib import Path

from conformance.build.compile import compiled, write
from conformance.build.package import read_package


def main() -> None:
    """Write the data files of a definition package into a folder, by default into `conformance/data`."""
    parser = argparse.ArgumentParser(prog="python -m conformance.build", description=main.__doc__)
    parser.add_argument("package", type=Path, help="the npm package (.tgz), or the folder that it was unpacked into")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent.parent / "data")
    arguments = parser.parse_args()
    write(compiled(read_package(arguments.package)), arguments.folder)


if __name__ == "__main__":
    main()
