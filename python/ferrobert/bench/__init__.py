"""Measuring what ferrobert does against its pure-Python twin and the installed peers: ``ferrobert bench``.

One file a suite, named like the job of the house that it measures (:mod:`~ferrobert.bench.wordpiece`); one file a peer
in :mod:`~ferrobert.bench.peers`. Results are compared before anything is timed again, everything is timed in turns, and
a figure is reported with the versions and the machine it was measured on.
"""
