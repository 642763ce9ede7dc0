"""`python -m tests.fuzz [--seconds 60] [--target json]`: looks for inputs that are answered in a new way, keeps some.

What makes a target raise anything but a refusal, or take long, is kept in any case and ends the run: the test then
fails on it until the code is right.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.fuzz import corpus, mutation, targets

SLOW_SECONDS = 0.5
KEPT_MAX = 60
"""For each target: more new answers than that are only variants."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60.0, help="for each target")
    arguments.add_argument("--target", choices=sorted(targets.TARGETS), action="append")
    arguments.add_argument("--seed", type=int, default=None)
    chosen = arguments.parse_args()
    for target in chosen.target or targets.TARGETS:
        if not _explore(target, random.Random(chosen.seed), chosen.seconds):
            return 1
    return 0


def _explore(target: str, source: random.Random, seconds: float) -> bool:
    seeds = corpus.inputs(target) or [b""]
    known = {targets.outcome(target, content) for content in seeds}
    count, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        content = mutation.mutated(source, seeds)
        started = time.process_time()
        try:
            answer = targets.outcome(target, content)
        except BaseException:
            print(f"{target}: {corpus.keep(target, content)} fails", file=sys.stderr)
            raise
        if time.process_time() - started > SLOW_SECONDS:
            print(f"{target}: {corpus.keep(target, content)} is slow", file=sys.stderr)
            return False
        count += 1
        if answer not in known:
            known.add(answer)
            seeds.append(content)
            if len(seeds) <= KEPT_MAX:
                corpus.keep(target, content)
    print(f"{target}: {count} inputs, {len(known)} kinds of answers")
    return True


if __name__ == "__main__":
    sys.exit(main())
