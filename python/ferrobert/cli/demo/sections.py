"""What the demo does with each task: a pipeline and the demo's texts in, what is shown out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrobert.cli.demo import texts
from ferrobert.cli.demo.blocks import Bar, Bars, Block, Cell, Column, Kind, Line, Marked, Score, Section, Table, Tokens
from ferrobert.cli.fill_mask import lists_of
from ferrobert.cli.tokenize import TOKEN_COLUMNS, encoded, token_cells
from ferrobert.render.answer import marked_answers

__all__ = [
    "alike",
    "answers",
    "entities",
    "gaps",
    "masks",
    "reviews",
    "sections",
    "sentiment",
    "tokens",
    "topics",
]

# Below this confidence the demo calls a label unsure.
SURE = 0.9
LEAST_SURE = 3
# Of the seeds that show all three kinds of masks in the few tokens of the demo, one that hides words that matter.
MASKING_SEED = 1542
COPIES = 10_000
IGNORED = -100
TYPE_ID, CHARACTERS, LABEL = 2, 3, 5


def sections(tokenizer: Any, open_model: Callable[[str], Any], own: Sequence[str] = ()) -> Iterator[Section]:
    """The tasks one after the other; a model is opened when its section is asked for.

    Args:
        tokenizer: the encoder's.
        open_model: gives the pipeline of a task.
        own: texts of the user's, to classify.
    """
    yield Section("tokens", "Tokens", tokens(tokenizer))
    yield Section("masks", "Masks and next sentences", masks(tokenizer))
    yield Section("sentiment", "Sentiment", sentiment(open_model("text-classification"), own))
    yield Section("entities", "Entities", entities(open_model("token-classification")))
    yield Section("answers", "Answers", answers(open_model("question-answering")))
    yield Section("topics", "Labels of your own", topics(open_model("zero-shot-classification")))
    yield Section("gaps", "Filled masks", gaps(open_model("fill-mask")))
    yield Section("alike", "Sentences compared", alike(open_model("feature-extraction")))


def tokens(tokenizer: Any) -> Iterator[Block]:
    """The tutorial's tokenizations: a text, a pair, and words of several tokens with their labels."""
    from ferrobert import align_labels

    [single] = encoded(tokenizer, [texts.CAT], None, {})
    yield Tokens(_token_table(f"A text: {texts.CAT}", single), note=CHARACTERS)
    [pair] = encoded(tokenizer, [texts.CAT], [texts.AFTERNOON], {})
    yield Tokens(_token_table(f"A pair: {texts.CAT} + {texts.AFTERNOON}", pair), note=TYPE_ID)
    words = texts.MUSK.split()
    [split] = encoded(tokenizer, [words], None, {"is_split_into_words": True})
    names = ["O", *sorted(set(texts.MUSK_LABELS) - {"O"})]
    encoding = tokenizer([words], is_split_into_words=True)
    ids = align_labels(encoding, [texts.MUSK_LABELS], label2id=names)[0].tolist()
    labels = [str(IGNORED) if id == IGNORED else "O" if id == 0 else Kind(names[id]) for id in ids]
    yield Tokens(_token_table(f"Words and their labels: {texts.MUSK}", split, labels), note=LABEL)
    yield Line(
        f"{len(words)} words, {len(split['tokens']) - 2} tokens: the first token of a word has its label, the others "
        f"{IGNORED}, which training ignores. The full stop belongs to the word that it was written with."
    )


def _token_table(title: str, row: dict[str, Any], labels: Sequence[Cell] | None = None) -> Table:
    columns = [Column(name, is_number=name != TOKEN_COLUMNS[0]) for name in TOKEN_COLUMNS]
    rows: list[tuple[Cell, ...]] = list(token_cells(row))
    if labels is not None:
        columns.append(Column("label"))
        rows = [(*cells, label) for cells, label in zip(rows, labels, strict=True)]
    return Table(title, tuple(columns), tuple(rows))


