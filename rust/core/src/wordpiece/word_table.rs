//! Short runs of text and their tokens: one look-up instead of normalization and a walk along the pieces.
//!
//! The table starts with the words of the vocabulary and remembers what texts bring. All threads read and fill it at
//! once without a lock: a slot is written once, by the thread that claims it, and can be read when it says so.

use super::entry::{Entry, READY, RunToken};
use super::key::{Key, MAX_BYTES};
use super::slots::{Slots, Zeroed};
use crate::vocab::Vocab;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Slots that are looked at for a run: hostile texts cannot make chains longer.
const PROBES: usize = 8;
/// 2^18 slots (8 MiB) were the quickest for bert-base-uncased's 30,522 tokens: one in eight is taken at first.
const SLOTS_PER_TOKEN: usize = 8;
const MIN_SLOTS: usize = 1 << 12;
const MAX_SLOTS: usize = 1 << 20;
/// Tables that texts have filled are doubled up to here: enough for the 230,000 different runs of a corpus in many scripts.
const GROWN_SLOTS: usize = 1 << 19;
/// Runs that a table of full size refuses before it is replaced. To make another takes some milliseconds, to find the pieces
/// of so many runs 100.
const REFUSALS_PER_SLOT: usize = 2;

const EMPTY: u64 = 0;
const CLAIMED: u64 = 1 << 62;

/// A key and where in the table it may be: the first slot that is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lookup {
    key: Key,
    place: usize,
}

impl Lookup {
    /// Bytes of the run that continue a character.
    #[inline]
    pub(super) fn continuing_bytes(&self) -> u32 {
        self.key.continuing_bytes()
    }
}

#[derive(Debug)]
#[repr(align(32))]
struct Slot {
    low: AtomicU64,
    high: AtomicU64,
    /// The tokens, as in [`Entry`].
    first: AtomicU64,
    /// [`EMPTY`], [`CLAIMED`], or as in [`Entry`].
    last: AtomicU64,
}

#[allow(unsafe_code, reason = "a promise about atomic numbers")]
// SAFETY: atomic numbers of zero bytes are 0, and need no drop.
unsafe impl Zeroed for Slot {}

/// Runs of up to 15 bytes with their tokens.
///
/// In English text 97 of 100 words and punctuation marks are words of the vocabulary.
#[derive(Debug)]
pub(super) struct WordTable {
    slots: Slots<Slot>,
    /// Slots that may still be taken: a quarter of the table stays free.
    room: AtomicUsize,
    /// Runs that could not be remembered for want of room.
    refused: AtomicUsize,
    /// Whether the vocabulary has left room.
    learns: bool,
}

impl WordTable {
    /// With the tokens of the vocabulary that `is_word` says are words of text, and become what they are.
    pub(super) fn new(vocab: &Vocab, is_word: impl Fn(&str) -> bool) -> Self {
        let slots = (SLOTS_PER_TOKEN * vocab.len()).next_power_of_two();
        let mut table = Self::empty(slots.clamp(MIN_SLOTS, MAX_SLOTS));
        for (token, id) in vocab.iter() {
            if token.len() <= MAX_BYTES && is_word(token) {
                let word = RunToken {
                    id,
                    start: 0,
                    end: token.chars().count() as u32,
                    starts_word: true,
                };
                table.insert(Key::of(token.as_bytes()), &[word]);
            }
        }
        table.learns = !table.has_no_room();
        table
    }

    /// What takes the place of this one when it is full: one of twice the size that knows the same, or, behind
    /// [`GROWN_SLOTS`], a new one. So texts without end that bring new words all the time do not keep it large.
    pub(super) fn successor(&self, vocab: &Vocab, is_word: impl Fn(&str) -> bool) -> Self {
        if self.slots.len() >= GROWN_SLOTS {
            return Self::new(vocab, is_word);
        }
        let mut grown = Self::empty(2 * self.slots.len());
        for slot in &*self.slots {
            if let Some((key, entry)) = slot.read() {
                grown.put(key, entry);
            }
        }
        grown.learns = true;
        grown
    }

    fn empty(slots: usize) -> Self {
        Self {
            slots: Slots::zeroed(slots),
            room: AtomicUsize::new(slots - slots / 4),
            refused: AtomicUsize::new(0),
            learns: false,
        }
    }

    /// Whether texts have filled it, and another one will be worth its making: one of full size is replaced when it has
    /// refused so many runs that finding their pieces took far longer.
    pub(super) fn is_full(&self) -> bool {
        let can_grow = self.slots.len() < GROWN_SLOTS;
        let worth = || self.refused.load(Ordering::Relaxed) >= REFUSALS_PER_SLOT * self.slots.len();
        self.learns && self.has_no_room() && (can_grow || worth())
    }

