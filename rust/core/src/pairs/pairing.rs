//! Next-sentence and sentence-order pairs.

use super::documents::{Document, Documents};
use super::write_row;
use crate::encoding::{Encodings, Layout};
use crate::error::{Error, Result};
use crate::parallel::{in_pool, threads};
use crate::random::{DrawsAhead, Purpose, threshold};
use crate::wordpiece::Template;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Rows of a document have their numbers in this many bits of a sample id.
const ROW_BITS: u32 = 24;
/// Fewest tokens that are worth a task of the thread pool: the rows of tasks are copied into one, and a block of 2^19
/// tokens took 1.4 times as long on two threads as on one.
const TOKENS_PER_TASK: usize = 1 << 20;
/// Tasks a thread: the last ones even out what the first ones left uneven.
const TASKS_PER_THREAD: usize = 8;

/// What the label of a pair tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// 0 where B follows A, 1 where it is of another document.
    NextSentence,
    /// 0 where B follows A, 1 where A follows B.
    SentenceOrder,
}

/// How pairs are made.
#[derive(Debug, Clone)]
pub struct PairOptions {
    /// Where special tokens go.
    pub template: Arc<Template>,
    /// Most tokens of a row, special ones included.
    pub max_length: usize,
    /// Probability that a document aims at a shorter length.
    pub short_seq_prob: f64,
    /// Probability that a chunk of several sentences gets label 1.
    pub next_sentence_prob: f64,
    /// What the label tells.
    pub objective: Objective,
    /// Names the draws, with `epoch`.
    pub seed: u64,
    /// Names the draws, with `seed`.
    pub epoch: u64,
}

/// Pairs as rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentencePairs {
    /// The rows; the sample id is the document's number * 2^24 + the row's number within the document.
    pub rows: Encodings,
    /// Label of each row, `(rows,)`.
    pub labels: Vec<i64>,
}

/// Makes the pairs of documents, on all cores; O(tokens).
///
/// A document's chunks are its sentences in turn, until they reach its target length or the document ends. A is the
/// chunk's first sentences, B the rest; or, for label 1 of [`Objective::NextSentence`], sentences of another document
/// from a random one on, and the rest of the chunk goes to the next one. A chunk of one sentence always gets
/// such a B. For [`Objective::SentenceOrder`] label 1 swaps A and B, and a chunk of one sentence is cut in two at a
/// random token; one of a single token makes no pair. What is longer than a row is cut, token by
/// token, from the front or the back of the longer one.
///
/// The draws of a document, in the stream of its number:
/// 1. whether it is short; if so, its target, 2 to the room;
/// 2. of each chunk: the sentences in A where there are two or more (the tokens in A where one sentence is cut);
///    whether the label is 1, unless one sentence must be; the other document and its first sentence;
///    a draw for every 32 tokens that A loses, then of B: each bit, lowest first, takes one from the front.
///
/// # Arguments
/// * `documents`: each draws its other document from the rest of them.
/// * `others`: where there is one document only, this is where its other documents come from.
///
/// # Errors
/// [`Error::Probability`], [`Error::NoRoomForPairs`] where `max_length` leaves fewer than two tokens, [`Error::NoOtherDocument`] where there is no
/// other document for [`Objective::NextSentence`], [`Error::DocumentTooLong`] where sample ids end.
pub fn sentence_pairs(
    documents: &Documents<'_>,
    others: Option<&Documents<'_>>,
    options: &PairOptions,
) -> Result<SentencePairs> {
    let special = options.template.special_tokens(true);
    let room = options.max_length.saturating_sub(special);
    if room < 2 {
        return Err(Error::NoRoomForPairs {
            max_length: options.max_length,
            special,
        });
    }
    for (name, probability) in [
        ("short_seq_prob", options.short_seq_prob),
        ("next_sentence_prob", options.next_sentence_prob),
    ] {
        if !(0.0..=1.0).contains(&probability) {
            return Err(Error::Probability {
                name,
                given: probability.to_string(),
            });
        }
    }
    let others = others.filter(|others| documents.len() == 1 && !others.is_empty());
    if options.objective == Objective::NextSentence && documents.len() == 1 && others.is_none() {
        return Err(Error::NoOtherDocument);
    }
    let maker = Maker {
        documents,
        others,
        options,
        layout: Layout {
            template: Arc::clone(&options.template),
            is_pair: true,
            add_special_tokens: true,
        },
        // Longer rows than there are tokens do not occur; the draws take 32 bits.
        room: room.min(u32::MAX as usize) as u32,
        short: threshold(options.short_seq_prob),
        label: threshold(options.next_sentence_prob),
    };
    let tasks = maker.tasks();
    let mut parts = match <[_; 1]>::try_from(tasks) {
        Ok([task]) => vec![maker.make(task)?],
        Err(tasks) => in_pool(|| {
            tasks
                .into_par_iter()
                .map(|task| maker.make(task))
                .collect::<Result<Vec<_>>>()
        })?,
    };
    if parts.len() == 1
        && let Some(part) = parts.pop()
    {
        return Ok(part);
    }
    let labels = parts
        .iter()
        .flat_map(|part| &part.labels)
        .copied()
        .collect();
    let rows = parts.into_iter().map(|part| part.rows).collect();
    Ok(SentencePairs {
        rows: Encodings::concat(rows, maker.layout),
        labels,
    })
}

