"""The tutorial's questions, answered by a model; beside them what the plain argmax of tutorials makes of its logits.

usage: python examples/answers.py MODEL_FOLDER [OUT.html]
"""

import sys
from pathlib import Path

import torch

import ferrobert as fb
from ferrobert.reference.answers import argmax_answer

TOWER = (
    "The Eiffel Tower is an iron tower on the Champ de Mars in Paris. It has the name of the engineer Gustave Eiffel, "
    "whose company designed and built it from 1887 to 1889."
)
COOK = "Apple CEO Tim Cook announced a new product at their Cupertino headquarters."
QUESTIONS = [
    ("Where is the Eiffel Tower located?", TOWER),
    ("Who designed the Eiffel Tower?", TOWER),
    ("When was the Eiffel Tower built?", TOWER),
    ("Who is the CEO of Apple?", COOK),
]

folder, *page = sys.argv[1:]
qa = fb.pipeline("question-answering", folder)
questions, contexts = zip(*QUESTIONS, strict=True)
answers = qa(question=list(questions), context=list(contexts))

features = fb.encode_questions(list(questions), list(contexts), qa.tokenizer, padding=True, return_tensors="pt")
inputs = {name: features[name].to(qa.device) for name in qa.tokenizer.model_input_names}
with torch.inference_mode():
    output = qa.model(**inputs)
plain = argmax_answer(output.start_logits, output.end_logits, features)

for question, answer, argmax in zip(questions, answers, plain, strict=True):
    print(f"{question}\n  {answer['answer']}  ({answer['score']:.3f}; plain argmax: {argmax['answer'] or 'nothing'})")
if page:
    shown = fb.render_answer(COOK, answers[-1], question=questions[-1], page=True)
    Path(page[0]).write_text(shown, "utf-8")
