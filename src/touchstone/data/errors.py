"""The one error of this folder: its text names the file or thing, the value found, and the remedy."""


class DataError(ValueError):
    """Market data cannot be used as asked."""
