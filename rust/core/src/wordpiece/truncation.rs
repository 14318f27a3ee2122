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

/// The windows over one sequence: equally long, but for the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Windows {
    length: usize,
    /// Tokens of a window.
    room: usize,
    /// Tokens from the start of one window to that of the next.
    step: usize,
    count: usize,
    side: TruncationSide,
}

impl Windows {
    /// One window over everything.
    pub(super) fn whole(length: usize) -> Self {
        Self {
            length,
            room: length,
            step: length,
            count: 1,
            side: TruncationSide::Right,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The tokens of a window; `window` is less than their number.
    pub(super) fn get(&self, window: usize) -> Range<usize> {
        if self.room == 0 && window > 0 {
            // The reference keeps what is cut off as one window of any length.
            return 0..self.length;
        }
        let first = window * self.step;
        match self.side {
            TruncationSide::Right => first..(first + self.room).min(self.length),
            TruncationSide::Left => {
                let end = self.length - first;
                end.saturating_sub(self.room)..end
            }
        }
    }
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

    /// Windows over sequences of `first` and `second` tokens where `room` tokens fit. The first of each makes the
    /// main row.
    pub(super) fn windows(
        &self,
        first: usize,
        second: Option<usize>,
        room: usize,
        sample: usize,
    ) -> Result<(Windows, Option<Windows>)> {
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
        let second = match (second, second_room) {
            (Some(second), Some(room)) => Some(self.cut(second, room, sample)?),
            _ => None,
        };
        Ok((self.cut(first, first_room, sample)?, second))
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
    fn cut(&self, length: usize, room: usize, sample: usize) -> Result<Windows> {
        if room >= length {
            return Ok(Windows::whole(length));
        }
        if room > 0 && self.stride >= room {
            return Err(Error::NoRoomForStride {
                stride: self.stride,
                room,
                sample,
            });
        }
        let step = room.saturating_sub(self.stride);
        Ok(Windows {
            length,
            room,
            step,
            count: if room == 0 {
                2
            } else {
                (length - room).div_ceil(step) + 1
            },
            side: self.side,
        })
    }
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

    fn all(windows: Windows) -> Vec<Range<usize>> {
        (0..windows.count())
            .map(|window| windows.get(window))
            .collect()
    }

    #[test]
    fn windows_cover_a_sequence_and_end_with_it() -> Result<()> {
        let right = truncation(TruncationStrategy::LongestFirst, TruncationSide::Right, 1);
        assert_eq!(all(right.windows(7, None, 3, 0)?.0), [0..3, 2..5, 4..7]);
        assert_eq!(all(right.windows(6, None, 3, 0)?.0), [0..3, 2..5, 4..6]);
        assert_eq!(right.windows(3, None, 3, 0)?.0, Windows::whole(3));
        let left = truncation(TruncationStrategy::LongestFirst, TruncationSide::Left, 1);
        assert_eq!(all(left.windows(6, None, 3, 0)?.0), [3..6, 1..4, 0..2]);
        Ok(())
    }

    #[test]
    fn without_room_everything_is_in_the_second_window() -> Result<()> {
        for side in [TruncationSide::Right, TruncationSide::Left] {
            let none = truncation(TruncationStrategy::LongestFirst, side, 0);
            let windows = all(none.windows(7, None, 0, 0)?.0);
            assert_eq!((windows.len(), windows[0].len()), (2, 0));
            assert_eq!(windows[1], 0..7);
        }
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
