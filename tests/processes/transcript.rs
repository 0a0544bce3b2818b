//! A Markdown page whose blocks were recorded: each is held against what a program prints today, or written anew by
//! `script/record`. A block stands under a line `<!-- recorded: NAME -->`.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Set by `script/record`: what is printed is written into the page, and not compared.
const RECORD: &str = "BATON_TEST_RECORD";

pub struct Transcript {
    page: PathBuf,
    text: String,
    /// What differs from start to start, and what stands for it.
    instead: Vec<(Regex, String)>,
    /// Blocks that were held against what was printed.
    held: Vec<String>,
}

impl Transcript {
    /// A page of `docs/`.
    pub fn of(page: &str, instead: &[(String, &str)]) -> Self {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
        let text = fs::read_to_string(&page).unwrap();
        let instead = instead.iter().map(|(what, by)| (Regex::new(what).unwrap(), (*by).to_owned())).collect();
        Self { page, text, instead, held: Vec::new() }
    }

    pub fn is_recording() -> bool {
        std::env::var_os(RECORD).is_some()
    }

    /// One block: what is printed has to be what stands there.
    pub fn holds(&mut self, name: &str, printed: &str) {
        let printed = self.steady(printed);
        let (from, to) = self.place(name);
        self.held.push(name.to_owned());
        if Self::is_recording() {
            self.text.replace_range(from..to, &printed);
            fs::write(&self.page, &self.text).unwrap();
            return;
        }
        let kept = &self.text[from..to];
        let page = self.page.display();
        let differs = kept.lines().zip(printed.lines()).find(|(kept, printed)| kept != printed);
        assert!(
            kept == printed,
            "{page}, block `{name}`, is not what is printed today; `script/record` writes it anew.\nfirst difference: \
             {differs:#?}\n── printed today\n{printed}\n── kept\n{kept}"
        );
    }

    /// Every block of the page was held against something.
    pub fn is_whole(&self) {
        let named = Regex::new("<!-- recorded: ([a-z-]+) -->").unwrap();
        let mut all: Vec<&str> = named.captures_iter(&self.text).map(|found| found.get(1).unwrap().as_str()).collect();
        let mut held = self.held.clone();
        all.sort_unstable();
        held.sort_unstable();
        assert_eq!(all, held, "the blocks of {}", self.page.display());
    }

    fn place(&self, name: &str) -> (usize, usize) {
        let mark = format!("<!-- recorded: {name} -->\n");
        let after =
            self.text.find(&mark).unwrap_or_else(|| panic!("{}: no `{mark}`", self.page.display())) + mark.len();
        let from = after + self.text[after..].find("```").unwrap();
        let from = from + self.text[from..].find('\n').unwrap() + 1;
        (from, from + self.text[from..].find("```").unwrap())
    }

    fn steady(&self, printed: &str) -> String {
        let mut text: String = printed.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
        for (what, by) in &self.instead {
            text = what.replace_all(&text, by).into_owned();
        }
        // A fence inside would end the block.
        text.replace("```", "'''")
    }
}
