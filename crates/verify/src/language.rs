//! The programming languages whose projects are understood.

use serde::{Deserialize, Serialize};

/// A programming language, or a family that shares its tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript and TypeScript.
    JavaScript,
    /// Python.
    Python,
    /// Go.
    Go,
    /// Java, Kotlin, Scala, Groovy.
    Jvm,
    /// C#, F#, Visual Basic.
    DotNet,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// Elixir.
    Elixir,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rust,
        Self::JavaScript,
        Self::Python,
        Self::Go,
        Self::Jvm,
        Self::DotNet,
        Self::Ruby,
        Self::Php,
        Self::Elixir,
    ];

    /// The name as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::Jvm => "Java",
            Self::DotNet => ".NET",
            Self::Ruby => "Ruby",
            Self::Php => "PHP",
            Self::Elixir => "Elixir",
        }
    }
}
