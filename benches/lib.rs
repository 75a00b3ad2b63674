//! Holds nothing: the benches are the files beside this one, one a verb.
//!
//! `cargo bench -p cistern-benches --bench put` runs one. Against other people's engines, and for
//! every figure that the project claims, see the package in `rivals`.
