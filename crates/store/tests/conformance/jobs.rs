//! The life of a job: taken once, leased, fenced, ended, dead, called off.

use std::collections::HashSet;

use baton_core::domain::ids::TaskId;
use baton_core::domain::wait::{Pause, Wait};
use baton_store::{
    Cancelled, Died, Ended, Enqueued, Heartbeat, JOB_DIED, Job, JobFilter, JobId, JobState, Json, Lease, NewJob,
    Outcome, Rescued, Slot, Store, StoreError,
};

use crate::place::{NO_LIMITS, Place, TTL, at, claim, claim_as, done, enqueue, fail, job, laned, retry, take, task};

async fn state(store: &Store, id: JobId) -> JobState {
    store.job(id).await.unwrap().unwrap().state
}

async fn get(store: &Store, id: JobId) -> Job {
    store.job(id).await.unwrap().unwrap()
}

pub async fn a_dedupe_key_holds_while_its_job_is_active(place: Place) {
    let store = place.open().await;
    let wanted = NewJob { dedupe_key: Some("reconcile:7".into()), ..job("reconcile") };
    let first = enqueue(&store, &wanted, 1).await;
    assert_eq!(first, Enqueued::New(JobId(1)));
    assert_eq!(enqueue(&store, &wanted, 2).await, Enqueued::Duplicate(first.id()));
    let (lease, _) = take(&store, 3).await;
    assert_eq!(enqueue(&store, &wanted, 4).await, Enqueued::Duplicate(first.id()));
    done(&store, &lease, 5).await;
    assert!(matches!(enqueue(&store, &wanted, 6).await, Enqueued::New(id) if id != first.id()));
}

pub async fn an_effect_once_done_is_never_taken_again(place: Place) {
    let store = place.open().await;
    let effect = NewJob { effect_key: Some("plan:1:1".into()), ..job("post_plan") };
    let first = enqueue(&store, &effect, 1).await;
    let (lease, _) = take(&store, 2).await;
    done(&store, &lease, 3).await;
    assert_eq!(enqueue(&store, &effect, 4).await, Enqueued::Duplicate(first.id()));
    assert!(claim(&store, 5).await.is_none());
}

pub async fn an_effect_that_died_may_be_asked_for_anew_but_then_not_replayed(place: Place) {
    let store = place.open().await;
    let effect = NewJob { effect_key: Some("push:1:1".into()), ..job("push") };
    let first = enqueue(&store, &effect, 1).await.id();
    let (lease, _) = take(&store, 2).await;
    assert_eq!(fail(&store, &lease, "the repository is archived", 3).await, Ended::Dead);
    let second = enqueue(&store, &effect, 4).await;
    assert!(matches!(second, Enqueued::New(id) if id != first));
    let refused = store.replay_job(first, at(5)).await.unwrap_err();
    assert_eq!(refused.to_string(), "job 1 need not be replayed: another job does or did the same work");
    assert_eq!(state(&store, first).await, JobState::Dead);
}

pub async fn a_lost_lease_changes_nothing(place: Place) {
    let store = place.open().await;
    let id = enqueue(&store, &job("work"), 0).await.id();
    let (old, _) = claim_as(&store, "slow", Slot::Light, NO_LIMITS, 0).await.unwrap();
    let rescued = store.rescue_expired(at(1_000), &HashSet::new()).await.unwrap();
    assert_eq!(rescued, Rescued { requeued: 1, ..Rescued::default() });
    let (new, _) = claim_as(&store, "other", Slot::Light, NO_LIMITS, 1_000).await.unwrap();

    let before = get(&store, id).await;
    let lost = |result: Result<Ended, StoreError>| matches!(result, Err(StoreError::LostLease(job)) if job == id);
    assert_eq!(store.heartbeat(&old, TTL, at(1_001)).await.unwrap(), Heartbeat::Lost);
    assert_eq!(store.look(&old).await.unwrap(), Heartbeat::Lost);
    let mut tx = store.begin().await.unwrap();
    assert!(lost(tx.retry(&old, at(2_000), "late", None, at(1_001)).await));
    assert!(lost(tx.release(&old, at(2_000), None, at(1_001)).await));
    assert!(lost(tx.fail(&old, "late", at(1_001)).await));
    for outcome in [Outcome::Done(None), Outcome::Cancelled] {
        assert!(matches!(tx.complete(&old, &outcome, at(1_001)).await, Err(StoreError::LostLease(_))));
    }
    tx.commit().await.unwrap();
    assert_eq!(get(&store, id).await, before);

    done(&store, &new, 1_002).await;
    let mut tx = store.begin().await.unwrap();
    let twice = tx.complete(&new, &Outcome::Done(None), at(1_003)).await.unwrap_err();
    assert_eq!(twice.to_string(), "the lease on job 1 was lost: another worker has taken it over or it has ended");
}

