//! Blocks of the generator, as many at once as the processor's vectors hold.
#![allow(
    unsafe_code,
    reason = "vectors: a draw takes 0.25 ns with AVX-512, 0.7 ns with AVX2, 1.6 ns without"
)]

use rand_philox::philox4x32_10;

/// Draws of a block.
pub(super) const WORDS: usize = 4;

/// Blocks that are computed side by side.
const LANES: usize = 16;

/// A block.
pub(super) fn block(key: [u32; 2], counter: [u32; 4]) -> [u32; WORDS] {
    philox4x32_10(counter, key)
}

/// Writes the blocks from `counter` on; `draws` is a multiple of a block long.
pub(super) fn fill(key: [u32; 2], counter: [u32; 4], draws: &mut [u32]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
        {
            // SAFETY: the processor has these features.
            return unsafe { fill_avx512(key, counter, draws) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has this feature.
            return unsafe { fill_avx2(key, counter, draws) };
        }
    }
    fill_lanes(key, counter, draws);
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn fill_avx512(key: [u32; 2], counter: [u32; 4], draws: &mut [u32]) {
    fill_lanes(key, counter, draws);
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx2")]
fn fill_avx2(key: [u32; 2], counter: [u32; 4], draws: &mut [u32]) {
    fill_lanes(key, counter, draws);
}

/// Safe code, compiled for each kind of processor that it is inlined for.
#[inline(always)]
fn fill_lanes(key: [u32; 2], counter: [u32; 4], draws: &mut [u32]) {
    let [mut number, epoch, low, high] = counter;
    for draws in draws.chunks_mut(LANES * WORDS) {
        let mut lanes = [[0; WORDS]; LANES];
        for (lane, words) in (0..).zip(&mut lanes) {
            *words = philox4x32_10([number.wrapping_add(lane), epoch, low, high], key);
        }
        draws.copy_from_slice(&lanes.as_flattened()[..draws.len()]);
        number = number.wrapping_add(LANES as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_philox_with_10_rounds() {
        // The known answers of Random123 (kat_vectors, philox4x32 10).
        assert_eq!(
            block([0; 2], [0; 4]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            block(
                [0xa409_3822, 0x299f_31d0],
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn every_kind_of_processor_gives_the_same_blocks() {
        let (key, counter) = ([1, 2], [u32::MAX - 20, 4, 5, 6]);
        for length in (0..300).step_by(WORDS) {
            let (mut fast, mut plain) = (vec![0; length], vec![0; length]);
            fill(key, counter, &mut fast);
            fill_lanes(key, counter, &mut plain);
            assert_eq!(fast, plain);
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has this feature.
                unsafe { fill_avx2(key, counter, &mut fast) };
                assert_eq!(fast, plain);
            }
            for (number, words) in (0..).zip(plain.chunks(WORDS)) {
                let counter = [counter[0].wrapping_add(number), 4, 5, 6];
                assert_eq!(words, block(key, counter));
            }
        }
    }
}
