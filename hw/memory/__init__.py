"""What lies in the memory of a chip, before and during a run, and what happens when it is full."""
