"""The data of a chart."""

import numpy as np
import pandas as pd

from seedsweep.report.figures.encodings import csv


def test_tables_of_figures_leave_out_what_is_not_finite() -> None:
    assert csv(pd.DataFrame({"a": [1.23456789, np.inf], "b": ["x,\n", '"']})) == 'a,b\n1.23457,"x,\n"\n,""""\n'
