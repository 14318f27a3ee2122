"""The Rust core. Use the modules of ``ferrobert``; this one may change without notice."""

__version__: str

__all__ = ["__version__"]
