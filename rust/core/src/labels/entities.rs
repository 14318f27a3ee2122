//! Tags of words <-> the entities that they say.

use super::{Place, Scheme, Tag};
use std::ops::Range;

/// The entities of a sentence's tags, each its words and its type, in order.
///
/// As `conlleval` (`CoNLL` 2000) reads them, for all schemes: an entity begins with `B-` or `S-`, behind a word outside or
/// one that ends an entity, or where the type changes; so `I-` without a beginning is one.
pub fn entities<'t>(tags: &'t [Tag<'t>]) -> impl Iterator<Item = (Range<usize>, &'t str)> {
    let mut next = 0;
    std::iter::from_fn(move || {
        while tags.get(next)?.place == Place::Outside {
            next += 1;
        }
        let start = next;
        let kind = tags.get(start)?.kind;
        loop {
            let is_last = matches!(tags.get(next)?.place, Place::End | Place::Single);
            next += 1;
            let goes_on = tags.get(next).is_some_and(|tag| {
                matches!(tag.place, Place::Inside | Place::End) && tag.kind == kind
            });
            if is_last || !goes_on {
                return Some((start..next, kind));
            }
        }
    })
}

/// Place of word `index` of the `words` of an entity, as a scheme writes it.
///
/// `follows` tells whether the word before the entity is of another entity of the same type: only then has IOB1 a `B-`.
#[must_use]
pub(super) fn place_in(scheme: Scheme, index: usize, words: usize, follows: bool) -> Place {
    let (is_first, is_last) = (index == 0, index + 1 == words);
    match scheme {
        Scheme::Iob1 if is_first && follows => Place::Begin,
        Scheme::Iob1 => Place::Inside,
        Scheme::Bioes | Scheme::Bilou if is_first && is_last => Place::Single,
        _ if is_first => Place::Begin,
        Scheme::Bioes | Scheme::Bilou if is_last => Place::End,
        _ => Place::Inside,
    }
}

/// The same entities in another scheme, `(words,)`; O(words).
///
/// # Examples
///
/// ```
/// use ferrobert_core::labels::{Scheme, Tag, convert};
///
/// let tags: Vec<Tag> = ["I-PER", "I-PER", "B-PER", "O"].into_iter().filter_map(Tag::of_label).collect();
/// let bioes: Vec<String> = convert(&tags, Scheme::Bioes).iter().map(|tag| tag.label(Scheme::Bioes)).collect();
/// assert_eq!(bioes, ["B-PER", "E-PER", "S-PER", "O"]);
/// ```
#[must_use]
pub fn convert<'t>(tags: &'t [Tag<'t>], target: Scheme) -> Vec<Tag<'t>> {
    let outside = Tag {
        place: Place::Outside,
        kind: "",
    };
    let mut converted = vec![outside; tags.len()];
    let mut before = (0, "");
    for (words, kind) in entities(tags) {
        let follows = before == (words.start, kind);
        let length = words.len();
        for (index, tag) in converted[words.clone()].iter_mut().enumerate() {
            let place = place_in(target, index, length, follows);
            *tag = Tag { place, kind };
        }
        before = (words.end, kind);
    }
    converted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(labels: &[&str], target: Scheme) -> Vec<String> {
        let tags: Vec<Tag<'_>> = labels
            .iter()
            .filter_map(|label| Tag::of_label(label))
            .collect();
        let tags = convert(&tags, target);
        tags.iter().map(|tag| tag.label(target)).collect()
    }

    const BIOES: [&str; 8] = [
        "S-PER", "B-PER", "E-PER", "O", "B-LOC", "I-LOC", "E-LOC", "S-PER",
    ];

    #[test]
    fn entities_are_the_same_in_all_schemes() {
        let expected = [
            (Scheme::Iob1, "I-PER B-PER I-PER O I-LOC I-LOC I-LOC I-PER"),
            (Scheme::Bio, "B-PER B-PER I-PER O B-LOC I-LOC I-LOC B-PER"),
            (Scheme::Bioes, "S-PER B-PER E-PER O B-LOC I-LOC E-LOC S-PER"),
            (Scheme::Bilou, "U-PER B-PER L-PER O B-LOC I-LOC L-LOC U-PER"),
        ];
        for (scheme, labels) in expected {
            let labels: Vec<&str> = labels.split(' ').collect();
            assert_eq!(converted(&BIOES, scheme), labels, "{scheme}");
            assert_eq!(converted(&labels, Scheme::Bioes), BIOES, "{scheme}");
        }
    }

    #[test]
    fn what_has_no_beginning_begins() {
        let labels = ["I-PER", "I-LOC", "O", "E-LOC", "I-LOC", "B-PER", "S-PER"];
        assert_eq!(
            converted(&labels, Scheme::Bio),
            ["B-PER", "B-LOC", "O", "B-LOC", "B-LOC", "B-PER", "B-PER"]
        );
    }

    #[test]
    fn a_sentence_without_words_has_no_tags() {
        assert!(converted(&[], Scheme::Bilou).is_empty());
    }
}
