//! Which tokens of a sequence, or of two, fit: truncation and windows.

use crate::error::{Error, Result};
use std::ops::Range;

/// Which sequence of a pair gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruncationStrategy {
    /// The longer one.
    LongestFirst,
    /// Only the text.
    OnlyFirst,
    /// Only its pair.
    OnlySecond,
}

impl TruncationStrategy {
    /// The name that transformers uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LongestFirst => "longest_first",
            Self::OnlyFirst => "only_first",
            Self::OnlySecond => "only_second",
        }
    }
}

/// Which end of a sequence is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruncationSide {
    /// The beginning.
    Left,
    /// The end.
    Right,
}

/// How to make a sequence fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncation {
    /// Largest number of tokens, special tokens included where they are added.
    pub max_length: usize,
    /// Which sequence of a pair gives way.
    pub strategy: TruncationStrategy,
    /// Which end is cut.
    pub side: TruncationSide,
    /// Tokens that one window shares with the next.
    pub stride: usize,
}

/// The windows of a text and of its pair; the first of each makes the main row.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) first: Vec<Range<usize>>,
    pub(super) second: Vec<Range<usize>>,
}

impl Truncation {
    /// Refuses what no sample could meet: `special` tokens are added to each row, `single` to one of a single text.
    pub(super) fn check(&self, special: usize, single: usize) -> Result<()> {
        let Self {
            max_length, stride, ..
        } = *self;
        if max_length < special {
            return Err(Error::MaxLengthTooSmall {
                max_length,
                special,
            });
        }
        // The reference counts the special tokens of a single text here, whatever is encoded.
        match max_length.checked_sub(single) {
            Some(room) if room < stride => Err(Error::StrideTooLarge {
                stride,
                room,
                max_length,
                special: single,
            }),
            _ => Ok(()),
        }
    }

    /// Windows over sequences of `first` and `second` tokens where `room` tokens fit.
    pub(super) fn windows(
        &self,
        first: usize,
        second: Option<usize>,
        room: usize,
        sample: usize,
    ) -> Result<Windows> {
        let total = first + second.unwrap_or(0);
        let (first_room, second_room) = if total <= room {
            (first, second)
        } else if room == 0 {
            (0, second.map(|_| 0))
        } else {
            match (self.strategy, second) {
                (TruncationStrategy::LongestFirst, None) => (room, None),
                (TruncationStrategy::LongestFirst, Some(second)) => {
                    let (first, second) = share(first, second, room);
                    (first, Some(second))
                }
                (TruncationStrategy::OnlyFirst, _) => {
                    (self.shorten(first, total - room, sample)?, second)
                }
                (TruncationStrategy::OnlySecond, Some(second)) => {
                    (first, Some(self.shorten(second, total - room, sample)?))
                }
                (TruncationStrategy::OnlySecond, None) => {
                    return Err(Error::NoSecondSequence {
                        sample,
                        length: first,
                        room,
                    });
                }
            }
        };
        Ok(Windows {
            first: self.cut(first, first_room, sample)?,
            second: match (second, second_room) {
                (Some(second), Some(room)) => self.cut(second, room, sample)?,
                _ => Vec::new(),
            },
        })
    }

    fn shorten(&self, length: usize, remove: usize, sample: usize) -> Result<usize> {
        match length.checked_sub(remove) {
            Some(room) if room > 0 => Ok(room),
            _ => Err(Error::CannotTruncate {
                strategy: self.strategy.name(),
                remove,
                length,
                sample,
            }),
        }
    }

    /// Windows of `room` tokens over a sequence of `length`.
    fn cut(&self, length: usize, room: usize, sample: usize) -> Result<Vec<Range<usize>>> {
        if room >= length {
            return Ok(whole(length));
        }
        if room == 0 {
            // The reference keeps what is cut off as one window of any length.
            return Ok([0..0, 0..length].into());
        }
        if self.stride >= room {
            return Err(Error::NoRoomForStride {
                stride: self.stride,
                room,
                sample,
            });
        }
        let step = room - self.stride;
        let count = (length - room).div_ceil(step) + 1;
        Ok((0..count)
            .map(|window| match self.side {
                TruncationSide::Right => window * step..(window * step + room).min(length),
                TruncationSide::Left => {
                    let end = length - window * step;
                    end.saturating_sub(room)..end
                }
            })
            .collect())
    }
}

/// One window over everything.
pub(super) fn whole(length: usize) -> Vec<Range<usize>> {
    std::iter::once(0..length).collect()
}

/// Tokens that are left of two sequences when the longer one gives way first.
fn share(first: usize, second: usize, room: usize) -> (usize, usize) {
    let swapped = first > second;
    let shorter = first.min(second);
    let mut short = shorter;
    let mut long = if shorter > room {
        shorter
    } else {
        shorter.max(room - shorter)
    };
    if short + long > room {
        short = room / 2;
        long = short + room % 2;
    }
    if swapped {
        (long, short)
    } else {
        (short, long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truncation(strategy: TruncationStrategy, side: TruncationSide, stride: usize) -> Truncation {
        Truncation {
            max_length: 0,
            strategy,
            side,
            stride,
        }
    }

    #[test]
    fn windows_cover_a_sequence_and_end_with_it() -> Result<()> {
        let right = truncation(TruncationStrategy::LongestFirst, TruncationSide::Right, 1);
        assert_eq!(right.windows(7, None, 3, 0)?.first, [0..3, 2..5, 4..7]);
        assert_eq!(right.windows(6, None, 3, 0)?.first, [0..3, 2..5, 4..6]);
        let left = truncation(TruncationStrategy::LongestFirst, TruncationSide::Left, 1);
        assert_eq!(left.windows(6, None, 3, 0)?.first, [3..6, 1..4, 0..2]);
        Ok(())
    }

    #[test]
    fn the_longer_sequence_gives_way() {
        assert_eq!(share(300, 200, 101), (51, 50));
        assert_eq!(share(200, 300, 101), (50, 51));
        assert_eq!(share(10, 300, 100), (10, 90));
        assert_eq!(share(300, 10, 100), (90, 10));
    }

    #[test]
    fn a_stride_that_leaves_no_room_is_an_error() {
        let right = truncation(TruncationStrategy::LongestFirst, TruncationSide::Right, 3);
        assert_eq!(
            right.windows(7, None, 3, 4),
            Err(Error::NoRoomForStride {
                stride: 3,
                room: 3,
                sample: 4
            })
        );
    }

    #[test]
    fn a_pair_that_cannot_fit_is_an_error() {
        let first = truncation(TruncationStrategy::OnlyFirst, TruncationSide::Right, 0);
        assert!(matches!(
            first.windows(2, Some(9), 5, 0),
            Err(Error::CannotTruncate { .. })
        ));
        let second = truncation(TruncationStrategy::OnlySecond, TruncationSide::Right, 0);
        assert!(matches!(
            second.windows(9, None, 5, 0),
            Err(Error::NoSecondSequence { .. })
        ));
    }
}
