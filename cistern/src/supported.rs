//! `SUPPORTED`: what works, as data.
//!
//! The README's table is generated from it (`cargo xtask supported`). The gate fails when the two
//! differ, and when a row that claims something names no test, or one that does not exist: so the
//! table cannot lie. xtask includes this file by its path, so it uses nothing of the crate.

/// Area, name and status of everything that is supported or will be asked for, and the tests that
/// prove it.
///
/// A status begins with `yes`, `partly`, `not yet` or `no`; what follows a colon narrows it.
pub const SUPPORTED: &[(&str, &str, &str, &[&str])] = &[
    ("Stores", "in memory", "yes", &["a_store_in_memory_behaves_like_the_model"]),
    (
        "Stores",
        "on local disk, one process at a time",
        "yes",
        &[
            "a_store_behaves_like_the_model",
            "a_cistern_is_there_after_opening_again",
            "rows_counters_and_positions_survive_close_and_drop",
            "a_closed_store_says_so_and_a_second_one_is_refused",
        ],
    ),
    (
        "Stores",
        "opened to read only, also beside the process that writes",
        "yes",
        &[
            "a_reader_reads_beside_the_writer_and_writes_nothing",
            "a_reader_sees_what_was_committed_when_it_opened_and_writes_nothing",
        ],
    ),
    (
        "Stores",
        "a backend of your own, with a conformance suite",
        "yes",
        &[
            "a_store_that_is_reopened_and_loses_power_behaves_like_the_model",
            "faults_of_commits_are_found",
        ],
    ),
    ("Stores", "several machines, cloud object stores", "not yet", &[]),
    (
        "Durability",
        "synced, os or memory: of the store, a bucket, a write; the receipt names it",
        "yes",
        &[
            "a_synced_commit_survives_losing_power_and_an_os_commit_the_death_of_the_process",
            "flush_brings_weak_commits_to_the_durability_it_names",
            "every_write_names_the_durability_that_it_reached",
        ],
    ),
    ("Durability", "many writers share a sync", "yes", &["many_writers_share_a_sync"]),
    (
        "Durability",
        "after a kill or a loss of power: all that was acknowledged, in order",
        "yes",
        &[
            "a_loss_of_power_at_any_change_loses_nothing_promised",
            "a_writer_that_is_killed_at_any_moment_loses_nothing_that_it_acknowledged",
        ],
    ),
    (
        "Durability",
        "a full disk or a failing one: the call fails, what was there stays readable",
        "yes",
        &[
            "a_full_medium_refuses_the_commit_that_needs_room_and_nothing_else",
            "an_io_error_at_any_call_loses_nothing_promised",
            "after_a_failed_sync_writes_are_refused_and_reads_go_on",
        ],
    ),
    (
        "Durability",
        "damage is an error that names file and place",
        "yes",
        &[
            "a_flipped_bit_in_a_commit_that_was_durable_is_damage_in_that_file",
            "a_flipped_bit_in_a_blob_is_damage_and_never_wrong_bytes",
        ],
    ),
    (
        "Durability",
        "verify: every checksum, every reference, every counter; functions and a command",
        "yes",
        &[
            "whatever_row_is_lost_or_spoilt_is_told",
            "a_flipped_bit_in_what_is_kept_is_found_in_its_file",
            "a_damaged_store_is_told_by_file_and_place_with_exit_code_1",
        ],
    ),
    (
        "Durability",
        "scrub: everything at rest checked while the store is in use, in steps, resumable",
        "yes",
        &[
            "a_flipped_bit_is_found_in_every_kind_of_file_with_its_place",
            "a_store_in_use_never_looks_damaged",
            "a_cistern_on_disk_is_scrubbed_and_one_that_is_not_says_so",
        ],
    ),
    (
        "Durability",
        "repair: a new store of what verifies; a function and a command",
        "yes",
        &[
            "a_damaged_body_stays_damaged_and_is_told_while_others_are_read",
            "a_repair_tells_what_is_lost_with_exit_code_1_and_makes_a_store_that_verifies",
        ],
    ),
    (
        "Durability",
        "space is given back: compaction, segments used again",
        "yes",
        &[
            "under_churn_every_byte_stays_readable_and_space_is_given_back",
            "segments_are_used_again_rather_than_made",
        ],
    ),
    (
        "Buckets",
        "create, find, list, delete, tags",
        "yes",
        &[
            "buckets_are_made_found_and_listed",
            "a_bucket_is_deleted_only_when_it_holds_nothing",
            "a_bucket_has_fifty_tags",
        ],
    ),
    (
        "Buckets",
        "statistics by storage class, kept by every commit",
        "yes",
        &["threads_on_the_same_keys_leave_a_store_that_adds_up"],
    ),
    (
        "Objects",
        "put, get, head, delete; bodies from bytes, files and readers",
        "yes",
        &["what_was_put_is_got", "every_kind_of_body_is_taken", "a_head_tells_what_was_put"],
    ),
    (
        "Objects",
        "delete of up to 1,000 at once",
        "yes",
        &["every_entry_has_its_own_outcome", "one_to_a_thousand_entries"],
    ),
    (
        "Objects",
        "ranges and reads by part",
        "yes",
        &["ranges_of_ten_bytes", "ranges_of_a_large_object_and_seeks_in_it"],
    ),
    (
        "Objects",
        "conditional reads, writes and deletes",
        "yes",
        &[
            "conditions_of_a_read_in_their_order",
            "of_many_that_write_if_absent_one_does",
            "a_delete_on_condition",
        ],
    ),
    (
        "Objects",
        "copy by reference",
        "yes",
        &[
            "a_copy_has_bytes_metadata_and_tags_and_a_date_of_its_own",
            "a_copy_onto_itself_changes_something",
        ],
    ),
    (
        "Objects",
        "rename, append",
        "yes",
        &["a_rename_keeps_all_but_the_key", "bytes_come_at_the_end_and_nowhere_else"],
    ),
    (
        "Objects",
        "metadata and tags",
        "yes",
        &["a_head_tells_what_was_put", "a_set_of_tags_is_replaced_as_a_whole"],
    ),
    (
        "Objects",
        "ETags: MD5 or opaque",
        "yes",
        &["the_entity_tag_of_a_put_is_its_md5", "an_opaque_entity_tag_tells_two_writes_apart"],
    ),
    (
        "Objects",
        "checksums: CRC64NVME, CRC32, CRC32C, SHA-1, SHA-256; whole or composite",
        "yes",
        &["a_checksum_is_computed_kept_and_checked", "the_tags_and_checksums_of_two_parts"],
    ),
    ("Objects", "attributes", "yes", &["attributes_of_an_object_made_in_one"]),
    (
        "Listing",
        "prefix, delimiter, start-after, tokens, pages; a common prefix is one jump",
        "yes",
        &[
            "prefixes_and_delimiters",
            "a_page_has_at_most_a_thousand_keys",
            "what_lies_under_a_common_prefix_is_passed_over_in_one_jump",
        ],
    ),
    (
        "Listing",
        "all versions, with both markers",
        "yes",
        &["a_list_of_versions_goes_on_from_every_place", "version_markers_have_their_rules"],
    ),
    (
        "Listing",
        "partitions: keys built and read, lists pruned by a predicate",
        "yes",
        &["keys_are_made_and_read_back", "a_pruned_list_is_the_full_list_filtered"],
    ),
    (
        "Versions",
        "versioning never, enabled, suspended; null version, delete markers",
        "yes",
        &[
            "a_put_of_a_suspended_bucket_replaces_the_null_version_wherever_it_is",
            "deleting_markers_brings_the_object_back",
            "versions_by_id",
        ],
    ),
    (
        "Versions",
        "object lock: retention, legal hold, default, bypass",
        "yes",
        &[
            "governance_can_be_bypassed_and_a_simple_delete_hides",
            "compliance_ends_with_its_date_and_a_hold_when_it_is_switched_off",
            "a_default_holds_for_new_versions_that_do_not_say",
        ],
    ),
    (
        "Multipart",
        "create, upload, list, complete, abort",
        "yes",
        &[
            "parts_become_an_object_with_all_that_the_upload_asked_for",
            "the_same_completion_again_answers_the_same",
            "an_aborted_upload_is_gone_with_its_parts",
            "parts_are_listed_by_number",
        ],
    ),
    ("Multipart", "parts copied by reference", "yes", &["a_copied_part_shares_its_bytes"]),
    (
        "Storage classes",
        "carried by every version, changed by a copy, their facts as data",
        "yes",
        &["a_put_takes_the_classes_of_general_purpose_buckets", "the_class_table"],
    ),
    (
        "Storage classes",
        "GLACIER and DEEP_ARCHIVE",
        "yes: bytes are read once they are restored, in the time of the tier; all classes lie in one place",
        &[
            "archived_bytes_are_not_read_before_they_are_restored_nor_after_the_copy_lapsed",
            "archived_bytes_are_no_source_and_nothing_is_appended_to_them",
            "a_restore_that_runs_is_sped_up_and_a_copy_that_is_there_is_kept_longer",
        ],
    ),
    (
        "Storage classes",
        "lifecycle: transitions, expirations, noncurrent versions, uploads; S3's XML, the CLI's JSON",
        "yes: when it is run, which starts no thread",
        &[
            "w6_an_object_goes_down_the_classes_and_then_for_good",
            "w32_and_w33_the_newest_noncurrent_versions_are_kept",
            "w40_a_locked_version_stays_as_long_as_it_is_locked_and_is_moved_meanwhile",
            "a_second_run_at_the_same_time_changes_nothing",
            "a_run_that_is_stopped_anywhere_is_finished_by_the_next",
            "a_lifecycle_that_stopped_on_disk_goes_on_after_opening_again",
        ],
    ),
    ("Storage classes", "tiers of INTELLIGENT_TIERING by access", "not yet", &[]),
    (
        "Events",
        "subscribers with filters, S3's message on request",
        "yes",
        &["a_subscriber_hears_what_it_asked_for", "a_message_has_every_field_where_s3_has_it"],
    ),
    (
        "Events",
        "a durable change feed with a cursor, in the commit of the change",
        "yes",
        &[
            "a_reader_goes_on_exactly_where_it_stopped",
            "a_cursor_and_a_trimmed_feed_outlive_the_process",
        ],
    ),
    (
        "Security",
        "encryption at rest as SSE-S3 has it, with the feature `encryption`; a sealer of your own",
        "yes",
        &[
            "no_file_of_an_encrypted_store_holds_plain_bytes_and_all_is_read_again",
            "without_keys_no_body_is_read_or_written_and_the_key_is_named",
            "an_encrypted_store_in_memory_behaves_like_the_model",
            "what_was_sealed_is_got_and_has_the_digests_of_the_plain_bytes",
        ],
    ),
    (
        "Security",
        "keys listed, rotated, destroyed; what lies under retired ones rewrapped in steps",
        "yes",
        &[
            "keys_are_listed_rotated_and_destroyed_and_the_root_key_changes",
            "after_a_pass_of_rewrapping_the_old_key_is_needed_by_nothing",
        ],
    ),
    (
        "Security",
        "SSE-KMS, SSE-C, client-side encryption",
        "partly: in the crate `cistern-crypto`, not in the verbs of buckets",
        &["every_mode_opens_what_it_sealed_whole_and_in_ranges"],
    ),
    (
        "Security",
        "identities and policies: users, groups, roles, managed and inline policies, boundaries",
        "yes",
        &[
            "a_verb_needs_all_its_actions_and_no_other",
            "groups_managed_policies_and_boundaries_decide_together",
            "conditions_see_what_the_request_says",
            "everything_is_there_after_opening_again",
            "what_cannot_be_read_allows_nothing",
        ],
    ),
    (
        "Security",
        "bucket policies, block public access, endpoints and their policies, sessions of roles",
        "yes",
        &[
            "a_bucket_policy_grants_and_denies",
            "a_public_policy_needs_the_block_to_be_lifted",
            "an_endpoint_is_seen_by_policies_and_limits_what_comes_through_it",
            "a_session_does_what_its_role_may_until_it_expires",
        ],
    ),
    (
        "Security",
        "audit: every decision about a principal as a record, redacted where you ask",
        "yes",
        &["every_decision_is_told_to_the_audit_and_none_of_the_owner"],
    ),
    ("Security", "several accounts, ACLs, access points; policies for streams", "not yet", &[]),
    (
        "Security",
        "a gate of your own",
        "yes",
        &["a_gate_is_told_what_a_request_says_and_can_read_the_tags_that_are_there"],
    ),
    (
        "Streams",
        "put, put many, put all or nothing; sequence numbers; idempotency tokens; durability per put",
        "yes",
        &[
            "put_records_answers_in_the_order_of_the_request",
            "put_all_is_all_or_nothing_and_keeps_its_order",
            "numbers_print_and_parse_as_the_service_has_them",
            "a_token_puts_once_within_its_window_and_across_restarts",
            "records_and_shards_are_there_after_opening_again",
        ],
    ),
    (
        "Streams",
        "shard iterators of every type; reading along the lineage; waiting for more",
        "yes",
        &[
            "reading_begins_where_it_is_told_to",
            "what_a_key_was_told_comes_in_order_across_reshards",
            "a_tail_is_woken_by_a_put",
        ],
    ),
    (
        "Streams",
        "split, merge, shard count, on-demand scaling",
        "yes",
        &[
            "a_shard_is_split_where_it_can_be",
            "the_shard_count_is_updated_to_equal_shards",
            "a_reshard_under_load_loses_nothing_and_repeats_nothing",
            "a_busy_shard_is_split_and_quiet_ones_are_merged_again",
        ],
    ),
    (
        "Streams",
        "retention by age, from a second to 365 days; a reader is told what it lost",
        "yes",
        &[
            "what_is_too_old_is_gone_and_stays_gone",
            "a_reader_that_fell_behind_is_told_what_it_lost",
        ],
    ),
    (
        "Streams",
        "consumer groups: leases, checkpoints, poison; enhanced fan-out",
        "yes",
        &[
            "a_group_hears_each_record_at_least_once_and_each_key_in_order",
            "a_worker_that_falls_silent_is_taken_over_from_and_told",
            "a_subscription_tells_each_record_once_and_goes_on_where_it_ended",
        ],
    ),
    (
        "Streams",
        "producers that batch and aggregate as the Kinesis Producer Library does",
        "yes",
        &["many_records_become_few_and_come_apart_in_order", "two_records_make_the_known_bytes"],
    ),
    (
        "Streams",
        "Kinesis's limits and failures, to test clients with; off by default",
        "yes",
        &[
            "the_record_above_the_limit_is_throttled_and_no_other",
            "failures_come_when_they_are_asked_for",
        ],
    ),
    (
        "Streams",
        "records sealed at rest",
        "yes",
        &[
            "records_are_sealed_from_the_moment_it_is_asked_for",
            "no_file_of_an_encrypted_store_holds_plain_bytes_and_all_is_read_again",
        ],
    ),
    (
        "Streams",
        "policies; a checkpoint in one commit with objects; retention by size",
        "not yet",
        &[],
    ),
    ("Doors", "S3 and Kinesis over HTTP", "not yet", &[]),
    ("Doors", "async facade", "not yet", &[]),
];
