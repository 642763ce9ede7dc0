"""SPDY frames: what is encoded is decoded however it is cut, and nothing a peer sends is more than refused."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bascule.control.api.streaming import frames

STREAMS = some.integers(1, frames.STREAM_MAX)
NUMBERS = some.integers(0, (1 << 32) - 1)
HEADERS = some.dictionaries(
    some.text("abcdefghijklmnopqrstuvwxyz-:", min_size=1, max_size=20), some.text(max_size=40), max_size=5
)
FRAMES = some.one_of(
    some.builds(frames.SynStream, STREAMS, HEADERS, some.booleans()),
    some.builds(frames.SynReply, STREAMS, HEADERS, some.booleans()),
    some.builds(frames.Headers, STREAMS, HEADERS, some.booleans()),
    some.builds(frames.Data, STREAMS, some.binary(max_size=300), some.booleans()),
    some.builds(frames.Reset, STREAMS, NUMBERS),
    some.builds(frames.Ping, NUMBERS),
    some.builds(frames.GoAway, STREAMS, NUMBERS),
    some.builds(frames.WindowUpdate, STREAMS, some.integers(0, frames.STREAM_MAX)),
    some.builds(
        frames.Settings,
        some.lists(some.tuples(some.integers(0, 0xFFFFFF), NUMBERS), max_size=5).map(tuple),
    ),
)


def merged(found: list[frames.Frame]) -> list[frames.Frame]:
    """Pieces of one data frame put together."""
    whole: list[frames.Frame] = []
    for frame in found:
        last = whole[-1] if whole else None
        if isinstance(frame, frames.Data) and isinstance(last, frames.Data) and last.stream == frame.stream:
            whole[-1] = frames.Data(frame.stream, last.payload + frame.payload, frame.fin)
        else:
            whole.append(frame)
    return whole


def test_the_dictionary_is_the_protocols() -> None:
    assert zlib.adler32(frames.DICTIONARY) == 0xE3C6A7C2


@given(some.lists(FRAMES, max_size=12), some.lists(some.integers(1, 200), min_size=1, max_size=8))
def test_what_is_encoded_is_decoded_however_it_is_cut(sent: list[frames.Frame], cuts: list[int]) -> None:
    encoder, decoder = frames.Encoder(), frames.Decoder()
    # Two data frames of one stream in a row would be one when put together.
    sent = [frame for before, frame in zip([None, *sent], sent, strict=False) if not _same_stream(before, frame)]
    raw = b"".join(encoder.encode(frame) for frame in sent)
    heard: list[frames.Frame] = []
    at = turn = 0
    while at < len(raw):
        size = cuts[turn % len(cuts)]
        heard += decoder.feed(raw[at : at + size])
        at, turn = at + size, turn + 1
    assert merged(heard) == merged(sent)


def _same_stream(one: frames.Frame | None, other: frames.Frame) -> bool:
    return isinstance(one, frames.Data) and isinstance(other, frames.Data)


@given(some.binary(max_size=400))
def test_noise_is_frames_or_refused(noise: bytes) -> None:
    for begin in (b"", b"\x80\x03\x00\x01\x00\x00\x00\x20", b"\x80\x03\x00\x04\x00\x00\x00\x0c"):
        try:
            list(frames.Decoder().feed(begin + noise))
        except frames.ProtocolError:
            pass


def test_headers_that_unpack_to_too_much_are_refused() -> None:
    packer = zlib.compressobj(zdict=frames.DICTIONARY)
    packed = packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH)
    frame = struct.pack(">HHI", 0x8003, 1, 10 + len(packed)) + struct.pack(">IIH", 1, 0, 0) + packed
    with pytest.raises(frames.ProtocolError, match="more than 65536 bytes"):
        list(frames.Decoder().feed(frame))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\x80\x02\x00\x01\x00\x00\x00\x0a", "version 2"),
        (b"\x80\x03\x00\x01\x00\xff\xff\xff", "control frame of 16777215 bytes"),
        (b"\x80\x03\x00\x06\x00\x00\x00\x01\x00", "too short"),
        (b"\x80\x03\x00\x04\x00\x00\x00\x04\x00\x00\x00\x09", "settings"),
        (b"\x80\x03\x00\x01\x00\x00\x00\x0c" + bytes(10) + b"xy", "not compressed"),
    ],
)
def test_what_is_no_spdy_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(frames.ProtocolError, match=why):
        list(frames.Decoder().feed(raw))


def test_a_frame_of_another_kind_is_passed_over() -> None:
    raw = b"\x80\x03\x00\x63\x00\x00\x00\x02ab" + frames.Encoder().encode(frames.Ping(1))
    assert list(frames.Decoder().feed(raw)) == [frames.Ping(1)]
