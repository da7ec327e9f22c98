"""Makes a differing stream of events as short as it goes.

``python -m tests.auditor.shrink SEED`` prints the fewest events of that seed that still differ, and
the difference.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from tests.auditor.generate import generate
from tests.auditor.run import compare_events

Document = dict[str, Any]


def shrink(items: Sequence[Document], fails: Callable[[list[Document]], bool]) -> list[Document]:
    """Leave out pieces, large ones first, for as long as what is left still ``fails``."""
    left = list(items)
    size = len(left) // 2
    while size:
        start = 0
        while start < len(left):
            shorter = left[:start] + left[start + size :]
            if fails(shorter):
                left = shorter
            else:
                start += size
        size //= 2
    return left


def differs(seed: int) -> Callable[[list[Document]], bool]:
    """Whether events differ, put away and restored where ``seed`` says."""
    return lambda events: bool(compare_events(seed, events).difference)


def main() -> int:
    """Shrink the seed that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--length", type=int, default=120)
    options = parser.parse_args()
    documents = generate(options.seed, options.length)
    fails = differs(options.seed)
    if not fails(documents):
        sys.stdout.write(f"seed {options.seed} does not differ\n")
        return 0
    fewest = shrink(shrink(documents, fails), fails)
    for number, document in enumerate(fewest, 1):
        sys.stdout.write(f"{number:4} {document}\n")
    sys.stdout.write(compare_events(options.seed, fewest).difference + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
