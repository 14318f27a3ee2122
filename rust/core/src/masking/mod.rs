//! Masked-language-model inputs: which tokens are predicted, and what the model sees in their place.
//!
//! As in BERT (Devlin et al., 2019): 15 % of the tokens are selected; of these 80 % become the mask
//! token, 10 % a random token, 10 % stay. Special tokens are never selected and never drawn. Whole
//! words and spans of words (Joshi et al., 2020, SpanBERT) are selected, and replaced, as one.
//!
//! Every choice is a pure function of (seed, epoch, sample id, position in the row), see
//! [`crate::random`]: masks do not depend on the order of the rows, on threads or on processes.

mod options;
mod output;
mod ranked;
mod replacement;
mod row;
mod vectors;
mod vocab;

pub use options::MaskingOptions;
pub use output::{Masked, Matrix};
pub use vocab::{MaskingVocab, WordClass};

use crate::columns::{check_lengths, check_splits};
use crate::parallel::{in_pool, threads};
use crate::{Error, Result};
use output::Places;
use ranked::SpanLengths;
use rayon::prelude::*;
use replacement::Replacement;
use row::{Row, Scratch};

/// Label of a token that is not predicted: what torch's cross entropy ignores.
pub const IGNORED: i64 = -100;

/// Tokens from which on rows are shared among threads: half as many took 1.3 times as long on two as on one.
const TOKENS_FOR_THREADS: usize = 1 << 19;

/// What the tokens of a batch are: flat columns, all of the same length, and where rows begin.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    /// Token ids.
    pub ids: &'a [T],
    /// First token of each row and, last, the number of tokens.
    pub row_splits: &'a [i64],
    /// Word of each token, negative for none; without them the vocabulary's word classes tell words.
    pub word_ids: Option<&'a [i32]>,
    /// Not 0 for more tokens that are not to be selected.
    pub special: Option<&'a [i64]>,
    /// One for each row: what its draws depend on.
    pub sample_ids: &'a [i64],
    /// The id of padding at the ends of rows; positions are counted without it.
    pub pad_id: Option<i64>,
}

/// Masks rows of token ids.
///
/// # Examples
///
/// ```
/// use ferrobert_core::masking::{Masker, MaskingOptions, MaskingVocab, Rows};
///
/// let vocab = MaskingVocab::new(10, Some(4), &[0, 1, 2, 3, 4], &[], None)?;
/// let options = MaskingOptions { mlm_probability: 1.0, ..MaskingOptions::default() };
/// let masker = Masker::new(options, vocab)?;
/// let ids = [2, 7, 8, 3];
/// let rows = Rows {
///     ids: &ids, row_splits: &[0, 4], word_ids: None, special: None, sample_ids: &[0], pad_id: None,
/// };
/// let masked = masker.mask(rows, 42, 0, None)?;
/// assert_eq!(masked.labels, [-100, 7, 8, -100]);
/// # Ok::<(), ferrobert_core::Error>(())
/// ```
pub struct Masker {
    vocab: MaskingVocab,
    /// The largest draw that selects; [`None`] where none does.
    last_selected: Option<u32>,
    /// Where one draw selects and replaces.
    within_selected: Replacement,
    /// Where a second draw replaces.
    by_rank: Replacement,
    span_lengths: Option<SpanLengths>,
    options: MaskingOptions,
}

impl Masker {
    /// A masker of validated options.
    ///
    /// # Errors
    ///
    /// Probabilities outside \[0, 1\], or replacements that sum to more than 1; spans of no word; a
    /// vocabulary without mask token or, where random tokens are asked for, without any token to draw.
    pub fn new(options: MaskingOptions, vocab: MaskingVocab) -> Result<Self> {
        let selected = options.validate()?;
        vocab.validate(&options)?;
        Ok(Self {
            last_selected: selected.checked_sub(1).map(|last| last as u32),
            within_selected: Replacement::new(&options, &vocab, selected),
            by_rank: Replacement::new(&options, &vocab, 1 << 32),
            span_lengths: options.max_span_length.map(SpanLengths::geometric),
            options,
            vocab,
        })
    }