struct Maker<'d> {
    documents: &'d Documents<'d>,
    others: Option<&'d Documents<'d>>,
    options: &'d PairOptions,
    layout: Layout,
    /// Tokens of A and B in a row.
    room: u32,
    /// [`threshold`]s of the probabilities.
    short: u64,
    label: u64,
}

/// A and B as tokens of the documents, B as tokens of the other ones where that is told.
struct Pair {
    a: Range<usize>,
    b: Range<usize>,
    is_of_others: bool,
    label: i64,
}

impl Maker<'_> {
    /// Ranges of documents of about equal tokens.
    fn tasks(&self) -> Vec<Range<usize>> {
        let documents = &self.documents.documents;
        let threads = threads();
        let tokens = match threads {
            1 => usize::MAX,
            _ => TOKENS_PER_TASK.max(self.documents.ids.len() / (threads * TASKS_PER_THREAD)),
        };
        let mut tasks = Vec::new();
        let (mut start, mut held) = (0, 0);
        for (place, document) in documents.iter().enumerate() {
            held += self.documents.tokens(document.sentences.clone()).len();
            if held >= tokens || place + 1 == documents.len() {
                tasks.push(start..place + 1);
                (start, held) = (place + 1, 0);
            }
        }
        tasks
    }

    fn make(&self, task: Range<usize>) -> Result<SentencePairs> {
        let documents = &self.documents.documents[task.clone()];
        let held = documents
            .first()
            .zip(documents.last())
            .map_or(0, |(first, last)| {
                let sentences = first.sentences.start..last.sentences.end;
                self.documents.tokens(sentences).len()
            });
        let mut made = SentencePairs {
            // Random next sentences add a third to a half of what is there.
            rows: Encodings::with_capacity(self.layout.clone(), held + held / 2, false),
            labels: Vec::new(),
        };
        let mut draws = DrawsAhead::new(self.options.seed, self.options.epoch, Purpose::Pairs);
        for (place, document) in task.zip(documents) {
            draws.start(document.number);
            self.document(place, document, &mut draws, &mut made)?;
        }
        Ok(made)
    }

    /// The pairs of one document.
    fn document(
        &self,
        place: usize,
        document: &Document,
        draws: &mut DrawsAhead,
        made: &mut SentencePairs,
    ) -> Result<()> {
        let target = if draws.under(self.short) {
            2 + draws.below(self.room - 1)
        } else {
            self.room
        };
        let target = target as usize;
        let end = document.sentences.end;
        let (mut first, mut next) = (document.sentences.start, document.sentences.start);
        let mut row = 0;
        while next < end {
            next += 1;
            if next < end && self.documents.tokens(first..next).len() < target {
                continue;
            }
            let pair = match self.options.objective {
                Objective::NextSentence => {
                    Some(self.next_sentence(place, first, &mut next, target, draws))
                }
                Objective::SentenceOrder => self.sentence_order(first, next, draws),
            };
            first = next;
            if let Some(pair) = pair {
                self.write(pair, draws, sample_id(document.number, row)?, made);
                row += 1;
            }
        }
        Ok(())
    }

    /// The pair of a chunk. `next` goes back to the first sentence that is not used.
    fn next_sentence(
        &self,
        place: usize,
        first: usize,
        next: &mut usize,
        target: usize,
        draws: &mut DrawsAhead,
    ) -> Pair {
        let chunk = *next - first;
        let in_a = match chunk {
            1 => 1,
            _ => 1 + draws.below(chunk as u32 - 1) as usize,
        };
        let a = self.documents.tokens(first..first + in_a);
        if chunk > 1 && !draws.under(self.label) {
            let b = self.documents.tokens(first + in_a..*next);
            return Pair {
                a,
                b,
                is_of_others: false,
                label: 0,
            };
        }
        *next = first + in_a;
        let (source, other) = match self.others {
            Some(others) => (others, draws.below(others.len() as u32) as usize),
            None => {
                let other = draws.below(self.documents.len() as u32 - 1) as usize;
                (self.documents, other + usize::from(other >= place))
            }
        };
        let sentences = &source.documents[other].sentences;
        let start = sentences.start + draws.below(sentences.len() as u32) as usize;
        // At least one sentence, however long A is.
        let filled = source.sentences[start] + target.saturating_sub(a.len()).max(1);
        let ends = &source.sentences[start + 1..=sentences.end];
        // They are few, and lie side by side: a search by halves would look far away.
        let full = ends.iter().position(|&end| end >= filled);
        let b = source.sentences[start]..ends[full.unwrap_or(ends.len() - 1)];
        Pair {
            a,
            b,
            is_of_others: self.others.is_some(),
            label: 1,
        }
    }

    /// The pair of a chunk, unless that is a single token.
    fn sentence_order(&self, first: usize, next: usize, draws: &mut DrawsAhead) -> Option<Pair> {
        let chunk = self.documents.tokens(first..next);
        let cut = if next - first > 1 {
            let in_a = 1 + draws.below((next - first) as u32 - 1) as usize;
            self.documents.sentences[first + in_a]
        } else if chunk.len() > 1 {
            chunk.start + 1 + draws.below(chunk.len() as u32 - 1) as usize
        } else {
            return None;
        };
        let (a, b) = (chunk.start..cut, cut..chunk.end);
        let is_swapped = draws.under(self.label);
        let (a, b) = if is_swapped { (b, a) } else { (a, b) };
        Some(Pair {
            a,
            b,
            is_of_others: false,
            label: i64::from(is_swapped),
        })
    }

    /// Cuts a pair to the room and writes its row.
    fn write(&self, pair: Pair, draws: &mut DrawsAhead, sample: u64, made: &mut SentencePairs) {
        let excess = (pair.a.len() + pair.b.len()).saturating_sub(self.room as usize);
        let (from_a, from_b) = shares(pair.a.len(), pair.b.len(), excess);
        let a = shorten(pair.a, from_a, draws);
        let b = shorten(pair.b, from_b, draws);
        let lengths = [(a.len(), false), (b.len(), false)];
        let source = match self.others {
            Some(others) if pair.is_of_others => others.ids,
            _ => self.documents.ids,
        };
        let sequences = [&self.documents.ids[a], &source[b]];
        write_row(&mut made.rows.ids, &self.options.template.pair, sequences);
        let end = made.rows.ids.len();
        made.rows.end_row(sample as usize, end, lengths);
        made.labels.push(pair.label);
    }
}

