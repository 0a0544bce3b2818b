//! The one table of tools: it writes the JSON schemas that models see and reads the arguments that they send.

#[cfg(test)]
mod tests;

use baton_core::domain::plan::PlanDraft;
use baton_core::domain::run::{Finish, NothingReason, RunKind};
use baton_core::domain::tool::ToolRequest;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::conversation::Call;

/// One tool as models see it.
#[derive(Debug)]
pub struct ToolSpec {
    /// Its name.
    pub name: &'static str,
    /// What it does, for the model.
    pub about: &'static str,
    fields: &'static [Field],
    leads_to: LeadsTo,
}

/// One argument.
#[derive(Debug)]
struct Field {
    name: &'static str,
    about: &'static str,
    kind: Kind,
    required: bool,
}

/// What an argument may be.
#[derive(Debug)]
enum Kind {
    /// Any text up to so many bytes, possibly empty.
    Text(usize),
    /// A text with something in it, up to so many bytes.
    Words(usize),
    /// A whole number from 1.
    Count,
    /// Yes or no.
    Flag,
    /// A list of at most 100 texts, each up to so many bytes, with at least so many of them.
    List { least: usize, bytes: usize },
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// What becomes of a valid call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LeadsTo {
    Sandbox,
    Plan,
    Done,
    Nothing,
}

/// A valid call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// To be performed in the sandbox.
    Tool(ToolRequest),
    /// Ends the run.
    Finish(Finish),
}

const LIST_LIMIT: usize = 100;
const PATH: usize = 4096;
const FILE: usize = 1 << 20;
const PARAGRAPH: usize = 4_000;
const PAGE: usize = 20_000;

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, about, kind, required: true }
}

const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, about, kind, required: false }
}

const READ: ToolSpec = ToolSpec {
    name: "read",
    about: "Read a text file, or a part of it. The answer has line numbers, which are not part of the file.",
    fields: &[
        required("path", Kind::Words(PATH), "The file, relative to the workspace."),
        optional("from_line", Kind::Count, "First line to show, counting from 1."),
        optional("lines", Kind::Count, "How many lines to show at most."),
    ],
    leads_to: LeadsTo::Sandbox,
};

const LIST: ToolSpec = ToolSpec {
    name: "list",
    about: "List the files below a folder. Files ignored by git are left out.",
    fields: &[
        optional("path", Kind::Text(PATH), "The folder; the whole workspace when left out."),
        optional("glob", Kind::Words(PATH), "Only files whose path matches, for example `**/*.rs`."),
    ],
    leads_to: LeadsTo::Sandbox,
};

const SEARCH: ToolSpec = ToolSpec {
    name: "search",
    about: "Find lines that match a regular expression. Answers with `path:line:text`.",
    fields: &[
        required("pattern", Kind::Words(PATH), "The expression, in the syntax of Rust's regex crate."),
        optional("path", Kind::Text(PATH), "A file or folder; the whole workspace when left out."),
        optional("glob", Kind::Words(PATH), "Only files whose path matches, for example `src/**/*.py`."),
    ],
    leads_to: LeadsTo::Sandbox,
};

const EDIT: ToolSpec = ToolSpec {
    name: "edit",
    about: "Replace an exact text in a file. The text must occur exactly once unless `all` is true; copy it from the \
            file without the line numbers, with its indentation.",
    fields: &[
        required("path", Kind::Words(PATH), "The file, relative to the workspace."),
        required("old", Kind::Text(FILE), "The text to replace."),
        required("new", Kind::Text(FILE), "What to put in its place."),
        optional("all", Kind::Flag, "Replace every occurrence."),
    ],
    leads_to: LeadsTo::Sandbox,
};

const WRITE: ToolSpec = ToolSpec {
    name: "write",
    about: "Create a file, or replace all of it. Missing folders are created.",
    fields: &[
        required("path", Kind::Words(PATH), "The file, relative to the workspace."),
        required("content", Kind::Text(FILE), "The whole content."),
    ],
    leads_to: LeadsTo::Sandbox,
};

const RUN: ToolSpec = ToolSpec {
    name: "run",
    about: "Run a command with `bash -c` in the workspace. Standard output and error come back together. Each command \
            starts in a new shell: folder changes and variables are not kept. There is no network and no terminal; \
            whatever still runs when the command ends is stopped.",
    fields: &[
        required("command", Kind::Words(FILE), "The command."),
        optional("timeout_seconds", Kind::Count, "Stop it after so many seconds."),
    ],
    leads_to: LeadsTo::Sandbox,
};

