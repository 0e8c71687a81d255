"""Anonymous memory while preparing and training on many pictures: python benchmarks/memory.py.

Writes 200,000 JPEGs of 64x64 (noise laid over gradients, each different), prepares them, trains
DCGAN on them for some hundred batches, and samples the anonymous resident memory of the process
and its children from /proc all the while. Mapped files do not count: the kernel takes their pages
back when it needs them.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from record import keep

CHILD = """
import sys
from sfumato.training import train
train("dcgan", recipe="paper", data={{"name": sys.argv[1], "side": 64}}, steps={steps},
      config={{"width": 16}}, batch=64, out=sys.argv[2], progress=False, precision="32")
"""


def write(folder: Path, count: int) -> None:
    """`count` pictures in folders of 10,000, so that no folder is slow to list."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, 64)
    base = np.stack(
        [ramp[None].repeat(64, 0), ramp[:, None].repeat(64, 1), np.full((64, 64), 128.0)], -1
    )
    for i in range(count):
        place = folder / f"{i // 10_000:03d}"
        place.mkdir(parents=True, exist_ok=True)
        noise = rng.normal(0, 20, (8, 8, 3)).repeat(8, 0).repeat(8, 1)
        picture = np.clip(base + noise, 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(place / f"{i:06d}.jpg", quality=80)


def anonymous(pid: int) -> float:
    """MiB of anonymous resident memory of a process and all below it."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(s.split(":", 1) for s in status.read_text().splitlines() if ":" in s)
        except OSError:
            continue  # it has just ended
        if int(lines["Pid"]) == pid or int(lines["PPid"]) == pid:
            total += int(lines.get("RssAnon", "0 kB").split()[0])
    return total / 1024


def main() -> None:
    """Write, prepare, train, watch, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "pictures", args.count)
        start, peak = time.perf_counter(), 0.0
        environment = {"SFUMATO_CACHE": f"{folder}/cache", "PATH": "/usr/bin:/bin"}
        command = [sys.executable, "-c", CHILD.format(steps=args.steps)]
        child = subprocess.Popen(
            [*command, f"{folder}/pictures", f"{folder}/run"], env=environment
        )
        while child.poll() is None:
            peak = max(peak, anonymous(child.pid))
            time.sleep(0.2)
        if child.returncode:
            raise SystemExit("the training failed")
        keep(
            "memory",
            {
                "pictures": args.count,
                "side": 64,
                "steps": args.steps,
                "peak anonymous MiB": round(peak),
                "seconds": round(time.perf_counter() - start),
            },
        )


if __name__ == "__main__":
    main()