/// Sample of a row: the same whatever is made before it, so that draws for it can be named.
fn sample_id(document: u64, row: u64) -> Result<u64> {
    if row >> ROW_BITS != 0 || document >> (63 - ROW_BITS) != 0 {
        return Err(Error::DocumentTooLong {
            document,
            rows: 1 << ROW_BITS,
        });
    }
    Ok(document << ROW_BITS | row)
}

/// How many tokens A and B lose where one token after another goes from the longer one, from B where they are equal.
fn shares(a: usize, b: usize, excess: usize) -> (usize, usize) {
    let alone = a.abs_diff(b).min(excess);
    let both = excess - alone;
    let (from_a, from_b) = (both / 2, both - both / 2);
    if a > b {
        (from_a + alone, from_b)
    } else {
        (from_a, from_b + alone)
    }
}

/// Takes tokens away, each from the front or the back.
fn shorten(tokens: Range<usize>, excess: usize, draws: &mut DrawsAhead) -> Range<usize> {
    let mut front = 0;
    let mut left = excess;
    while left > 0 {
        let bits = left.min(32);
        let mask = u32::MAX >> (32 - bits);
        front += (draws.next() & mask).count_ones() as usize;
        left -= bits;
    }
    tokens.start + front..tokens.end - (excess - front)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails so")]
mod tests {
    use super::*;

    fn options(max_length: usize) -> PairOptions {
        PairOptions {
            template: Arc::new(Template::bert(101, 102)),
            max_length,
            short_seq_prob: 0.1,
            next_sentence_prob: 0.5,
            objective: Objective::NextSentence,
            seed: 7,
            epoch: 0,
        }
    }

    /// Documents of sentences of 1 to 9 tokens; all tokens differ.
    fn corpus(documents: usize) -> (Vec<i32>, Vec<i64>, Vec<i64>) {
        let (mut sentences, mut splits, mut tokens) = (vec![0], vec![0], 0);
        for document in 0..documents {
            for sentence in 0..document * 5 % 13 + 1 {
                tokens += (document * 7 + sentence * 3) as i64 % 9 + 1;
                sentences.push(tokens);
            }
            splits.push(sentences.len() as i64 - 1);
        }
        ((1000..1000 + tokens as i32).collect(), sentences, splits)
    }

    #[test]
    fn tasks_give_what_one_task_gives() {
        let (ids, sentences, splits) = corpus(200);
        let documents = Documents::new(&ids, &sentences, &splits, 0).unwrap();
        let options = options(24);
        let whole = sentence_pairs(&documents, None, &options).unwrap();
        let maker = Maker {
            documents: &documents,
            others: None,
            options: &options,
            layout: Layout {
                template: Arc::clone(&options.template),
                is_pair: true,
                add_special_tokens: true,
            },
            room: 21,
            short: threshold(0.1),
            label: threshold(0.5),
        };
        let parts = (0..200).map(|place| maker.make(place..place + 1).unwrap());
        let (rows, labels): (Vec<_>, Vec<_>) = parts.map(|part| (part.rows, part.labels)).unzip();
        assert_eq!(whole.labels, labels.concat());
        assert_eq!(whole.rows, Encodings::concat(rows, maker.layout.clone()));
        assert!(
            whole
                .rows
                .row_splits
                .windows(2)
                .all(|row| row[1] - row[0] <= 24)
        );
    }

    #[test]
    fn the_longer_one_is_cut_token_by_token() {
        for a in 1..12 {
            for b in 1..12 {
                for room in 2..=a + b {
                    let (mut left_a, mut left_b) = (a, b);
                    while left_a + left_b > room {
                        *(if left_a > left_b {
                            &mut left_a
                        } else {
                            &mut left_b
                        }) -= 1;
                    }
                    assert_eq!(shares(a, b, a + b - room), (a - left_a, b - left_b));
                    assert!(left_a > 0 && left_b > 0);
                }
            }
        }
    }

    #[test]
    fn one_document_borrows_from_the_block_before_it() {
        let ids: Vec<i32> = (1..20).collect();
        let before = Documents::new(&ids[..10], &[0, 4, 10], &[0, 1, 2], 0).unwrap();
        let last = Documents::new(&ids[10..], &[0, 9], &[0, 1], 2).unwrap();
        let made = sentence_pairs(&last, Some(&before), &options(32)).unwrap();
        assert_eq!(made.labels, [1]);
        assert_eq!(made.rows.sample_ids, [2 << ROW_BITS]);
        assert_eq!(made.rows.ids[1..10], ids[10..]);
        assert!(
            made.rows.ids[11..made.rows.ids.len() - 1]
                .iter()
                .all(|&id| id <= 10)
        );
        assert_eq!(
            sentence_pairs(&last, None, &options(32)),
            Err(Error::NoOtherDocument)
        );
    }

    #[test]
    fn a_row_without_room_for_two_tokens_is_refused() {
        let documents = Documents::new(&[], &[0], &[0], 0).unwrap();
        assert_eq!(
            sentence_pairs(&documents, None, &options(4)),
            Err(Error::NoRoomForPairs {
                max_length: 4,
                special: 3
            })
        );
        assert!(
            sentence_pairs(&documents, None, &options(5))
                .unwrap()
                .labels
                .is_empty()
        );
    }

    #[test]
    fn a_probability_that_is_no_number_is_refused() {
        let documents = Documents::new(&[], &[0], &[0], 0).unwrap();
        let mut options = options(8);
        options.next_sentence_prob = f64::NAN;
        assert_eq!(
            sentence_pairs(&documents, None, &options),
            Err(Error::Probability {
                name: "next_sentence_prob",
                given: "NaN".to_owned()
            })
        );
    }

    #[test]
    fn a_sample_id_that_does_not_fit_is_refused() {
        assert_eq!(sample_id(3, 5), Ok(3 << 24 | 5));
        assert!(sample_id(0, 1 << 24).is_err());
        assert!(sample_id(1 << 39, 0).is_err());
    }
}
