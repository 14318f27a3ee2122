//! The thread pool of the core. It survives `fork`.
#![allow(
    unsafe_code,
    reason = "a lock could be held by another thread at the moment of a fork"
)]

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

struct ProcessPool {
    process: u32,
    pool: Option<ThreadPool>,
}

static POOL: AtomicPtr<ProcessPool> = AtomicPtr::new(std::ptr::null_mut());

/// Runs `job` where rayon's parallel iterators use all cores (`RAYON_NUM_THREADS` limits them).
///
/// A child process has none of its parent's threads, so rayon's global pool would wait forever
/// after `fork`; each process gets its own pool here. The parent's is left alone (a few hundred
/// bytes a fork). Where threads cannot be started the job runs on the caller's.
pub(crate) fn in_pool<R: Send>(job: impl FnOnce() -> R + Send) -> R {
    match pool() {
        Some(pool) => pool.install(job),
        None => job(),
    }
}

/// Threads that [`in_pool`] uses.
pub(crate) fn threads() -> usize {
    pool().map_or(1, ThreadPool::current_num_threads)
}

/// Results of ranges of `count` things, in order: of all in one range, or on all threads in some for each.
pub(crate) fn in_ranges<R: Send>(
    count: usize,
    is_small: bool,
    work: impl Fn(Range<usize>) -> R + Sync,
) -> Vec<R> {
    if is_small || count < 2 || threads() == 1 {
        return vec![work(0..count)];
    }
    let each = count.div_ceil(4 * threads());
    let starts: Vec<usize> = (0..count).step_by(each).collect();
    in_pool(|| {
        let starts = starts.into_par_iter();
        starts
            .map(|start| work(start..count.min(start + each)))
            .collect()
    })
}

/// Results of `work`, in the order of the items, which the caller makes one by one while the pool works on those before.
///
/// Of a single item, and with one thread, all is done on the caller's.
pub(crate) fn as_they_come<T: Send, R: Send>(
    items: impl Iterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let mut items = items.fuse().peekable();
    let first = items.next();
    let pool = pool().filter(|pool| pool.current_num_threads() > 1);
    let Some(pool) = pool.filter(|_| items.peek().is_some()) else {
        return first.into_iter().chain(items).map(work).collect();
    };
    let queue = Mutex::new(VecDeque::new());
    let made = Mutex::new(Vec::new());
    let work_on_next = || {
        let next = locked(&queue).pop_front();
        next.is_some_and(|(place, item)| {
            let result = work(item);
            locked(&made).push((place, result));
            true
        })
    };
    pool.in_place_scope(|scope| {
        for item in first.into_iter().chain(items).enumerate() {
            locked(&queue).push_back(item);
            scope.spawn(|_| {
                work_on_next();
            });
        }
        // The caller takes its share of what is left.
        while work_on_next() {}
    });
    let mut made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    made.sort_unstable_by_key(|&(place, _)| place);
    made.into_iter().map(|(_, result)| result).collect()
}

/// A lock that no panic is held under.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pool() -> Option<&'static ThreadPool> {
    let process = std::process::id();
    let current = POOL.load(Ordering::Acquire);
    // SAFETY: the pointer is null or comes from `Box::leak` below, and is never freed.
    let pool = match unsafe { current.as_ref() } {
        Some(pool) if pool.process == process => pool,
        _ => {
            let fresh = Box::leak(Box::new(ProcessPool {
                process,
                pool: ThreadPoolBuilder::new().build().ok(),
            }));
            // Two threads may race here at the first call; the loser's pool serves its own job only.
            let _ = POOL.compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire);
            fresh
        }
    };
    pool.pool.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_the_order_of_the_items() {
        for number in [0_u64, 1, 2, 100] {
            let squares = as_they_come(0..number, |item| item * item);
            assert_eq!(
                squares,
                (0..number).map(|item| item * item).collect::<Vec<_>>()
            );
        }
    }
}
