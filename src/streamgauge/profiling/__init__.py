"""What the records of a stream show by themselves: fields, event time, key, and rules that would fit it.

==================== ======================================================================
:mod:`.sample`       the records that are looked at, from files or a topic
:mod:`.fields`       their fields with types and units, nested ones too
:mod:`.personal`     which of them look like personal data
:mod:`.timing`       which of them is the event time, and how much out of order records come
:mod:`.keys`         whose records they are, and whether that decides about the partition
:mod:`.proposals`    rules that fit, with limits by what the sample holds
:mod:`.trial`        runs rules over the sample, by the real engine
:mod:`.writing`      all of it as a commented configuration file
==================== ======================================================================
"""
