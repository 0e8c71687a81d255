"""Seconds and memory of what is done to one picture: python benchmarks/seconds.py.

Enlarging 256 x 256 pixels by 4, a photograph of 2000 x 3000, and blending a part of a megapixel.
Each is a process of its own: the seconds are of the best of `--turns` calls, without the start of
Python, and the memory is the most that the process ever held, with it.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from record import keep

from sfumato.blending import blend
from sfumato.data.photos import photo
from sfumato.translating import upscale

Task = Callable[[], object]


def photograph(width: int, height: int) -> Image.Image:
    """The embedded astronaut at this size."""
    return photo("astronaut").resize((width, height), Image.Resampling.LANCZOS)


def enlarging(width: int, height: int, method: str) -> Task:
    picture = photograph(width, height)
    return lambda: upscale(picture, scale=4, method=method)


def blending(side: int, method: str, *, round_: bool) -> Task:
    """A disc or a square of a picture of `side` into one a little larger."""
    below, above = photograph(side + 40, side + 40), photograph(side, side)
    place = np.arange(side) - (side - 1) / 2
    inside = np.hypot(place[:, None], place) < side / 2 if round_ else np.ones((side, side), bool)
    mask = Image.fromarray((255 * inside).astype(np.uint8))
    return lambda: blend(above, below, mask, at=(20, 20), method=method)


TASKS: dict[str, Callable[[], Task]] = {
    "upscale 256 x 256 by 4, srresnet": lambda: enlarging(256, 256, "srresnet"),
    "upscale 256 x 256 by 4, srgan": lambda: enlarging(256, 256, "srgan"),
    "upscale 2000 x 3000 by 4, srresnet": lambda: enlarging(2000, 3000, "srresnet"),
    "blend 1000 x 1000, poisson": lambda: blending(1000, "poisson", round_=False),
    "blend a disc 1128 across, poisson": lambda: blending(1128, "poisson", round_=True),
    "blend a disc 1128 across, mixed": lambda: blending(1128, "mixed", round_=True),
    "blend a disc 1128 across, modified": lambda: blending(1128, "modified", round_=True),
    "blend a disc 1128 across, splines": lambda: blending(1128, "splines", round_=True),
    "blend a disc 1128 across, gp-gan": lambda: blending(1128, "gp-gan", round_=True),
}
"""A disc 1128 pixels across has a million of them."""


def main() -> None:
    """Every task in its own process."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--task", choices=list(TASKS), help="used by the script itself")
    args = parser.parse_args()
    if args.task:
        print(json.dumps(measured(TASKS[args.task](), args.turns)))
        return
    rows = {}
    for name in TASKS:
        turns = "1" if "2000" in name else str(args.turns)
        command = [sys.executable, __file__, "--task", name, "--turns", turns]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rows[name] = json.loads(done.stdout.splitlines()[-1])
        print(name, rows[name], file=sys.stderr, flush=True)
    keep("seconds", {"threads": torch.get_num_threads(), "turns": args.turns, "rows": rows})


def measured(task: Task, turns: int) -> dict[str, float]:
    """Seconds of the best call, and the process's peak in MiB."""
    times = []
    for _ in range(turns):
        began = time.perf_counter()
        task()
        times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": round(min(times), 2), "peak MiB": round(peak / 1024)}


if __name__ == "__main__":
    main()
