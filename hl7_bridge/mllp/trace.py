"""Where an error came from, for the log: files, lines and its type, but not its text, which may hold patient data.

Spec: https://docs.python.org/3/library/traceback.html
"""

import traceback


def trace(error: BaseException) -> str:
    """Return the places that an error went through, outermost first, and its type."""
    frames = traceback.extract_tb(error.__traceback__)
    return " > ".join([*(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames), type(error).__name__])
