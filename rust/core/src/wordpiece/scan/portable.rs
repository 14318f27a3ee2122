//! The scan in plain Rust: for every processor, and what the others are compared with.

use super::{BLOCK, Classes, DROPPED, Scan};

/// Part of a run.
const RUN: u8 = 1;
const PUNCTUATION: u8 = 2;

/// The class of each byte.
static CLASSES: [u8; 256] = {
    let mut classes = [RUN; 256];
    let mut byte = 0;
    while byte < 128 {
        let ascii = byte as u8;
        if matches!(ascii, b' ' | b'\t' | b'\n' | b'\r') {
            classes[byte] = 0;
        } else if ascii.is_ascii_punctuation() {
            classes[byte] = PUNCTUATION;
        }
        byte += 1;
    }
    classes
};

/// What each byte becomes: as it is, and in lower case.
static CASED: [u8; 256] = outputs(false);
static LOWERCASE: [u8; 256] = outputs(true);

const fn outputs(lowercase: bool) -> [u8; 256] {
    let mut outputs = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let input = byte as u8;
        outputs[byte] = match input {
            b'\t' | b'\n' | b'\r' => input,
            0..0x20 | 0x7F => DROPPED,
            _ if lowercase => input.to_ascii_lowercase(),
            _ => input,
        };
        byte += 1;
    }
    outputs
}

pub(super) fn scan(scan: &mut Scan, text: &[u8], lowercase: bool) {
    let outputs = if lowercase { &LOWERCASE } else { &CASED };
    scan.scan_blocks(text, |block, target| classify(block, target, outputs));
}

#[inline]
fn classify(block: &[u8; BLOCK], target: &mut [u8; BLOCK], outputs: &[u8; 256]) -> Classes {
    let (mut run, mut punctuation) = (0, 0);
    for (place, (&byte, target)) in block.iter().zip(target).enumerate() {
        let class = CLASSES[usize::from(byte)];
        run |= u64::from(class & RUN) << place;
        punctuation |= u64::from(class / PUNCTUATION) << place;
        *target = outputs[usize::from(byte)];
    }
    Classes { run, punctuation }
}
