"""Decoders refuse, whatever they are sent: the kept corpus, and new inputs made from it, the same in every run."""

from __future__ import annotations

import random
import time

import pytest

from tests.fuzz import corpus, mutation, targets

INPUTS = 400
CPU_SECONDS_MAX = 2.0
"""For one input of at most 16 KB: a bound against blow-ups, far above what any takes."""


@pytest.mark.parametrize("target", sorted(targets.TARGETS))
def test_what_is_sent_is_accepted_or_refused(target: str) -> None:
    seeds = corpus.inputs(target)
    assert seeds, f"no corpus for {target}"
    source = random.Random(target)
    for content in [*seeds, *(mutation.mutated(source, seeds) for _ in range(INPUTS))]:
        started = time.process_time()
        try:
            targets.outcome(target, content)
        except Exception as error:
            pytest.fail(f"{target} raised {error!r} for {content[:400]!r}")
        assert time.process_time() - started < CPU_SECONDS_MAX, content[:400]


def test_no_corpus_is_without_its_target() -> None:
    assert {path.name for path in corpus.ROOT.iterdir()} == set(targets.TARGETS)
