"""Several instances on one store: partitions are shared by their consumer group, the rest is one instance's.

- :mod:`.division`  which monitors are shared, and which the leader runs
- :mod:`.share`     one partition that is ours: its monitors, its open incidents, what it brings to a commit
- :mod:`.member`    every instance: reads its share of the partitions and commits it
- :mod:`.hearing`   the leader: what all decided goes through the stages that tell
- :mod:`.leading`   becomes the leader when there is none, and runs all that is the leader's
- :mod:`.session`   one running process
"""
