//! Where the tokens of normalized ASCII stand, found 64 bytes at a time.
//!
//! A byte is white space, punctuation, or part of a run. Runs end at the first two; each punctuation mark is a token
//! of its own. Bytes that are not ASCII, and control characters, are part of runs: what they mean is looked at later.

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod avx2;
mod portable;

/// Bytes that may be read behind the text.
pub(super) const PADDING: usize = 64;
/// What a control character that is dropped becomes: no byte of UTF-8.
pub(super) const DROPPED: u8 = 0xFF;

const BLOCK: usize = 64;

/// Which bytes of a block are part of runs, and which are punctuation, from the lowest bit on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Classes {
    run: u64,
    punctuation: u64,
}

/// A scanned text; its buffers are used again for the next.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The text in lower case if asked for, dropped characters as [`DROPPED`], and at least [`PADDING`] bytes.
    text: Vec<u8>,
    starts: Vec<u32>,
    ends: Vec<u32>,
    tokens: usize,
}

impl Scan {
    /// Finds the runs and punctuation marks of a text of fewer than 2^32 bytes. O(n).
    pub(super) fn scan(&mut self, text: &[u8], lowercase: bool) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if avx2::is_available() {
            return avx2::scan(self, text, lowercase);
        }
        portable::scan(self, text, lowercase);
    }

    /// The text in lower case, with [`PADDING`] bytes behind it.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// First byte of each token.
    pub(super) fn starts(&self) -> &[u32] {
        &self.starts[..self.tokens]
    }

    /// Behind the last byte of each token.
    pub(super) fn ends(&self) -> &[u32] {
        &self.ends[..self.tokens]
    }

    /// The scan, block by block. Inlined where `classify` is, so that it is compiled for the same processor.
    #[inline(always)]
    fn scan_blocks(
        &mut self,
        text: &[u8],
        classify: impl Fn(&[u8; BLOCK], &mut [u8; BLOCK]) -> Classes,
    ) {
        let blocks = text.len() / BLOCK + 1;
        // Never shrunk, and written in full: only the first call for a length pays for it.
        if self.text.len() < blocks * BLOCK + PADDING {
            self.text.resize(blocks * BLOCK + PADDING, 0);
        }
        // Room for 64 positions is asked for at each block, behind those that are there.
        if self.starts.len() < (blocks + 1) * BLOCK {
            self.starts.resize((blocks + 1) * BLOCK, 0);
            self.ends.resize((blocks + 1) * BLOCK, 0);
        }
        let (mut starts, mut ends) = (0, 0);
        let mut before = Classes {
            run: 0,
            punctuation: 0,
        };
        let (whole, tail) = text.as_chunks::<BLOCK>();
        // White space behind the text ends its last token.
        let mut last = [b' '; BLOCK];
        last[..tail.len()].copy_from_slice(tail);
        let targets = self.text.as_chunks_mut::<BLOCK>().0;
        for (index, (block, target)) in whole
            .iter()
            .chain(std::iter::once(&last))
            .zip(targets)
            .enumerate()
        {
            let classes = classify(block, target);
            let token = classes.run | classes.punctuation;
            // The bytes that go on with the run of the byte before.
            let inside = classes.run & (classes.run << 1 | before.run);
            let behind_token = token << 1 | before.run | before.punctuation;
            let first = (index * BLOCK) as u32;
            starts = push(&mut self.starts, starts, token & !inside, first);
            ends = push(&mut self.ends, ends, behind_token & !inside, first);
            before = Classes {
                run: classes.run >> 63,
                punctuation: classes.punctuation >> 63,
            };
        }
        debug_assert_eq!(starts, ends);
        self.tokens = starts.min(ends);
    }
}

/// Appends the positions of the bits to the `count` first positions. Returns their new number.
#[inline(always)]
fn push(positions: &mut [u32], count: usize, mut bits: u64, first: u32) -> usize {
    let target = &mut positions[count..count + BLOCK];
    let found = bits.count_ones() as usize;
    let mut written = 0;
    // Eight at a time: what is written behind the last one is written over. Fewer branches than one a position.
    while written < found {
        for place in &mut target[written..written + 8] {
            *place = first + bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
        }
        written += 8;
    }
    count + found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens and text by the definition.
    fn expected(text: &[u8], lowercase: bool) -> (Vec<(u32, u32)>, Vec<u8>) {
        let mut tokens = Vec::new();
        let mut run = None;
        for (place, &byte) in (0..).zip(text) {
            let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            if is_space || byte.is_ascii_punctuation() {
                tokens.extend(run.take().map(|start| (start, place)));
                if !is_space {
                    tokens.push((place, place + 1));
                }
            } else if run.is_none() {
                run = Some(place);
            }
        }
        tokens.extend(run.map(|start| (start, text.len() as u32)));
        let lower = |&byte: &u8| match byte {
            b'\t' | b'\n' | b'\r' => byte,
            0..0x20 | 0x7F => DROPPED,
            _ if lowercase => byte.to_ascii_lowercase(),
            _ => byte,
        };
        (tokens, text.iter().map(lower).collect())
    }

    fn check(scan: impl Fn(&mut Scan, &[u8], bool), text: &[u8]) {
        let mut scanned = Scan::default();
        for lowercase in [true, false] {
            scan(&mut scanned, text, lowercase);
            let (tokens, lower) = expected(text, lowercase);
            let found: Vec<(u32, u32)> = scanned
                .starts()
                .iter()
                .copied()
                .zip(scanned.ends().iter().copied())
                .collect();
            assert_eq!(found, tokens, "{text:?}");
            assert_eq!(&scanned.text()[..text.len()], lower, "{text:?}");
            assert!(scanned.text().len() >= text.len() + PADDING);
        }
    }

    /// Random bytes, of which each kind is frequent.
    fn texts() -> impl Iterator<Item = Vec<u8>> {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let rounds = if cfg!(miri) { 3 } else { 2_000 };
        (0..rounds).map(move |round| {
            let bytes = round % 300;
            (0..bytes)
                .map(|_| match random() % 8 {
                    0 => b' ',
                    1 => (random() % 256) as u8,
                    2 => b"\t\n\r.-_~!"[(random() % 8) as usize],
                    3 => b'A' + (random() % 26) as u8,
                    _ => b'a' + (random() % 26) as u8,
                })
                .collect()
        })
    }

    fn all(scan: impl Fn(&mut Scan, &[u8], bool) + Copy) {
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        check(scan, &bytes);
        // Miri takes a second for each.
        for byte in (0..=u8::MAX).step_by(if cfg!(miri) { 41 } else { 1 }) {
            check(scan, &[byte; 130]);
            check(scan, &[b'a', byte, b'Z', byte]);
        }
        texts().for_each(|text| check(scan, &text));
    }

    #[test]
    fn the_portable_scan_finds_every_token() {
        all(portable::scan);
    }

    #[test]
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    fn the_avx2_scan_finds_what_the_portable_one_does() {
        if avx2::is_available() {
            all(avx2::scan);
        }
    }

    #[test]
    fn buffers_of_a_long_text_serve_a_short_one() {
        let mut scan = Scan::default();
        scan.scan(&[b'a'; 1000], true);
        scan.scan(b"b c", true);
        assert_eq!(scan.starts(), [0, 2]);
        assert_eq!(scan.ends(), [1, 3]);
    }
}
