//! `Threads`: where the engine's background threads come from.

use std::{
    fmt, io,
    thread::{self, JoinHandle},
};

/// Starts threads, or refuses to.
///
/// Whoever wants to own all concurrency (a simulator, a test) gives an engine [`NoThreads`] and
/// does its background work by hand.
pub trait Threads: fmt::Debug + Send + Sync + 'static {
    /// Starts a thread that runs `work` and ends. `name` is for people: debuggers, `top`.
    ///
    /// # Errors
    /// As the system says; `Unsupported` where there are no threads.
    fn spawn(
        &self,
        name: &str,
        work: Box<dyn FnOnce() + Send>,
    ) -> io::Result<Box<dyn RunningThread>>;
}

/// A thread that was started. Dropping it leaves the thread alone.
pub trait RunningThread: fmt::Debug + Send + Sync {
    /// Waits until the thread has ended. Called on that thread itself it returns at once: the last
    /// handle of a store may be dropped by the store's own thread.
    ///
    /// # Errors
    /// [`ThreadPanicked`] when it ended by a panic.
    fn join(self: Box<Self>) -> Result<(), ThreadPanicked>;
}

/// A thread ended by a panic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("thread `{name}` panicked: {message}")]
pub struct ThreadPanicked {
    /// The thread's name.
    pub name: String,
    /// What the panic said.
    pub message: String,
}

/// The operating system's threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsThreads;

impl Threads for OsThreads {
    #[expect(clippy::disallowed_methods, reason = "this is where threads are started")]
    fn spawn(
        &self,
        name: &str,
        work: Box<dyn FnOnce() + Send>,
    ) -> io::Result<Box<dyn RunningThread>> {
        let handle = thread::Builder::new().name(name.into()).spawn(work)?;
        Ok(Box::new(OsThread { name: name.into(), handle }))
    }
}

#[derive(Debug)]
struct OsThread {
    name: String,
    handle: JoinHandle<()>,
}

impl RunningThread for OsThread {
    fn join(self: Box<Self>) -> Result<(), ThreadPanicked> {
        if self.handle.thread().id() == thread::current().id() {
            return Ok(());
        }
        let Self { name, handle } = *self;
        handle.join().map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
            ThreadPanicked { name, message: message.unwrap_or_else(|| "no message".into()) }
        })
    }
}

/// No threads at all: the caller does background work by hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoThreads;

impl Threads for NoThreads {
    fn spawn(
        &self,
        name: &str,
        _work: Box<dyn FnOnce() + Send>,
    ) -> io::Result<Box<dyn RunningThread>> {
        let detail = format!("no thread `{name}`: background work is done by hand here");
        Err(io::Error::new(io::ErrorKind::Unsupported, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_thread_carries_its_name_and_is_waited_for() {
        let (sender, receiver) = mpsc::channel();
        let name = move || sender.send(thread::current().name().map(str::to_owned)).unwrap();
        OsThreads.spawn("cistern-test", Box::new(name)).unwrap().join().unwrap();
        assert_eq!(receiver.try_recv().unwrap().as_deref(), Some("cistern-test"));
    }

    #[test]
    fn a_panic_is_reported_by_join() {
        let panics = || panic!("out of {}", "rain");
        let panicked = OsThreads.spawn("weather", Box::new(panics)).unwrap().join().unwrap_err();
        assert_eq!(panicked.to_string(), "thread `weather` panicked: out of rain");
    }

    #[test]
    fn a_thread_that_joins_itself_does_not_wait_for_ever() {
        let (give, take) = mpsc::channel::<Box<dyn RunningThread>>();
        let (done, outcome) = mpsc::channel();
        let joins_itself = move || done.send(take.recv().unwrap().join()).unwrap();
        give.send(OsThreads.spawn("itself", Box::new(joins_itself)).unwrap()).unwrap();
        assert_eq!(outcome.recv().unwrap(), Ok(()));
    }

    #[test]
    fn where_there_are_no_threads_starting_one_is_refused() {
        let refused = NoThreads.spawn("merge", Box::new(|| panic!("it ran"))).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::Unsupported);
    }
}
