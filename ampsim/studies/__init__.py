"""What users do: run, simulate, replay, compare, calibrate, and the demo. Composes the wings; holds no model itself."""
