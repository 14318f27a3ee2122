//! Entities of rows that are written by hand: windows, words, threads, and input that does not fit.

use ferrobert_core::entities::{Decoder, Entities, LabelSet, Logits, Strategy, TokenRows};
use ferrobert_core::{Error, Result};

const LABELS: [&str; 5] = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"];

/// Rows of tokens, each a word of three characters; `None` is a special token.
struct Rows {
    offsets: Vec<[i32; 2]>,
    word_ids: Vec<i32>,
    row_splits: Vec<i64>,
    sample_ids: Vec<i64>,
}

impl Rows {
    fn new(rows: &[(i64, &[Option<i32>])]) -> Self {
        let mut made = Self {
            offsets: Vec::new(),
            word_ids: Vec::new(),
            row_splits: vec![0],
            sample_ids: Vec::new(),
        };
        for &(sample, words) in rows {
            for word in words {
                made.word_ids.push(word.unwrap_or(-1));
                made.offsets
                    .push(word.map_or([0, 0], |word| [4 * word, 4 * word + 3]));
            }
            made.row_splits.push(made.word_ids.len() as i64);
            made.sample_ids.push(sample);
        }
        made
    }

    fn columns(&self, samples: usize) -> TokenRows<'_> {
        TokenRows {
            offsets: &self.offsets,
            word_ids: &self.word_ids,
            row_splits: &self.row_splits,
            sample_ids: &self.sample_ids,
            samples,
        }
    }

    fn decode(&self, samples: usize, labels: &[usize], strategy: Strategy) -> Result<Entities> {
        let mut values = vec![0.0_f32; labels.len() * LABELS.len()];
        for (token, label) in labels.iter().enumerate() {
            values[token * LABELS.len() + label] = 9.0;
        }
        self.decode_values(samples, &values, strategy)
    }

    fn decode_values(
        &self,
        samples: usize,
        values: &[f32],
        strategy: Strategy,
    ) -> Result<Entities> {
        let decoder = Decoder::new(LabelSet::new(LABELS), &["O"], strategy, false)?;
        let logits = Logits {
            values,
            labels: LABELS.len(),
            row_starts: &self.row_splits[..self.sample_ids.len()],
        };
        decoder.decode(self.columns(samples), logits, true)
    }
}

fn spans(found: &Entities) -> Vec<(u32, i32, i32)> {
    let entities = found.entities.iter();
    entities
        .map(|one| (one.label, one.start, one.end))
        .collect()
}

#[test]
fn windows_give_an_entity_once() -> Result<()> {
    let rows = Rows::new(&[
        (0, &[None, Some(0), Some(1), Some(2), Some(3), None]),
        (0, &[None, Some(2), Some(3), Some(4), Some(5), None]),
    ]);
    for strategy in [Strategy::Simple, Strategy::First, Strategy::Max] {
        let labels = [0, 0, 0, 1, 2, 0, 0, 1, 2, 0, 3, 0];
        let found = rows.decode(1, &labels, strategy)?;
        assert_eq!(spans(&found), [(1, 8, 15), (3, 20, 23)]);
        assert_eq!(found.entities[0].index, 3);
        assert_eq!(found.entities[1].index, 6);
        // Word 2 is read from the first window, where one token follows it; word 3 from the second.
        assert_eq!(found.tokens, [3, 8, 10]);
    }
    Ok(())
}

#[test]
fn samples_keep_their_entities_apart() -> Result<()> {
    let rows = Rows::new(&[
        (2, &[Some(0), Some(1)]),
        (0, &[Some(0)]),
        (2, &[Some(1), Some(2)]),
    ]);
    let found = rows.decode(4, &[0, 1, 3, 1, 2], Strategy::Simple)?;
    assert_eq!(found.splits, [0, 1, 1, 2, 2]);
    assert_eq!(spans(&found), [(3, 0, 3), (1, 4, 11)]);
    Ok(())
}

#[test]
fn many_samples_are_decoded_in_order() -> Result<()> {
    let row: &[Option<i32>] = &[None, Some(0), Some(1), Some(2), None];
    let given: Vec<(i64, &[Option<i32>])> = (0..8_000).map(|sample| (sample, row)).collect();
    let rows = Rows::new(&given);
    let labels: Vec<usize> = (0..8_000)
        .flat_map(|sample| [0, sample % 5, 0, 0, 0])
        .collect();
    let found = rows.decode(8_000, &labels, Strategy::Average)?;
    assert_eq!(found.entities.len(), 6_400);
    for (sample, ends) in found.splits.windows(2).enumerate() {
        assert_eq!(ends[1] - ends[0], i64::from(sample % 5 != 0));
    }
    Ok(())
}

#[test]
fn logits_that_are_nan_are_refused() {
    let rows = Rows::new(&[(0, &[None, Some(0)]), (1, &[None, Some(0), None])]);
    for wrong in [f32::NAN, f32::INFINITY] {
        let mut values = vec![0.0; 25];
        values[3 * 5 + 2] = wrong;
        let error = rows.decode_values(2, &values, Strategy::Simple);
        assert_eq!(error, Err(Error::LogitsNotFinite { row: 1, token: 1 }));
    }
}

#[test]
fn columns_that_do_not_fit_are_refused() -> Result<()> {
    let rows = Rows::new(&[(0, &[None, Some(0)])]);
    let short = rows.decode_values(1, &[0.0; 5], Strategy::Simple);
    assert!(matches!(
        short,
        Err(Error::ColumnLengths {
            column: "logits",
            ..
        })
    ));
    let sample = rows.decode(0, &[0, 0], Strategy::Simple);
    assert!(matches!(sample, Err(Error::NoSuchSample { .. })));

    let decoder = Decoder::new(LabelSet::new(["O"]), &["O"], Strategy::None, false)?;
    let logits = |row_starts| Logits {
        values: &[0.0_f64; 4],
        labels: 2,
        row_starts,
    };
    let names = decoder.decode(rows.columns(1), logits(&[0]), false);
    assert_eq!(
        names,
        Err(Error::LabelNames {
            names: 1,
            labels: 2
        })
    );
    for starts in [&[][..], &[-1], &[i64::MAX], &[1]] {
        assert!(
            decoder
                .decode(rows.columns(1), logits(starts), false)
                .is_err()
        );
    }
    let mut splits = rows.columns(1);
    splits.row_splits = &[0, 3];
    assert!(decoder.decode(splits, logits(&[0]), false).is_err());
    splits.row_splits = &[];
    assert!(decoder.decode(splits, logits(&[0]), false).is_err());
    let mut offsets = rows.columns(1);
    offsets.offsets = &[];
    assert!(decoder.decode(offsets, logits(&[0]), false).is_err());
    Ok(())
}
