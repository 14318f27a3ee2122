//! The scan for x86-64 processors with AVX2: those since 2013 and 2015.
#![allow(
    unsafe_code,
    reason = "vector loads and stores take pointers, and the processor is asked at run time"
)]

use super::{BLOCK, Classes, DROPPED, Scan};
use std::arch::x86_64::{
    __m256i, _mm256_add_epi8, _mm256_and_si256, _mm256_andnot_si256, _mm256_cmpeq_epi8,
    _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    _mm256_storeu_si256,
};

const HALF: usize = BLOCK / 2;

/// Whether [`scan`] runs here. The answer is kept by the standard library.
#[inline]
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}

/// Scans a text.
///
/// # Panics
/// Where the processor cannot: see [`is_available`].
pub(super) fn scan(scan: &mut Scan, text: &[u8], lowercase: bool) {
    assert!(is_available());
    // SAFETY: the features are there.
    unsafe {
        if lowercase {
            scan_with::<true>(scan, text);
        } else {
            scan_with::<false>(scan, text);
        }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn scan_with<const LOWERCASE: bool>(scan: &mut Scan, text: &[u8]) {
    scan.scan_blocks(text, |block, target| classify::<LOWERCASE>(block, target));
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn classify<const LOWERCASE: bool>(block: &[u8; BLOCK], target: &mut [u8; BLOCK]) -> Classes {
    let mut run = [0; 2];
    let mut punctuation = [0; 2];
    let (sources, _) = block.as_chunks::<HALF>();
    let (targets, _) = target.as_chunks_mut::<HALF>();
    for (half, (source, target)) in sources.iter().zip(targets).enumerate() {
        // SAFETY: the pointer is that of 32 bytes; no alignment is needed.
        let bytes = unsafe { _mm256_loadu_si256(source.as_ptr().cast()) };
        let upper = between(bytes, b'A', b'Z');
        let lower = _mm256_or_si256(bytes, _mm256_and_si256(upper, all(0x20)));
        let alphanumeric = _mm256_or_si256(between(lower, b'a', b'z'), between(bytes, b'0', b'9'));
        let space = _mm256_or_si256(
            _mm256_or_si256(equal(bytes, b' '), equal(bytes, b'\t')),
            _mm256_or_si256(equal(bytes, b'\n'), equal(bytes, b'\r')),
        );
        // As signed numbers, bytes that are not ASCII are less than all that are.
        let low = _mm256_cmpgt_epi8(all(b' '), bytes);
        let ascii = _mm256_cmpgt_epi8(bytes, all(0xFF));
        let odd = _mm256_andnot_si256(space, _mm256_or_si256(low, equal(bytes, 0x7F)));
        let control = _mm256_and_si256(odd, ascii);
        let in_run = _mm256_or_si256(alphanumeric, odd);
        let in_token = _mm256_andnot_si256(space, all(0xFF));
        run[half] = mask(in_run);
        punctuation[half] = mask(_mm256_andnot_si256(in_run, in_token));
        let kept = if LOWERCASE { lower } else { bytes };
        let output = _mm256_or_si256(kept, _mm256_and_si256(control, all(DROPPED)));
        // SAFETY: as above.
        unsafe { _mm256_storeu_si256(target.as_mut_ptr().cast(), output) };
    }
    Classes {
        run: run[0] | run[1] << HALF,
        punctuation: punctuation[0] | punctuation[1] << HALF,
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn all(byte: u8) -> __m256i {
    _mm256_set1_epi8(byte as i8)
}

#[inline]
#[target_feature(enable = "avx2")]
fn equal(bytes: __m256i, byte: u8) -> __m256i {
    _mm256_cmpeq_epi8(bytes, all(byte))
}

/// Bytes from `first` to `last`, both ASCII: moved to the lower end of the signed numbers, one comparison tells.
#[inline]
#[target_feature(enable = "avx2")]
fn between(bytes: __m256i, first: u8, last: u8) -> __m256i {
    let moved = _mm256_add_epi8(bytes, all(0x80_u8.wrapping_sub(first)));
    _mm256_cmpgt_epi8(all((0x80 + (last - first)).wrapping_add(1)), moved)
}

#[inline]
#[target_feature(enable = "avx2")]
fn mask(bytes: __m256i) -> u64 {
    u64::from(_mm256_movemask_epi8(bytes) as u32)
}
