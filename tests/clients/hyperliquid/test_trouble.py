"""What the venue and the network do wrong, and what the client makes of it."""

import asyncio
from typing import Any

import msgspec
import pytest

from touchstone.clients.hyperliquid import (
    Client,
    Limits,
    Network,
    NotSentError,
    SubscriptionError,
    UnansweredError,
    UnknownOutcomeError,
    UnreachableError,
)
from touchstone.clients.hyperliquid.posts import failed_post
from touchstone.clients.websocket import Patience
from touchstone.local.server import sockets
from touchstone.local.server.settings import Limits as ServerLimits
from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.replies import Accepted, Refused, Status, statuses
from touchstone.venues.hyperliquid.stream import Subscription

pytestmark = pytest.mark.asyncio
USER = "0x" + "1" * 40
HASTY = Patience(ping_s=0.2, silence_s=0.6, first_pause_s=0.05)


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


# Readings.


@pytest.mark.parametrize("fault", ["too_many_requests_chance", "server_error_chance", "bad_gateway_chance"])
async def test_a_reading_is_tried_again(trade: Any, faults: Any, fault: str) -> None:
    trader = await trade(starts=False, limits=Limits(patience=Patience(first_pause_s=0.02)))
    faults(trader.server, **{fault: 1.0})
    reading = asyncio.create_task(trader.client.info("allMids"))
    await until(lambda: trader.client.counters.get("info_retries", 0) >= 1)
    faults(trader.server)
    assert "BTC" in await reading
    assert (trader.client.counters.get("throttles", 0) > 0) == (fault == "too_many_requests_chance")


async def test_a_reading_that_is_never_answered_names_the_last_reason(trade: Any, faults: Any) -> None:
    trader = await trade(starts=False, limits=Limits(info_tries=3, patience=Patience(first_pause_s=0.01)))
    faults(trader.server, bad_gateway_chance=1.0)
    with pytest.raises(UnreachableError, match=r"/info allMids: no answer in 3 tries, the last: 502 <html>") as caught:
        await trader.client.info("allMids")
    assert caught.value.exit_code == 3
    assert trader.client.counters["info_retries"] == 2


async def test_a_reading_that_the_venue_does_not_know_is_not_tried_again(trade: Any) -> None:
    trader = await trade(starts=False)
    with pytest.raises(UnansweredError, match="422 Failed to deserialize"):
        await trader.client.info("nonsense")
    assert "info_retries" not in trader.client.counters


async def test_nobody_is_there() -> None:
    network = Network.local("http://127.0.0.1:9")
    patience = Patience(first_pause_s=0.01)
    limits = Limits(start_s=0.3, info_tries=2, patience=patience)
    client = Client(network, account=USER, signer=None, now_ms=lambda: 1, limits=limits)
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9"):
        await client.info("allMids")
    with pytest.raises(UnreachableError, match=r"not up within 0.3 s: .*[Cc]onnect"):
        await client.start(None, [])  # type: ignore[arg-type]
    assert client.counters["failed_connects"] >= 2


# Subscriptions.


async def test_an_unknown_coin_cannot_be_followed(trade: Any) -> None:
    trader = await trade(starts=False)
    with pytest.raises(SubscriptionError, match=r'Invalid subscription .*"coin":"NONE"'):
        await trader.client.start(trader.ears, [Subscription("bbo", coin="NONE")])
    assert trader.ears.told == []


async def test_nothing_to_follow_is_up_at_once(trade: Any) -> None:
    trader = await trade(starts=False)
    await trader.client.start(trader.ears, [])
    assert trader.client.is_up
    assert trader.ears.told == ["up"]


