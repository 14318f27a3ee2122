//! Short runs of text as numbers, which are compared instead of strings.

/// Longest run that has a key of its own, in bytes: with its length it fills 16 bytes.
pub(super) const MAX_BYTES: usize = 15;

/// The bytes of a run, zeros behind them, and last their number. Long runs have the key 0, which is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Key {
    pub(super) low: u64,
    pub(super) high: u64,
}

const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

impl Key {
    /// The key of the `length` bytes at `start`; 16 bytes must be there.
    #[inline]
    pub(super) fn at(text: &[u8], start: usize, length: usize) -> Self {
        if length > MAX_BYTES {
            return Self::default();
        }
        let Some(bytes) = text[start..].first_chunk::<16>() else {
            return Self::default();
        };
        let bytes = u128::from_le_bytes(*bytes);
        let (low, high) = MASKS[length];
        Self {
            low: bytes as u64 & low,
            high: (bytes >> 64) as u64 & high | (length as u64) << 56,
        }
    }

    /// The key of a run on its own.
    #[inline]
    pub(super) fn of(run: &[u8]) -> Self {
        // Loads that overlap, instead of a copy of so many bytes as there are.
        let length = run.len();
        let last = |word: u64, bytes: usize| word << (8 * (length - bytes));
        let (low, high) = match *run {
            [] => (0, 0),
            [a] => (u64::from(a), 0),
            [a, b] => (u64::from(a) | u64::from(b) << 8, 0),
            [a, b, c] => (u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16, 0),
            _ if length > MAX_BYTES => return Self::default(),
            _ => match (
                run.first_chunk(),
                run.last_chunk(),
                run.first_chunk(),
                run.last_chunk(),
            ) {
                (Some(first), Some(behind), _, _) => {
                    let behind = u64::from_le_bytes(*behind);
                    let high = behind.checked_shr(8 * (16 - length) as u32).unwrap_or(0);
                    (u64::from_le_bytes(*first), high)
                }
                (_, _, Some(first), Some(behind)) => {
                    let behind = u64::from(u32::from_le_bytes(*behind));
                    (u64::from(u32::from_le_bytes(*first)) | last(behind, 4), 0)
                }
                _ => return Self::default(),
            },
        };
        Self {
            low,
            high: high | (length as u64) << 56,
        }
    }

    /// Whether a byte may be in the run; never `false` where it is.
    #[inline]
    pub(super) fn may_contain(self, byte: u8) -> bool {
        const ONES: u64 = 0x0101_0101_0101_0101;
        // A byte that is 0 borrows from the next; so may one above it, which is then said to be there too.
        let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH_BITS;
        let pattern = ONES * u64::from(byte);
        zero(self.low ^ pattern) | zero(self.high ^ pattern) != 0
    }

    /// The key with ASCII letters in lower case.
    #[inline]
    pub(super) fn lowercase(self) -> Self {
        Self {
            low: lowercase(self.low),
            high: lowercase(self.high),
        }
    }

    /// Whether the run is ASCII, if it is not too long for a key.
    #[inline]
    pub(super) fn is_ascii(self) -> bool {
        (self.low | self.high) & HIGH_BITS == 0
    }

    /// Bytes that continue a character.
    #[inline]
    pub(super) fn continuing_bytes(self) -> u32 {
        if self.is_ascii() {
            return 0;
        }
        let continuing = |word: u64| (word & HIGH_BITS & !(word << 1)).count_ones();
        continuing(self.low) + continuing(self.high)
    }

    /// Multiply and fold.
    #[inline]
    pub(super) fn hash(self) -> u64 {
        // Digits of pi: no structure that words could share.
        let product = u128::from(self.low ^ 0x243F_6A88_85A3_08D3)
            * u128::from(self.high ^ 0x1319_8A2E_0370_7344);
        let folded = product as u64 ^ (product >> 64) as u64;
        // A short run has a constant factor: spread what it leaves in the low bits.
        folded ^ folded >> 29
    }
}

const MASKS: [(u64, u64); MAX_BYTES + 1] = {
    let mut masks = [(0, 0); MAX_BYTES + 1];
    let mut length = 1;
    while length <= MAX_BYTES {
        masks[length] = if length < 8 {
            ((1 << (8 * length)) - 1, 0)
        } else {
            (u64::MAX, (1 << (8 * (length - 8))) - 1)
        };
        length += 1;
    }
    masks
};

/// Eight bytes with ASCII letters in lower case, the others unchanged.
#[inline]
fn lowercase(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let ascii = word & !HIGH_BITS;
    let from_a = ascii + ONES * (0x80 - b'A' as u64);
    let behind_z = ascii + ONES * (0x80 - b'Z' as u64 - 1);
    let upper = from_a & !behind_z & !word & HIGH_BITS;
    word | upper >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_the_same_key_alone_and_in_a_text() {
        let text: Vec<u8> = (b'0'..=b'Z').collect();
        for length in 0..=20 {
            for start in 0..5 {
                let alone = Key::of(&text[start..start + length]);
                assert_eq!(alone, Key::at(&text, start, length), "{length} at {start}");
            }
        }
    }

    #[test]
    fn bytes_of_a_run_are_found() {
        for byte in 1..=u8::MAX {
            for place in 0..MAX_BYTES {
                let mut run = [b'a'; MAX_BYTES];
                assert!(byte == b'a' || byte == 15 || !Key::of(&run).may_contain(byte));
                run[place] = byte;
                assert!(Key::of(&run).may_contain(byte));
            }
        }
    }

    #[test]
    fn keys_are_lower_cased_as_text_is() {
        for byte in 0..=u8::MAX {
            let run = [b'A', byte, b'z', 0xC3, byte, b'Z', b'[', b'@', byte];
            assert_eq!(
                Key::of(&run).lowercase(),
                Key::of(&run.map(|byte| byte.to_ascii_lowercase()))
            );
        }
    }

    #[test]
    fn bytes_that_continue_characters_are_counted() {
        for run in [
            "",
            "a",
            "caf\u{e9}",
            "\u{4e2d}\u{1f600}",
            "\u{7f}\u{80}",
            "\u{ffff}abcdefgh\u{100}",
        ] {
            let continuing = run.len() - run.chars().count();
            assert_eq!(
                Key::of(run.as_bytes()).continuing_bytes() as usize,
                continuing,
                "{run}"
            );
            let is_ascii = Key::of(run.as_bytes()).is_ascii();
            assert_eq!(is_ascii, run.is_ascii(), "{run}");
        }
    }
}
