//! The list of promises: the one place where a new one is entered.

/// Hands the list of promises, chapter by chapter, to another macro, after `arguments`.
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_promise {
    ([$($then:tt)*] $arguments:tt) => {
        $($then)*! {
            $arguments
            blobs needs Nothing {
                a_blob_reads_back_as_it_was_written,
                a_range_of_a_blob_reads_its_bytes,
                a_range_outside_a_blob_is_refused,
                a_source_is_not_asked_after_its_end,
                a_failing_source_leaves_nothing,
                an_announced_length_is_a_hint,
                a_blob_name_is_never_given_twice,
                equal_bytes_written_twice_are_two_blobs,
                an_unknown_blob_is_not_there,
                a_written_blob_waits_for_its_commit,
                an_open_blob_outlives_its_free,
                an_open_blob_outlives_its_discard,
            }
            owners needs Nothing {
                a_blob_lives_until_its_last_free,
                a_blob_passes_from_row_to_row,
                a_blob_may_be_adopted_and_freed_by_one_commit,
                adopting_an_unknown_blob_fails_the_whole_batch,
                discarding_an_owned_blob_takes_nothing_away,
                owners_are_counted_right_through_a_thousand_commits,
                a_conflict_leaves_owners_as_they_were,
            }
            rows needs Nothing {
                a_row_is_what_was_last_put,
                an_empty_value_is_a_value,
                a_value_is_its_bytes_wherever_it_is_cut,
                a_key_may_hold_any_bytes,
                a_scan_keeps_to_its_bounds_order_and_limit,
                pages_of_a_scan_join_without_a_gap,
                a_walk_goes_on_where_it_is_told,
                a_row_over_its_limits_is_refused,
                a_thousand_random_commits_agree_with_a_map,
            }
            commits needs Nothing {
                a_commit_applies_everything_it_lists,
                an_empty_batch_commits,
                a_later_op_on_a_key_wins,
                unchanged_holds_for_what_is_there_and_nothing_else,
                range_empty_looks_from_its_start_up_to_its_end,
                a_conflict_tells_which_precondition_failed,
                a_conflict_changes_nothing,
                preconditions_look_before_the_batch,
                preconditions_see_commits_that_nobody_waited_for,
                positions_grow,
                stamped_rows_sort_in_the_order_of_commits,
                publication_is_told_once_and_in_order,
            }
            counters needs Nothing {
                a_counter_is_the_sum_of_what_was_added,
                counters_are_listed_in_byte_order_without_zeros,
                a_conflict_counts_nothing,
                a_counter_and_a_row_may_share_a_key,
            }
            tickets needs Nothing {
                a_ticket_names_the_durability_it_means,
                a_commit_can_be_read_once_its_ticket_was_waited_for,
                tickets_may_be_waited_for_in_any_order,
                a_callback_needs_nobody_to_wait,
                a_callback_left_too_late_is_called_at_once,
                a_dropped_ticket_holds_nobody_up,
                a_flush_publishes_what_it_has_made_safe,
            }
            visibility needs Nothing {
                a_scan_never_sees_half_a_commit,
                a_walk_misses_nothing_that_is_there_all_the_while,
                a_later_read_sees_no_less,
                what_the_position_has_reached_can_be_read,
                no_update_on_condition_is_lost,
                one_of_many_creates_a_row,
                blobs_written_at_once_stay_apart,
                a_blob_is_there_throughout_its_adoption,
                both_ends_of_a_scan_are_of_one_moment,
            }
            closing needs Nothing {
                a_closed_backend_says_so,
                closing_finishes_what_was_committed,
                capabilities_are_constant,
                the_numbers_are_plausible,
            }
            reopening needs Reopening {
                what_was_synced_is_there_after_closing,
                what_was_synced_is_there_without_closing,
                closing_syncs_what_asked_for_less,
                positions_and_names_go_on_after_reopening,
                a_blob_left_behind_is_whole_or_gone,
                a_reopened_backend_works_on,
            }
            power needs PowerCuts {
                what_was_synced_survives_the_loss_of_power,
                what_was_flushed_survives_the_loss_of_power,
                what_survives_is_a_prefix_of_the_commits,
                owners_survive_the_loss_of_power,
            }
        }
    };
}

/// One `#[test]` a promise, of the backends that `make` gives: a path to a function, or a closure.
///
/// ```
/// # use cistern_conformance::{ReferenceBackend, backend::Fixture, backend_suite};
/// backend_suite!(|| Fixture::new(std::sync::Arc::new(ReferenceBackend::in_memory())));
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! backend_suite {
    ($make:expr) => {
        $crate::for_each_promise!([$crate::__tests_of_promises]($make));
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests_of_promises {
    (($make:expr) $($chapter:ident needs $needs:ident { $($name:ident),* $(,)? })*) => {
        $($(
            #[test]
            fn $name() {
                $crate::backend::ask(stringify!($name), $make);
            }
        )*)*
    };
}
