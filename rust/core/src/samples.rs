//! The rows of each sample: one, or its windows.

use crate::{Error, Result};

/// The rows of each sample.
pub(crate) struct Samples {
    /// All rows, those of a sample one after the other.
    rows: Vec<u32>,
    /// `(samples + 1,)`.
    splits: Vec<u32>,
}

impl Samples {
    pub(crate) fn new(sample_ids: &[i64], samples: usize) -> Result<Self> {
        let mut splits = vec![0_u32; samples + 1];
        for (row, &sample) in sample_ids.iter().enumerate() {
            let count = usize::try_from(sample)
                .ok()
                .and_then(|sample| splits.get_mut(sample.checked_add(1)?));
            *count.ok_or(Error::NoSuchSample {
                row,
                sample,
                samples,
            })? += 1;
        }
        for sample in 0..samples {
            splits[sample + 1] += splits[sample];
        }
        let mut next = splits.clone();
        let mut ordered = vec![0; sample_ids.len()];
        for (row, &sample) in (0..).zip(sample_ids) {
            let place = &mut next[sample as usize];
            ordered[*place as usize] = row;
            *place += 1;
        }
        Ok(Self {
            rows: ordered,
            splits,
        })
    }

    pub(crate) fn rows(&self, sample: usize) -> &[u32] {
        &self.rows[self.splits[sample] as usize..self.splits[sample + 1] as usize]
    }
}
