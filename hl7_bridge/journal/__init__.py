"""The journal of a bridge that runs alone: a SQLite file beside it.

Spec: https://www.sqlite.org/wal.html
"""

from hl7_bridge.journal.sqlite import SqliteJournal

__all__ = ["SqliteJournal"]
