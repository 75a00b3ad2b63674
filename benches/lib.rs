//! Holds nothing: the files beside this folder are the benches.
