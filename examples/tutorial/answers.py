"""The tutorial's questions: answers cut from the text, and what the tutorial's argmax makes of the same logits.

usage: python examples/tutorial/answers.py [MODEL]
"""

import sys

import torch

import ferrobert as fb

TOWER = (
    "The Eiffel Tower is an iron tower on the Champ de Mars in Paris. It has the name of the engineer Gustave Eiffel, "
    "whose company designed and built it from 1887 to 1889."
)
QUESTIONS = ["Where is the Eiffel Tower located?", "Who designed the Eiffel Tower?", "When was the Eiffel Tower built?"]

qa = fb.pipeline("question-answering", *sys.argv[1:2])  # without a model the one that ships


def answer_question(question: str, context: str) -> str:
    """The tutorial's way: the best start and the best end of all tokens, each for itself, and the tokens between."""
    inputs = qa.tokenizer(question, context, truncation=True, max_length=512, return_tensors="pt")
    with torch.inference_mode():
        outputs = qa.model(**inputs.to(qa.device))
    start, end = int(outputs.start_logits.argmax()), int(outputs.end_logits.argmax()) + 1
    return qa.tokenizer.convert_tokens_to_string(inputs.tokens()[start:end])


for question in QUESTIONS:
    answer = qa(question=question, context=TOWER)
    print(f"Q: {question}")
    print(f"A: {answer['answer']}  (score: {answer['score']:.3f}, characters {answer['start']} to {answer['end']})")
    print(f"   argmax: {answer_question(question, TOWER)!r}")
