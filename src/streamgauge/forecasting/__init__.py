"""What comes next: several ways to carry on a series, the one that did best on its own past, and an honest band.

Pure: arrays in, arrays out. :mod:`.series` makes a regular series of moments and values, :mod:`.models` carries it on,
:mod:`.choosing` tries the models on the past and sets the band.
"""