    fn has_no_room(&self) -> bool {
        self.room.load(Ordering::Relaxed) == 0
    }

    /// What is looked up in: to be taken once, out of the loop.
    #[inline]
    pub(super) fn view(&self) -> View<'_> {
        View(&self.slots)
    }

    /// Remembers the tokens of a run, if there is room for them.
    pub(super) fn insert(&self, key: Key, tokens: &[RunToken]) {
        if key != Key::default()
            && let Some(entry) = Entry::new(key, tokens)
        {
            self.put(key, entry);
        }
    }

    fn put(&self, key: Key, entry: Entry) {
        let view = self.view();
        let lookup = view.lookup(key);
        for probe in 0..PROBES {
            let slot = view.slot(lookup, probe);
            if slot.last.load(Ordering::Acquire) == EMPTY {
                // Threads that count at once may count one slot for two: probing has an end all the same.
                let Some(room) = self.room.load(Ordering::Relaxed).checked_sub(1) else {
                    // Threads that count at once may count two as one.
                    let refused = self.refused.load(Ordering::Relaxed);
                    self.refused.store(refused + 1, Ordering::Relaxed);
                    return;
                };
                if slot.write(key, entry) {
                    self.room.store(room, Ordering::Relaxed);
                }
                // Else another thread was quicker, perhaps with the same run: it is remembered next time.
                return;
            }
            if slot.read().is_some_and(|(known, _)| known == key) {
                return;
            }
        }
    }
}

impl Slot {
    /// The run and its tokens, if they are there.
    #[inline(always)]
    fn read(&self) -> Option<(Key, Entry)> {
        // First the number that is written last.
        let last = self.last.load(Ordering::Acquire);
        let key = Key {
            low: self.low.load(Ordering::Relaxed),
            high: self.high.load(Ordering::Relaxed),
        };
        let first = self.first.load(Ordering::Relaxed);
        (last & READY != 0).then_some((key, Entry { first, last }))
    }

    /// Takes the slot if it is empty.
    fn write(&self, key: Key, entry: Entry) -> bool {
        let claimed =
            self.last
                .compare_exchange(EMPTY, CLAIMED, Ordering::Acquire, Ordering::Relaxed);
        if claimed.is_ok() {
            self.low.store(key.low, Ordering::Relaxed);
            self.high.store(key.high, Ordering::Relaxed);
            self.first.store(entry.first, Ordering::Relaxed);
            self.last.store(entry.last, Ordering::Release);
        }
        claimed.is_ok()
    }
}

/// The slots of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'t>(&'t [Slot]);

impl<'t> View<'t> {
    /// Where to look for a run.
    #[inline]
    pub(super) fn lookup(self, key: Key) -> Lookup {
        // There are 2^n slots.
        let place = key.hash() as usize & (self.0.len() - 1);
        Lookup { key, place }
    }

    /// Asks for the memory that [`Self::get`] will read.
    #[inline]
    pub(super) fn prefetch(self, lookup: Lookup) {
        super::prefetch::read(self.slot(lookup, 0));
    }

    /// Tokens of a run, if they are known. O(1).
    #[inline(always)]
    pub(super) fn get(self, lookup: Lookup) -> Option<Entry> {
        for probe in 0..PROBES {
            let slot = self.slot(lookup, probe);
            match slot.read() {
                Some((key, entry)) if key == lookup.key => return Some(entry),
                None if slot.last.load(Ordering::Relaxed) == EMPTY => return None,
                _ => {}
            }
        }
        None
    }

    #[inline]
    fn slot(self, lookup: Lookup, probe: usize) -> &'t Slot {
        // Two slots are one cache line: the second place is beside the first.
        &self.0[lookup.place ^ probe]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;

    fn token(id: u32, start: u32, end: u32, starts_word: bool) -> RunToken {
        RunToken {
            id,
            start,
            end,
            starts_word,
        }
    }

    fn get(table: &WordTable, run: &[u8]) -> Option<Entry> {
        table.view().get(table.view().lookup(Key::of(run)))
    }

    fn tokens(entry: Entry) -> Vec<RunToken> {
        let places = entry.places_from(5);
        if let Some(offsets) = entry.plain_from(5) {
            assert_eq!((entry.len(), places[0]), (1, (offsets, true)));
        }
        (0..entry.len())
            .map(|index| {
                let ([start, end], starts_word) = places[index];
                let (start, end) = (start as u32 - 5, end as u32 - 5);
                token(entry.ids()[index] as u32, start, end, starts_word)
            })
            .collect()
    }

