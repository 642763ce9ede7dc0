"""The rules of delta xDS, one by one, at the control end."""

from __future__ import annotations

import pytest

from bascule.bridge import messages
from bascule.bridge.session import exchange, serving
from tests.unit.bridge import fakes

A, B, C = "root/ns/a", "root/ns/b", "root/ns/c"


@pytest.fixture
def view() -> fakes.View:
    view = fakes.View()
    view.put("pods", A)
    view.put("pods", B)
    return view


def begin(view: fakes.View, *subscribe: str, claims: dict[str, str] | None = None) -> serving.Serving:
    state = serving.Serving(view)
    known = view.position("pods") if claims else None
    state.received(exchange.Request("pods", "n1", known, subscribe, (), claims or {}))
    return state


def put(response: exchange.Response | None) -> set[str]:
    assert response is not None
    return {item.name for item in response.update.put}


def ack(state: serving.Serving, response: exchange.Response | None, **more: tuple[str, ...]) -> serving.Receipt:
    assert response is not None
    return state.received(exchange.Request("pods", nonce=response.nonce, **more))


def nack(
    state: serving.Serving, response: exchange.Response | None, *refusals: str, objection: int = 3
) -> serving.Receipt:
    assert response is not None
    named = tuple(messages.Refusal(name, "why") for name in refusals)
    problem = exchange.Problem(messages.Objection(objection), "why", named)
    return state.received(exchange.Request("pods", nonce=response.nonce, problem=problem))


def test_first_empty_request_is_everything_and_later_empty_ones_are_not(view: fakes.View) -> None:
    state = begin(view)
    response = state.next()
    assert put(response) == {A, B}
    ack(state, response)
    assert state.next() is None
    assert state.settled("pods")


def test_even_with_nothing_to_say_the_node_is_greeted(view: fakes.View) -> None:
    state = begin(view, "*", claims=view.versions("pods"))
    response = state.next()
    assert put(response) == set()
    assert response is not None
    assert response.update.removed == ()
    assert response.update.position == view.position("pods")


def test_claims_leave_only_the_difference_and_what_is_gone(view: fakes.View) -> None:
    state = begin(view, "*", claims={A: view.wanted["pods"][A].version, B: "old", C: "1"})
    response = state.next()
    assert put(response) == {B}
    assert response is not None
    assert response.update.removed == (C,)


def test_claims_from_another_epoch_count_for_nothing(view: fakes.View) -> None:
    claims = view.versions("pods") | {C: "1"}
    state = serving.Serving(view)
    known = messages.Position("here", 0, 99)
    state.received(exchange.Request("pods", "n1", known, ("*",), (), claims))
    response = state.next()
    assert put(response) == {A, B}
    assert response is not None
    assert response.update.removed == ()


def test_one_unanswered_response_and_what_waits_is_merged(view: fakes.View) -> None:
    state = begin(view, "*")
    response = state.next()
    for _ in range(3):
        view.put("pods", C)
        state.changed("pods", {C})
    view.remove("pods", A)
    state.changed("pods", {A})
    assert state.next() is None
    ack(state, response)
    merged = state.next()
    assert put(merged) == {C}
    assert merged is not None
    assert merged.update.removed == (A,)


def test_what_was_refused_is_not_sent_again_until_it_differs(view: fakes.View) -> None:
    state = begin(view, "*")
    receipt = nack(state, state.next(), B)
    assert receipt.delivered.keys() == {A}
    assert state.refused == {"pods": {B: "why"}}
    state.changed("pods", {A, B})
    again = state.next()
    assert put(again) == {A}
    ack(state, again)
    assert not state.settled("pods")
    view.put("pods", B)
    state.changed("pods", {B})
    response = state.next()
    assert put(response) == {B}
    ack(state, response)
    assert state.refused == {}
    assert state.settled("pods")


def test_a_refusal_without_names_is_of_everything(view: fakes.View) -> None:
    state = begin(view, "*")
    receipt = nack(state, state.next())
    assert receipt.delivered == {}
    assert state.refused["pods"].keys() == {A, B}
    assert state.next() is None


def test_a_position_refused_is_offered_again_only_when_it_has_moved(view: fakes.View) -> None:
    state = begin(view, "*")
    nack(state, state.next(), objection=9)
    assert state.next() is None
    view.generation += 1
    response = state.next()
    assert put(response) == {A, B}
    nack(state, response, objection=13)
    assert state.next() is None
    state.retry("pods")
    assert put(state.next()) == {A, B}


def test_subscriptions_hold_even_with_a_stale_nonce(view: fakes.View) -> None:
    state = begin(view, A)
    first = state.next()
    assert put(first) == {A}
    state.received(exchange.Request("pods", subscribe=(B,), nonce="stale"))
    assert state.next() is None, "the first response is still unanswered"
    ack(state, first)
    assert put(state.next()) == {B}


def test_a_name_subscribed_again_is_sent_again(view: fakes.View) -> None:
    state = begin(view, A)
    response = state.next()
    ack(state, response, subscribe=(A,))
    assert put(state.next()) == {A}


def test_an_unknown_name_is_removed_remembered_and_pushed_when_it_comes(view: fakes.View) -> None:
    state = begin(view, C)
    response = state.next()
    assert response is not None
    assert response.update.removed == (C,)
    ack(state, response)
    view.put("pods", C)
    state.changed("pods", {A, C})
    assert put(state.next()) == {C}


def test_unsubscribing_ends_the_news(view: fakes.View) -> None:
    state = begin(view, "*")
    ack(state, state.next(), unsubscribe=("*",))
    view.put("pods", A)
    state.changed("pods", {A})
    assert state.next() is None
    state.received(exchange.Request("pods", subscribe=("*",), nonce=""))
    assert put(state.next()) == {A, B}


def test_a_nonce_counts_only_for_its_kind(view: fakes.View) -> None:
    state = begin(view, "*")
    response = state.next()
    assert response is not None
    state.received(exchange.Request("services", subscribe=("*",)))
    greeting = state.next()
    assert greeting is not None
    assert greeting.kind == "services"
    assert state.received(exchange.Request("pods", nonce=greeting.nonce)).delivered == {}
    assert not state.settled("pods")


def test_large_states_come_in_parts_that_lose_nothing(view: fakes.View) -> None:
    for index in range(1200):
        view.put("pods", f"root/ns/p{index:04}")
    state, seen = begin(view, "*"), set()
    while (response := state.next()) is not None:
        assert len(response.update.put) <= serving.RESPONSE_ITEMS_MAX
        seen |= put(response)
        ack(state, response)
    assert seen == view.versions("pods").keys()


def test_an_unknown_kind_is_nobodys_business(view: fakes.View) -> None:
    state = serving.Serving(view)
    assert state.received(exchange.Request("poems", subscribe=("*",))) == serving.Receipt("poems")
    assert state.next() is None
