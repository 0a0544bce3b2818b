//! Sandboxes end: when stopped, dropped, out of time, broken from inside, or when Baton itself is killed.
