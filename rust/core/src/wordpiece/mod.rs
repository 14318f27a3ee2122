//! Text -> ids, offsets, word ids: BERT's tokenizer.
//!
//! Equal to tokenizers 0.23 with `BertNormalizer`, `BertPreTokenizer` and the `WordPiece` model, for
//! every input and option (docs/parity.md). Wu et al. 2016, Google's Neural Machine Translation
//! System; Devlin et al. 2018, BERT.

mod added_tokens;
mod decoding;
mod pieces;
mod template;
mod tokens;
mod truncation;
mod whole_words;

pub use added_tokens::AddedToken;
pub use template::{Piece, Template};
pub use truncation::{Truncation, TruncationSide, TruncationStrategy};

use crate::encoding::Encodings;
use crate::error::{Error, Result};
use crate::normalize::{Normalizer, NormalizerConfig};
use crate::parallel::in_pool;
use crate::vocab::Vocab;
use added_tokens::AddedTokens;
use pieces::Pieces;
use rayon::prelude::*;
use std::ops::Range;
use tokens::{Limit, Tokens};
use truncation::{Windows, whole};

/// Samples that one task of the thread pool encodes.
const SAMPLES_PER_TASK: usize = 128;

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
    fn len(self) -> usize {
        match self {
            Self::Plain(texts) => texts.len(),
            Self::Words(_, splits) => splits.len().saturating_sub(1),
        }
    }

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

/// BERT's tokenizer: immutable, shared by any number of threads.
#[derive(Debug, Clone)]
pub struct WordPiece {
    vocab: Vocab,
    pieces: Pieces,
    normalizer: Normalizer,
    added: AddedTokens,
    template: Template,
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
        Ok(Self {
            vocab,
            pieces,
            normalizer,
            added,
            template: config.template,
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
        let encode = |samples: Range<usize>| {
            let mut encoder = Encoder::new(self, options, special);
            for sample in samples {
                encoder.encode(
                    sample,
                    texts.sample(sample),
                    pairs.map(|pairs| pairs.sample(sample)),
                )?;
            }
            Ok(encoder.rows)
        };
        if texts.len() <= SAMPLES_PER_TASK {
            return encode(0..texts.len());
        }
        in_pool(|| {
            let parts = (0..texts.len().div_ceil(SAMPLES_PER_TASK))
                .into_par_iter()
                .map(|task| {
                    encode(task * SAMPLES_PER_TASK..texts.len().min((task + 1) * SAMPLES_PER_TASK))
                })
                .collect::<Result<Vec<_>>>()?;
            Ok(Encodings::concat(parts))
        })
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

/// Encodes samples one after the other into rows, reusing its buffers.
struct Encoder<'w> {
    tokenizer: &'w WordPiece,
    options: &'w EncodeOptions,
    /// Special tokens that the template adds.
    special: usize,
    first: Tokens,
    second: Tokens,
    rows: Encodings,
}

impl<'w> Encoder<'w> {
    fn new(tokenizer: &'w WordPiece, options: &'w EncodeOptions, special: usize) -> Self {
        Self {
            tokenizer,
            options,
            special,
            first: Tokens::default(),
            second: Tokens::default(),
            rows: Encodings::new(),
        }
    }

    fn encode(&mut self, sample: usize, text: Text<'_>, pair: Option<Text<'_>>) -> Result<()> {
        let limit = self.limit(pair.is_some());
        self.first
            .read(self.tokenizer, text, self.options, limit, sample)?;
        if let Some(pair) = pair {
            self.second
                .read(self.tokenizer, pair, self.options, limit, sample)?;
            if limit.reached(&self.first) && limit.reached(&self.second) && limit.is_odd() {
                // The odd token goes to the longer sequence: now their whole lengths matter.
                self.first
                    .read(self.tokenizer, text, self.options, Limit::NONE, sample)?;
                self.second
                    .read(self.tokenizer, pair, self.options, Limit::NONE, sample)?;
            }
        }
        let (first, second) = (self.first.len(), pair.map(|_| self.second.len()));
        let windows = match &self.options.truncation {
            None => Windows {
                first: whole(first),
                second: second.map_or_else(Vec::new, whole),
            },
            Some(truncation) => {
                truncation.windows(first, second, truncation.max_length - self.special, sample)?
            }
        };
        for first in 0..if self.options.overflow {
            windows.first.len()
        } else {
            1
        } {
            self.push_row(sample, &windows, first, 0);
            // The reference's order: windows of the text with every window of the pair, and last the
            // first window of the text with the other windows of the pair.
            if first > 0 {
                for second in 1..windows.second.len() {
                    self.push_row(sample, &windows, first, second);
                }
            }
        }
        if self.options.overflow {
            for second in 1..windows.second.len() {
                self.push_row(sample, &windows, 0, second);
            }
        }
        Ok(())
    }

    /// Where tokenization may stop because nothing behind can be in the result.
    fn limit(&self, is_pair: bool) -> Limit {
        match self.options.truncation {
            Some(Truncation {
                max_length,
                side: TruncationSide::Right,
                strategy,
                ..
            }) if !self.options.overflow
                && (!is_pair || strategy == TruncationStrategy::LongestFirst) =>
            {
                Limit::after(max_length - self.special)
            }
            _ => Limit::NONE,
        }
    }

    fn push_row(&mut self, sample: usize, windows: &Windows, first: usize, second: usize) {
        let is_pair = !windows.second.is_empty();
        for piece in self.tokenizer.template.pieces(is_pair) {
            match *piece {
                Piece::Special { id, type_id } if self.options.add_special_tokens => {
                    self.rows.ids.push(id as i32);
                    self.rows.type_ids.push(type_id as i32);
                    self.rows.sequence_ids.push(-1);
                    if self.options.align {
                        self.rows.offsets.push([0, 0]);
                        self.rows.word_ids.push(-1);
                    }
                }
                Piece::Special { .. } => {}
                Piece::Sequence { index, type_id } => {
                    let (tokens, windows, window) = match index {
                        0 => (&self.first, &windows.first, first),
                        _ => (&self.second, &windows.second, second),
                    };
                    let Some(range) = windows.get(window).cloned() else {
                        continue;
                    };
                    // Only a sequence's first window takes the template's type id in the reference.
                    let type_id = if window == 0 {
                        type_id as i32
                    } else {
                        index as i32
                    };
                    let length = self.rows.ids.len() + range.len();
                    self.rows.type_ids.resize(length, type_id);
                    self.rows.sequence_ids.resize(length, index as i32);
                    self.rows.ids.extend_from_slice(&tokens.ids[range.clone()]);
                    if self.options.align {
                        self.rows
                            .offsets
                            .extend_from_slice(&tokens.offsets[range.clone()]);
                        self.rows
                            .word_ids
                            .extend_from_slice(&tokens.word_ids[range]);
                    }
                }
            }
        }
        self.rows.end_row(sample);
    }
}
