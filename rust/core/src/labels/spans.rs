//! Spans of characters -> labels of words.

use super::entities::place_in;
use super::{LabelVocab, Scheme, Tag, WordCounts, WordRows};
use crate::columns;
use crate::{Error, Result};
use std::ops::Range;

/// Entities of samples, as half-open spans of characters.
#[derive(Debug, Clone, Copy)]
pub struct SpanRows<'a> {
    /// Start and end of each, `(spans,)`.
    pub bounds: &'a [[i64; 2]],
    /// Type of each, an index of `kinds`, `(spans,)`.
    pub kind_ids: &'a [usize],
    /// The types.
    pub kinds: &'a [String],
    /// First span of each sample and, last, the number of spans, `(samples + 1,)`.
    pub splits: &'a [i64],
}

/// How spans become labels.
#[derive(Debug, Clone, Copy)]
pub struct SpanLabels<'a> {
    /// How an entity is written.
    pub scheme: Scheme,
    /// The labels that there are.
    pub vocab: &'a LabelVocab,
}

/// Label ids of words, `(words,)`, and where those of samples begin, `(samples + 1,)`; for [`super::align`].
///
/// Words are those of the tokens. `offsets` has start and end of each token in characters of its text, `(tokens, 2)`;
/// `texts` are needed to know where they end, and that white space in front of a word (as some vocabularies count it) is
/// none of it. Spans behind what truncation left are not used. Cost: O(tokens + spans log spans), and O(characters) of
/// texts whose words begin with white space.
///
/// # Errors
///
/// [`Error::Span`] for a span that is empty, outside of its text, over another one, without a word, or that cuts a word;
/// [`Error::SpanLabel`] for a label that the vocabulary lacks; [`Error::SpanRows`]; [`Error::OffsetsOfWords`].
pub fn label_spans(
    rows: &WordRows<'_>,
    offsets: &[[i32; 2]],
    texts: Option<&[&str]>,
    spans: SpanRows<'_>,
    labels: SpanLabels<'_>,
) -> Result<(Vec<i64>, Vec<i64>)> {
    rows.validate()?;
    check_lengths(rows, offsets, texts, spans)?;
    let outside = labels.vocab.id("O").ok_or_else(|| Error::SpanLabel {
        label: "O".to_owned(),
        row: 0,
        span: 0,
        listed: labels.vocab.listed(),
    })?;
    let counts = rows.word_counts();
    let mut splits = Vec::with_capacity(counts.len() + 1);
    splits.push(0);
    for count in counts {
        splits.push(splits.last().copied().unwrap_or(0) + count as i64);
    }
    let total = splits.last().copied().unwrap_or(0) as usize;
    // Start and end of each word in characters, over all windows that have tokens of it.
    let mut words = vec![[i32::MAX, i32::MIN]; total];
    for (row, (sample, place, ids)) in rows.iter().enumerate() {
        let words = &mut words[splits[sample] as usize..splits[sample + 1] as usize];
        let labels = words.len();
        for (&word, &[start, end]) in ids.iter().zip(&offsets[place]) {
            if word >= 0 && end > start {
                let bounds = words
                    .get_mut(word as usize)
                    .ok_or(Error::WordWithoutLabel {
                        row,
                        sample,
                        word,
                        labels,
                    })?;
                *bounds = [bounds[0].min(start), bounds[1].max(end)];
            }
        }
    }
    let mut ids = vec![outside; total];
    for (row, ends) in splits.windows(2).enumerate() {
        let place = ends[0] as usize..ends[1] as usize;
        let sample = Sample {
            row,
            words: &words[place.clone()],
            text: texts.map(|texts| texts[row]),
            whole: !matches!(rows.counts, WordCounts::AtLeast),
        };
        let spans_of_row = spans.splits[row] as usize..spans.splits[row + 1] as usize;
        sample.label(spans_of_row, spans, labels, &mut ids[place])?;
    }
    Ok((ids, splits))
}

