//! HTML tokens → the tree. Forgiving as a browser is, and decides what counts as hidden; never keeps a tag or an attribute.

use html5gum::{StartTag, Token};

use super::attributes;
use super::characters::{is_hidden, is_line_end, is_space};
use super::dialect::{is_html_element, is_void_element};
use super::document::{Block, Inline, plain, push_flat};
use super::frame::{Frame, Kind, flush, trimmed};
use super::hidden::{Hidden, Omitted};
use super::reading::{Page, language_of};
use super::style::hides;

/// Elements inside elements beyond this are flattened; people do not nest so deep.
const MAX_DEPTH: usize = 40;

/// Takes the tokens one by one.
pub(crate) struct Builder {
    /// The open elements; the first is the page and stays.
    open: Vec<Frame>,
    /// The open elements inside a hidden one, and the text in it.
    hidden: Option<(Vec<String>, String)>,
    omitted: Omitted,
}

impl Builder {
    pub(crate) fn new(omitted: Omitted) -> Self {
        Self { open: vec![Frame::default()], hidden: None, omitted }
    }

    pub(crate) fn finish(mut self) -> Page {
        if let Some((_, text)) = self.hidden.take() {
            self.omitted.add(Hidden::Element, &text);
        }
        self.close_to(1);
        let mut page = self.open.pop().unwrap_or_default();
        flush(&mut page);
        Page { blocks: page.blocks, omitted: self.omitted }
    }

    pub(crate) fn take(&mut self, token: Token) {
        match token {
            Token::StartTag(tag) => self.start(&tag),
            Token::EndTag(tag) => self.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => {
                let text = String::from_utf8_lossy(&text);
                match &mut self.hidden {
                    Some((_, hidden)) => hidden.push_str(&text),
                    None => self.text(&text),
                }
            }
            Token::Comment(text) => self.omitted.add(Hidden::Comment, &String::from_utf8_lossy(&text)),
            Token::Doctype(doctype) => self.omitted.add(Hidden::Comment, &String::from_utf8_lossy(&doctype.name)),
            Token::Error(_) => {}
        }
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        attributes::note(&name, tag, &mut self.omitted);
        if let Some((inside, _)) = &mut self.hidden {
            if !is_void_element(&name) && inside.len() < 1000 {
                inside.push(name);
            }
            return;
        }
        let attribute = |wanted: &str| attributes::value(tag, wanted);
        if hides(&name, &attribute) && !is_void_element(&name) {
            self.hidden = Some((vec![name], String::new()));
            return;
        }
        let kind = match name.as_str() {
            "p" | "div" | "section" | "article" | "center" | "figure" | "figcaption" | "dl" | "dt" | "dd"
            | "address" | "header" | "footer" | "main" | "nav" | "aside" | "form" | "fieldset" | "hgroup" => {
                return self.paragraph();
            }
            "br" => return self.line_break(),
            "hr" => return self.add_block(Block::Rule),
            "img" | "image" => return self.push(Inline::Image(attribute("alt").unwrap_or_default())),
            "input" if attribute("type").as_deref() == Some("checkbox") => {
                let mark = if attribute("checked").is_some() { "[x] " } else { "[ ] " };
                return self.push(Inline::Text(mark.into()));
            }
            "blockquote" => Kind::Quote,
            "li" => Kind::Item,
            "details" => Kind::Details(Vec::new()),
            "summary" => Kind::Summary,
            "ul" | "menu" | "dir" => Kind::List(None),
            "ol" => Kind::List(Some(attribute("start").and_then(|n| n.parse().ok()).unwrap_or(1))),
            "table" => Kind::Table,
            "tr" => Kind::Row,
            "td" | "th" | "caption" => Kind::Cell,
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => Kind::Heading(name.as_bytes()[1] - b'0'),
            "em" | "i" => Kind::Emphasis,
            "strong" | "b" => Kind::Strong,
            "del" | "s" | "strike" => Kind::Deleted,
            "a" => match attribute("href") {
                Some(target) => Kind::Link(target),
                None => return,
            },
            "pre" | "listing" => Kind::Verbatim(String::new()),
            "code" | "samp" | "tt" => return self.code(&attribute("class").unwrap_or_default(), name),
            _ => {
                if !is_html_element(&name) {
                    self.omitted.add(Hidden::Tag, &name);
                }
                return;
            }
        };
        self.open(name, kind);
    }

