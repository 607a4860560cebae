"""From bytes to batches: a stream's decoder with its computed fields, and processes that decode large files ahead."""
