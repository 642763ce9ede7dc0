"""The channel protocols: what older clients send and are told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from bascule.control.api.streaming import channels

FAILURE = b'\x03{"metadata":{},"status":"Failure","message":"it failed"}'
SUCCESS = b'\x03{"metadata":{},"status":"Success"}'


def test_the_clients_order_decides() -> None:
    assert channels.chosen(["x", "channel.k8s.io", "v5.channel.k8s.io"], channels.PROTOCOLS) == "channel.k8s.io"
    assert channels.chosen(["x"], channels.PROTOCOLS) is None


@given(some.binary(max_size=60))
def test_base64_carries_any_bytes(data: bytes) -> None:
    text = channels.to_client(b"\x01" + data, "base64.channel.k8s.io")
    assert isinstance(text, str)
    assert text[0] == "1"
    assert channels.from_client("0" + text[1:], "base64.channel.k8s.io") == b"\x00" + data


@given(some.one_of(some.binary(max_size=20), some.text(max_size=20)), some.sampled_from([*channels.PROTOCOLS, ""]))
def test_whatever_comes_only_input_and_sizes_get_through(message: bytes | str, protocol: str) -> None:
    known = channels.from_client(message, protocol)
    assert known is None or known[0] in (0, 4) or (known[0] == 255 and protocol == channels.V5)


def test_the_final_status_is_json_from_v4_on_and_a_text_of_failure_before() -> None:
    assert channels.to_client(FAILURE, "v4.channel.k8s.io") == FAILURE
    assert channels.to_client(FAILURE, "channel.k8s.io") == b"\x03it failed"
    assert channels.to_client(FAILURE, "base64.channel.k8s.io") == "3aXQgZmFpbGVk"
    assert channels.to_client(SUCCESS, "channel.k8s.io") is None
    assert channels.plain_status(b"no json") == b"no json"


def test_only_v5_knows_the_end_of_a_channel() -> None:
    assert channels.from_client(b"\xff\x00", "v5.channel.k8s.io") == b"\xff\x00"
    assert channels.from_client(b"\xff\x00", "v4.channel.k8s.io") is None
    assert channels.to_client(b"\xff\x01", "v4.channel.k8s.io") is None
