//! Labels of the schemes: what `B-PER` says.

use crate::{Error, Result};
use std::fmt;

/// A way of writing entities as one label a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `I-` everywhere; `B-` only where an entity follows one of its own kind at once (`CoNLL` 2003 as published).
    Iob1,
    /// `B-` for the first word, `I-` for the others (also IOB2); the default everywhere.
    Bio,
    /// As `Bio`, with `E-` for the last word and `S-` for the only one.
    Bioes,
    /// As `Bioes`, with `L-` for the last word and `U-` for the only one.
    Bilou,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Iob1, Self::Bio, Self::Bioes, Self::Bilou];

    /// The scheme of a name, whatever its case; `IOB2` is `BIO`.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "IOB1" => Some(Self::Iob1),
            "BIO" | "IOB2" => Some(Self::Bio),
            "BIOES" => Some(Self::Bioes),
            "BILOU" => Some(Self::Bilou),
            _ => None,
        }
    }

    /// The parts of a label that this scheme has; `row` and `word` are named in errors.
    ///
    /// # Errors
    ///
    /// [`Error::LabelOfOtherScheme`]: it has no prefix, or that of another scheme.
    pub fn tag(self, label: &str, row: usize, word: usize) -> Result<Tag<'_>> {
        let (letters, allowed) = match self {
            Self::Iob1 | Self::Bio => ("BI", "B-, I- with a type"),
            Self::Bioes => ("BIES", "B-, I-, E-, S- with a type"),
            Self::Bilou => ("BILU", "B-, I-, L-, U- with a type"),
        };
        Tag::of_label(label)
            .filter(|_| label == "O" || label.starts_with(|letter| letters.contains(letter)))
            .ok_or_else(|| Error::LabelOfOtherScheme {
                label: label.to_owned(),
                row,
                word,
                scheme: self.name(),
                allowed,
            })
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iob1 => "IOB1",
            Self::Bio => "BIO",
            Self::Bioes => "BIOES",
            Self::Bilou => "BILOU",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Place of a word in its entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In none.
    Outside,
    /// First (`B-`).
    Begin,
    /// Neither first nor last (`I-`); in schemes without an end also last.
    Inside,
    /// Last of several (`E-`, `L-`).
    End,
    /// The only one (`S-`, `U-`).
    Single,
}

/// A label, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag<'a> {
    /// Place in the entity.
    pub place: Place,
    /// Type of the entity, such as `PER`; empty outside.
    pub kind: &'a str,
}

impl<'a> Tag<'a> {
    /// The parts of a label: `O`, or a letter of `BIESLU`, `-` and a type. `None` for what belongs to no scheme
    /// (`NOUN`, `PER`, `B-`).
    #[must_use]
    pub fn of_label(label: &'a str) -> Option<Self> {
        if label == "O" {
            return Some(Self {
                place: Place::Outside,
                kind: "",
            });
        }
        let (letter, kind) = label.split_once('-')?;
        let place = match letter {
            "B" => Place::Begin,
            "I" => Place::Inside,
            "E" | "L" => Place::End,
            "S" | "U" => Place::Single,
            _ => return None,
        };
        (!kind.is_empty()).then_some(Self { place, kind })
    }

    /// The label in a scheme: BILOU writes `L-` and `U-` where the others write `E-` and `S-`.
    #[must_use]
    pub fn label(self, scheme: Scheme) -> String {
        let letter = match (self.place, scheme) {
            (Place::Outside, _) => return "O".to_owned(),
            (Place::Begin, _) => 'B',
            (Place::Inside, _) => 'I',
            (Place::End, Scheme::Bilou) => 'L',
            (Place::End, _) => 'E',
            (Place::Single, Scheme::Bilou) => 'U',
            (Place::Single, _) => 'S',
        };
        format!("{letter}-{}", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_taken_apart_and_put_together() {
        for (label, scheme) in [
            ("O", Scheme::Bio),
            ("B-PER", Scheme::Bio),
            ("I-work-of-art", Scheme::Iob1),
            ("E-PER", Scheme::Bioes),
            ("S-PER", Scheme::Bioes),
            ("L-PER", Scheme::Bilou),
            ("U-PER", Scheme::Bilou),
        ] {
            let tag = Tag::of_label(label);
            assert_eq!(tag.map(|tag| tag.label(scheme)).as_deref(), Some(label));
        }
    }

    #[test]
    fn labels_of_no_scheme_are_told() {
        for label in ["", "PER", "NOUN", "B-", "-PER", "X-PER", "b-PER", "o"] {
            assert_eq!(Tag::of_label(label), None, "{label:?}");
        }
    }

    #[test]
    fn a_scheme_knows_its_labels() {
        for (label, expected) in [
            ("O", "1111"),
            ("I-O", "1111"),
            ("B-X", "1111"),
            ("E-X", "0010"),
            ("S-X", "0010"),
            ("L-X", "0001"),
            ("U-X", "0001"),
            ("X", "0000"),
            ("", "0000"),
        ] {
            let known =
                Scheme::ALL.map(|scheme| u8::from(scheme.tag(label, 0, 0).is_ok()).to_string());
            assert_eq!(known.concat(), expected, "{label:?}");
        }
    }

    #[test]
    fn schemes_have_names() {
        for scheme in Scheme::ALL {
            assert_eq!(Scheme::of_name(scheme.name()), Some(scheme));
            assert_eq!(
                Scheme::of_name(&scheme.to_string().to_lowercase()),
                Some(scheme)
            );
        }
        assert_eq!(Scheme::of_name("IOB2"), Some(Scheme::Bio));
        assert_eq!(Scheme::of_name("IO"), None);
    }
}
