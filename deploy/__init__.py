"""What runs Streamgauge and its neighbours where people run things."""
