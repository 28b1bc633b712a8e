"""What the words on the page mean, with formulas."""

from __future__ import annotations

TERMS = (
    ("makespan", "Time from the start of the run to the completion of its last instance."),
    ("utilization", "Busy time of a worker / makespan."),
    ("throughput", "Rows of training instances / time spent training, validation passes apart."),
    ("time to target", "Time spent training until a validation pass first reached the target: an accuracy, or a loss."),
    ("waiting for input", "From the end of a task until the last message of the next task was sent."),
    ("communication", "From then until that message had arrived."),
    ("admission", "Waiting for input, where the controller was to send it: a new instance."),
    ("overhead", "From the arrival of the last message to the start of the task; all of the gap before an update."),
    ("drained", "After a worker's last task."),
    ("staleness", "Updates of a node between the forward and the backward pass of its gradient."),
    ("task", "One group of messages of one node in one direction, run without interruption."),
    ("parcel", "All that one task sends to one worker; it travels as one transfer."),
    ("difference, relative", "(a - b) / b, where b is the run on the right."),
    ("kB, MB, GB", "Decimal: 1 MB is 1,000,000 bytes."),
)