def masks(tokenizer: Any) -> Iterator[Block]:
    """The tutorial's sentences as a batch of masked language modeling, and two pairs of next-sentence prediction."""
    from ferrobert import DataCollatorForLanguageModeling

    yield Line(
        "15 % of the tokens are selected, and the model learns to predict them: of these, 80 % become [MASK] (masked), "
        "10 % another token (random), 10 % stay (kept)."
    )
    collator = DataCollatorForLanguageModeling(tokenizer, return_tensors="np", seed=MASKING_SEED)
    batch = collator(tokenizer(list(texts.MASKED)))
    changed: list[tuple[str, str, Kind]] = []
    for number, (seen, labels) in enumerate(zip(batch["input_ids"], batch["labels"], strict=True)):
        length = int(batch["attention_mask"][number].sum())
        text, marks = "", []
        kinds = _kinds(seen, labels, tokenizer.mask_token_id)[:length]
        shown = tokenizer.convert_ids_to_tokens(seen[:length].tolist())
        for place, (token, kind) in enumerate(zip(shown, kinds, strict=True)):
            text += " " if text else ""
            if kind:
                [target] = tokenizer.convert_ids_to_tokens([int(labels[place])])
                changed.append((target, token, Kind(kind)))
                marks.append({"start": len(text), "end": len(text) + len(token), "label": kind})
            text += token
        yield Marked("", text, tuple(marks))
    columns = (Column("to predict"), Column("the model sees"), Column("so it is"))
    yield Table("The selected tokens", columns, tuple(changed))
    yield Line(_shares(tokenizer))
    yield _next_sentences(tokenizer)
    yield Line("0 is IsNext, as in BERT's own code and in transformers; the tutorial prints it the other way round.")


def _kinds(seen: NDArray[np.int64], labels: NDArray[np.int64], mask_id: int) -> list[str]:
    """What became of each token: "masked", "random", "kept", or nothing."""
    found = np.where(seen == mask_id, "masked", np.where(seen == labels, "kept", "random"))
    return [str(kind) for kind in np.where(labels == IGNORED, "", found)]


def _shares(tokenizer: Any) -> str:
    """What became of the tokens of many copies of the sentences."""
    from ferrobert import mask_tokens

    encoding = tokenizer(list(texts.MASKED) * COPIES)
    seen, labels = (rows.values for rows in mask_tokens(encoding, tokenizer, seed=MASKING_SEED))
    tokens = int((encoding.columns.word_ids >= 0).sum())
    selected = labels != IGNORED
    kinds = _kinds(seen[selected], labels[selected], tokenizer.mask_token_id)
    shares = ", ".join(f"{percent(kinds.count(kind) / len(kinds))} {kind}" for kind in ("masked", "random", "kept"))
    return (
        f"Of the {tokens:,} tokens of {COPIES:,} copies, each with masks of its own, "
        f"{percent(len(kinds) / tokens)} are selected: {shares}."
    )


def _next_sentences(tokenizer: Any) -> Table:
    """The first pair of each label that two small documents give, epoch by epoch."""
    from ferrobert import sentence_pairs

    rows: dict[int, tuple[str, str, str]] = {}
    for epoch in count():
        [encoding] = sentence_pairs(texts.DOCUMENTS, tokenizer, max_length=64, short_seq_prob=0.0, seed=1, epoch=epoch)
        label = int(encoding["next_sentence_label"][0])
        pieces = list(zip(encoding.tokens(0), encoding.sequence_ids(0), strict=True))
        a, b = (
            tokenizer.convert_tokens_to_string([token for token, sequence in pieces if sequence == segment])
            for segment in (0, 1)
        )
        rows.setdefault(label, (f"{label} {('IsNext', 'NotNext')[label]}", a, b))
        if len(rows) == 2:
            break
    columns = (Column("label"), Column("A"), Column("B"))
    return Table("Does B follow A?", columns, (rows[0], rows[1]))


def sentiment(classifier: Any, own: Sequence[str] = ()) -> Iterator[Block]:
    """The packaged reviews, the tutorial's sentences and the user's own texts with label and confidence."""
    yield from reviews(classifier)
    yield _labelled("The tutorial's three", texts.PRODUCTS, classifier(list(texts.PRODUCTS)))
    if own:
        yield _labelled("Your own", own, classifier(list(own)))


def reviews(classifier: Any) -> Iterator[Block]:
    """The packaged test reviews with label and confidence, and where the classifier is wrong or unsure."""
    from ferrobert.tables import Table as File

    rows = [row.values for row in File(texts.TEST)]
    found = classifier([row["text"] for row in rows])
    true = [row["label"] for row in rows]
    yield _labelled("Twenty reviews that it has not seen", [row["text"] for row in rows], found, true)
    right = [one["label"].casefold() == label.casefold() for one, label in zip(found, true, strict=True)]
    yield Line(f"{sum(right)} of {len(rows)} right.", strong=True)
    order = sorted(range(len(rows)), key=lambda row: float(found[row]["score"]))
    confused = [row for row in order if not right[row] or found[row]["score"] < SURE]
    title = f"Where it is confused: wrong, or less than {SURE * 100:.0f} % sure"
    if not confused:
        confused = order[:LEAST_SURE]
        title = f"Wrong or less than {SURE * 100:.0f} % sure: none. Where it is least sure"
    chosen = [(rows[row]["text"], found[row], true[row]) for row in confused]
    yield _labelled(title, *zip(*chosen, strict=True))


