"""How fast must the links be? A sweep in shapes mode, which counts and computes nothing.

    python examples/link_bandwidth.py

Eight layers of 784 on a ring of eight 1-TFLOP/s chips; only the bandwidth of the links changes.
"""

from __future__ import annotations

import ampsim

BANDWIDTHS = (0.1e9, 0.3e9, 1e9, 3e9, 10e9)  # bytes/s


def on_ring(bandwidth: float) -> ampsim.System:
    """The shipped ring of FPGA-like chips, cut down to eight, with other links."""
    values = ampsim.load_system("fpga_ring_16").to_dict()
    values["chips"][0]["count"] = 8
    values["links"]["bandwidth"] = bandwidth
    return ampsim.System.from_dict(values)


def fullest(run: ampsim.Run) -> float:
    """Bytes over the link that carried most."""
    links = run.tables["links"]
    return max(float(links["bytes"][links["link"] == link].sum()) for link in set(links["link"].tolist()))


def main() -> None:
    """Print one line per bandwidth."""
    job = ampsim.workload("mlp", data="none", layers=8, training=20_000, validation=0)
    job = job.with_training(epochs=1, target=None, max_active_keys=16)
    print(f"{'GB/s':>6} {'rows/s':>10} {'utilization':>11} {'busiest link':>12}")
    for bandwidth in BANDWIDTHS:
        run = ampsim.simulate(job, on_ring(bandwidth), mode="shapes")
        busy = [share for share in run.utilization if share is not None]
        mean, load = sum(busy) / len(busy), fullest(run) / bandwidth / run.makespan
        print(f"{bandwidth / 1e9:6.1f} {run.throughput or 0:10,.0f} {100 * mean:9.1f} % {100 * load:10.1f} %")


if __name__ == "__main__":
    main()