    fn table() -> Result<WordTable> {
        let vocab = Vocab::new(
            [
                "[UNK]",
                "the",
                ".",
                "##s",
                "Cat",
                "\u{e9}",
                "x y",
                "\u{4e2d}",
                "\u{4e2d}a",
                "averyveryverylong",
            ]
            .into_iter()
            .zip(0..)
            .map(|(token, id)| (token.to_owned(), id)),
        )?;
        Ok(WordTable::new(&vocab, |token| {
            ["the", ".", "\u{4e2d}", "averyveryverylong"].contains(&token)
        }))
    }

    #[test]
    fn words_of_the_vocabulary_are_there_from_the_start() -> Result<()> {
        let table = table()?;
        let known = |word: &str| get(&table, word.as_bytes()).map(tokens);
        assert_eq!(known("the"), Some(vec![token(1, 0, 3, true)]));
        assert_eq!(known("."), Some(vec![token(2, 0, 1, true)]));
        assert_eq!(known("\u{4e2d}"), Some(vec![token(7, 0, 1, true)]));
        // No words, or not what the text would become.
        for other in [
            "[UNK]",
            "##s",
            "\u{e9}",
            "x y",
            "\u{4e2d}a",
            "averyveryverylong",
            "th",
            "thee",
            "",
        ] {
            assert_eq!(known(other), None, "{other}");
        }
        Ok(())
    }

    #[test]
    fn what_is_remembered_comes_back() -> Result<()> {
        let table = table()?;
        let runs: [(&str, &[RunToken]); 5] = [
            ("caf\u{e9}", &[token(7, 0, 4, true)]),
            ("half", &[token(7, 2, 4, false)]),
            ("fifteen-bytes-x", &[token((1 << 21) - 1, 0, 15, true)]),
            (
                "it's",
                &[
                    token(1, 0, 2, true),
                    token(2, 2, 3, true),
                    token(3, 3, 4, true),
                    token((1 << 21) - 2, 15, 15, false),
                ],
            ),
            ("cats", &[token(5, 0, 3, true), token(3, 3, 4, false)]),
        ];
        for (run, found) in runs {
            table.insert(Key::of(run.as_bytes()), found);
            assert_eq!(
                get(&table, run.as_bytes()).map(tokens).as_deref(),
                Some(found)
            );
        }
        Ok(())
    }

    #[test]
    fn what_does_not_fit_a_slot_is_not_remembered() -> Result<()> {
        let table = table()?;
        let five = [token(1, 0, 1, true); 5];
        table.insert(Key::of(b"none"), &[]);
        table.insert(Key::of(b"five"), &five);
        table.insert(Key::of(b"large"), &[token(1 << 21, 0, 5, true)]);
        table.insert(Key::of(b"far"), &[token(1, 0, 16, true)]);
        table.insert(Key::of(b"sixteen-bytes-xy"), &five[..1]);
        for run in ["none", "five", "large", "far", "sixteen-bytes-xy"] {
            assert!(get(&table, run.as_bytes()).is_none());
        }
        Ok(())
    }

    #[test]
    #[cfg_attr(
        miri,
        ignore = "thousands of runs take minutes; the others do the same with fewer"
    )]
    fn a_full_table_takes_no_more_and_keeps_what_it_has() -> Result<()> {
        let table = table()?;
        for number in 0..2 * MIN_SLOTS as u32 {
            table.insert(Key::of(&number.to_be_bytes()), &[token(number, 0, 4, true)]);
        }
        assert!(table.is_full());
        let kept = (0..2 * MIN_SLOTS as u32)
            .filter_map(|number| Some((number, get(&table, &number.to_be_bytes())?)))
            .inspect(|&(number, entry)| assert_eq!(tokens(entry), [token(number, 0, 4, true)]))
            .count();
        assert!(
            (MIN_SLOTS / 2..=MIN_SLOTS - MIN_SLOTS / 4).contains(&kept),
            "{kept}"
        );
        Ok(())
    }

    #[test]
    fn threads_that_fill_it_at_once_see_whole_entries_only() -> Result<()> {
        let table = table()?;
        let runs = if cfg!(miri) { 50 } else { 1_000_u32 };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in (0..runs).chain(0..runs) {
                        let key = Key::of(&number.to_be_bytes());
                        let found = [token(number, 0, 4, true), token(7 * number, 1, 2, false)];
                        if let Some(entry) = table.view().get(table.view().lookup(key)) {
                            assert_eq!(tokens(entry), found);
                        }
                        table.insert(key, &found);
                    }
                });
            }
        });
        Ok(())
    }
}
