//! The tokenizer as a user of the crate sees it. Equality with the reference is tested from Python (tests/parity).

use ferrobert_core::encoding::Encodings;
use ferrobert_core::vocab::Vocab;
use ferrobert_core::wordpiece::{
    AddedToken, EncodeOptions, Template, Texts, Truncation, TruncationSide, TruncationStrategy,
    WordPiece, WordPieceConfig,
};
use ferrobert_core::{Error, NormalizerConfig, Result};

const VOCAB: [&str; 16] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "un", "##aff", "##able",
    ".", "\u{4e2d}", "cafe", "e", "x",
];
const OPTIONS: EncodeOptions = EncodeOptions {
    add_special_tokens: true,
    truncation: None,
    overflow: false,
    align: true,
    split_special_tokens: false,
};

fn config() -> WordPieceConfig {
    let special = |id: u32| AddedToken {
        id,
        content: VOCAB[id as usize].to_owned(),
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
    };
    WordPieceConfig {
        unk_token: "[UNK]".to_owned(),
        continuing_subword_prefix: "##".to_owned(),
        max_input_chars_per_word: 100,
        normalizer: NormalizerConfig::default(),
        added_tokens: (0..5).map(special).collect(),
        template: Template::bert(2, 3),
        decoder_prefix: "##".to_owned(),
        decoder_cleanup: true,
    }
}

fn tokenizer() -> Result<WordPiece> {
    let vocab = Vocab::new((0..).zip(VOCAB).map(|(id, token)| (token.to_owned(), id)))?;
    WordPiece::new(vocab, config())
}

fn encode(text: &str) -> Result<Encodings> {
    tokenizer()?.encode(Texts::Plain(&[text]), None, &OPTIONS)
}

fn cut(max_length: usize, stride: usize) -> EncodeOptions {
    let truncation = Truncation {
        max_length,
        strategy: TruncationStrategy::LongestFirst,
        side: TruncationSide::Right,
        stride,
    };
    EncodeOptions {
        truncation: Some(truncation),
        ..OPTIONS
    }
}

#[test]
fn words_are_covered_by_their_longest_pieces() -> Result<()> {
    let rows = encode("The unaffable cats.")?;
    assert_eq!(rows.ids, [2, 5, 8, 9, 10, 6, 7, 11, 3]);
    assert_eq!(rows.word_ids, [-1, 0, 1, 1, 1, 2, 2, 3, -1]);
    assert_eq!(rows.offsets[2..5], [[4, 6], [6, 9], [9, 13]]);
    assert_eq!(rows.row_splits, [0, 9]);
    Ok(())
}

#[test]
fn offsets_count_characters_of_the_original() -> Result<()> {
    let rows = encode("caf\u{e9} \u{4e2d}cat")?;
    assert_eq!(rows.ids, [2, 13, 12, 6, 3]);
    assert_eq!(rows.offsets[1..4], [[0, 4], [5, 6], [6, 9]]);
    Ok(())
}

#[test]
fn marks_out_of_canonical_order_are_aligned_by_position() -> Result<()> {
    // U+302E is a spacing mark of class 224, so U+0316 (220) sorts before it; only the latter is stripped.
    let rows = encode("e\u{302e}\u{316}")?;
    assert_eq!(rows.ids, [2, 1, 3]);
    assert_eq!(rows.offsets[1], [0, 3]);
    Ok(())
}

#[test]
fn a_word_with_an_unknown_part_is_unknown_as_a_whole() -> Result<()> {
    let rows = encode("catz \u{1f600}")?;
    assert_eq!(rows.ids, [2, 1, 1, 3]);
    assert_eq!(rows.offsets[1..3], [[0, 4], [5, 6]]);
    Ok(())
}

#[test]
fn a_word_of_more_than_100_characters_is_unknown() -> Result<()> {
    assert_eq!(encode(&"un".repeat(50))?.ids.len(), 3);
    assert_eq!(encode(&format!("{}x", "cat".repeat(34)))?.ids, [2, 1, 3]);
    Ok(())
}

#[test]
fn special_tokens_in_the_text_are_matched_as_written() -> Result<()> {
    let rows = encode("the[MASK]cat")?;
    assert_eq!(rows.ids, [2, 5, 4, 6, 3]);
    assert_eq!(rows.sequences.sequence_ids(), [-1, 0, 0, 0, -1]);
    assert_eq!(rows.offsets[2], [3, 9]);
    Ok(())
}

#[test]
fn windows_are_rows_of_their_sample() -> Result<()> {
    let options = EncodeOptions {
        overflow: true,
        ..cut(4, 1)
    };
    let texts = ["the cat the", "x"];
    let rows = tokenizer()?.encode(Texts::Plain(&texts), None, &options)?;
    assert_eq!(rows.ids, [2, 5, 6, 3, 2, 6, 5, 3, 2, 15, 3]);
    assert_eq!(rows.sample_ids, [0, 0, 1]);
    Ok(())
}

