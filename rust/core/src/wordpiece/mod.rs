//! Text -> ids, offsets, word ids: BERT's tokenizer.
//!
//! Equal to tokenizers 0.23 with `BertNormalizer`, `BertPreTokenizer` and the `WordPiece` model, for
//! every input and option (docs/parity.md). Wu et al. 2016, Google's Neural Machine Translation
//! System; Devlin et al. 2018, BERT.

mod added_tokens;
mod column;
mod decoding;
mod encoder;
mod entry;
mod key;
mod pieces;
mod prefetch;
mod reader;
mod scan;
mod scratch;
mod slots;
mod template;
mod tokens;
mod truncation;
mod unknown_words;
mod word_table;

pub use added_tokens::AddedToken;
pub use template::{Piece, Template};
pub use truncation::{Truncation, TruncationSide, TruncationStrategy};

use crate::encoding::{Encodings, Layout};
use crate::error::{Error, Result};
use crate::normalize::{Normalizer, NormalizerConfig};
use crate::parallel::{in_pool, threads};
use crate::vocab::Vocab;
use added_tokens::AddedTokens;
use arc_swap::ArcSwap;
use encoder::Encoder;
use pieces::Pieces;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;
use word_table::WordTable;

/// Fewest samples that are worth a task of the thread pool: starting one costs what encoding some of them does.
const SAMPLES_PER_TASK: usize = 64;
/// Text from which on tasks are shared among threads: 23 kB took 1.2 times as long on two as on one.
const BYTES_FOR_THREADS: usize = 1 << 16;
/// Tasks a thread: the last ones even out what the first ones left uneven.
const TASKS_PER_THREAD: usize = 16;
/// Fewer bytes than a token has in most texts: room that is not used costs nothing.
const BYTES_PER_TOKEN: usize = 3;

/// Everything that a [`WordPiece`] tokenizer is built from.
#[derive(Debug, Clone)]
pub struct WordPieceConfig {
    /// Token that stands for words without pieces.
    pub unk_token: String,
    /// What marks a piece that continues a word.
    pub continuing_subword_prefix: String,
    /// Longer words are unknown.
    pub max_input_chars_per_word: usize,
    /// What happens to the text first.
    pub normalizer: NormalizerConfig,
    /// Tokens that are matched as a whole.
    pub added_tokens: Vec<AddedToken>,
    /// Where special tokens go.
    pub template: Template,
    /// What `decode` removes to join pieces.
    pub decoder_prefix: String,
    /// Whether `decode` removes the spaces before punctuation and English contractions.
    pub decoder_cleanup: bool,
}

/// A batch of texts, borrowed.
#[derive(Debug, Clone, Copy)]
pub enum Texts<'t> {
    /// One string a sample.
    Plain(&'t [&'t str]),
    /// Words of all samples, and the first word of each sample and the number of words.
    Words(&'t [&'t str], &'t [usize]),
}

impl<'t> Texts<'t> {
    #[inline]
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Plain(texts) => texts.len(),
            Self::Words(_, splits) => splits.len().saturating_sub(1),
        }
    }

    /// Bytes of a sample.
    #[inline]
    fn bytes(self, index: usize) -> usize {
        match self.sample(index) {
            Text::Plain(text) => text.len(),
            Text::Words(words) => words.iter().map(|word| word.len()).sum(),
        }
    }

    #[inline]
    fn sample(self, index: usize) -> Text<'t> {
        match self {
            Self::Plain(texts) => Text::Plain(texts[index]),
            Self::Words(words, splits) => Text::Words(&words[splits[index]..splits[index + 1]]),
        }
    }
}

/// One sample.
#[derive(Debug, Clone, Copy)]
enum Text<'t> {
    Plain(&'t str),
    Words(&'t [&'t str]),
}

/// How to encode a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Put the template's special tokens around the sequences.
    pub add_special_tokens: bool,
    /// How to make them fit, if at all.
    pub truncation: Option<Truncation>,
    /// Return the windows behind the first as further rows.
    pub overflow: bool,
    /// Compute offsets and word ids.
    pub align: bool,
    /// Treat special tokens in the text as text.
    pub split_special_tokens: bool,
}

/// BERT's tokenizer: immutable to its users, shared by any number of threads.
#[derive(Debug)]
pub struct WordPiece {
    vocab: Vocab,
    pieces: Pieces,
    /// What threads remember; never what decides a result.
    table: ArcSwap<WordTable>,
    normalizer: Normalizer,
    added: AddedTokens,
    template: Arc<Template>,
    decoder_prefix: String,
    decoder_cleanup: bool,
}

impl WordPiece {
    /// Builds a tokenizer; O(bytes of the vocabulary).
    ///
    /// # Errors
    /// [`Error::MissingUnkToken`] where the vocabulary lacks the unknown token,
    /// [`Error::AddedTokens`] where an added token is empty once normalized.
    pub fn new(vocab: Vocab, config: WordPieceConfig) -> Result<Self> {
        let pieces = Pieces::new(
            &vocab,
            &config.unk_token,
            &config.continuing_subword_prefix,
            config.max_input_chars_per_word,
        )?;
        let normalizer = Normalizer::new(config.normalizer);
        let added = AddedTokens::new(config.added_tokens, &normalizer)?;
        let table = WordTable::new(&vocab, |token| is_word(&normalizer, &pieces, token));
        Ok(Self {
            vocab,
            pieces,
            table: ArcSwap::from_pointee(table),
            normalizer,
            added,
            template: Arc::new(config.template),
            decoder_prefix: config.decoder_prefix,
            decoder_cleanup: config.decoder_cleanup,
        })
    }

