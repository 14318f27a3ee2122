//! Neighbouring tokens or words of one entity, put together.

use super::logits::Logits;
use super::{Decoder, Entity, Scratch};
use crate::logit::Logit;
use std::ops::Range;

impl Decoder {
    /// Adds the entities of a sample whose labels are chosen.
    pub(super) fn group<T: Logit>(
        &self,
        scratch: &Scratch,
        logits: Logits<'_, T>,
        entities: &mut Vec<Entity>,
    ) {
        let chosen = &scratch.chosen;
        if !self.groups() {
            for (unit, &label) in chosen.iter().enumerate() {
                if !self.is_hidden(label) {
                    entities.extend(self.entity(scratch, logits, unit..unit + 1));
                }
            }
            return;
        }
        let mut first = 0;
        let continues = |before: &u32, label: &u32| self.labels.continues(*before, *label);
        for group in chosen.chunk_by(continues) {
            let end = first + group.len();
            if group.first().is_some_and(|&label| !self.is_hidden(label)) {
                entities.extend(self.entity(scratch, logits, first..end));
            }
            first = end;
        }
    }

    fn is_hidden(&self, label: u32) -> bool {
        self.hidden.get(label as usize).copied().unwrap_or(false)
    }

    /// The entity of neighbouring units.
    fn entity<T: Logit>(
        &self,
        scratch: &Scratch,
        logits: Logits<'_, T>,
        group: Range<usize>,
    ) -> Option<Entity> {
        let sequence = &scratch.sequence;
        let units = scratch.units.get(group.clone())?;
        let labels = scratch.chosen.get(group)?;
        let (start, end) = (units.first()?.start, units.last()?.end);
        let tokens = sequence.of(&(start..end));
        let sum = units.iter().zip(labels).fold(0.0, |sum, (unit, &label)| {
            sum + self.strategy.score(logits, sequence.of(unit), label)
        });
        Some(Entity {
            label: *labels.first()?,
            score: sum / units.len() as f64,
            start: tokens.first()?.span[0],
            end: tokens.last()?.span[1],
            index: sequence.before + start,
            tokens: [start, end],
        })
    }
}

/// A slice of a text without the white space at its ends, and how many characters stood before it: offsets of
/// `SentencePiece` tokens take the space before a word along. White space alone stays.
#[must_use]
pub fn trimmed(slice: &str) -> (usize, &str) {
    let rest = slice.trim_start();
    let word = rest.trim_end();
    if word.is_empty() {
        return (0, slice);
    }
    let before = &slice[..slice.len() - rest.len()];
    (before.chars().count(), word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_a_word_is_left_out() {
        assert_eq!(trimmed(" a b\u{3000}"), (1, "a b"));
        assert_eq!(trimmed("ab"), (0, "ab"));
        assert_eq!(trimmed(" "), (0, " "));
        assert_eq!(trimmed(""), (0, ""));
    }
}
