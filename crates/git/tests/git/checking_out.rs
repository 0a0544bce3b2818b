//! checking_out