pub async fn heartbeats_extend_and_carry_the_wish_to_stop(place: Place) {
    let store = place.open().await;
    let task = task(&store, 1).await;
    let of_task = NewJob { task: Some(task), ..job("run") };
    let id = enqueue(&store, &of_task, 0).await.id();
    let (lease, job) = take(&store, 0).await;
    assert_eq!((job.lease_until, job.lease_owner.as_deref(), job.attempts), (Some(at(1_000)), Some("w"), 1));
    assert_eq!(store.heartbeat(&lease, TTL, at(900)).await.unwrap(), Heartbeat::Continue);
    assert_eq!(store.rescue_expired(at(1_899), &HashSet::new()).await.unwrap(), Rescued::default());

    let mut tx = store.begin().await.unwrap();
    tx.cancel_jobs(task, &JobFilter::default(), at(950)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.look(&lease).await.unwrap(), Heartbeat::CancelRequested);
    assert_eq!(store.heartbeat(&lease, TTL, at(960)).await.unwrap(), Heartbeat::CancelRequested);
    assert_eq!(get(&store, id).await.lease_until, Some(at(1_960)));

    let mut tx = store.begin().await.unwrap();
    tx.complete(&lease, &Outcome::Cancelled, at(970)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(state(&store, id).await, JobState::Cancelled);
}

pub async fn attempts_end_in_death_and_death_makes_news(place: Place) {
    let store = place.open().await;
    let task = task(&store, 1).await;
    let fragile = NewJob { task: Some(task), max_attempts: 2, effect_key: Some("comment:1".into()), ..job("comment") };
    let id = enqueue(&store, &fragile, 0).await.id();
    let (lease, _) = take(&store, 0).await;
    assert_eq!(retry(&store, &lease, 50, "502 Bad\0 Gateway", 1).await, Ended::Requeued);
    assert_eq!(get(&store, id).await.last_error.as_deref(), Some("502 Bad Gateway"));
    assert!(claim(&store, 49).await.is_none());
    let (lease, again) = take(&store, 50).await;
    assert_eq!(again.attempts, 2);
    assert_eq!(retry(&store, &lease, 99, &"x".repeat(10_000), 51).await, Ended::Dead);
    assert_eq!(get(&store, id).await.last_error.map(|e| e.len()), Some(4_000));

    let (lease, news) = take(&store, 51).await;
    assert_eq!((news.kind.as_str(), news.task), (JOB_DIED, Some(task)));
    let died: Died = news.payload.read("payload").unwrap();
    let expected = Died {
        job: id,
        kind: "comment".into(),
        task: Some(task),
        effect_key: Some("comment:1".into()),
        payload: Json::of(&"comment").unwrap(),
        attempts: 2,
        error: "x".repeat(4_000),
    };
    assert_eq!(died, expected);
    // News that dies makes no further news, or there would be no end of it.
    assert_eq!(fail(&store, &lease, "the handler has a bug", 52).await, Ended::Dead);
    assert!(claim(&store, 1_000_000).await.is_none());
    assert_eq!(store.job_counts().await.unwrap(), [(JobState::Dead, 2)]);
}

pub async fn a_permanent_failure_dies_at_once_and_can_be_replayed(place: Place) {
    let store = place.open().await;
    let id = enqueue(&store, &job("work"), 0).await.id();
    let (lease, _) = take(&store, 0).await;
    assert_eq!(fail(&store, &lease, "no such repository", 1).await, Ended::Dead);
    let dead = JobFilter { state: Some(JobState::Dead), ..JobFilter::default() };
    let listed = store.jobs(&dead, None, 10).await.unwrap();
    assert_eq!(
        listed.iter().map(|j| (j.id, j.last_error.as_deref())).collect::<Vec<_>>(),
        [(id, Some("no such repository"))]
    );

    store.replay_job(id, at(2)).await.unwrap();
    assert_eq!(get(&store, id).await.attempts, 0);
    let not_dead = store.replay_job(id, at(2)).await.unwrap_err();
    assert_eq!(not_dead.to_string(), "there is no dead job 1");
    let (_, news) = take(&store, 2).await;
    assert_eq!(news.kind, JOB_DIED);
    let (lease, again) = take(&store, 2).await;
    assert_eq!((again.id, again.attempts), (id, 1));
    done(&store, &lease, 3).await;
    assert_eq!(state(&store, id).await, JobState::Done);
}

pub async fn a_released_job_keeps_its_attempts(place: Place) {
    let store = place.open().await;
    let once = NewJob { max_attempts: 1, ..job("work") };
    let id = enqueue(&store, &once, 0).await.id();
    for now in 0..3 {
        let (lease, _) = take(&store, now).await;
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.release(&lease, at(now + 1), None, at(now)).await.unwrap(), Ended::Requeued);
        tx.commit().await.unwrap();
        let job = get(&store, id).await;
        assert_eq!((job.attempts, job.lease_owner, job.lease_until, job.wait), (0, None, None, None));
    }
    // What it waits for is kept, and of waits that follow one another the beginning.
    for (now, why) in [(3, Pause::Budget), (4, Pause::PrimaryLimit)] {
        let (lease, _) = take(&store, now).await;
        let mut tx = store.begin().await.unwrap();
        tx.release(&lease, at(now + 1), Some(why), at(now)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(get(&store, id).await.wait, Some(Wait { why, since: at(3), until: at(now + 1) }));
    }
    let (lease, job) = take(&store, 5).await;
    assert_eq!(job.wait.map(|wait| wait.until), Some(at(5)), "who goes on knows what it waited for");
    done(&store, &lease, 5).await;
}

pub async fn a_job_that_kills_its_worker_ends_dead(place: Place) {
    let store = place.open().await;
    let poison = NewJob { max_attempts: 3, ..job("poison") };
    let id = enqueue(&store, &poison, 0).await.id();
    let mut ends = Vec::new();
    for start in 1..=4 {
        let now = start * 10_000;
        ends.push(store.rescue_expired(at(now), &HashSet::new()).await.unwrap());
        if start <= 3 {
            let (_, job) = claim_as(&store, &format!("start-{start}"), Slot::Light, NO_LIMITS, now).await.unwrap();
            assert_eq!(job.id, id);
        }
    }
    let requeued = Rescued { requeued: 1, ..Rescued::default() };
    let dead = Rescued { dead: 1, ..Rescued::default() };
    assert_eq!(ends, [Rescued::default(), requeued, requeued, dead]);
    let job = get(&store, id).await;
    assert_eq!(
        (job.state, job.last_error.as_deref()),
        (JobState::Dead, Some("the worker start-3 did not report back in time"))
    );
    assert_eq!(take(&store, 50_000).await.1.kind, JOB_DIED);
}

pub async fn a_rescuer_spares_what_it_knows_to_be_alive(place: Place) {
    let store = place.open().await;
    for _ in 0..150 {
        enqueue(&store, &job("work"), 0).await;
    }
    let mut leases = Vec::new();
    while let Some((lease, _)) = claim(&store, 0).await {
        leases.push(lease);
    }
    let a_day_later = at(86_400_000);
    let mine: HashSet<JobId> = leases.iter().map(Lease::job).filter(|id| id.0 != 140).collect();
    let rescued = store.rescue_expired(a_day_later, &mine).await.unwrap();
    assert_eq!(rescued, Rescued { requeued: 1, ..Rescued::default() });
    assert_eq!(store.heartbeat(&leases[0], TTL, a_day_later).await.unwrap(), Heartbeat::Continue);
    assert_eq!(store.heartbeat(&leases[139], TTL, a_day_later).await.unwrap(), Heartbeat::Lost);
}

pub async fn what_was_asked_to_stop_never_runs_again(place: Place) {
    let store = place.open().await;
    let task = task(&store, 1).await;
    let of_task = |kind| NewJob { task: Some(task), ..job(kind) };
    let mut ids = Vec::new();
    let mut leases = Vec::new();
    for kind in ["retried", "failed", "released", "lost"] {
        ids.push(enqueue(&store, &of_task(kind), 0).await.id());
        leases.push(take(&store, 0).await.0);
    }
    let mut tx = store.begin().await.unwrap();
    let cancelled = tx.cancel_jobs(task, &JobFilter::default(), at(1)).await.unwrap();
    assert_eq!(cancelled, Cancelled { called_off: 0, asked_to_stop: 4 });
    assert_eq!(tx.retry(&leases[0], at(5), "broke off", None, at(2)).await.unwrap(), Ended::Cancelled);
    assert_eq!(tx.fail(&leases[1], "broke off", at(2)).await.unwrap(), Ended::Cancelled);
    assert_eq!(tx.release(&leases[2], at(5), None, at(2)).await.unwrap(), Ended::Cancelled);
    tx.commit().await.unwrap();
    let rescued = store.rescue_expired(at(2_000), &HashSet::new()).await.unwrap();
    assert_eq!(rescued, Rescued { cancelled: 1, ..Rescued::default() });
    for id in ids {
        assert_eq!(state(&store, id).await, JobState::Cancelled);
    }
    assert!(claim(&store, 3_000).await.is_none());
}

pub async fn calling_off_spares_the_caller_and_other_tasks(place: Place) {
    let store = place.open().await;
    let (mine, other) = (task(&store, 1).await, task(&store, 2).await);
    let of = |task: TaskId, kind: &str, slot| NewJob { task: Some(task), slot, ..job(kind) };
    for new in [
        of(mine, "apply", Slot::Light),
        of(mine, "run", Slot::Run),
        of(mine, "timer", Slot::Light),
        of(other, "timer", Slot::Light),
    ] {
        enqueue(&store, &new, 0).await;
    }
    let (lease, caller) = take(&store, 0).await;
    assert_eq!(caller.kind, "apply");
    let mut tx = store.begin().await.unwrap();
    let runs = JobFilter { slot: Some(Slot::Run), ..JobFilter::default() };
    assert_eq!(tx.cancel_jobs(mine, &runs, at(1)).await.unwrap(), Cancelled { called_off: 1, asked_to_stop: 0 });
    let timers_but_me = JobFilter { except: Some(caller.id), ..JobFilter::default() };
    assert_eq!(
        tx.cancel_jobs(mine, &timers_but_me, at(1)).await.unwrap(),
        Cancelled { called_off: 1, asked_to_stop: 0 }
    );
    tx.complete(&lease, &Outcome::Done(Some(Json::of(&1).unwrap())), at(1)).await.unwrap();
    tx.commit().await.unwrap();

    let all = store.jobs(&JobFilter::default(), None, 10).await.unwrap();
    let shown: Vec<_> = all.iter().map(|j| format!("{} {}", j.kind, j.state.name())).collect();
    assert_eq!(shown, ["apply done", "run cancelled", "timer cancelled", "timer queued"]);
    let of_other = JobFilter { task: Some(other), kind: Some("timer"), ..JobFilter::default() };
    assert_eq!(store.jobs(&of_other, Some(JobId(3)), 10).await.unwrap().len(), 1);
    assert_eq!(store.jobs(&of_other, Some(JobId(4)), 10).await.unwrap().len(), 0);
}

pub async fn commits_tell_of_changes_to_the_queue(place: Place) {
    let store = place.open().await;
    let mut changes = store.job_changes();
    let mut tx = store.begin().await.unwrap();
    tx.enqueue(&laned("work", "lane"), at(0)).await.unwrap();
    assert!(!changes.has_changed().unwrap(), "nothing is told before it is committed");
    tx.commit().await.unwrap();
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    let (lease, _) = take(&store, 0).await;
    assert_eq!(store.heartbeat(&lease, TTL, at(1)).await.unwrap(), Heartbeat::Continue);
    assert!(!changes.has_changed().unwrap(), "claims and heartbeats are nobody else's business");
    done(&store, &lease, 2).await;
    assert!(changes.has_changed().unwrap());
}
