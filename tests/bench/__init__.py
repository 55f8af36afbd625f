"""How long things take, as ratios to what others need for the same: see `run`."""
