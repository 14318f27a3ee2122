//! How fast the core alone encodes a file: best and median of the first passes of fresh tokenizers, and of the three after each.
//!
//! ```text
//! cargo run --release -p ferrobert-core --example throughput -- vocab.txt corpus.txt [ids|align|words|windows] [max_length|0] [rounds]
//! ```
//! One thread with `RAYON_NUM_THREADS=1`. For instructions instead of times: `valgrind --tool=callgrind` on the program that
//! this builds, with one round: a first pass and three warm ones.

use ferrobert_core::NormalizerConfig;
use ferrobert_core::vocab::Vocab;
use ferrobert_core::wordpiece::{
    AddedToken, EncodeOptions, Template, Texts, Truncation, TruncationSide, TruncationStrategy,
    WordPiece, WordPieceConfig,
};
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |index: usize| arguments.get(index).map(String::as_str);
    let (Some(vocab), Some(corpus)) = (argument(1), argument(2)) else {
        return Err("give a vocab.txt and a text file".into());
    };
    let kind = argument(3).unwrap_or("ids");
    let max_length: usize = argument(4).unwrap_or("0").parse()?;
    let rounds: usize = argument(5).unwrap_or("10").parse()?;

    let vocab = std::fs::read_to_string(vocab)?;
    let corpus = std::fs::read_to_string(corpus)?;
    let texts: Vec<&str> = corpus.lines().filter(|line| !line.is_empty()).collect();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let (words, splits) = words_of(&texts);
    let batch = if kind == "words" {
        Texts::Words(&words, &splits)
    } else {
        Texts::Plain(&texts)
    };

    let options = EncodeOptions {
        add_special_tokens: true,
        truncation: (max_length > 0).then_some(Truncation {
            max_length,
            strategy: TruncationStrategy::LongestFirst,
            side: TruncationSide::Right,
            stride: if kind == "windows" { max_length / 3 } else { 0 },
        }),
        overflow: kind == "windows",
        align: kind == "align",
        split_special_tokens: false,
    };
    let mut first = Vec::new();
    let mut warm = Vec::new();
    let mut tokens = 0;
    for _ in 0..rounds.max(1).div_ceil(4) {
        let tokenizer = tokenizer(&vocab)?;
        for round in 0..4 {
            let start = Instant::now();
            let encodings = black_box(tokenizer.encode(batch, None, &options)?);
            let seconds = start.elapsed().as_secs_f64();
            tokens = encodings.ids.len();
            if round == 0 { &mut first } else { &mut warm }.push(seconds);
        }
    }
    let speeds = |mut seconds: Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        let speed = |seconds: f64| bytes as f64 / 1e6 / seconds;
        format!(
            "{:4.0} {:4.0}",
            speed(seconds[0]),
            speed(seconds[seconds.len() / 2])
        )
    };
    println!(
        "{kind}, max_length {max_length}: {tokens} tokens; MB/s, best and median: first pass {}, warm {}",
        speeds(first),
        speeds(warm),
    );
    Ok(())
}

/// The words between spaces of each text, and the first word of each text and the number of words.
fn words_of<'t>(texts: &[&'t str]) -> (Vec<&'t str>, Vec<usize>) {
    let mut words = Vec::new();
    let mut splits = vec![0];
    for text in texts {
        words.extend(text.split(' ').filter(|word| !word.is_empty()));
        splits.push(words.len());
    }
    (words, splits)
}

/// BERT's tokenizer with the pieces of a vocab.txt.
fn tokenizer(vocab: &str) -> Result<WordPiece, Box<dyn Error>> {
    let vocab = Vocab::new(
        (0..)
            .zip(vocab.lines())
            .map(|(id, token)| (token.to_owned(), id)),
    )?;
    let id = |token: &str| {
        vocab
            .id(token)
            .ok_or_else(|| format!("no {token} in the vocabulary"))
    };
    let template = Template::bert(id("[CLS]")?, id("[SEP]")?);
    let mut added_tokens = Vec::new();
    for content in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] {
        added_tokens.push(AddedToken {
            id: id(content)?,
            content: content.to_owned(),
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special: true,
        });
    }
    Ok(WordPiece::new(
        vocab,
        WordPieceConfig {
            unk_token: "[UNK]".to_owned(),
            continuing_subword_prefix: "##".to_owned(),
            max_input_chars_per_word: 100,
            normalizer: NormalizerConfig::default(),
            added_tokens,
            template,
            decoder_prefix: "##".to_owned(),
            decoder_cleanup: true,
        },
    )?)
}
