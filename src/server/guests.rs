//! Who is connected: a bounded number, of whom the one that has kept us waiting longest goes first when another wants in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Connections at once. Each is a file descriptor, of which a process has 1,024 unless somebody allows it more.
pub(super) const MOST: usize = 512;

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
#[derive(Clone, Debug, Default)]
pub(super) struct Guest {
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

impl Guests {
    /// A place for a new connection: the longest-waiting unproven one makes room when there is none. Nothing when all
    /// are proven.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Seat> {
        let mut open = self.open();
        if open.guests.len() >= MOST {
            let longest = open.guests.iter().find(|(_, guest)| !guest.is_proven()).map(|(id, _)| *id)?;
            if let Some(guest) = open.guests.remove(&longest) {
                guest.leave.cancel();
            }
        }
        let id = open.next;
        open.next += 1;
        let guest = Guest::default();
        open.guests.insert(id, guest.clone());
        Some(Seat { guests: Arc::clone(self), id, guest })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut seats: Vec<Seat> = (0..MOST).filter_map(|_| guests.admit()).collect();
        assert_eq!(seats.len(), MOST);
        seats[0].guest.prove();
        let another = guests.admit();
        assert!(another.is_some());
        let told: Vec<bool> = seats[..3].iter().map(|seat| seat.guest.leave.is_cancelled()).collect();
        assert_eq!(told, [false, true, false], "the first is proven, the second has waited longest");
        seats.iter().for_each(|seat| seat.guest.prove());
        another.iter().for_each(|seat| seat.guest.prove());
        assert!(guests.admit().is_none(), "nobody can be sent away");
        seats.truncate(3);
        assert!(guests.admit().is_some());
    }
}
