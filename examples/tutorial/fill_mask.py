"""What a masked language model puts in the place of [MASK].

usage: python examples/tutorial/fill_mask.py [MODEL]
"""

import sys

import ferrobert as fb

TEXT = "The cat [MASK] on the [MASK]."

fill = fb.pipeline("fill-mask", *sys.argv[1:2])  # without a model the one that ships
print(TEXT)
for place, candidates in enumerate(fill(TEXT, top_k=3), 1):
    words = ", ".join(f"{candidate['token_str']} {candidate['score']:.3f}" for candidate in candidates)
    print(f"  mask {place}: {words}")
