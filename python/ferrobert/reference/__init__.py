"""Readable pure-Python twins of the Rust jobs: the oracle of the tests and the baseline of the benchmarks."""
