//! The most probable labels that a scheme allows.

use super::labels::LabelSet;
use crate::labels::Place;
use crate::{Error, Result};

/// Which labels may follow which (Viterbi, 1967, finds the best of their sequences).
///
/// `I-` and `E-` follow `B-` and `I-` of their type alone; everything else follows what may close an entity: `O`, `E-`,
/// `S-`, an `I-` whose type has no `E-`, a `B-` whose type has no `E-` or no `S-`.
#[derive(Debug, Clone)]
pub(super) struct Transitions {
    /// Labels that a label follows, where these are not all that close.
    inside: Vec<Option<Vec<u32>>>,
    /// Labels that may be the last of an entity or of the text.
    closing: Vec<u32>,
}

impl Transitions {
    pub(super) fn new(set: &LabelSet) -> Result<Self> {
        let labels = set.labels();
        let mut places = Vec::with_capacity(labels.len());
        for (number, label) in (0..).zip(labels) {
            let place = label.place.ok_or_else(|| Error::NoScheme {
                label: set.name(number).to_owned(),
            })?;
            places.push((place, label.kind));
        }
        if !places.iter().any(|&(place, _)| place == Place::Begin) {
            return Err(Error::NoScheme {
                label: set.name(0).to_owned(),
            });
        }
        let has = |place, kind| places.contains(&(place, kind));
        let (mut inside, mut closing) = (Vec::with_capacity(labels.len()), Vec::new());
        for (number, &(place, kind)) in (0..).zip(&places) {
            inside.push(match place {
                Place::Inside | Place::End => {
                    if !has(Place::Begin, kind) {
                        return Err(Error::NeverBegins {
                            label: set.name(number).to_owned(),
                            begin: format!("B-{}", set.group(number)),
                        });
                    }
                    let before = (0..).zip(&places).filter(|&(_, &(place, other))| {
                        other == kind && matches!(place, Place::Begin | Place::Inside)
                    });
                    Some(before.map(|(number, _)| number).collect())
                }
                _ => None,
            });
            let closes = match place {
                Place::Begin => !has(Place::End, kind) || !has(Place::Single, kind),
                Place::Inside => !has(Place::End, kind),
                Place::Outside | Place::End | Place::Single => true,
            };
            if closes {
                closing.push(number);
            }
        }
        Ok(Self { inside, closing })
    }

    /// Adds the labels of the best path through `scores`, `(units, labels)`; `back` is room to work in. The first of
    /// several labels where they are equal.
    ///
    /// Cost: units times labels, as a label follows either few others or the best of those that close.
    pub(super) fn best_path(&self, scores: &[f64], back: &mut Vec<u32>, path: &mut Vec<u32>) {
        let labels = self.inside.len();
        let Some(units) = scores.len().checked_div(labels).filter(|&units| units > 0) else {
            return;
        };
        back.clear();
        let best_of = |totals: &[f64], labels: &[u32]| {
            let mut best = (0, f64::NEG_INFINITY);
            for &label in labels {
                let total = totals[label as usize];
                if total > best.1 {
                    best = (label, total);
                }
            }
            best
        };
        // Nothing precedes the first unit, and nothing goes on into it.
        let mut totals: Vec<f64> = scores[..labels]
            .iter()
            .zip(&self.inside)
            .map(|(&score, inside)| match inside {
                None => score,
                Some(_) => f64::NEG_INFINITY,
            })
            .collect();
        let mut next = vec![0.0; labels];
        for scores in scores.chunks_exact(labels).skip(1) {
            let closed = best_of(&totals, &self.closing);
            for (label, inside) in self.inside.iter().enumerate() {
                let (before, total) = match inside {
                    None => closed,
                    Some(before) => best_of(&totals, before),
                };
                back.push(before);
                next[label] = total + scores[label];
            }
            std::mem::swap(&mut totals, &mut next);
        }
        let first = path.len();
        let mut label = best_of(&totals, &self.closing).0;
        path.push(label);
        for back in back.chunks_exact(labels).rev().take(units - 1) {
            label = back[label as usize];
            path.push(label);
        }
        path[first..].reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(names: &[&str], scores: &[f64]) -> Vec<u32> {
        let transitions = Transitions::new(&LabelSet::new(names.iter().copied())).ok();
        let mut path = Vec::new();
        if let Some(transitions) = transitions {
            transitions.best_path(scores, &mut Vec::new(), &mut path);
        }
        path
    }

    #[test]
    fn inside_needs_a_beginning() {
        let bio = ["O", "B-X", "I-X"];
        assert_eq!(path(&bio, &[0.0, -5.0, 9.0]), [0]);
        assert_eq!(path(&bio, &[0.0, -1.0, 9.0, 0.0, -9.0, 3.0]), [1, 2]);
        assert_eq!(path(&bio, &[0.0, -9.0, 9.0, 0.0, -9.0, 3.0]), [0, 0]);
    }

    #[test]
    fn what_begins_also_ends_where_the_scheme_says_where() {
        let bioes = ["O", "B-X", "I-X", "E-X", "S-X"];
        assert_eq!(path(&bioes, &[0.0, 9.0, 0.0, 0.0, 1.0]), [4]);
        let two = [0.0, 9.0, 0.0, 0.0, 1.0, 0.0, 0.0, 4.0, 3.0, 0.0];
        assert_eq!(path(&bioes, &two), [1, 3]);
    }

    #[test]
    fn no_units_have_no_labels() {
        assert!(path(&["O", "B-X"], &[]).is_empty());
    }

    #[test]
    fn labels_of_no_scheme_are_refused() {
        for names in [
            &["O", "NOUN"][..],
            &["O"],
            &[],
            &["O", "I-X"],
            &["O", "B-Y", "I-X"],
        ] {
            assert!(Transitions::new(&LabelSet::new(names.iter().copied())).is_err());
        }
    }
}
