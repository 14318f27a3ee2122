"""Tag the news in news.txt and show each kind of entity in its colour.

usage: python examples/entities.py MODEL_FOLDER [OUT.html]
"""

import sys
from pathlib import Path

import ferrobert as fb

model, *page = sys.argv[1:]
text = Path(__file__).with_name("news.txt").read_text("utf-8")
tag = fb.pipeline("ner", model, aggregation_strategy="simple")
entities = tag(text)
print(fb.render_entities(text, entities, format="ansi", color=None))
if page:
    Path(page[0]).write_text(fb.render_entities(text, entities, page=True, title="News"), "utf-8")
