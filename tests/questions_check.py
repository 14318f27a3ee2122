"""Features of all of SQuAD 1.1 dev, compared with those of ``run_qa.py``, and their answers with the gold text.

    python -m tests.questions_check      # exit status 1 where anything differs that is not explained

For each vocabulary and window: ids, windows and offsets are equal, and so are answer positions, but where ``run_qa.py``
takes white space along, takes the [SEP] behind the context for the start of an answer that is the last token of its
window, or begins with the last of several tokens of one character. Where the tokens of the positions do not give the
gold text, the gold answer begins or ends inside of a token, and the tokens are the fewest that hold it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

import numpy as np
from tests.answer_peers import prepare_train_features
from tests.conftest import data_folder

import ferrobert as fb
from ferrobert import reference

VOCABULARIES = ("bert-base-uncased", "bert-base-cased", "bert-base-multilingual-cased", "roberta-base", "albert-base")
WINDOWS = ((384, 128), (96, 32))


def examples() -> tuple[list[str], list[str], list[dict[str, Any]]]:
    """Questions, contexts and answers of SQuAD 1.1 dev."""
    folder = data_folder()
    if folder is None:
        raise SystemExit("the real data is not here (FERROBERT_DATA)")
    questions, contexts, answers = [], [], []
    for article in json.loads((folder / "squad" / "dev-v1.1.json").read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                questions.append(question["question"].lstrip())
                contexts.append(paragraph["context"])
                of_question = question["answers"]
                answers.append({name: [answer[name] for answer in of_question] for name in ("text", "answer_start")})
    return questions, contexts, answers


def check(name: str, length: int, stride: int) -> Counter[str]:
    """One vocabulary, one size of windows."""
    folder = data_folder()
    assert folder is not None
    tokenizer = fb.AutoTokenizer.from_pretrained(str(folder / "vocab" / name))
    questions, contexts, answers = examples()
    options = {"max_length": length, "doc_stride": stride}
    ours = fb.encode_questions(questions, contexts, tokenizer, answers=answers, **options)
    twin = reference.encode_questions(questions, contexts, tokenizer, answers=answers, **options)
    theirs = prepare_train_features(tokenizer.as_transformers(), questions, contexts, answers, **options)
    for key in ("input_ids", "overflow_to_sample_mapping", "offset_mapping"):
        mine, their = ours[key], theirs[key]
        if key == "offset_mapping":
            mine = [[tuple(span) for span in row] for row in mine]
        if list(map(list, mine)) != list(map(list, their)) if key != "overflow_to_sample_mapping" else mine != their:
            raise SystemExit(f"{name}: {key} differ")
    positions = [
        list(zip(made["start_positions"], made["end_positions"], strict=True)) for made in (ours, theirs, twin)
    ]
    if positions[0] != positions[2]:
        raise SystemExit(f"{name}: the core and its twin differ")
    counts: Counter[str] = Counter(features=len(positions[0]))
    splits, samples = ours.columns.row_splits, ours.columns.sample_ids
    answered = set()
    for row, (mine, their) in enumerate(zip(*positions[:2], strict=True)):
        sample = int(samples[row])
        text, begin = answers[sample]["text"][0], answers[sample]["answer_start"][0]
        offsets = ours.columns.offsets[splits[row] : splits[row + 1]]
        if mine != their:
            # Its loop over starts runs over the [SEP] behind the context, whose offsets are 0 and 0.
            past = mine[0] < their[0] == len(offsets) - 1 and mine[1] == their[1] == their[0] - 1
            # Tokens of one character (bytes; ▁) have the same offsets; its loop takes the last of them for the start.
            same = offsets[mine[0]][0] == offsets[their[0]][0] and offsets[mine[1]][1] == offsets[their[1]][1]
            why = "starts at the [SEP] behind the answer" if past else "starts inside of a character" if same else ""
            if not why and text == text.strip():
                raise SystemExit(f"{name}, row {row}: {mine}, run_qa.py has {their}: {text!r}")
            counts[f"run_qa.py {why or 'takes white space along'}"] += 1
        if mine == (0, 0):
            continue
        answered.add(sample)
        counts["features with an answer"] += 1
        first, last = int(offsets[mine[0]][0]), int(offsets[mine[1]][1])
        if contexts[sample][first:last].strip() == text.strip():
            counts["gold text"] += 1
            continue
        end = begin + len(text)
        inside = offsets[mine[0]][0] < begin or offsets[mine[1]][1] > end
        holds = first <= begin and end <= last and offsets[mine[0]][1] > begin and offsets[mine[1]][0] < end
        if not (inside and holds):
            raise SystemExit(f"{name}, row {row}: {contexts[sample][first:last]!r} for {text!r}")
        counts["gold answer begins or ends inside of a token"] += 1
    counts["questions without a feature that holds the answer"] = len(questions) - len(answered)
    return counts


def main() -> None:
    """All vocabularies."""
    np.seterr(all="raise")
    for name in VOCABULARIES:
        for length, stride in WINDOWS:
            print(f"{name}, windows of {length}, {stride} shared", flush=True)
            for what, number in check(name, length, stride).items():
                print(f"  {what:56} {number:>8,}")
    sys.exit(0)


if __name__ == "__main__":
    main()
