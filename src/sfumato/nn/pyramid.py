"""The sides a ladder of halvings and doublings passes through."""

from sfumato.errors import ConfigError, DataError
from sfumato.schema import Schema


def doublings(side: int, least: int = 4) -> tuple[int, int]:
    """(bottom, n) with side = bottom * 2**n, n >= 1 and least <= bottom < 2 * least.

    Any such side can be built by transposed convolutions of kernel 4 and stride 2, whose kernels
    the stride divides, so no checkerboard follows from uneven overlap. Raises ConfigError naming
    the nearest sides that fit.
    """
    bottom, n = side, 0
    while bottom % 2 == 0 and bottom >= 2 * least:
        bottom, n = bottom // 2, n + 1
    if n >= 1 and least <= bottom < 2 * least:
        return bottom, n
    fits = [b << k for k in range(1, 9) for b in range(least, 2 * least)]
    below = max((s for s in fits if s < side), default=fits[0])
    above = min((s for s in fits if s > side), default=fits[-1])
    raise ConfigError(
        f"--data.side {side} cannot be halved down to {least}..{2 * least - 1}; "
        f"try {' or '.join(str(s) for s in sorted({below, above}))}."
    )


def multiple(side: int, step: int, least: int) -> int:
    """Side / step. Raises ConfigError, naming the nearest that fit, unless it is whole.

    A side below `least` is refused likewise.
    """
    if side % step == 0 and side >= least:
        return side // step
    fits = sorted({max(least, side // step * step), max(least, -(-side // step) * step)})
    raise ConfigError(
        f"--data.side {side} is no multiple of {step} from {least} on; "
        f"try {' or '.join(map(str, fits))}."
    )


def roomy(schema: Schema, least: int, who: str) -> None:
    """Raise ConfigError where a side is below `least`."""
    if min(schema.shape[1:]) < least:
        raise ConfigError(
            f"--data.side {min(schema.shape[1:])} is too small for {who}; give {least} or more."
        )


def halvable(schema: Schema, times: int, who: str) -> None:
    """Raise DataError, naming a side that fits, unless sides can be halved so many times."""
    _, height, width = schema.shape
    step = 2**times
    if height % step or width % step:
        fits = max(step, height // step * step)
        raise DataError(
            f"{who} halves sides {times} times, so they must be multiples of {step}, not "
            f"{width}x{height}; try --data.side {fits} or a smaller --model.depth."
        )