    /// Masks ragged rows, one after the other or, where there is a `matrix`, into matrices of shape `(rows, width)`;
    /// on all threads where there is enough of them.
    ///
    /// Cost: linear in the tokens; sorting the tokens of a row where an exact count is asked for.
    ///
    /// # Errors
    ///
    /// An id outside of the vocabulary; columns or splits that do not fit the ids; a row longer than the width.
    pub fn mask<T: TokenId>(
        &self,
        rows: Rows<'_, T>,
        seed: u64,
        epoch: u64,
        matrix: Option<Matrix>,
    ) -> Result<Masked> {
        rows.validate()?;
        if self.options.words() && rows.word_ids.is_none() && !self.vocab.knows_words() {
            return Err(Error::NoWordIds);
        }
        let count = rows.sample_ids.len();
        let places = Places::new(&rows, matrix)?;
        if rows.ids.len() < TOKENS_FOR_THREADS || threads() == 1 {
            let mut masked = Masked::with_capacity(places.cells());
            let mut scratch = Scratch::new(seed, epoch);
            for number in 0..count {
                let (cells, place) = (places.cells_of(number), places.tokens_of(number));
                let row = rows.row(number);
                let (ids, labels) = masked.append(cells, places.pad_id());
                self.mask_row(
                    &row,
                    &mut ids[place.clone()],
                    &mut labels[place],
                    &mut scratch,
                )?;
            }
            return Ok(masked);
        }
        let mut masked = Masked::zeros(places.cells());
        let (mut ids, mut labels) = (masked.ids.as_mut_slice(), masked.labels.as_mut_slice());
        let mut work = Vec::with_capacity(count);
        for number in 0..count {
            let (row_ids, rest) = ids.split_at_mut(places.cells_of(number));
            ids = rest;
            let (row_labels, rest) = labels.split_at_mut(row_ids.len());
            labels = rest;
            work.push((number, row_ids, row_labels));
        }
        let each = count.div_ceil(4 * threads()).max(1);
        in_pool(|| {
            work.par_chunks_mut(each).try_for_each(|work| {
                let mut scratch = Scratch::new(seed, epoch);
                for (number, ids, labels) in work {
                    let (row, place) = (rows.row(*number), places.tokens_of(*number));
                    ids.fill(places.pad_id());
                    labels.fill(IGNORED);
                    let (ids, labels) = (&mut ids[place.clone()], &mut labels[place]);
                    self.mask_row(&row, ids, labels, &mut scratch)?;
                }
                Ok(())
            })
        })?;
        Ok(masked)
    }
}

impl<'a, T: TokenId> Rows<'a, T> {
    fn validate(&self) -> Result<()> {
        let tokens = self.ids.len();
        check_splits(self.row_splits, tokens)?;
        check_lengths([
            (
                "word_ids",
                self.word_ids.map_or(tokens, <[i32]>::len),
                tokens,
            ),
            (
                "special_tokens_mask",
                self.special.map_or(tokens, <[i64]>::len),
                tokens,
            ),
            (
                "sample_ids",
                self.sample_ids.len(),
                self.row_splits.len() - 1,
            ),
        ])
    }

    fn row(&self, number: usize) -> Row<'a, T> {
        let place = self.row_splits[number] as usize..self.row_splits[number + 1] as usize;
        Row {
            number,
            ids: &self.ids[place.clone()],
            word_ids: self.word_ids.map(|words| &words[place.clone()]),
            special: self.special.map(|special| &special[place]),
            sample_id: self.sample_ids[number] as u64,
            pad_id: self.pad_id,
        }
    }
}

/// The integer of a column of ids.
pub trait TokenId: Copy + Send + Sync {
    /// The id as the outputs hold it.
    fn wide(self) -> i64;
}

impl TokenId for i32 {
    fn wide(self) -> i64 {
        self.into()
    }
}

impl TokenId for i64 {
    fn wide(self) -> i64 {
        self
    }
}
