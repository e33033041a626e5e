"""How a request ends that is not carried out: refused as the venue does with HTTP 200, or not served at all."""

from http import HTTPStatus

from touchstone.venues.hyperliquid.errors import UNREADABLE


class ActionRefused(Exception):  # noqa: N818 (an answer, not an error)
    """The whole action is refused: `{"status": "err", "response": text}`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class NotServed(Exception):  # noqa: N818
    """Answered by an HTTP status and a plain text (clients choke on JSON objects there)."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text

    @property
    def line(self) -> str:
        """What a WebSocket post is answered."""
        return f"{self.status.value} {self.status.phrase}: {self.text}"


def unreadable() -> NotServed:
    """The body is JSON and not a request."""
    return NotServed(HTTPStatus.UNPROCESSABLE_ENTITY, UNREADABLE.render())


def not_json() -> NotServed:
    """The body is not JSON."""
    return NotServed(HTTPStatus.BAD_REQUEST, "Failed to parse the request body as JSON")


def too_many() -> NotServed:
    """Over a limit of the client's address."""
    return NotServed(HTTPStatus.TOO_MANY_REQUESTS, "null")
