//! Logits of tokens, decoded to entities: labels, grouped, with spans of the original text.
//!
//! The strategies are those of transformers' token-classification pipeline; words are the word ids of the encoding,
//! where transformers guesses them from the lengths of tokens and slices. A text of several windows is read as one: each
//! word comes from the window that shows most of what is around it.

mod grouping;
mod labels;
mod logits;
mod sequence;
mod viterbi;
mod words;

pub use crate::logit::Logit;
pub use grouping::trimmed;
pub use labels::{LabelSet, Strategy};
pub use logits::Logits;
pub use sequence::TokenRows;

use crate::columns::join_splits;
use crate::parallel::in_ranges;
use crate::samples::Samples;
use crate::{Error, Result};
use sequence::Sequence;
use std::ops::Range;
use viterbi::Transitions;

/// Logits from which on samples are shared among threads: fewer are decoded before threads have started.
const LOGITS_FOR_THREADS: usize = 1 << 17;

/// One entity, or one token where nothing is grouped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entity {
    /// Its label; of several words the first one's.
    pub label: u32,
    /// Probability of the label, the mean over the tokens or words of a group.
    pub score: f64,
    /// First character in the text.
    pub start: i32,
    /// Behind the last character.
    pub end: i32,
    /// Place of the first token among those of the whole text, special tokens before it included, padding not.
    pub index: u32,
    /// Tokens of the text, counted without special tokens.
    pub tokens: [u32; 2],
}

/// The entities of samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entities {
    /// Those of all samples, one after the other.
    pub entities: Vec<Entity>,
    /// First entity of each sample and, last, their number, `(samples + 1,)`.
    pub splits: Vec<i64>,
    /// Where the tokens of each entity stand in the columns, one entity after the other; empty where nobody asked.
    pub tokens: Vec<i64>,
}

/// The labels of words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordLabels {
    /// Word of each label, as the encoding counts the words of its sample, `(words,)`.
    pub words: Vec<i32>,
    /// Its label, `(words,)`.
    pub labels: Vec<u32>,
    /// First word of each sample and, last, their number, `(samples + 1,)`.
    pub splits: Vec<i64>,
}

/// Decodes logits of tokens.
///
/// # Examples
///
/// ```
/// use ferrobert_core::entities::{Decoder, LabelSet, Logits, Strategy, TokenRows};
///
/// let labels = LabelSet::new(["O", "B-PER", "I-PER"]);
/// let decoder = Decoder::new(labels, &["O"], Strategy::Simple, false)?;
/// let rows = TokenRows {
///     offsets: &[[0, 0], [0, 4], [5, 9], [0, 0]],
///     word_ids: &[-1, 0, 1, -1],
///     row_splits: &[0, 4],
///     sample_ids: &[0],
///     samples: 1,
/// };
/// let values = [9., 0., 0., 0., 9., 0., 0., 0., 9., 9., 0., 0.];
/// let found = decoder.decode(rows, Logits { values: &values, labels: 3, row_starts: &[0] }, false)?;
/// assert_eq!((found.entities[0].start, found.entities[0].end), (0, 9));
/// # Ok::<(), ferrobert_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Decoder {
    labels: LabelSet,
    strategy: Strategy,
    transitions: Option<Transitions>,
    /// Whether entities of a label are left out, `(labels,)`.
    hidden: Vec<bool>,
}

/// What is used again from sample to sample.
#[derive(Default)]
struct Scratch {
    sequence: Sequence,
    /// Tokens, or words, as ranges of the sequence's tokens.
    units: Vec<Range<u32>>,
    /// A label a unit.
    chosen: Vec<u32>,
    emissions: Vec<f64>,
    back: Vec<u32>,
}

impl Decoder {
    /// A decoder for labels; entities of the `ignored` names (of groups, or of labels where nothing is grouped) are
    /// left out. `constrained` labels are those of the most probable sequence that the labels' scheme allows.
    ///
    /// # Errors
    ///
    /// `constrained` where a label belongs to no scheme, or can never begin.
    pub fn new<S: AsRef<str>>(
        labels: LabelSet,
        ignored: &[S],
        strategy: Strategy,
        constrained: bool,
    ) -> Result<Self> {
        let transitions = constrained.then(|| Transitions::new(&labels)).transpose()?;
        let hidden = (0..labels.len() as u32)
            .map(|label| {
                let name = match strategy {
                    Strategy::None => labels.name(label),
                    _ => labels.group(label),
                };
                ignored.iter().any(|ignored| ignored.as_ref() == name)
            })
            .collect();
        Ok(Self {
            labels,
            strategy,
            transitions,
            hidden,
        })
    }

