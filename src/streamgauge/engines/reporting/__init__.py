"""What a running engine shows of itself: its status, its totals, the picture that the server and the metrics read."""