fn check_lengths(
    rows: &WordRows<'_>,
    offsets: &[[i32; 2]],
    texts: Option<&[&str]>,
    spans: SpanRows<'_>,
) -> Result<()> {
    columns::check_splits(spans.splits, spans.bounds.len())?;
    if spans.splits.len() - 1 != rows.samples {
        return Err(Error::SpanRows {
            spans: spans.splits.len() - 1,
            samples: rows.samples,
        });
    }
    columns::check_lengths([
        ("offsets", offsets.len(), rows.word_ids.len()),
        (
            "texts",
            texts.map_or(rows.samples, <[&str]>::len),
            rows.samples,
        ),
        ("types of spans", spans.kind_ids.len(), spans.bounds.len()),
    ])
}

/// The words of a text.
struct Sample<'a> {
    row: usize,
    words: &'a [[i32; 2]],
    text: Option<&'a str>,
    whole: bool,
}

impl Sample<'_> {
    fn label(
        &self,
        place: Range<usize>,
        spans: SpanRows<'_>,
        labels: SpanLabels<'_>,
        ids: &mut [i64],
    ) -> Result<()> {
        if place.is_empty() {
            return Ok(());
        }
        // Words that have characters, in the order of the text.
        let known: Vec<usize> = (0..self.words.len())
            .filter(|&word| self.words[word][0] < self.words[word][1])
            .collect();
        self.check_words(&known)?;
        let mut order: Vec<usize> = place.clone().collect();
        order.sort_by_key(|&span| spans.bounds[span]);
        let length = self.text.map(|text| text.chars().count() as i64);
        let mut chars = None;
        let (mut behind, mut before) = (i64::MIN, None);
        for span in order {
            let [start, end] = spans.bounds[span];
            let kind = spans.kinds.get(spans.kind_ids[span]);
            let kind = kind.map_or("", String::as_str);
            let refuse = |problem: String| Error::Span {
                row: self.row,
                span: span - place.start,
                start,
                end,
                label: kind.to_owned(),
                problem,
            };
            if start >= end {
                return Err(refuse("is empty".to_owned()));
            }
            if start < 0 || length.is_some_and(|length| end > length) {
                let length = length.map_or_else(|| "many".to_owned(), |length| length.to_string());
                return Err(refuse(format!(
                    "lies outside of its text of {length} characters"
                )));
            }
            if start < behind {
                return Err(refuse(format!(
                    "overlaps the span before it, which ends at {behind}"
                )));
            }
            behind = end;
            let bounds = |&word: &usize| self.words[word].map(i64::from);
            let first = known.partition_point(|word| bounds(word)[1] <= start);
            let last = first + known[first..].partition_point(|word| bounds(word)[0] < end);
            let covered = &known[first..last];
            let (Some(head), Some(tail)) = (covered.first(), covered.last()) else {
                if self.whole {
                    return Err(refuse("has no word".to_owned()));
                }
                continue;
            };
            for (word, cut) in [(head, bounds(head)[0]..start), (tail, end..bounds(tail)[1])] {
                if !cut.is_empty() && !self.is_white_space(cut, &mut chars) {
                    let [from, to] = bounds(word);
                    return Err(refuse(format!(
                        "cuts the word of characters {from} to {to}"
                    )));
                }
            }
            // Also of words without characters, which have no tokens either.
            let follows = before.is_some_and(|(word, other)| {
                other == kind && first > 0 && known[first - 1] == word
            });
            for (index, &word) in covered.iter().enumerate() {
                let tag = Tag {
                    place: place_in(labels.scheme, index, covered.len(), follows),
                    kind,
                };
                let label = tag.label(labels.scheme);
                ids[word] = labels.vocab.id(&label).ok_or_else(|| Error::SpanLabel {
                    label,
                    row: self.row,
                    span: span - place.start,
                    listed: labels.vocab.listed(),
                })?;
            }
            before = Some((*tail, kind));
        }
        Ok(())
    }

    /// Offsets of a text rise from word to word; those of words start with each at 0.
    fn check_words(&self, known: &[usize]) -> Result<()> {
        // One character may become several words ("½"), which then share it.
        let falls = known.windows(2).any(|pair| {
            let (one, other) = (self.words[pair[0]], self.words[pair[1]]);
            other[0] < one[0] || other[1] < one[1]
        });
        if falls {
            return Err(Error::OffsetsOfWords { row: self.row });
        }
        Ok(())
    }

    /// Whether there is nothing but white space between two characters of the text.
    fn is_white_space(&self, place: Range<i64>, chars: &mut Option<Vec<char>>) -> bool {
        let Some(text) = self.text else {
            return false;
        };
        let chars = chars.get_or_insert_with(|| text.chars().collect());
        let place = place.start.max(0) as usize..place.end.max(0) as usize;
        chars
            .get(place)
            .is_some_and(|chars| chars.iter().all(|char| char.is_whitespace()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "Elon Musk met Bo": two tokens of Musk.
    const ROWS: WordRows<'static> = WordRows {
        word_ids: &[-1, 0, 1, 1, 2, 3, -1],
        row_splits: &[0, 7],
        sample_ids: &[0],
        samples: 1,
        counts: WordCounts::All,
    };
    const OFFSETS: [[i32; 2]; 7] = [[0, 0], [0, 4], [5, 7], [7, 9], [10, 13], [14, 16], [0, 0]];

    fn labelled(spans: &[[i64; 2]], scheme: Scheme) -> Result<Vec<i64>> {
        let labels = ["O", "B-PER", "I-PER", "E-PER", "S-PER"];
        let vocab = LabelVocab::new(labels.into_iter().zip(0..))?;
        let spans = SpanRows {
            bounds: spans,
            kind_ids: &vec![0; spans.len()],
            kinds: &["PER".to_owned()],
            splits: &[0, spans.len() as i64],
        };
        let labels = SpanLabels {
            scheme,
            vocab: &vocab,
        };
        let text = ["Elon Musk met Bo"];
        label_spans(&ROWS, &OFFSETS, Some(&text), spans, labels).map(|(ids, _)| ids)
    }

    #[test]
    fn words_of_spans_are_labelled_in_any_order() {
        let spans = [[14, 16], [0, 9]];
        assert_eq!(labelled(&spans, Scheme::Bio), Ok(vec![1, 2, 0, 1]));
        assert_eq!(labelled(&spans, Scheme::Bioes), Ok(vec![1, 3, 0, 4]));
        assert_eq!(labelled(&spans, Scheme::Iob1), Ok(vec![2, 2, 0, 2]));
        let neighbours = [[0, 4], [5, 9]];
        assert_eq!(labelled(&neighbours, Scheme::Iob1), Ok(vec![2, 1, 0, 0]));
        assert_eq!(labelled(&[], Scheme::Bio), Ok(vec![0; 4]));
    }

    #[test]
    fn white_space_at_the_ends_of_a_span_does_not_matter() {
        assert_eq!(labelled(&[[4, 10]], Scheme::Bio), Ok(vec![0, 1, 0, 0]));
    }

    #[test]
    fn spans_that_fit_no_words_are_refused() {
        for (spans, problem) in [
            (vec![[0, 7]], "cuts the word of characters 5 to 9"),
            (vec![[0, 4], [7, 9]], "cuts the word of characters 5 to 9"),
            (vec![[5, 5]], "is empty"),
            (vec![[9, 5]], "is empty"),
            (vec![[14, 17]], "lies outside of its text of 16 characters"),
            (vec![[-1, 4]], "lies outside of its text of 16 characters"),
            (vec![[0, 9], [5, 9]], "overlaps the span before it"),
            (vec![[0, 4], [0, 4]], "overlaps the span before it"),
            (vec![[4, 5]], "has no word"),
        ] {
            let error = labelled(&spans, Scheme::Bio).map_err(|error| error.to_string());
            let told = error.as_ref().is_err_and(|error| error.contains(problem));
            assert!(told, "{spans:?}: {error:?}");
        }
    }

    #[test]
    fn a_label_that_is_not_there_is_told() {
        let error = labelled(&[[0, 4]], Scheme::Bilou).map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.contains("\"U-PER\" (row 0, span 0)")));
    }
}
