"""What is on its way: our requests to the venue, its answers to us. Bounded; the caller learns when one is full."""

import numpy as np

from touchstone.core.actions import ACTION
from touchstone.core.conventions import NEVER_NS
from touchstone.core.events import EVENT
from touchstone.core.jit import compiled, inline, record

MAX_REQUESTS = 1024
MAX_RESPONSES = 4096

REQUEST = record(
    [
        ("exec_ns", "i8"),  # block in which it executes
        ("arrival_ns", "i8"),
        ("rank", "i8"),  # order of the classes within a block
        ("action", ACTION),
    ]
)
REQUESTS = record([("ring", REQUEST, (MAX_REQUESTS,)), ("head", "i8"), ("n", "i8")])
RESPONSES = record([("ring", EVENT, (MAX_RESPONSES,)), ("head", "i8"), ("n", "i8")])


@inline
def _request_at(requests, position):
    return requests.ring[position & (MAX_REQUESTS - 1)]


@inline
def _response_at(responses, position):
    return responses.ring[position & (MAX_RESPONSES - 1)]


@inline
def _goes_after(request, exec_ns, rank, arrival_ns):
    if request.exec_ns != exec_ns:
        return request.exec_ns > exec_ns
    if request.rank != rank:
        return request.rank > rank
    return request.arrival_ns > arrival_ns


@compiled
def add_request(requests, action, exec_ns, rank, arrival_ns):
    """Queue by (block, class, arrival), ties as sent. False if full."""
    if requests.n >= MAX_REQUESTS:
        return False
    at = requests.head + requests.n
    while at > requests.head and _goes_after(_request_at(requests, at - 1), exec_ns, rank, arrival_ns):
        requests.ring[at & (MAX_REQUESTS - 1)] = _request_at(requests, at - 1)
        at -= 1
    request = _request_at(requests, at)
    request.exec_ns = exec_ns
    request.arrival_ns = arrival_ns
    request.rank = rank
    to = request.action
    to.decided_ns = action.decided_ns
    to.cloid = action.cloid
    to.target = action.target
    to.px = action.px
    to.qty = action.qty
    to.reason = action.reason
    to.kind = action.kind
    to.side = action.side
    to.bits = action.bits
    requests.n += 1
    return True


@inline
def first_request(requests):
    """The next to execute; only while requests.n > 0, and only until it is dropped."""
    return _request_at(requests, requests.head)


@inline
def drop_request(requests):
    """Forget the first; an empty ring starts over, so that few slots stay in the cache."""
    requests.n -= 1
    requests.head = requests.head + 1 if requests.n > 0 else 0


@compiled
def add_response(responses, exch_ns, recv_ns, kind, side, px, qty, aux, code, bits):
    """Queue an event by the time that it reaches us, ties as they happened. False if full."""
    if responses.n >= MAX_RESPONSES:
        return False
    at = responses.head + responses.n
    while at > responses.head and _response_at(responses, at - 1).recv_ns > recv_ns:
        responses.ring[at & (MAX_RESPONSES - 1)] = _response_at(responses, at - 1)
        at -= 1
    event = _response_at(responses, at)
    event.exch_ns = exch_ns
    event.recv_ns = recv_ns
    event.px = px
    event.qty = qty
    event.aux = aux
    event.code = code
    event.kind = kind
    event.side = side
    event.bits = bits
    responses.n += 1
    return True


@inline
def first_response_ns(responses):
    """When the next answer reaches us, NEVER_NS if none is on its way."""
    if responses.n == 0:
        return NEVER_NS
    return np.int64(_response_at(responses, responses.head).recv_ns)


@inline
def next_response(responses):
    """The next answer, off the queue; only while responses.n > 0, and only until another one is added."""
    came = _response_at(responses, responses.head)
    responses.n -= 1
    responses.head = responses.head + 1 if responses.n > 0 else 0
    return came


@compiled
def take_response(responses, event):
    """Move the next answer into `event`; False if there is none."""
    if responses.n == 0:
        return False
    came = _response_at(responses, responses.head)
    event.exch_ns = came.exch_ns
    event.recv_ns = came.recv_ns
    event.px = came.px
    event.qty = came.qty
    event.aux = came.aux
    event.code = came.code
    event.kind = came.kind
    event.side = came.side
    event.bits = came.bits
    next_response(responses)
    return True
