"""Challenge 3: tag the news in news.txt and show each kind of entity in its colour.

usage: python examples/challenges/news.py [OUT.html [MODEL]]
"""

import sys
from pathlib import Path

import ferrobert as fb

page, *model = sys.argv[1:] or [None]
text = Path(__file__).parents[1].joinpath("news.txt").read_text("utf-8")
tag = fb.pipeline("ner", *model, aggregation_strategy="average")  # without a model the one that ships
entities = tag(text)
print(fb.render_entities(text, entities, format="ansi", color=None))
if page:
    Path(page).write_text(fb.render_entities(text, entities, page=True, title="News"), "utf-8")