    /// `<code>`: alone a code span, directly in `<pre>` the place where the language stands.
    fn code(&mut self, class: &str, name: String) {
        match self.open.last_mut().map(|top| &mut top.kind) {
            Some(Kind::Verbatim(language)) => {
                if let Some(found) = class.strip_prefix("language-") {
                    *language = language_of(found).to_owned();
                }
            }
            _ => self.open(name, Kind::Code),
        }
    }

    fn open(&mut self, name: String, kind: Kind) {
        if self.open.len() >= MAX_DEPTH {
            return;
        }
        if !kind.is_formatting() {
            self.leave_formatting();
        }
        let top = self.top();
        match kind {
            // An item or a row begins where the one before was left open.
            Kind::Item if top.kind == Kind::Item => self.close_top(),
            Kind::Row if matches!(top.kind, Kind::Row | Kind::Cell) => self.end("tr"),
            Kind::Cell if top.kind == Kind::Cell => self.close_top(),
            _ => {}
        }
        if !kind.is_formatting() && self.top().kind.gathers_blocks() {
            flush(self.top());
        }
        self.open.push(Frame { name, kind, ..Frame::default() });
    }

    fn end(&mut self, name: &str) {
        if let Some((inside, text)) = &mut self.hidden {
            match inside.iter().rposition(|open| open == name) {
                Some(at) => inside.truncate(at),
                // What Markdown itself closes around a hidden element ends it; formatting does not.
                None if matches!(name, "blockquote" | "li" | "ul" | "ol" | "td" | "th" | "table" | "details")
                    && self.open.iter().any(|frame| frame.name == name) =>
                {
                    inside.clear();
                }
                None => {}
            }
            if !inside.is_empty() {
                return;
            }
            let text = std::mem::take(text);
            self.omitted.add(Hidden::Element, &text);
            self.hidden = None;
        }
        if let Some(at) = self.open.iter().rposition(|frame| frame.name == name).filter(|at| *at > 0) {
            self.close_to(at);
        } else if matches!(name, "p" | "div" | "dt" | "dd" | "section" | "article" | "center" | "figure" | "figcaption")
        {
            self.paragraph();
        }
    }

    fn top(&mut self) -> &mut Frame {
        if self.open.is_empty() {
            self.open.push(Frame::default());
        }
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    fn leave_formatting(&mut self) {
        while self.top().kind.is_formatting() {
            self.close_top();
        }
    }

    fn close_to(&mut self, length: usize) {
        while self.open.len() > length {
            self.close_top();
        }
    }

    /// Ends a paragraph and begins the next, or just a line where there are no paragraphs.
    fn paragraph(&mut self) {
        if !self.open.iter().any(|frame| matches!(frame.kind, Kind::Verbatim(_))) {
            self.leave_formatting();
        }
        let top = self.top();
        if top.kind.gathers_blocks() {
            flush(top);
        } else {
            self.line_break();
        }
    }

    fn line_break(&mut self) {
        let top = self.top();
        match top.kind {
            Kind::Verbatim(_) => top.text.push('\n'),
            _ if !matches!(top.line.last(), None | Some(Inline::Break)) => top.line.push(Inline::Break),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let mut clean = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '\n' | '\t' => clean.push(c),
                '\r' => {}
                c if is_line_end(c) => clean.push('\n'),
                c if is_space(c) => clean.push(' '),
                c if is_hidden(c) => self.omitted.add_character(c),
                c => clean.push(c),
            }
        }
        if let Some(frame) = self.open.iter_mut().rev().find(|frame| matches!(frame.kind, Kind::Verbatim(_))) {
            frame.text.push_str(&clean);
            return;
        }
        for (index, line) in clean.split('\n').enumerate() {
            if index > 0 {
                self.line_break();
            }
            let line = line.replace('\t', " ");
            let at_start = matches!(self.top().line.last(), None | Some(Inline::Break));
            let begins_line = at_start && !self.top().kind.is_formatting();
            let line = if begins_line { line.trim_start() } else { &line };
            if !line.is_empty() {
                self.push(Inline::Text(line.to_owned()));
            }
        }
    }

