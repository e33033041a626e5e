"""What a session folder holds, as typed tables: the one source of the terminal, HTML, JSON and dashboard figures.

Nothing here needs the compiler. A session that is still being written may be read: the database is opened read-only.
"""

from touchstone.insight.readings.folder import NoDataError, Session, UnreadableSessionError, open_session

__all__ = ["NoDataError", "Session", "UnreadableSessionError", "open_session"]