async def test_subscriptions_that_are_not_acknowledged_end_the_connection(
    trade: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trader = await trade(starts=False, limits=Limits(patience=HASTY))
    acknowledge = sockets.frames.acknowledgement
    monkeypatch.setattr(sockets.frames, "acknowledgement", lambda *_: b'{"channel":"pong"}')
    starting = asyncio.create_task(trader.start())
    await until(lambda: trader.client.counters.get("connections_lost", 0) >= 1)
    assert not trader.client.is_up
    monkeypatch.setattr(sockets.frames, "acknowledgement", acknowledge)
    await starting
    assert trader.ears.told == ["up"]  # what was never up cannot go down


# The connection.


async def test_a_silent_connection_is_asked_and_given_up(trade: Any, faults: Any) -> None:
    trader = await trade(limits=Limits(patience=HASTY))
    faults(trader.server, silent=True)
    await until(lambda: len(trader.ears.told) == 2)
    assert trader.ears.told[1].startswith("down: silent for ")
    assert not trader.client.is_up
    faults(trader.server)
    await until(lambda: trader.ears.told[-1] == "up")
    assert trader.client.counters["pings"] >= 1
    assert trader.client.counters["silences"] >= 1


async def test_a_quiet_connection_that_answers_is_kept(trade: Any) -> None:
    trader = await trade(starts=False, limits=Limits(patience=HASTY))
    await trader.client.start(trader.ears, [Subscription("orderUpdates", user=USER)])
    await asyncio.sleep(1.5)
    assert trader.ears.told == ["up"]
    assert trader.ears.frames == []  # pongs are nobody's business
    assert 3 <= trader.client.counters["pings"] <= 8


async def test_many_losses_in_a_row_are_told_once_each_and_reconnects_slow_down(trade: Any) -> None:
    trader = await trade(limits=Limits(patience=Patience(first_pause_s=0.02)))
    loop = asyncio.get_running_loop()
    pauses = []
    for _ in range(5):
        begin = loop.time()
        trader.server.sockets.disconnect_all()
        await until(lambda: not trader.client.is_up)
        await until(lambda: trader.client.is_up)
        pauses.append(loop.time() - begin)
    assert [line.partition(":")[0] for line in trader.ears.told] == ["up", *["down", "up"] * 5]
    assert pauses[4] >= 0.16  # half of 0.02 s doubled four times


# Actions.


async def test_actions_go_over_http_while_the_socket_is_down_and_keep_their_order(trade: Any) -> None:
    trader = await trade()
    await trader.isolate()
    trader.server.sockets.disconnect_all()
    await until(lambda: not trader.client.is_up)
    futures = [trader.client.send(actions.PlaceOrders([trader.order(True, 0.9)], "na")) for _ in range(3)]
    assert trader.client.counters["http_actions"] == 3
    await until(lambda: trader.client.is_up)
    if not all(future.done() for future in futures):  # one that follows does not overtake them
        trader.client.send(actions.Noop())
        assert trader.client.counters["http_actions"] == 4
    found = [statuses(reply, 1)[0] for reply in await asyncio.gather(*futures)]
    oids = [status.resting.oid for status in found if isinstance(status, Status) and status.resting]
    assert len(oids) == 3
    assert oids == sorted(oids)
    await asyncio.sleep(0.2)
    before = trader.client.counters["http_actions"]
    await trader.client.send(actions.Noop())
    assert trader.client.counters["http_actions"] == before


async def test_an_http_action_that_cannot_be_delivered_was_not_sent(trade: Any, faults: Any) -> None:
    trader = await trade(starts=False)
    faults(trader.server, too_many_requests_chance=1.0)
    with pytest.raises(NotSentError, match="429"):
        await trader.client.send(actions.Noop())
    faults(trader.server, server_error_chance=1.0)
    with pytest.raises(UnknownOutcomeError, match="500"):
        await trader.client.send(actions.Noop())
    faults(trader.server, lost_response_chance=1.0)
    with pytest.raises(UnknownOutcomeError):
        await trader.client.send(actions.Noop())
    await trader.server.stop()
    trader.server.start = None
    with pytest.raises(NotSentError, match="Cannot connect"):
        await trader.client.send(actions.Noop())
    assert trader.client.counters["unknown_outcomes"] == 2


async def test_actions_over_http_wait_their_turn_but_not_for_ever(trade: Any, faults: Any) -> None:
    trader = await trade(starts=False, limits=Limits(posts_in_flight=3))
    faults(trader.server, inbound={"median_ms": 100})
    found = await asyncio.gather(*(trader.client.send(actions.Noop()) for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in found] == [Accepted] * 3 + [NotSentError] * 2
    hasty = await trade(trader.server, number=2, starts=False, limits=Limits(post_s=0.2))
    async with hasty.client._http._order:  # one before it hangs
        with pytest.raises(NotSentError, match=r"those before it had no answer within 0\.2 s"):
            await hasty.client.send(actions.Noop())


async def test_an_answer_that_comes_too_late_is_counted(trade: Any, faults: Any) -> None:
    trader = await trade(limits=Limits(post_s=0.2))
    faults(trader.server, inbound={"median_ms": 400})
    with pytest.raises(UnknownOutcomeError, match=r"not answered within 0\.2 s"):
        await trader.client.send(actions.Noop())
    await until(lambda: trader.client.counters.get("late_replies", 0) == 1)
    assert trader.ears.told == ["up"]


async def test_actions_without_answers_end_the_connection_before_they_fill_it(trade: Any, faults: Any) -> None:
    trader = await trade(limits=Limits(post_s=0.1, posts_in_flight=3))
    faults(trader.server, inbound={"median_ms": 3_000})
    lost = [trader.client.send(actions.Noop()) for _ in range(3)]
    with pytest.raises(NotSentError, match="3 actions wait"):
        await trader.client.send(actions.Noop())
    found = await asyncio.gather(*lost, return_exceptions=True)
    assert [type(outcome) for outcome in found] == [UnknownOutcomeError] * 3
    assert trader.ears.told == ["up"]
    faults(trader.server)
    with pytest.raises(NotSentError):
        await trader.client.send(actions.Noop())
    assert not trader.client.is_up
    assert trader.ears.told == ["up"]  # whoever sends is not told within the call
    await asyncio.sleep(0)
    assert trader.ears.told == ["up", "down: 3 actions had no answer in 0.1 s"]
    await until(lambda: trader.client.is_up)
    assert isinstance(await trader.client.send(actions.Noop()), Accepted)


async def test_stopping_leaves_unanswered_actions_unknown(trade: Any, faults: Any) -> None:
    trader = await trade()
    faults(trader.server, inbound={"median_ms": 2_000})
    future = trader.client.send(actions.Noop())
    await trader.client.stop()
    with pytest.raises(UnknownOutcomeError, match="the client stopped"):
        await future
    with pytest.raises(NotSentError, match="stopped"):
        await trader.client.send(actions.Noop())
    assert trader.ears.told == ["up"]


async def test_a_client_without_a_key_only_reads(trade: Any) -> None:
    trader = await trade(starts=False, signer=None)
    with pytest.raises(NotSentError, match="no signing key"):
        await trader.client.send(actions.Noop())


async def test_an_action_that_has_expired_is_refused(trade: Any) -> None:
    trader = await trade()
    reply = await trader.client.send(actions.Noop(), expires_ms=trader.server.exchange.now_ms - 5_000)
    assert reply == Refused("Action already expired")


# Nonces.


async def test_nonces_rise_under_concurrency_and_a_clock_that_stands(trade: Any, serve: Any) -> None:
    server = await serve()
    nonces: list[int] = []
    act = server.gateway.act

    async def note(body: Any, peer: Any) -> bytes:
        nonces.append(msgspec.json.decode(body)["nonce"])
        return await act(body, peer)  # type: ignore[no-any-return]

    server.gateway.act = note
    stood = server.exchange.now_ms
    trader = await trade(server, now_ms=lambda: stood)
    replies = await asyncio.gather(*(trader.client.send(actions.Noop()) for _ in range(60)))
    server.sockets.disconnect_all()
    await until(lambda: not trader.client.is_up)
    replies += await asyncio.gather(*(trader.client.send(actions.Noop()) for _ in range(5)))
    assert all(isinstance(reply, Accepted) for reply in replies)
    assert nonces == list(range(stood, stood + 65))


async def test_a_nonce_below_those_of_a_former_session_is_passed_over(trade: Any) -> None:
    ahead = await trade(starts=False)
    future_ms = ahead.server.exchange.now_ms + 3_600_000
    before = await trade(ahead.server, starts=False, now_ms=lambda: future_ms)
    assert isinstance(await before.client.send(actions.Noop()), Accepted)
    refused = await ahead.client.send(actions.Noop())
    assert isinstance(refused, Refused)
    assert refused.response.startswith("Invalid nonce: nonce too low")
    assert isinstance(await ahead.client.send(actions.Noop()), Accepted)
    assert ahead.client.counters["nonce_refusals"] == 1


# Things unknown.


async def test_unknown_fields_and_statuses_are_read_over_and_counted(
    trade: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    trader = await trade(say=said.append)
    queries = trader.server.queries
    answer = queries.answer

    def more(request: Any) -> Any:
        given = msgspec.to_builtins(answer(request))
        if request.type == "orderStatus":
            given["order"]["status"] = "eclipsedCanceled"
        elif request.type == "meta":
            given["universe"][0]["novelty"] = 1
        return given

    monkeypatch.setattr(queries, "answer", more)
    build = sockets.frames.post

    def post(number: int, kind: str, payload: bytes) -> bytes:
        return build(number, kind, payload).replace(b'"statuses":[', b'"mood":"fine","statuses":[')

    monkeypatch.setattr(sockets.frames, "post", post)
    await trader.isolate()
    cloid = trader.cloid()
    await trader.rest(cloid)
    await trader.rest()
    found = await trader.client.info("orderStatus", user=trader.client.account, oid=cloid)
    assert found.order.status == "eclipsedCanceled"
    assert (await trader.client.info("meta", dex="hyna")).universe[0].name == "hyna:HYPE"
    counters = trader.client.counters
    assert counters["unknown: status eclipsedCanceled"] == 1
    assert counters["unknown: meta.universe[].novelty"] == 1
    assert counters["unknown: exchange.response.data.mood"] == 2
    assert len([line for line in said if "mood" in line]) == 1


async def test_frames_in_another_order_and_texts_that_are_none(trade: Any) -> None:
    said: list[str] = []
    trader = await trade(starts=False, say=said.append)
    await trader.client.start(trader.ears, [])
    for text in (
        b'{"data":{"mids":{}},"channel":"allMids"}',
        b'{ "channel" : "novelty", "data": 1 }',  # unknown channels are for whoever reads frames
        b'{"channel":"bbo","data":null}',
    ):
        trader.client.on_message(memoryview(text))
    assert trader.ears.channels == {"allMids": 1, "novelty": 1, "bbo": 1}
    for text in (b"Websocket connection established.", b'{"channel":"post","data":{}}', b'{"data":0,"channel":"pong"}'):
        trader.client.on_message(memoryview(text))
    assert len(trader.ears.frames) == 3
    assert trader.client.counters["unknown: text that is not JSON"] == 1
    assert trader.client.counters["unreadable_frames"] == 1
    assert any("cannot be read" in line for line in said)


async def test_error_frames_are_said_and_a_refused_post_was_not_sent(serve: Any, trade: Any, faults: Any) -> None:
    said: list[str] = []
    server = await serve(ServerLimits(posts_in_flight=2, ip_weight_per_minute=10**6))
    trader = await trade(server, say=said.append)
    faults(server, inbound={"median_ms": 200})
    found = await asyncio.gather(*(trader.client.send(actions.Noop()) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in found] == [Accepted, Accepted, NotSentError]
    assert any("too many pending post requests" in line for line in said)
    assert trader.client.counters["error_frames"] == 1


async def test_a_post_over_the_weight_was_not_sent(serve: Any, trade: Any) -> None:
    server = await serve(ServerLimits(ip_weight_per_minute=3))
    trader = await trade(server)
    found = await asyncio.gather(*(trader.client.send(actions.Noop()) for _ in range(4)), return_exceptions=True)
    assert [type(outcome) for outcome in found] == [Accepted, Accepted, Accepted, NotSentError]


async def test_a_post_at_which_the_venue_fails_has_an_unknown_outcome(trade: Any) -> None:
    trader = await trade()

    async def fail(*_: Any) -> bytes:
        raise ZeroDivisionError

    trader.server.gateway.act = fail
    with pytest.raises(UnknownOutcomeError, match="500 Internal Server Error"):
        await trader.client.send(actions.Noop())
    assert trader.client.counters["unknown_outcomes"] == 1
    assert isinstance(failed_post("429 Too Many Requests: null"), NotSentError)
    assert isinstance(failed_post("words that we do not know"), UnknownOutcomeError)


async def test_a_failing_listener_is_told_to_the_loop_and_the_connection_goes_on(trade: Any) -> None:
    trader = await trade(starts=False)
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    heard = 0

    def fail(_: Any) -> None:
        nonlocal heard
        heard += 1
        raise ZeroDivisionError

    trader.ears.on_frame = fail
    await trader.start()
    await until(lambda: heard >= 3)
    assert trader.client.is_up
    assert isinstance(told[0], ZeroDivisionError)
    assert trader.client.counters["listener_failures"] == len(told) == heard