    fn push(&mut self, inline: Inline) {
        if let Some(frame) = self.open.iter_mut().rev().find(|frame| matches!(frame.kind, Kind::Verbatim(_))) {
            return frame.text.push_str(&plain(&[inline]));
        }
        let line = &mut self.top().line;
        match (line.last_mut(), inline) {
            (Some(Inline::Text(before)), Inline::Text(text)) => {
                before.push_str(if before.ends_with(' ') { text.trim_start() } else { &text });
            }
            (Some(Inline::Code(before)), Inline::Code(text)) => before.push_str(&text),
            (_, inline) => line.push(inline),
        }
    }

    fn add_block(&mut self, block: Block) {
        self.leave_formatting();
        let top = self.top();
        if let Kind::List(_) = top.kind {
            top.items.push(vec![block]);
        } else if top.kind.gathers_blocks() {
            flush(top);
            top.blocks.push(block);
        } else {
            self.line_break();
            let top = self.top();
            push_flat(&block, &mut top.line);
            self.line_break();
        }
    }

    fn close_top(&mut self) {
        if self.open.len() < 2 {
            return;
        }
        let Some(mut frame) = self.open.pop() else {
            return;
        };
        if frame.kind.gathers_blocks() && !matches!(frame.kind, Kind::List(_)) {
            flush(&mut frame);
        }
        let line = trimmed(std::mem::take(&mut frame.line));
        let some = |line: Vec<Inline>| (!line.is_empty()).then_some(line);
        match frame.kind {
            Kind::Page => {}
            Kind::Quote => self.add_block(Block::Quote(frame.blocks)),
            Kind::Details(summary) => self.add_block(Block::Details(summary, frame.blocks)),
            Kind::Item => match &mut self.top().kind {
                Kind::List(_) => self.top().items.push(frame.blocks),
                _ => self.add_block(Block::List(None, vec![frame.blocks])),
            },
            Kind::List(first) => {
                frame.items.extend(some(line).map(|line| vec![Block::Paragraph(line)]));
                self.add_block(Block::List(first, frame.items));
            }
            Kind::Table => {
                frame.rows.extend(some(line).map(|line| vec![line]));
                frame.rows.extend((!frame.cells.is_empty()).then_some(frame.cells));
                self.add_block(Block::Table(frame.rows));
            }
            Kind::Row => {
                frame.cells.extend(some(line));
                match self.top().kind {
                    Kind::Table => self.top().rows.push(frame.cells),
                    _ => self.add_block(Block::Table(vec![frame.cells])),
                }
            }
            Kind::Cell => match self.top().kind {
                Kind::Row | Kind::Table => self.top().cells.push(line),
                _ => self.add_block(Block::Paragraph(line)),
            },
            Kind::Heading(level) => self.add_block(Block::Heading(level, line)),
            Kind::Summary => match &mut self.top().kind {
                Kind::Details(summary) => summary.extend(line),
                _ => self.add_block(Block::Paragraph(line)),
            },
            Kind::Emphasis => self.push_some(line, Inline::Emphasis),
            Kind::Strong => self.push_some(line, Inline::Strong),
            Kind::Deleted => self.push_some(line, Inline::Deleted),
            Kind::Code => {
                if !line.is_empty() {
                    self.push(Inline::Code(plain(&line)));
                }
            }
            Kind::Link(target) => {
                let shown = plain(&line);
                if shown != target && format!("mailto:{shown}") != target {
                    self.omitted.add(Hidden::LinkTarget, &target);
                }
                self.push_some(line, |line| Inline::Link(target, line));
            }
            Kind::Verbatim(language) => {
                let text = frame.text.strip_suffix('\n').unwrap_or(&frame.text).to_owned();
                self.add_block(Block::Code(language, text));
            }
        }
    }

    fn push_some(&mut self, line: Vec<Inline>, make: impl FnOnce(Vec<Inline>) -> Inline) {
        if !line.is_empty() {
            self.push(make(line));
        }
    }
}