#[test]
fn words_of_a_sample_number_its_tokens() -> Result<()> {
    let words = ["The", "cats.", "x"];
    let rows = tokenizer()?.encode(Texts::Words(&words, &[0, 2, 3]), None, &OPTIONS)?;
    assert_eq!(rows.word_ids, [-1, 0, 1, 1, 1, -1, -1, 0, -1]);
    assert_eq!(rows.offsets[2..5], [[0, 3], [3, 4], [4, 5]]);
    Ok(())
}

#[test]
fn many_samples_come_back_in_their_order() -> Result<()> {
    let texts: Vec<&str> = (0..1000)
        .map(|row| ["the", "cat cat", ""][row % 3])
        .collect();
    let rows = tokenizer()?.encode(Texts::Plain(&texts), None, &OPTIONS)?;
    assert_eq!(rows.sample_ids, (0..1000).collect::<Vec<i64>>());
    let lengths: Vec<i64> = rows
        .row_splits
        .windows(2)
        .map(|ends| ends[1] - ends[0])
        .collect();
    assert_eq!(lengths[996..], [3, 4, 2, 3]);
    Ok(())
}

#[test]
fn without_alignment_the_ids_are_the_same() -> Result<()> {
    let text = "The caf\u{e9} \u{4e2d}unaffable [MASK] catz. ".repeat(300);
    let options = EncodeOptions {
        align: false,
        ..OPTIONS
    };
    let bare = tokenizer()?.encode(Texts::Plain(&[&text]), None, &options)?;
    assert_eq!(bare.ids, encode(&text)?.ids);
    assert!(bare.offsets.is_empty() && bare.word_ids.is_empty());
    Ok(())
}

#[test]
fn truncation_stops_early_with_the_same_result() -> Result<()> {
    let (long, longer) = ("the cat ".repeat(500), "cat the x ".repeat(700));
    for (first, second) in [(&long, &longer), (&longer, &long)] {
        for max_length in [11, 12] {
            let whole = EncodeOptions {
                overflow: true,
                ..cut(max_length, 0)
            };
            let tokenizer = tokenizer()?;
            let (texts, pairs) = ([first.as_str()], [second.as_str()]);
            let (texts, pairs) = (Texts::Plain(&texts), Some(Texts::Plain(&pairs)));
            let early = tokenizer.encode(texts, pairs, &cut(max_length, 0))?;
            let all = tokenizer.encode(texts, pairs, &whole)?;
            assert_eq!(early.ids, all.ids[..max_length]);
        }
    }
    Ok(())
}

#[test]
fn decoding_joins_pieces_and_cleans_up() -> Result<()> {
    let tokenizer = tokenizer()?;
    assert_eq!(
        tokenizer.decode(&[2, 5, 6, 7, 11, 3], false)?,
        "[CLS] the cats. [SEP]"
    );
    assert_eq!(tokenizer.decode(&[2, 5, 6, 7, 11, 3], true)?, "the cats.");
    let out_of_range = Error::IdOutOfRange {
        id: 16,
        position: 1,
        last: 15,
    };
    assert_eq!(tokenizer.decode(&[5, 16], false), Err(out_of_range));
    Ok(())
}

#[test]
fn a_max_length_below_the_special_tokens_is_an_error() -> Result<()> {
    let refused = tokenizer()?.encode(Texts::Plain(&["the"]), None, &cut(1, 0));
    assert_eq!(
        refused,
        Err(Error::MaxLengthTooSmall {
            max_length: 1,
            special: 2
        })
    );
    Ok(())
}

#[test]
fn a_vocabulary_without_the_unknown_token_is_an_error() -> Result<()> {
    let vocab = Vocab::new([("the".to_owned(), 0)])?;
    assert!(matches!(
        WordPiece::new(vocab, config()),
        Err(Error::MissingUnkToken { .. })
    ));
    Ok(())
}

#[test]
fn a_word_that_is_an_added_token_is_one_after_it_was_text() -> Result<()> {
    let vocab = Vocab::new((0..).zip(VOCAB).map(|(id, token)| (token.to_owned(), id)))?;
    let mut config = config();
    let mut added = config.added_tokens[0].clone();
    (added.id, added.content) = (20, "cats".to_owned());
    config.added_tokens.push(added);
    let tokenizer = WordPiece::new(vocab, config)?;
    let as_text = EncodeOptions {
        split_special_tokens: true,
        ..OPTIONS
    };
    let words = |options| tokenizer.encode(Texts::Words(&["cats", "x"], &[0, 2]), None, options);
    for _ in 0..2 {
        assert_eq!(words(&OPTIONS)?.ids, [2, 20, 15, 3]);
        assert_eq!(words(&as_text)?.ids, [2, 6, 7, 15, 3]);
        let plain = tokenizer.encode(Texts::Plain(&["cats"]), None, &as_text)?;
        assert_eq!(plain.ids, [2, 6, 7, 3]);
    }
    Ok(())
}
