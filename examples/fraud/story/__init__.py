"""The fraud story: a model, the transactions that it scores, a day on which they change, and labels that come a day late."""
