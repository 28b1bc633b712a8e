"""A run in a notebook: it shows itself, and its figures are plotly's.

Cells begin at `# %%`: Jupyter (with jupytext), VS Code, PyCharm and Spyder open the file as a notebook. It also runs as
a script, which writes a page with the figure instead of showing it.

    python examples/notebook.py
"""

# %% A run: the last line of a cell shows it, with sentences, numbers and a bar a worker
from __future__ import annotations

import ampsim

job = ampsim.workload("mlp", data="generated", training=1000, validation=200, width=64)
job = job.with_training(epochs=2, target=None, max_active_keys=4)
run = ampsim.simulate(job, "fpga_ring_16")
run  # noqa: B018  a cell shows its last line

# %% What figures there are
list(run.figures())

# %% One of them; in a dark notebook theme="dark", or plotly.io.templates.default = "plotly_dark" once
busy = run.figure("utilization")
busy  # noqa: B018

# %% They are plotly's own: change them, join them, write them
busy.update_layout(title_text="Where the time of four FPGAs went", height=320)
busy.write_html("utilization.html", include_plotlyjs="cdn")

# %% The numbers behind them are numpy's
tasks = run.tables["tasks"]
longest = float((tasks["end"] - tasks["start"]).max())
print(f"the longest of {len(tasks['start']):,} tasks took {longest * 1e6:.1f} us")
