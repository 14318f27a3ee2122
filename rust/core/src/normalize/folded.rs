//! What common letters become, looked up instead of computed.

/// Two-byte characters: Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic.
const TWO_BYTES: std::ops::Range<u32> = 0x80..0x800;
/// More of Latin (Vietnamese among them) and Greek.
const MORE: std::ops::Range<u32> = 0x1E00..0x2000;

/// UTF-8 of up to four bytes, and their number.
#[derive(Debug, Clone, Copy)]
struct Output {
    bytes: [u8; 4],
    length: u8,
}

impl Output {
    /// The output is longer than four bytes.
    const LONG: u8 = u8::MAX;
}

/// Characters of up to three bytes and what each becomes, wherever it stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Folded(Box<[Output]>);

impl Folded {
    /// With the UTF-8 that `output` gives for a character.
    pub(super) fn new(output: impl Fn(char) -> Vec<u8>) -> Self {
        let folded = TWO_BYTES.chain(MORE).map(|code| {
            let utf8 = char::from_u32(code).map(&output).unwrap_or_default();
            let mut bytes = [0; 4];
            match bytes.get_mut(..utf8.len()) {
                Some(target) => target.copy_from_slice(&utf8),
                None => {
                    return Output {
                        bytes,
                        length: Output::LONG,
                    };
                }
            }
            Output {
                bytes,
                length: utf8.len() as u8,
            }
        });
        Self(folded.collect())
    }

    /// What a character becomes, if that is known and short.
    #[inline]
    pub(super) fn get(&self, code: u32) -> Option<&[u8]> {
        let place = if code < TWO_BYTES.end {
            code.checked_sub(TWO_BYTES.start)?
        } else if code < MORE.end {
            code.checked_sub(MORE.start)? + (TWO_BYTES.end - TWO_BYTES.start)
        } else {
            return None;
        };
        let output = self.0.get(place as usize)?;
        output.bytes.get(..usize::from(output.length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_outputs_of_common_characters_come_back() {
        let folded = Folded::new(|c| match c {
            '\u{e9}' => b"e".to_vec(),
            '\u{ad}' => Vec::new(),
            '\u{df}' => b"sssss".to_vec(),
            _ => c.to_string().into_bytes(),
        });
        let get = |c: char| folded.get(u32::from(c));
        assert_eq!(get('\u{e9}'), Some(&b"e"[..]));
        assert_eq!(get('\u{ad}'), Some(&b""[..]));
        assert_eq!(get('\u{df}'), None);
        for kept in ['\u{80}', '\u{7ff}', '\u{1e00}', '\u{1fff}'] {
            assert_eq!(get(kept), Some(kept.to_string().as_bytes()));
        }
        for other in ['a', '\u{7f}', '\u{800}', '\u{1dff}', '\u{2000}', '\u{4e2d}'] {
            assert_eq!(get(other), None);
        }
    }
}