def _labelled(
    title: str, said: Sequence[str], found: Sequence[Mapping[str, Any]], true: Sequence[str] | None = None
) -> Table:
    rows = []
    for place, (text, one) in enumerate(zip(said, found, strict=True)):
        score = Score(float(one["score"]), percent(one["score"]))
        remark: Kind | str = Kind("unsure") if one["score"] < SURE else ""
        if true is not None and one["label"].casefold() != true[place].casefold():
            remark = Kind("wrong", f"wrong: {true[place]}")
        rows.append((text, Kind(one["label"]), score, remark))
    columns = (Column("review"), Column("label"), Column("confidence", is_number=True), Column("remark"))
    return Table(title, columns, tuple(rows))


def entities(tagger: Any) -> Iterator[Block]:
    """A news text with its entities in colour, and the tutorial's sentence with their scores."""
    news, sentence = tagger([texts.NEWS, texts.COOK], aggregation_strategy="first")
    yield Marked("A news text", texts.NEWS, tuple(news), legend=True)
    yield Marked("The tutorial's sentence", texts.COOK, tuple(sentence))
    rows = [
        (Kind(one["entity_group"]), texts.COOK[one["start"] : one["end"]], _score(one["score"])) for one in sentence
    ]
    yield Table("Its entities", (Column("kind"), Column("text"), Column("score", is_number=True)), tuple(rows))


def answers(reader: Any) -> Iterator[Block]:
    """The tutorial's questions, each answer marked in its context."""
    questions, contexts = zip(*texts.QUESTIONS, strict=True)
    found = reader(question=list(questions), context=list(contexts))
    for question, context, one in zip(questions, contexts, found, strict=True):
        says = f"{one['answer'] or 'no answer'} (score {one['score']:.3f})"
        yield Marked(question, context, tuple(marked_answers(one)), says)


def topics(judge: Any) -> Iterator[Block]:
    """Texts with the scores of labels that no model was trained on."""
    for one in judge(list(texts.TOPICAL), list(texts.TOPICS)):
        bars = [Bar(label, _score(score)) for label, score in zip(one["labels"], one["scores"], strict=True)]
        yield Bars(one["sequence"], tuple(bars))
    yield Line("Where the scores are close to each other, the model does not know: it is small, and read few texts.")


def gaps(filler: Any) -> Iterator[Block]:
    """Sentences with masks, and the five best tokens for each."""
    for text in texts.GAPS:
        masked = text.format(mask=filler.tokenizer.mask_token)
        masks = lists_of(filler(masked, top_k=5))
        for number, found in enumerate(masks, start=1):
            title = masked if len(masks) == 1 else f"{masked} (mask {number})"
            yield Bars(title, tuple(Bar(one["token_str"].strip(), _score(one["score"])) for one in found))
    yield Line(
        "This model was made to compare sentences: words about the same thing come first. BERT fills them better."
    )


def alike(embed: Any) -> Iterator[Block]:
    """The cosine of each two of a few sentences, whose vectors are the mean of their tokens."""
    vectors = embed(list(texts.ALIKE), pooling="mean", normalize=True, return_tensors="np")
    cosines = vectors @ vectors.T
    letters = "ABCDEFGH"[: len(texts.ALIKE)]
    rows: list[tuple[str | Score, ...]] = []
    for letter, text, row in zip(letters, texts.ALIKE, cosines, strict=True):
        scores = [Score(max(0.0, float(cosine)), f"{cosine:.2f}") for cosine in row]
        rows.append((f"{letter}  {text}", *scores))
    columns = (Column("sentence"), *(Column(letter, is_number=True) for letter in letters))
    yield Table("How alike two sentences are: the cosine of their vectors", columns, tuple(rows))


def percent(share: float) -> str:
    """A share as it is written."""
    return f"{share * 100:.1f} %"


def _score(score: float) -> Score:
    return Score(float(score), f"{score:.3f}")
