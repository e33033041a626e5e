"""Weights of requests, as the venue's documentation has them."""

from touchstone.venues.hyperliquid import actions
from touchstone.venues.hyperliquid.weights import action_weight, info_weight, items_weight, most_weight, n_parts


def test_weights_are_the_venues() -> None:
    assert [info_weight(kind) for kind in ("l2Book", "allMids", "userRole", "meta")] == [2, 2, 60, 20]
    assert [action_weight(n) for n in (1, 39, 40, 79, 80)] == [1, 1, 2, 2, 3]
    assert [items_weight("userFills", 2_000), items_weight("candleSnapshot", 5_000)] == [100, 83]
    assert items_weight("meta", 500) == 0


def test_the_most_an_answer_can_weigh() -> None:
    assert most_weight("userFillsByTime") == 20 + 2_000 // 20
    assert most_weight("fundingHistory") == 20 + 500 // 20
    assert most_weight("candleSnapshot") == 20 + 5_000 // 60
    assert (most_weight("orderStatus"), most_weight("userRole")) == (2, 60)


def test_an_action_counts_its_parts() -> None:
    cancels = [actions.CloidCancel(0, f"0x{i:032x}") for i in range(45)]
    order = actions.Order(0, True, "1", "1", False, actions.OrderType(limit=actions.Limit("Alo")))
    assert n_parts(actions.CancelByCloid(cancels)) == 45
    assert n_parts(actions.CancelOrders([actions.Cancel(0, 1)])) == 1
    assert n_parts(actions.PlaceOrders([order] * 3, "na")) == 3
    assert n_parts(actions.ModifyOrders([actions.Replacement(1, order)] * 2)) == 2
    assert n_parts(actions.ScheduleCancel(5)) == n_parts(actions.PlaceOrders([], "na")) == 1
