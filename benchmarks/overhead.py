"""What surrounds a training step: python benchmarks/overhead.py.

Loader: batches of 28x28 gathered from memory, addressed by step, through the DataLoader a run
uses. Trainer: of the seconds of a run from its first batch to its last, the share not spent
computing inside `training_step`: Lightning, logging, reading data, averaging weights, grids,
checkpoints. Start: the seconds until `sfumato list`, `sfumato --help` and `import sfumato` are
done.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from record import keep

from sfumato import data as sources
from sfumato.data.loader import loader
from sfumato.models.dcgan import DCGAN
from sfumato.planning import plan
from sfumato.training import train

STEPS = 2000


def loading(batch: int, steps: int = 2000) -> float:
    """Images a second out of the loader."""
    data = sources.open(plan("dcgan", recipe="laptop").data)
    stream = iter(loader(data, batch, steps + 1, seed=0))
    next(stream)
    start = time.perf_counter()
    for _ in stream:
        pass
    return batch * steps / (time.perf_counter() - start)


def surrounding() -> dict[str, float]:
    """Milliseconds of a batch, and the share of them that is not the step's own."""
    spent = {"training_step": 0.0, "tell": 0.0}

    def timed(name: str) -> None:
        inner = getattr(DCGAN, name)

        def outer(self: DCGAN, *args: object, **kwargs: object) -> object:
            start = time.perf_counter()
            found = inner(self, *args, **kwargs)
            # batch 0 pays for first-time work, as do the rehearsals of the preset: all are 0
            spent[name] += (time.perf_counter() - start) if self.step else 0.0
            return found

        setattr(DCGAN, name, outer)

    for name in spent:
        timed(name)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        run = train(
            "dcgan", recipe="laptop", steps=STEPS, out=out, progress=False, precision="bf16"
        )
        elapsed = torch.load(run.checkpoint, weights_only=True)["callbacks"]["Clock"]["elapsed"]
    own = (spent["training_step"] - spent["tell"]) * STEPS / (STEPS - 1)
    return {
        "milliseconds a batch": round(1000 * elapsed / STEPS, 2),
        "share around the step": round(1 - own / elapsed, 4),
        "steps": STEPS,
    }


def starting(command: list[str]) -> float:
    """The least seconds of five starts."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return round(min(times), 3)


def main() -> None:
    """Measure everything, keep it."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    rates = {
        batch: statistics.median(loading(batch) for _ in range(3)) for batch in (64, 128, 256)
    }
    python = sys.executable
    keep(
        "overhead",
        {
            "loader images/s by batch": {str(batch): round(rate) for batch, rate in rates.items()},
            "trainer": surrounding(),
            "seconds to start": {
                "sfumato list": starting([python, "-m", "sfumato", "list"]),
                "sfumato --help": starting([python, "-m", "sfumato", "--help"]),
                "import sfumato": round(
                    starting([python, "-c", "import sfumato"]) - starting([python, "-c", ""]), 3
                ),
            },
        },
    )


if __name__ == "__main__":
    main()
