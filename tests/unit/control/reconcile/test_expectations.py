from bascule.control.reconcile import expectations
from bascule.control.reconcile.request import Request
from bascule.vocabulary import clock

A = Request("root", "n", "a")


def test_met_when_everything_was_seen():
    expected = expectations.Expectations(clock.ManualClock())
    assert expected.met(A)
    expected.expect_creation(A)
    expected.expect_creation(A)
    expected.expect_deletion(A, "u1")
    expected.created(A)
    expected.deleted(A, "someone else")
    assert not expected.met(A)
    expected.created(A)
    expected.deleted(A, "u1")
    assert expected.met(A)


async def test_a_lost_event_does_not_block_for_ever():
    time = clock.ManualClock()
    expected = expectations.Expectations(time)
    expected.expect_creation(A)
    await time.advance(299)
    assert not expected.met(A)
    await time.advance(2)
    assert expected.met(A)
