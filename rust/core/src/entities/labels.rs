//! What labels say of the tokens that have them.

use crate::labels::{Place, Tag};

/// How the labels of tokens become those of entities; the names are transformers'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Each token on its own.
    None,
    /// Neighbouring tokens of one type.
    Simple,
    /// Neighbouring words of one type; a word has the label of its first token.
    First,
    /// A word has the label that is most probable in the mean over its tokens.
    Average,
    /// A word has the label of the token that is most sure of its own.
    Max,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Simple,
        Self::First,
        Self::Average,
        Self::Max,
    ];

    /// The strategy of a name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|strategy| strategy.name() == name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Simple => "simple",
            Self::First => "first",
            Self::Average => "average",
            Self::Max => "max",
        }
    }

    /// Whether labels are those of words.
    pub(super) const fn reads_words(self) -> bool {
        matches!(self, Self::First | Self::Average | Self::Max)
    }
}

/// The names of labels, taken apart once.
///
/// `B-` and `I-` are prefixes always, as in transformers; `E-`, `S-`, `L-` and `U-` where the whole set is one of a
/// scheme: each label `O` or with a prefix, and one with `B-` or `I-`. Every other label is the name of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    names: Vec<String>,
    labels: Vec<Label>,
    /// Names of types.
    kinds: Vec<String>,
}

/// A label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    /// Number of its type.
    pub(super) kind: u32,
    /// Place that its prefix tells; none for a label without prefix.
    pub(super) place: Option<Place>,
}

impl LabelSet {
    /// The labels of these names, in the order of the logits.
    #[must_use]
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let is_b_or_i = |tag: &Tag<'_>| matches!(tag.place, Place::Begin | Place::Inside);
        let tags = || names.iter().map(|name| Tag::of_label(name));
        let of_scheme =
            tags().all(|tag| tag.is_some()) && tags().flatten().any(|tag| is_b_or_i(&tag));
        let mut kinds: Vec<String> = Vec::new();
        let mut labels = Vec::with_capacity(names.len());
        for (name, tag) in names.iter().zip(tags()) {
            let tag = tag.filter(|tag| of_scheme || is_b_or_i(tag));
            let kind = match tag {
                Some(tag) if tag.place != Place::Outside => tag.kind,
                _ => name,
            };
            let number = kinds.iter().position(|known| known == kind);
            labels.push(Label {
                kind: number.unwrap_or(kinds.len()) as u32,
                place: tag.map(|tag| tag.place),
            });
            if number.is_none() {
                kinds.push(kind.to_owned());
            }
        }
        Self {
            names,
            labels,
            kinds,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// A label's name.
    #[must_use]
    pub fn name(&self, label: u32) -> &str {
        self.names.get(label as usize).map_or("", String::as_str)
    }

    /// The name of a label's type: what a group is called.
    #[must_use]
    pub fn group(&self, label: u32) -> &str {
        self.labels
            .get(label as usize)
            .and_then(|label| self.kinds.get(label.kind as usize))
            .map_or("", String::as_str)
    }

    pub(super) fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// Whether a token belongs to the entity of the token before it.
    #[inline]
    pub(super) fn continues(&self, before: u32, label: u32) -> bool {
        match (
            self.labels.get(before as usize),
            self.labels.get(label as usize),
        ) {
            (Some(before), Some(label)) => {
                before.kind == label.kind
                    && !matches!(label.place, Some(Place::Begin | Place::Single))
                    && !matches!(before.place, Some(Place::End | Place::Single))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> Vec<String> {
        let set = LabelSet::new(names.iter().copied());
        (0..set.len() as u32)
            .map(|label| set.group(label).to_owned())
            .collect()
    }

    #[test]
    fn groups_are_called_by_their_type() {
        assert_eq!(
            groups(&["O", "B-PER", "I-work-of-art"]),
            ["O", "PER", "work-of-art"]
        );
        assert_eq!(
            groups(&["B-PER", "E-PER", "S-LOC", "L-LOC", "U-LOC"]),
            ["PER", "PER", "LOC", "LOC", "LOC"]
        );
    }

    #[test]
    fn labels_of_no_scheme_are_names() {
        assert_eq!(
            groups(&["NOUN", "X-ray", "E-mail", "B-PER"]),
            ["NOUN", "X-ray", "E-mail", "PER"]
        );
        assert_eq!(groups(&["O", "E-mail"]), ["O", "E-mail"]);
    }

    #[test]
    fn entities_end_where_their_labels_say_so() {
        let set = LabelSet::new(["O", "B-PER", "I-PER", "E-PER", "S-PER", "B-LOC"]);
        let continues = |before, label| set.continues(before, label);
        assert!(continues(1, 2) && continues(2, 2) && continues(2, 3) && continues(1, 3));
        assert!(continues(0, 0), "what lies outside is one group too");
        assert!(!continues(3, 2) && !continues(4, 3) && !continues(2, 4) && !continues(5, 2));
        assert!(!continues(1, 1) && !continues(0, 2));
    }
}
