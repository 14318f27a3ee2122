"""Tokenizer folders to load: real vocabularies, and made ones with any settings."""

import os
import random
from dataclasses import dataclass
from pathlib import Path

import transformers
from tests.parity.random_texts import PUNCTUATION, SCRIPTS

WORDPIECE_VOCABULARIES = (
    "bert-base-uncased",
    "bert-base-cased",
    "bert-base-chinese",
    "bert-base-multilingual-cased",
    "bert-base-japanese",
    "kcbert-base",
)
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def data_folder() -> Path:
    """Where the corpora and vocabularies lie: ``$FERROBERT_DATA``, else ``../shared/data`` beside the repository."""
    given = os.environ.get("FERROBERT_DATA")
    return Path(given) if given else Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Added:
    """An added token and its flags."""

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = True
    special: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What distinguishes one tokenizer folder from another."""

    vocabulary: str = "made"
    """A name out of WORDPIECE_VOCABULARIES, or ``made``."""
    do_lower_case: bool = True
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True
    added: tuple[Added, ...] = ()
    truncation_side: str = "right"

    def entries(self) -> dict[str, int]:
        """The vocabulary, token -> id."""
        if self.vocabulary == "made":
            return made_vocabulary()
        text = (data_folder() / "vocab" / self.vocabulary / "vocab.txt").read_text(encoding="utf-8")
        return {line: index for index, line in enumerate(text.split("\n")) if line}

    def write(self, folder: Path) -> Path:
        """Writes the folder with transformers' own ``save_pretrained``."""
        tokenizer = transformers.BertTokenizer(
            vocab=self.entries(),
            do_lower_case=self.do_lower_case,
            strip_accents=self.strip_accents,
            tokenize_chinese_chars=self.tokenize_chinese_chars,
        )
        for token in self.added:
            tokenizer.add_tokens(
                [
                    transformers.AddedToken(
                        token.content,
                        single_word=token.single_word,
                        lstrip=token.lstrip,
                        rstrip=token.rstrip,
                        normalized=token.normalized,
                        special=token.special,
                    )
                ],
                special_tokens=token.special,
            )
        tokenizer.save_pretrained(folder)
        return folder


def made_vocabulary() -> dict[str, int]:
    """A vocabulary over all scripts of the random texts: most letters, some bigrams, English subwords; always the same.

    Some letters are left out, so that unknown words occur; letters come in both cases, so that it serves both.
    """
    generator = random.Random(2018)
    tokens = dict.fromkeys(SPECIAL_TOKENS)
    tokens |= dict.fromkeys(character for character in PUNCTUATION if generator.random() < 0.9)
    for ranges in SCRIPTS.values():
        letters = [chr(code) for first, last in ranges for code in range(first, last + 1)]
        letters = generator.sample(letters, min(len(letters), 400))
        for letter in letters:
            for form in (letter, letter.lower()):
                tokens |= dict.fromkeys(
                    token for token in (form, f"##{form}") if generator.random() < 0.85 and form.strip()
                )
        bigrams = ("".join(generator.choices(letters, k=2)).lower() for _ in range(60))
        tokens |= dict.fromkeys(f"##{bigram}" if generator.random() < 0.6 else bigram for bigram in bigrams)
    for letter in "abcdefghijklmnopqrstuvwxyz0123456789":
        tokens |= {letter: None, f"##{letter}": None}
    for _ in range(600):
        subword = "".join(generator.choices("etaoinshrdlucm", k=generator.randint(2, 5)))
        tokens[generator.choice((subword, f"##{subword}", subword.title()))] = None
    return {token: index for index, token in enumerate(tokens)}