const SUBMIT_PLAN: ToolSpec = ToolSpec {
    name: "submit_plan",
    about: "Hand in the plan. This ends the run; a maintainer reads it and decides.",
    fields: &[
        required("goal", Kind::Words(PARAGRAPH), "What will be true afterwards, in one or two sentences."),
        required(
            "files",
            Kind::List { least: 0, bytes: PATH },
            "The files you expect to touch, relative to the repository.",
        ),
        required(
            "steps",
            Kind::List { least: 1, bytes: PARAGRAPH },
            "The steps, in order, each concrete enough to check.",
        ),
        required(
            "testing",
            Kind::Words(PARAGRAPH),
            "Which tests you will add or change, and what shows that it works.",
        ),
        optional("risks", Kind::List { least: 0, bytes: PARAGRAPH }, "What may break, and how you would notice."),
        optional("questions", Kind::List { least: 0, bytes: PARAGRAPH }, "What only a maintainer can answer."),
    ],
    leads_to: LeadsTo::Plan,
};

const FINISH: ToolSpec = ToolSpec {
    name: "finish",
    about: "Say that the work is done. This ends the run; Baton then runs the tests itself and opens the pull request.",
    fields: &[required(
        "summary",
        Kind::Words(PAGE),
        "What you changed and why, for the reviewer of the pull request. Only what you really did and saw.",
    )],
    leads_to: LeadsTo::Done,
};

const FINISH_WITHOUT_CHANGE: ToolSpec = ToolSpec {
    name: "finish_without_change",
    about: "Say that nothing is to be changed. This ends the run without a pull request.",
    fields: &[
        required(
            "reason",
            Kind::OneOf(&["cannot_reproduce", "already_fixed", "cannot_do"]),
            "`cannot_reproduce`: the problem does not show. `already_fixed`: the code already does what is asked. \
             `cannot_do`: too vague, out of reach, or not a change of code.",
        ),
        required("explanation", Kind::Words(PAGE), "What you tried and what you saw."),
    ],
    leads_to: LeadsTo::Nothing,
};

static PLANNING: [&ToolSpec; 6] = [&READ, &LIST, &SEARCH, &RUN, &SUBMIT_PLAN, &FINISH_WITHOUT_CHANGE];
static CHANGING: [&ToolSpec; 8] = [&READ, &LIST, &SEARCH, &EDIT, &WRITE, &RUN, &FINISH, &FINISH_WITHOUT_CHANGE];

/// The tools a run of this kind is offered. What it may really write is the sandbox's business.
pub(crate) fn offered(kind: RunKind) -> &'static [&'static ToolSpec] {
    match kind {
        RunKind::Plan => &PLANNING,
        RunKind::Implement | RunKind::Revise => &CHANGING,
    }
}

/// Whether a tool of this name ends a run.
pub(crate) fn ends_a_run(tool: &str) -> bool {
    [&SUBMIT_PLAN, &FINISH, &FINISH_WITHOUT_CHANGE].iter().any(|spec| spec.name == tool)
}

/// Turns a model's call into what it means.
///
/// # Errors
/// A sentence for the model that says what is wrong and what would be right.
pub(crate) fn parse(kind: RunKind, call: &Call) -> Result<Invocation, String> {
    let Some(spec) = offered(kind).iter().find(|spec| spec.name == call.tool) else {
        let names: Vec<&str> = offered(kind).iter().map(|spec| spec.name).collect();
        return Err(format!(
            "There is no tool `{}` in this run. The tools are: {}.",
            shortened(&call.tool),
            names.join(", ")
        ));
    };
    let arguments = spec.checked(&call.arguments)?;
    spec.invocation(arguments).map_err(|error| format!("The arguments of `{}` cannot be used: {error}.", spec.name))
}

impl ToolSpec {
    /// The JSON schema of the arguments.
    #[must_use]
    pub fn schema(&self) -> Value {
        let properties: Map<String, Value> =
            self.fields.iter().map(|field| (field.name.to_owned(), field.schema())).collect();
        let required: Vec<&str> = self.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }

