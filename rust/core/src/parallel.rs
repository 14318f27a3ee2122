//! The thread pool of the core. It survives `fork`.
#![allow(
    unsafe_code,
    reason = "a lock could be held by another thread at the moment of a fork"
)]

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicPtr, Ordering};

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
