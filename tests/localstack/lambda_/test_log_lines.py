"""What a sandbox writes becomes messages, however it was cut on the way; nothing of it is lost."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.localstack.lambda_.telemetry.lines import LONGEST, MAGIC, Lines

NOW = 1_700_000_000_000
Message = tuple[int, bytes, int]


def frame(text: bytes, level: int = 3, at: int = NOW) -> bytes:
    kind = MAGIC + bytes([level << 2 | 3])
    return kind + len(text).to_bytes(4, "big") + (at * 1000).to_bytes(8, "big") + text


def read(*pieces: bytes) -> list[Message]:
    seen: list[Message] = []
    lines = Lines(lambda *message: seen.append(message))
    for piece in pieces:
        lines.add(piece, NOW)
    lines.flush(NOW)
    return seen


printed = st.binary(max_size=30).map(lambda text: text.replace(b"\xa5", b"") + b"\n")
framed = st.tuples(st.binary(min_size=1, max_size=30), st.integers(0, 6)).map(
    lambda given: frame(*given)
)
written = st.lists(printed | framed, max_size=8).map(b"".join)


@given(written, st.lists(st.integers(0, 200), max_size=6))
def test_where_it_is_cut_changes_nothing(stream: bytes, places: list[int]) -> None:
    cuts = sorted({0, len(stream), *(place for place in places if place < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(cuts)]
    assert read(*pieces) == read(stream)


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1))
def test_a_frame_is_one_message_whatever_is_in_it(texts: list[bytes]) -> None:
    seen = read(b"".join(frame(text) for text in texts))
    assert [text for _, text, _ in seen] == texts


def test_prints_and_frames_keep_their_order() -> None:
    stream = b"one\ntwo" + frame(b"a\nb", level=5, at=NOW - 7) + b"three\n"
    assert read(stream) == [
        (NOW, b"one\n", 0),
        (NOW, b"two", 0),
        (NOW - 7, b"a\nb", 5),
        (NOW, b"three\n", 0),
    ]


def test_a_process_that_ends_within_a_frame() -> None:
    """What there is of its last message is told; the next process begins anew."""
    seen: list[Message] = []
    lines = Lines(lambda *message: seen.append(message))
    lines.add(b"unfinished" + frame(b"cut short")[:-6], NOW)
    lines.end(NOW)
    lines.add(b"next\n", NOW)
    assert [text for _, text, _ in seen] == [b"unfinished", b"cut", b"next\n"]


def test_a_frame_of_another_time_has_the_readers() -> None:
    assert read(frame(b"x", at=1)) == [(NOW, b"x", 3)]


@pytest.mark.parametrize(
    "noise", [MAGIC, MAGIC + b"\x00", MAGIC + b"\xff and so on", MAGIC + b"\x03" + b"\xff" * 12]
)
def test_what_only_looks_like_a_frame_is_text(noise: bytes) -> None:
    assert b"".join(text for _, text, _ in read(b"a" + noise, b" goes on\n")) in (
        b"a" + noise + b" goes on\n",
        b"a",  # what may become a frame waits for the rest of it
    )


@pytest.mark.parametrize("make", [lambda text: text + b"\n", frame])
def test_a_long_message_is_cut_between_characters(make: object) -> None:
    assert callable(make)
    text = "é".encode() * LONGEST
    pieces = [piece for _, piece, _ in read(make(text))]
    assert b"".join(pieces).rstrip(b"\n") == text
    assert all(len(piece) <= LONGEST + 1 and piece.decode() for piece in pieces)
