//! A row, compiled for the processors that there are.
#![allow(
    unsafe_code,
    reason = "vectors: a token takes a third less time with AVX2"
)]

use super::row::{Row, Scratch};
use super::{IGNORED, Masker, TokenId};
use crate::Result;

impl Masker {
    /// Masks a row: writes all of `masked` and `labels`.
    pub(super) fn mask_row<T: TokenId>(
        &self,
        row: &Row<'_, T>,
        masked: &mut [i64],
        labels: &mut [i64],
        scratch: &mut Scratch,
    ) -> Result<()> {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
        {
            // SAFETY: the processor has these features.
            return unsafe { self.mask_row_avx512(row, masked, labels, scratch) };
        }
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
        {
            // SAFETY: the processor has these features.
            return unsafe { self.mask_row_avx2(row, masked, labels, scratch) };
        }
        self.mask_row_inline(row, masked, labels, scratch)
    }

    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2")]
    fn mask_row_avx512<T: TokenId>(
        &self,
        row: &Row<'_, T>,
        masked: &mut [i64],
        labels: &mut [i64],
        scratch: &mut Scratch,
    ) -> Result<()> {
        self.mask_row_inline(row, masked, labels, scratch)
    }

    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn mask_row_avx2<T: TokenId>(
        &self,
        row: &Row<'_, T>,
        masked: &mut [i64],
        labels: &mut [i64],
        scratch: &mut Scratch,
    ) -> Result<()> {
        self.mask_row_inline(row, masked, labels, scratch)
    }

    /// Safe code, compiled for each kind of processor that it is inlined for.
    #[inline(always)]
    fn mask_row_inline<T: TokenId>(
        &self,
        row: &Row<'_, T>,
        masked: &mut [i64],
        labels: &mut [i64],
        scratch: &mut Scratch,
    ) -> Result<()> {
        row.validate(&self.vocab)?;
        let bernoulli =
            !self.options.whole_word_mask && !self.options.exact && self.span_lengths.is_none();
        if let (true, Some(last_selected), Some(ranges)) = (
            bernoulli,
            self.last_selected.filter(|&last| last < u32::MAX),
            self.vocab.special_ranges,
        ) {
            scratch.masking.draw(row);
            let draws = scratch.masking.get_mut();
            self.mask_blocks(row, masked, labels, (last_selected, ranges), draws);
            return Ok(());
        }
        for (to, id) in masked.iter_mut().zip(row.ids) {
            *to = id.wide();
        }
        labels.fill(IGNORED);
        if self.options.mlm_probability == 0.0 {
            return Ok(());
        }
        scratch.masking.draw(row);
        if self.options.exact && !self.options.words() {
            self.mask_least(row, masked, labels, scratch);
        } else if self.options.exact || self.span_lengths.is_some() {
            self.mask_by_rank(row, masked, labels, scratch);
        } else if let Some(last_selected) = self.last_selected {
            let draws = scratch.masking.get();
            if self.options.whole_word_mask {
                self.mask_words(row, masked, labels, last_selected, draws);
            } else {
                self.mask_tokens(row, masked, labels, last_selected, draws);
            }
        }
        Ok(())
    }
}
