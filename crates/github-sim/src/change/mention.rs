//! Whom a text would notify: `@login` in rendered Markdown, so not in code, quotes of code, links' addresses or HTML comments.

use std::collections::BTreeSet;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::world::ledger::Mention;
use crate::world::{Actor, World};

impl World {
    /// Notes the people a newly written text names.
    pub(crate) fn note_mentions(&mut self, by: &Actor, repo: u64, number: u64, text: &str) {
        let full_name = self.full_name(repo);
        for name in mentioned(text) {
            let Some(account) = self.account_by_login(&name) else { continue };
            let login = account.login.clone();
            let by = self.login(by.user).to_owned();
            self.mentions.push(Mention { login, by, repository: full_name.clone(), number });
        }
    }
}

/// The logins named in a text, lower case, each once.
pub(crate) fn mentioned(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    logins(&without_code(text), &mut found);
    found
}

/// The text a reader sees, with a mark in place of each piece of code or HTML.
pub(crate) fn without_code(text: &str) -> String {
    let mut run = String::new();
    let mut in_code = false;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(text) if !in_code => run.push_str(&text),
            Event::Text(_) | Event::Code(_) | Event::InlineMath(_) | Event::DisplayMath(_) => run.push('`'),
            Event::Html(_) | Event::InlineHtml(_) => run.push('<'),
            Event::SoftBreak | Event::HardBreak | Event::Rule => run.push('\n'),
            Event::Start(_) | Event::End(_) if !is_inline(&event) => run.push('\n'),
            Event::Start(_) | Event::End(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }
    run
}

fn is_inline(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Start(Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. })
            | Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link)
    )
}

fn logins(text: &str, found: &mut BTreeSet<String>) {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut before = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == '@' && before.is_none_or(|c: char| !c.is_alphanumeric() && c != '_' && c != '`' && c != '@') {
            let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
            let name = &rest[..end];
            let whole = !rest[end..].starts_with(['_', '@']);
            if whole && !name.is_empty() && !name.starts_with('-') && name.len() <= 39 {
                found.insert(name.trim_end_matches('-').to_ascii_lowercase());
            }
        }
        before = Some(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_notifies_and_what_does_not() {
        let text = "Hi @alice and (@Bob-2), not mail@example.com nor `@code`.\n\n```\n@fenced\n```\n<!-- @hidden -->\n\
                    **@bold** [@link](http://x/@url) > @\u{200b}zero \\@escaped";
        let expected = ["alice", "bob-2", "bold", "escaped", "link"];
        assert_eq!(mentioned(text).into_iter().collect::<Vec<_>>(), expected);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
            for name in mentioned(&text) {
                prop_assert!(name.len() <= 39);
            }
        }
    }
}
