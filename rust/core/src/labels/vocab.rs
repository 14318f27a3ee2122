//! The labels that there are.

use super::{LabelRows, Tag};
use crate::columns::check_splits;
use crate::{Error, Result};
use rustc_hash::FxHashMap;

/// Largest id of a label: those of a classifier's outputs.
const LAST_ID: i64 = (1 << 20) - 1;

/// Labels and their ids: `label2id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelVocab {
    ids: FxHashMap<String, i64>,
    /// By id, the one that the tokens behind a word's first have; negative for what is no id of a label.
    continuing: Vec<i64>,
    /// A label of a scheme and one of none, where there are both.
    mixed: Option<(String, String)>,
}

impl LabelVocab {
    /// A vocabulary of labels and ids; several labels may have one id.
    ///
    /// # Errors
    ///
    /// [`Error::LabelId`] for an id that is negative or 2^20 and more.
    pub fn new<L: Into<String>>(labels: impl IntoIterator<Item = (L, i64)>) -> Result<Self> {
        let mut ids = FxHashMap::default();
        let mut last = -1;
        for (label, id) in labels {
            let label = label.into();
            if !(0..=LAST_ID).contains(&id) {
                return Err(Error::LabelId { label, id });
            }
            last = last.max(id);
            ids.insert(label, id);
        }
        let mut continuing = vec![-1; (last + 1) as usize];
        let mut labels: Vec<(&String, i64)> = ids.iter().map(|(label, &id)| (label, id)).collect();
        labels.sort_unstable();
        for (label, id) in labels {
            let inside = label.strip_prefix("B-").map(|kind| format!("I-{kind}"));
            let next = inside.and_then(|inside| ids.get(&inside).copied());
            // Of labels that share an id, the last by name that goes on otherwise decides.
            let place = &mut continuing[id as usize];
            *place = match next {
                Some(next) => next,
                None if *place < 0 => id,
                None => *place,
            };
        }
        let with_scheme = ids.keys().filter(|label| Tag::of_label(label).is_some());
        let scheme = with_scheme.filter(|label| *label != "O").min();
        let none = ids.keys().filter(|label| Tag::of_label(label).is_none());
        let mixed = scheme.cloned().zip(none.min().cloned());
        Ok(Self {
            ids,
            continuing,
            mixed,
        })
    }

    /// Id of a label.
    #[must_use]
    pub fn id(&self, label: &str) -> Option<i64> {
        self.ids.get(label).copied()
    }

    /// Whether a label has this id.
    #[must_use]
    pub fn has_id(&self, id: i64) -> bool {
        let place = usize::try_from(id).ok();
        place
            .and_then(|place| self.continuing.get(place))
            .is_some_and(|&next| next >= 0)
    }

    /// Label of the tokens behind the first of a word: that of `I-` for `B-` where there is one, else the same.
    #[must_use]
    pub fn continuing(&self, id: i64) -> i64 {
        let place = usize::try_from(id).ok();
        match place.and_then(|place| self.continuing.get(place)) {
            Some(&next) if next >= 0 => next,
            _ => id,
        }
    }

    /// Checks that each label id of words is one of a label, or `ignore_index`.
    ///
    /// # Errors
    ///
    /// [`Error::LabelIdUnknown`]; [`Error::RowSplits`].
    pub fn check_ids(&self, labels: LabelRows<'_>, ignore_index: i64) -> Result<()> {
        check_splits(labels.splits, labels.ids.len())?;
        let is_unknown = |&id: &i64| id != ignore_index && !self.has_id(id);
        let Some(place) = labels.ids.iter().position(is_unknown) else {
            return Ok(());
        };
        let row = labels
            .splits
            .partition_point(|&first| first <= place as i64)
            - 1;
        Err(Error::LabelIdUnknown {
            row,
            word: place - labels.splits[row] as usize,
            id: labels.ids[place],
            listed: self.listed(),
        })
    }

    /// Checks that either all labels belong to a scheme, or none does (parts of speech).
    ///
    /// # Errors
    ///
    /// [`Error::LabelWithoutScheme`].
    pub fn check_scheme(&self) -> Result<()> {
        match &self.mixed {
            Some((other, label)) => Err(Error::LabelWithoutScheme {
                label: label.clone(),
                other: other.clone(),
            }),
            None => Ok(()),
        }
    }

    /// All labels by their ids, for errors: the first of them where there are many.
    #[must_use]
    pub fn listed(&self) -> String {
        const SHOWN: usize = 50;
        let mut labels: Vec<(i64, &str)> = self
            .ids
            .iter()
            .map(|(label, &id)| (id, label.as_str()))
            .collect();
        labels.sort_unstable();
        let shown: Vec<&str> = labels.iter().take(SHOWN).map(|&(_, label)| label).collect();
        match labels.len().saturating_sub(SHOWN) {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails so")]
mod tests {
    use super::*;

    #[test]
    fn only_a_begin_with_its_inside_goes_on_otherwise() {
        let labels = ["O", "B-PER", "I-PER", "B-LOC", "S-ORG", "E-ORG", "NOUN"];
        let vocab = LabelVocab::new(labels.into_iter().zip(0..)).unwrap();
        let next: Vec<i64> = (-1..8).map(|id| vocab.continuing(id)).collect();
        assert_eq!(next, [-1, 0, 2, 2, 3, 4, 5, 6, 7]);
        assert_eq!(vocab.continuing(-100), -100);
        assert!(vocab.has_id(6) && !vocab.has_id(7) && !vocab.has_id(-1));
    }

    #[test]
    fn an_id_that_no_label_has_is_told_with_its_place() {
        let vocab = LabelVocab::new([("O", 0), ("B-X", 1)]).unwrap();
        let labels = |ids| LabelRows {
            ids,
            splits: &[0, 0, 2, 2, 4],
        };
        assert_eq!(vocab.check_ids(labels(&[0, 1, -100, 1]), -100), Ok(()));
        let error = vocab.check_ids(labels(&[0, 1, 0, 7]), -100);
        let expected = "label id 7 (row 3, word 1) is not in label2id; its labels are O, B-X";
        assert_eq!(
            error.map_err(|error| error.to_string()),
            Err(expected.to_owned())
        );
    }

    #[test]
    fn labels_may_share_an_id() {
        let labels = [("B-X", 0), ("O", 0), ("I-X", 1)];
        let vocab = LabelVocab::new(labels).unwrap();
        assert_eq!((vocab.id("O"), vocab.continuing(0)), (Some(0), 1));
    }

    #[test]
    fn a_label_of_no_scheme_beside_others_is_told() {
        let vocab = |labels: &[&str]| LabelVocab::new(labels.iter().copied().zip(0..)).unwrap();
        assert!(vocab(&["NOUN", "VERB"]).check_scheme().is_ok());
        assert!(vocab(&["O", "NOUN"]).check_scheme().is_ok());
        assert!(vocab(&["O", "B-PER"]).check_scheme().is_ok());
        assert!(vocab(&["O", "B-PER", "LOC"]).check_scheme().is_err());
    }

    #[test]
    fn ids_that_no_classifier_has_are_refused() {
        assert!(LabelVocab::new([("O", -1)]).is_err());
        assert!(LabelVocab::new([("O", 1 << 20)]).is_err());
        assert!(LabelVocab::new([("O", LAST_ID)]).is_ok());
    }
}