    /// The labels.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// Whether tokens or words are grouped to entities.
    #[must_use]
    pub fn groups(&self) -> bool {
        self.strategy != Strategy::None
    }

    /// The entities of samples, on all threads where there is enough to do; with their tokens where `with_tokens`
    /// asks for them.
    ///
    /// Cost: linear in the logits.
    ///
    /// # Errors
    ///
    /// A logit that is NaN or infinite; another number of labels; columns that do not fit each other.
    pub fn decode<T: Logit>(
        &self,
        rows: TokenRows<'_>,
        logits: Logits<'_, T>,
        with_tokens: bool,
    ) -> Result<Entities> {
        self.each_sample(rows, logits, |scratch, found: &mut Entities| {
            let first = found.entities.len();
            self.group(scratch, logits, &mut found.entities);
            if with_tokens {
                for entity in &found.entities[first..] {
                    let [start, end] = entity.tokens.map(|token| token as usize);
                    let tokens = &scratch.sequence.tokens[start..end];
                    found
                        .tokens
                        .extend(tokens.iter().map(|token| token.place as i64));
                }
            }
            found.splits.push(found.entities.len() as i64);
        })
    }

    /// The label of each word: that of its first token, of the most probable sequence where labels are constrained.
    ///
    /// # Errors
    ///
    /// As [`Self::decode`].
    pub fn label_words<T: Logit>(
        &self,
        rows: TokenRows<'_>,
        logits: Logits<'_, T>,
    ) -> Result<WordLabels> {
        self.each_sample(rows, logits, |scratch, found: &mut WordLabels| {
            for (unit, &label) in scratch.units.iter().zip(&scratch.chosen) {
                found
                    .words
                    .push(scratch.sequence.tokens[unit.start as usize].word);
                found.labels.push(label);
            }
            found.splits.push(found.words.len() as i64);
        })
    }

    /// Calls `write` with each sample, its labels chosen, in order.
    fn each_sample<T: Logit, R: Joined>(
        &self,
        rows: TokenRows<'_>,
        logits: Logits<'_, T>,
        write: impl Fn(&Scratch, &mut R) + Sync,
    ) -> Result<R> {
        rows.validate()?;
        logits.validate(&rows)?;
        if logits.labels != self.labels.len() {
            return Err(Error::LabelNames {
                names: self.labels.len(),
                labels: logits.labels,
            });
        }
        let samples = Samples::new(rows.sample_ids, rows.samples)?;
        let part = |range: Range<usize>| {
            let (mut scratch, mut found) = (Scratch::default(), R::empty());
            for sample in range {
                scratch
                    .sequence
                    .read(&rows, logits.row_starts, samples.rows(sample));
                self.choose(&mut scratch, logits)?;
                write(&scratch, &mut found);
            }
            Ok(found)
        };
        let is_small = logits.values.len() < LOGITS_FOR_THREADS;
        let parts = in_ranges(rows.samples, is_small, part);
        parts
            .into_iter()
            .try_fold(R::empty(), |joined, part| Ok(joined.join(part?)))
    }

    /// A label for each unit of the sample.
    fn choose<T: Logit>(&self, scratch: &mut Scratch, logits: Logits<'_, T>) -> Result<()> {
        let Scratch {
            sequence,
            units,
            chosen,
            emissions,
            back,
        } = scratch;
        let tokens = &sequence.tokens;
        units.clear();
        if self.strategy.reads_words() {
            words::units(tokens, units);
        } else {
            units.extend((0..tokens.len() as u32).map(|token| token..token + 1));
        }
        chosen.clear();
        let Some(transitions) = &self.transitions else {
            chosen.extend(
                units
                    .iter()
                    .map(|unit| self.strategy.best(logits, sequence.of(unit))),
            );
            return Ok(());
        };
        emissions.clear();
        for unit in units.iter() {
            self.strategy
                .log_scores(logits, sequence.of(unit), emissions);
        }
        transitions.best_path(emissions, back, chosen);
        Ok(())
    }
}

/// Results of parts, put together in order.
trait Joined: Sized + Send {
    fn empty() -> Self;
    fn join(self, other: Self) -> Self;
}

impl Joined for Entities {
    fn empty() -> Self {
        Self {
            splits: vec![0],
            ..Self::default()
        }
    }

    fn join(mut self, other: Self) -> Self {
        self.entities.extend(other.entities);
        self.tokens.extend(other.tokens);
        join_splits(&mut self.splits, &other.splits);
        self
    }
}

impl Joined for WordLabels {
    fn empty() -> Self {
        Self {
            splits: vec![0],
            ..Self::default()
        }
    }

    fn join(mut self, other: Self) -> Self {
        self.words.extend(other.words);
        self.labels.extend(other.labels);
        join_splits(&mut self.splits, &other.splits);
        self
    }
}
