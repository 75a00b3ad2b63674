//! `Ticket`: a promise of durability, to be waited on or called back by.

use super::{BackendError, Durability, Position};
use std::{fmt, sync::Arc};

/// The promise that a commit will reach the durability it asked for.
///
/// Wait on it, or leave a callback: waiting for durability need hold no thread.
#[must_use = "a commit is durable and readable only when its ticket says so"]
pub struct Ticket {
    position: Position,
    durability: Durability,
    state: State,
}

enum State {
    Done(Result<(), BackendError>),
    Waiting(Arc<dyn TicketPromise>),
}

/// A backend's side of a ticket.
pub trait TicketPromise: Send + Sync {
    /// Blocks until the commit at `position` is published or has failed. The calling thread may be
    /// made to do the work itself.
    ///
    /// # Errors
    /// Why it failed.
    fn wait(&self, position: Position) -> Result<(), BackendError>;

    /// Calls `then` once the commit at `position` is published or has failed; at once if it already
    /// is. Does not block.
    fn on_done(
        self: Arc<Self>,
        position: Position,
        then: Box<dyn FnOnce(Result<(), BackendError>) + Send>,
    );
}

impl Ticket {
    /// A commit that is already done.
    pub fn done(position: Position, durability: Durability) -> Self {
        Self { position, durability, state: State::Done(Ok(())) }
    }

    /// A commit that `promise` will report on.
    pub fn waiting(
        position: Position,
        durability: Durability,
        promise: Arc<dyn TicketPromise>,
    ) -> Self {
        Self { position, durability, state: State::Waiting(promise) }
    }

    /// The commit's place in the order of commits.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The durability that success means.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Blocks until the commit is published, at the durability that [`Self::durability`] names.
    ///
    /// # Errors
    /// Why it did not get there. The commit may or may not be found after reopening the store.
    pub fn wait(self) -> Result<(), BackendError> {
        match self.state {
            State::Done(outcome) => outcome,
            State::Waiting(promise) => promise.wait(self.position),
        }
    }

    /// Calls `then` when the commit is published or has failed, on whichever thread finds out.
    pub fn on_done(self, then: impl FnOnce(Result<(), BackendError>) + Send + 'static) {
        match self.state {
            State::Done(outcome) => then(outcome),
            State::Waiting(promise) => promise.on_done(self.position, Box::new(then)),
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("position", &self.position)
            .field("durability", &self.durability)
            .field("done", &matches!(self.state, State::Done(_)))
            .finish()
    }
}