    /// Encodes a batch on all cores; the order of the samples is kept.
    ///
    /// # Errors
    /// [`Error::BatchLengths`], [`Error::MaxLengthTooSmall`], [`Error::StrideTooLarge`], [`Error::NoRoomForStride`],
    /// [`Error::CannotTruncate`], [`Error::NoSecondSequence`], [`Error::TextTooLong`].
    pub fn encode(
        &self,
        texts: Texts<'_>,
        pairs: Option<Texts<'_>>,
        options: &EncodeOptions,
    ) -> Result<Encodings> {
        let (mut parts, layout) = self.encode_parts(texts, pairs, options)?;
        match parts.len() {
            1 => Ok(parts.swap_remove(0)),
            _ => in_pool(|| Ok(Encodings::concat(parts, layout))),
        }
    }

    /// The same as batches of samples that follow each other, as the threads made them; at least one.
    pub(crate) fn encode_parts(
        &self,
        texts: Texts<'_>,
        pairs: Option<Texts<'_>>,
        options: &EncodeOptions,
    ) -> Result<(Vec<Encodings>, Layout)> {
        if let Some(pairs) = pairs
            && pairs.len() != texts.len()
        {
            return Err(Error::BatchLengths {
                texts: texts.len(),
                pairs: pairs.len(),
            });
        }
        let special = if options.add_special_tokens {
            self.template.special_tokens(pairs.is_some())
        } else {
            0
        };
        if let Some(truncation) = &options.truncation {
            truncation.check(special, self.template.special_tokens(false))?;
        }
        let layout = Layout {
            template: Arc::clone(&self.template),
            is_pair: pairs.is_some(),
            add_special_tokens: options.add_special_tokens,
        };
        let encode = |samples: Range<usize>| {
            let longest = options
                .truncation
                .filter(|_| !options.overflow)
                .map_or(usize::MAX, |truncation| truncation.max_length);
            let tokens = samples
                .clone()
                .map(|sample| {
                    let bytes = texts.bytes(sample) + pairs.map_or(0, |pairs| pairs.bytes(sample));
                    (bytes / BYTES_PER_TOKEN + special).min(longest)
                })
                .sum();
            let mut encoder = Encoder::new(self, options, special, layout.clone(), tokens);
            for sample in samples {
                encoder.encode(
                    sample,
                    texts.sample(sample),
                    pairs.map(|pairs| pairs.sample(sample)),
                )?;
            }
            Ok(encoder.finish())
        };
        let samples = texts.len();
        let bytes = || -> usize {
            let pair = |sample| pairs.map_or(0, |pairs| pairs.bytes(sample));
            (0..samples)
                .map(|sample| texts.bytes(sample) + pair(sample))
                .sum()
        };
        if samples <= SAMPLES_PER_TASK || threads() == 1 || bytes() < BYTES_FOR_THREADS {
            return Ok((vec![encode(0..samples)?], layout));
        }
        let size = samples
            .div_ceil(threads() * TASKS_PER_THREAD)
            .max(SAMPLES_PER_TASK);
        let parts = in_pool(|| {
            (0..samples.div_ceil(size))
                .into_par_iter()
                .map(|task| encode(task * size..samples.min((task + 1) * size)))
                .collect::<Result<Vec<_>>>()
        })?;
        Ok((parts, layout))
    }

    /// The table of words; a new one where texts have filled it.
    fn table(&self) -> Arc<WordTable> {
        let table = self.table.load_full();
        if !table.is_full() {
            return table;
        }
        let is_word = |token: &str| is_word(&self.normalizer, &self.pieces, token);
        let fresh = Arc::new(table.successor(&self.vocab, is_word));
        self.table.store(Arc::clone(&fresh));
        fresh
    }

    /// Id of a token: added tokens first, then the vocabulary.
    #[must_use]
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.added.id(token).or_else(|| self.vocab.id(token))
    }

    /// Token of an id; of an added token that is matched normalized its normalized form.
    #[must_use]
    pub fn id_to_token(&self, id: u32) -> Option<&str> {
        self.added.token(id).or_else(|| self.vocab.token(id))
    }

    /// The vocabulary without added tokens.
    #[must_use]
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// The added tokens, in the order in which they were given.
    pub fn added_tokens(&self) -> impl Iterator<Item = &AddedToken> {
        self.added.iter()
    }
}

/// Whether a token of the vocabulary is a word of text too, which becomes this token.
fn is_word(normalizer: &Normalizer, pieces: &Pieces, token: &str) -> bool {
    normalizer.keeps_as_word(token) && !pieces.is_too_long(token.as_bytes())
}
