//! What every store must do, whatever database is behind it: one suite, run once for each way to open a store.
//! A further engine joins with one line at the end of this file.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod claims;
mod deliveries;
mod jobs;
mod kept;
mod letters;
mod model;
mod place;
mod pruning;
mod race;
mod runs;
mod tasks;

/// Makes a test of every function of the suite for one kind of database.
macro_rules! conformance {
    ($engine:ident: $($area:ident { $($case:ident)* })*) => {
        mod $engine {
            $(mod $area {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$area::$case(crate::place::$engine().await).await;
                })*
            })*
        }
    };
}

/// The suite, by area.
macro_rules! suite {
    ($engine:ident) => {
        conformance! { $engine:
            deliveries {
                a_delivery_and_its_job_are_one_commit
                the_same_delivery_a_hundred_times_at_once_is_kept_once
                another_body_under_a_used_guid_is_a_delivery_of_its_own
                any_bytes_come_back_as_they_were
                an_outcome_is_kept_listed_and_counted
                a_replay_is_queued_once
            }
            tasks {
                an_issue_has_one_live_task_and_counts_its_attempts
                a_change_decided_on_an_old_version_is_refused
                a_dropped_transaction_leaves_nothing
                tasks_are_found_by_issue_by_pull_request_and_page_by_page
                history_counts_without_gaps_and_reads_from_anywhere
                two_programs_share_one_database
                once_is_once
                what_an_effect_made_is_remembered
            }
            jobs {
                a_dedupe_key_holds_while_its_job_is_active
                an_effect_once_done_is_never_taken_again
                an_effect_that_died_may_be_asked_for_anew_but_then_not_replayed
                a_lost_lease_changes_nothing
                heartbeats_extend_and_carry_the_wish_to_stop
                attempts_end_in_death_and_death_makes_news
                a_permanent_failure_dies_at_once_and_can_be_replayed
                a_released_job_keeps_its_attempts
                a_job_that_kills_its_worker_ends_dead
                a_rescuer_spares_what_it_knows_to_be_alive
                what_was_asked_to_stop_never_runs_again
                calling_off_spares_the_caller_and_other_tasks
                commits_tell_of_changes_to_the_queue
            }
            letters {
                what_died_is_counted_and_listed_newest_first
                a_delivery_that_is_looked_into_again_is_given_up_on_no_more
            }
            claims {
                higher_priority_then_older_goes_first
                a_job_waits_for_its_time
                a_lane_keeps_its_order_through_failures
                news_of_a_death_goes_before_the_rest_of_its_lane
                a_replayed_job_goes_first_in_its_lane_but_not_beside_another
                a_lane_goes_on_when_its_head_is_called_off
                runs_respect_both_limits
                light_jobs_know_no_limits
                repositories_take_turns
                a_flood_of_urgent_work_keeps_no_other_repository_waiting
                a_pause_stops_runs_and_nothing_else
            }
            pruning {
                what_is_over_and_old_goes_and_nothing_else
                a_body_goes_before_its_delivery_and_a_second_arrival_is_known
                keys_and_lists_keep_what_they_stand_for
                logs_of_ended_tasks_go_entry_by_entry
            }
            race {
                sixteen_claimers_do_every_job_once_within_the_limits
                rescuers_and_late_workers_never_both_succeed
            }
            model {
                the_queue_does_what_a_simple_model_does
            }
            runs {
                a_run_is_begun_followed_and_ended_once
            }
            kept {
                the_newest_snapshot_is_kept_and_only_under_the_newest_lease
                what_a_run_used_is_booked_once
            }
        }
    };
}

suite!(sqlite);
