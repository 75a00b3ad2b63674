//! What the deterministic world holds a store to, over many seeds.

mod churn;
mod damage;
mod determinism;
mod everywhere;
mod faults;
mod regressions;
mod streams;
mod threads;
mod verbs;
