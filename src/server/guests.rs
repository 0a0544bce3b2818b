//! Who is connected: a bounded number, of whom the one that has kept us waiting longest goes first when another wants in.
//! Each has a moment to say what it came for: a crowd that comes at once waits at the door, where the system keeps it, and
//! does not push out those who have something to bring.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// Connections at once. Each is a file descriptor, of which a process has 1,024 unless somebody allows it more.
pub(super) const MOST: usize = 512;

/// Nobody makes room sooner than this after coming in.
const MOMENT: Duration = Duration::from_millis(500);

/// The connections that are open, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Guests {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    guests: BTreeMap<u64, Guest>,
}

/// One connection.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    since: Instant,
    leave: CancellationToken,
    /// It has brought a delivery that GitHub signed.
    proven: Arc<AtomicBool>,
    /// A request of it is being answered.
    busy: Arc<AtomicBool>,
}

/// A request is being answered for as long as this lives.
#[derive(Debug)]
pub(super) struct Busy(Arc<AtomicBool>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A connection's place; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    guests: Arc<Guests>,
    id: u64,
    pub(super) guest: Guest,
}

/// What becomes of a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// It has a place.
    Seat(Seat),
    /// Somebody makes room for it after this time: ask again then.
    Wait(Duration),
    /// All have brought what GitHub signed, and nobody makes room.
    Full,
}

impl Guests {
    /// A place for a new connection: the longest-waiting unproven one makes room when there is none.
    pub(super) fn admit(self: &Arc<Self>, now: Instant) -> Admission {
        let mut open = self.open();
        if open.guests.len() >= MOST {
            let Some((&longest, guest)) = open.guests.iter().find(|(_, guest)| !guest.is_proven()) else {
                return Admission::Full;
            };
            let left = MOMENT.saturating_sub(now.saturating_duration_since(guest.since));
            if !left.is_zero() {
                return Admission::Wait(left);
            }
            guest.leave.cancel();
            open.guests.remove(&longest);
        }
        let id = open.next;
        open.next += 1;
        let guest = Guest { since: now, ..Guest::default() };
        open.guests.insert(id, guest.clone());
        Admission::Seat(Seat { guests: Arc::clone(self), id, guest })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Guest {
    fn default() -> Self {
        Self { since: Instant::now(), leave: CancellationToken::new(), proven: Arc::default(), busy: Arc::default() }
    }
}

impl Guest {
    /// It has shown that it brings GitHub's deliveries: it is not sent away for another.
    pub(super) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// A request begins.
    pub(super) fn busy(&self) -> Busy {
        self.busy.store(true, Ordering::Relaxed);
        Busy(Arc::clone(&self.busy))
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Fires when it has to make room.
    pub(super) async fn told_to_leave(&self) {
        self.leave.cancelled().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.guests.open().guests.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_waiting_makes_room_and_the_proven_stay() {
        let guests = Arc::new(Guests::default());
        let begin = Instant::now();
        let later = begin + MOMENT;
        let admit = |at| match guests.admit(at) {
            Admission::Seat(seat) => Some(seat),
            Admission::Wait(_) | Admission::Full => None,
        };
        let mut seats: Vec<Seat> = (0..MOST).filter_map(|_| admit(begin)).collect();
        assert_eq!(seats.len(), MOST);
        seats[0].guest.prove();
        let soon = guests.admit(begin + MOMENT / 5);
        assert!(matches!(soon, Admission::Wait(left) if left == MOMENT * 4 / 5), "{soon:?}");
        let another = admit(later);
        assert!(another.is_some());
        let told: Vec<bool> = seats[..3].iter().map(|seat| seat.guest.leave.is_cancelled()).collect();
        assert_eq!(told, [false, true, false], "the first is proven, the second has waited longest");
        seats.iter().for_each(|seat| seat.guest.prove());
        another.iter().for_each(|seat| seat.guest.prove());
        assert!(matches!(guests.admit(later), Admission::Full), "nobody can be sent away");
        seats.truncate(3);
        assert!(admit(later).is_some());
    }
}
