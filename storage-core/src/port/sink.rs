//! `Sink`: told of every committed event.

use crate::event::Event;
use std::fmt;

/// Hears of changes once they are committed and readable.
///
/// Contract. Events of one store come in the order of commits, one call at a time, and an event is
/// never told before its change can be read. A sink may use the store it listens to. In process,
/// each event is told once; whoever must not miss one across a crash reads the change feed instead.
pub trait Sink: fmt::Debug + Send + Sync + 'static {
    /// Takes one event.
    fn tell(&self, event: &Event);
}
