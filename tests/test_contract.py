"""Every law on every model: a new file is tested because it exists."""

import pytest

from sfumato import available
from sfumato.testing import LAWS


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("law_"))
@pytest.mark.parametrize("name", available())
def test_the_contract(name, law):
    law(name)
