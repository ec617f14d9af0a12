//! The threads that the program works with: all of them are there before anything is sent, or the program says that it cannot
//! have them. A thread that is missing later would be a panic in the middle of a change.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// Threads for what waits in the operating system: looking up names, and a person who types.
const WAITING: usize = 4;

/// The time in which the threads must begin, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A runtime whose threads have begun, and that makes no others.
pub(crate) fn start() -> Result<Runtime, String> {
    let few =
        |why: &str| format!("the program cannot have the threads that it needs ({why}); `ulimit -u` may be too low");
    can_be_had().map_err(|e| few(&e.to_string()))?;
    let runtime = quietly(|| {
        Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(WAITING)
            // For good: one that ends would have to be made again.
            .thread_keep_alive(Duration::from_secs(u64::from(u32::MAX)))
            .build()
    })
    // It panics where it cannot make a thread.
    .ok_or_else(|| few("the operating system makes no more of them"))?
    .map_err(|e| few(&e.to_string()))?;
    let begun = Arc::new((Mutex::new(0), Condvar::new()));
    for _ in 0..WAITING {
        let begun = begun.clone();
        let asked = quietly(|| runtime.spawn_blocking(move || wait_for_all(&begun)));
        if asked.is_none() {
            runtime.shutdown_background();
            return Err(few("the operating system makes no more of them"));
        }
    }
    match wait_for_all(&begun) {
        true => Ok(runtime),
        false => {
            runtime.shutdown_background();
            Err(few("some of them have not begun"))
        }
    }
}

/// Tries as many threads as there will be: the runtime panics where it gets none, and waits where it gets too few.
fn can_be_had() -> std::io::Result<()> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let ended = Arc::new(Mutex::new(ended));
    let mut threads = Vec::new();
    let mut result = Ok(());
    for _ in 0..workers + WAITING {
        let ended = ended.clone();
        // Each waits until all of them were tried.
        let wait = move || {
            let _ = ended.lock().unwrap_or_else(PoisonError::into_inner).recv();
        };
        match std::thread::Builder::new().spawn(wait) {
            Ok(thread) => threads.push(thread),
            Err(e) => {
                result = Err(e);
                break;
            }
        }
    }
    drop(end);
    for thread in threads {
        let _ = thread.join();
    }
    result
}

/// Waits until all threads have begun, and whoever started them waits as well.
fn wait_for_all((count, changed): &(Mutex<usize>, Condvar)) -> bool {
    let mut begun = count.lock().unwrap_or_else(PoisonError::into_inner);
    *begun += 1;
    changed.notify_all();
    let waited = changed.wait_timeout_while(begun, PATIENCE, |begun| *begun <= WAITING);
    *waited.unwrap_or_else(PoisonError::into_inner).0 > WAITING
}

/// Does something, `None` if it panics, without the words of the panic.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let done = panic::catch_unwind(AssertUnwindSafe(work)).ok();
    panic::set_hook(hook);
    done
}
