"""The sides a ladder of doublings passes through."""

from sfumato.errors import ConfigError


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
