"""A small run of the load benchmark: every order action is answered. How fast: docs/benchmarks.md."""

from benchmarks import exchange_load


def test_all_actions_of_all_clients_are_answered() -> None:
    result = exchange_load.measure(n_clients=4, per_s=200.0, seconds=3.0)
    assert result["actions"] == 600
    assert (result["unanswered"], result["refused"]) == (0, 0), result["first_refusals"]
    assert result["order_updates"] == 600
    assert result["block_loop"]["blocks"] > 40
    assert result["answer_ms"]["p50"] < 500
