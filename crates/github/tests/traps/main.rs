//! Every trap measured in GitHub's behaviour and in octocrab's, over real HTTP on loopback: one test a trap.

mod fake;

mod credentials;
mod faults;
mod lists;
mod redirects;
mod writes;
