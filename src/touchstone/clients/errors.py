"""What a client tells: what happened to what was sent, and what a venue does not have."""

from touchstone import TouchstoneError


class ClientError(TouchstoneError):
    """A venue refused or could not be reached."""

    exit_code = 3


class UnreachableError(ClientError):
    """No answer after all tries, or no connection within the time given."""


class UnansweredError(ClientError):
    """The venue answered a request with a status that another try does not change."""


class SubscriptionError(ClientError):
    """The venue does not know what was to be followed."""


class UnknownOutcomeError(ClientError):
    """An action was written and not answered: it may have been executed, or not. Ask for its orders by cloid."""


class NotSentError(ClientError):
    """An action was not executed and never will be: nothing left us, or the door was shut before it was read."""


class UnknownCoinError(ClientError):
    """The venue does not list the coin."""


class DelistedCoinError(ClientError):
    """The venue lists the coin no more."""
