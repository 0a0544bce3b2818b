//! What the scripted server can be told to do wrong. Only names; who acts on them is the server.

use std::fmt;
use std::str::FromStr;

/// One thing that goes wrong in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error status, with seconds to wait.
    Status {
        /// The status.
        status: u16,
        /// Seconds for the `retry-after` header.
        retry_after: Option<u32>,
    },
    /// The connection breaks in the middle of the answer.
    Cut,
    /// The answer ends early, as if it were whole.
    Short,
    /// The answer's events are no JSON.
    Garbage,
    /// An error event in the middle of the answer.
    Overloaded,
    /// Nothing ever comes.
    Hang,
    /// The answer starts and then stands still.
    Stall,
    /// The conversation is said to be too long.
    Overflow,
}

/// A word that names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no fault: use a status from 400 (with `:SECONDS` for retry-after), cut, short, garbage, overloaded, hang, stall or overflow"
)]
pub struct UnknownFault(String);

impl Fault {
    /// The status such an answer has.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Status { status, .. } => status,
            Self::Overflow => 400,
            Self::Cut | Self::Short | Self::Garbage | Self::Overloaded | Self::Hang | Self::Stall => 200,
        }
    }
}

/// The providers' word for a status.
pub(super) fn kind(status: u16) -> &'static str {
    match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, retry_after: None } => write!(f, "{status}"),
            Self::Status { status, retry_after: Some(seconds) } => write!(f, "{status}:{seconds}"),
            Self::Cut => f.write_str("cut"),
            Self::Short => f.write_str("short"),
            Self::Garbage => f.write_str("garbage"),
            Self::Overloaded => f.write_str("overloaded"),
            Self::Hang => f.write_str("hang"),
            Self::Stall => f.write_str("stall"),
            Self::Overflow => f.write_str("overflow"),
        }
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let unknown = || UnknownFault(text.to_owned());
        Ok(match text {
            "cut" => Self::Cut,
            "short" => Self::Short,
            "garbage" => Self::Garbage,
            "overloaded" => Self::Overloaded,
            "hang" => Self::Hang,
            "stall" => Self::Stall,
            "overflow" => Self::Overflow,
            _ => {
                let (status, seconds) = match text.split_once(':') {
                    Some((status, seconds)) => (status, Some(seconds.parse().map_err(|_| unknown())?)),
                    None => (text, None),
                };
                let status = status.parse().ok().filter(|status| (400..600).contains(status)).ok_or_else(unknown)?;
                Self::Status { status, retry_after: seconds }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_they_are_written() {
        for text in ["429", "429:2", "529", "cut", "short", "garbage", "overloaded", "hang", "stall", "overflow"] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for text in ["", "200", "600", "429:x", "explode"] {
            assert_eq!(text.parse::<Fault>(), Err(UnknownFault(text.to_owned())));
        }
    }
}
