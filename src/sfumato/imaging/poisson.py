"""Poisson blending: keep the source's differences, take the destination's colours at the seam.

    f = argmin sum over links p-q that touch the mask of (f_p - f_q - v_pq)^2,  f = destination
        outside the mask
    v = the source's difference, or in `mixed` the larger in size of the source's and the
        destination's

    modified:  f = argmin sum over all links (f_p - f_q - v_pq)^2 + e sum (f - composite)^2
    v = 0 across the seam; f may move everywhere, e keeps colours

A link joins a pixel to its right or lower neighbour within the picture; where the mask touches the
picture's edge nothing is asked there.

Papers: Perez, Gangnet & Blake (2003), https://doi.org/10.1145/882262.882269, equations 3, 7 and
12; Tanaka, Kamio & Okutomi (2012), https://doi.org/10.1145/2407746.2407761, equation 4.
"""

import torch

from sfumato.imaging.laplace import Across, Down, differences, gathered, membrane, screened
from sfumato.shapes import Images, Masks

KEPT = 1e-6
"""Weight e of the composite's colours."""


def poisson(source: Images, destination: Images, mask: Masks) -> Images:
    """Seamless cloning of the source inside the mask; 1 C H W each, not clipped."""
    return _clone(differences(source), destination, mask)


def mixed(source: Images, destination: Images, mask: Masks) -> Images:
    """The same, where a stronger difference of the destination shows through."""
    pairs = zip(differences(source), differences(destination), strict=True)
    across, down = (torch.where(a.abs() >= b.abs(), a, b) for a, b in pairs)
    return _clone((across, down), destination, mask)


def fitted(composite: Images, mask: Masks) -> Images:
    """What lies inside the mask without the step at its edge; 1 C H W, not clipped."""
    return _clone(unseamed(composite, mask), composite, mask)


def modified(source: Images, destination: Images, mask: Masks) -> Images:
    """Both pictures give way; 1 C H W each, not clipped."""
    composite = torch.where(mask > 0, source, destination)
    return screened(gathered(*unseamed(composite, mask)) + KEPT * composite, KEPT)


def unseamed(composite: Images, mask: Masks) -> tuple[Across, Down]:
    """Differences of two pictures laid side by side, 0 where a link crosses the mask's edge."""
    pairs = zip(differences(composite), differences(mask), strict=True)
    across, down = (torch.where(step == 0, link, 0.0) for link, step in pairs)
    return across, down


def _clone(links: tuple[Across, Down], destination: Images, mask: Masks) -> Images:
    across, down = differences(destination)
    wanted = gathered(links[0] - across, links[1] - down)
    return destination + membrane(wanted, mask)
