"""Kill for longer: ``python -m tests.crashes.run --kills 200``.

Appenders, projectors and rebuilds are killed at random moments of their work, on a database beside
the ledger's own (``clearing_crashes``), which is made anew. At the end it says whether what is left
is what the events come to in peace. A seed repeats a run's choices.
"""

import argparse
import random

from clearing.database import Settings, beside, drop_beside, migrate, open_database
from tests.crashes.harness import outcome
from tests.crashes.test_crashes import in_peace, kill_at_random

NAME = "clearing_crashes"
COMMENT = "Made by tests.crashes.run, which drops it again."


def main() -> int:
    """Run and return the exit code: 0 if nothing was lost and nothing is there twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=20_000)
    options = parser.parse_args()
    with open_database(Settings.read()) as database:
        url = beside(database.url, NAME, COMMENT, fresh=True)
        migrate(url)
        dice = random.Random(options.seed)  # noqa: S311 - dice
        kill_at_random(url, options.kills, dice, options.events)
        sound = outcome(url) == in_peace(options.events)
        drop_beside(database.url, NAME, COMMENT)
    print(f"{options.kills} kills, seed {options.seed}: {'sound' if sound else 'NOT SOUND'}")
    return 0 if sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