    /// The arguments, each known, present where required and of its kind; optional ones given as null are dropped.
    fn checked(&self, arguments: &Value) -> Result<Map<String, Value>, String> {
        let Value::Object(given) = arguments else {
            return Err(format!(
                "The arguments of `{}` are not a JSON object. Send one with: {}.",
                self.name,
                self.signature()
            ));
        };
        if let Some(unknown) = given.keys().find(|name| !self.fields.iter().any(|field| field.name == *name)) {
            return Err(format!(
                "`{}` has no argument `{}`. It takes: {}.",
                self.name,
                shortened(unknown),
                self.signature()
            ));
        }
        let mut checked = Map::new();
        for field in self.fields {
            match given.get(field.name) {
                None | Some(Value::Null) if !field.required => {}
                None | Some(Value::Null) => {
                    return Err(format!(
                        "`{}` needs the argument `{}`. It takes: {}.",
                        self.name,
                        field.name,
                        self.signature()
                    ));
                }
                Some(value) => {
                    field.kind.check(value).map_err(|wanted| {
                        format!("The argument `{}` of `{}` must be {wanted}.", field.name, self.name)
                    })?;
                    checked.insert(field.name.to_owned(), value.clone());
                }
            }
        }
        Ok(checked)
    }

    fn signature(&self) -> String {
        let fields: Vec<String> = self
            .fields
            .iter()
            .map(|field| format!("{}{}", field.name, if field.required { "" } else { " (optional)" }))
            .collect();
        fields.join(", ")
    }

    fn invocation(&self, mut arguments: Map<String, Value>) -> Result<Invocation, serde_json::Error> {
        #[derive(Deserialize)]
        struct Done {
            summary: String,
        }
        #[derive(Deserialize)]
        struct Nothing {
            reason: NothingReason,
            explanation: String,
        }
        Ok(match self.leads_to {
            LeadsTo::Sandbox => {
                arguments.insert("tool".to_owned(), Value::String(self.name.to_owned()));
                Invocation::Tool(serde_json::from_value(Value::Object(arguments))?)
            }
            LeadsTo::Plan => {
                let draft: PlanDraft = serde_json::from_value(Value::Object(arguments))?;
                Invocation::Finish(Finish::Plan { draft })
            }
            LeadsTo::Done => {
                let Done { summary } = serde_json::from_value(Value::Object(arguments))?;
                Invocation::Finish(Finish::Done { summary })
            }
            LeadsTo::Nothing => {
                let Nothing { reason, explanation } = serde_json::from_value(Value::Object(arguments))?;
                Invocation::Finish(Finish::Nothing { reason, explanation })
            }
        })
    }
}

impl Field {
    fn schema(&self) -> Value {
        let mut schema = match &self.kind {
            Kind::Text(_) | Kind::Words(_) => json!({ "type": "string" }),
            Kind::Count => json!({ "type": "integer", "minimum": 1 }),
            Kind::Flag => json!({ "type": "boolean" }),
            Kind::List { least, .. } => {
                json!({ "type": "array", "items": { "type": "string" }, "minItems": least, "maxItems": LIST_LIMIT })
            }
            Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
        };
        schema["description"] = Value::String(self.about.to_owned());
        schema
    }
}

impl Kind {
    /// Whether the value is of this kind; otherwise what it must be.
    fn check(&self, value: &Value) -> Result<(), String> {
        let fits = match self {
            Self::Text(bytes) => value.as_str().is_some_and(|text| text.len() <= *bytes),
            Self::Words(bytes) => value.as_str().is_some_and(|text| text.len() <= *bytes && !text.trim().is_empty()),
            Self::Count => value.as_u64().is_some_and(|count| (1..=u64::from(u32::MAX)).contains(&count)),
            Self::Flag => value.is_boolean(),
            Self::List { least, bytes } => value.as_array().is_some_and(|items| {
                (*least..=LIST_LIMIT).contains(&items.len())
                    && items.iter().all(|item| item.as_str().is_some_and(|text| text.len() <= *bytes))
            }),
            Self::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        };
        if fits { Ok(()) } else { Err(self.wanted()) }
    }

    fn wanted(&self) -> String {
        match self {
            Self::Text(bytes) => format!("a string of at most {bytes} bytes"),
            Self::Words(bytes) => format!("a string of at most {bytes} bytes that is not blank"),
            Self::Count => "a whole number from 1".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::List { least, bytes } => {
                format!("a list of {least} to {LIST_LIMIT} strings of at most {bytes} bytes each")
            }
            Self::OneOf(words) => format!("one of: {}", words.join(", ")),
        }
    }
}

/// A name from a model, cut to what a sentence can bear.
fn shortened(name: &str) -> String {
    name.chars().take(60).collect()
}
