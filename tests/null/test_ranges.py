"""Numbers that index something are looked at: numpy would take a negative one from the end, in silence."""

from __future__ import annotations

import numpy as np
import pytest

from ampsim.errors import RunError
from ampsim.ir.nodes import Embedding, NllLoss


@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_token_outside_the_vocabulary_is_an_error(wrong: int) -> None:
    table = {"table": np.zeros((3, 2), np.float32)}
    with pytest.raises(RunError, match="0 to 2 are known"):
        Embedding("e", 3, 2).forward(np.array([0, wrong]), table)


@pytest.mark.parametrize("labels", [[1, 3], [-1, 3]])
def test_a_label_outside_the_classes_is_an_error(labels: list[int]) -> None:
    """A negative one is none: the row does not count."""
    with pytest.raises(RunError, match="0 to 2 are known"):
        NllLoss("l").score(np.zeros((2, 3), np.float32), np.array(labels), [2])
