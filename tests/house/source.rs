//! The files of the package, and Rust source cut into tokens without its comments.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// All that the rules look at.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) sources: Vec<Source>,
    pub(crate) pages: Vec<Page>,
    /// Every file and folder, from the root.
    pub(crate) paths: BTreeSet<String>,
}

/// A Rust file.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
}

/// A Markdown file.
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier, a keyword, a number or a lifetime.
    Word(String),
    /// What stands in a string literal.
    Text(String),
    Mark(char),
}

impl Tree {
    pub(crate) fn read(root: &Path) -> Self {
        let mut tree = Self::default();
        tree.visit(root, "");
        tree
    }

    fn visit(&mut self, folder: &Path, prefix: &str) {
        let entries = fs::read_dir(folder).expect("a folder of the package");
        for entry in entries.map(|entry| entry.expect("an entry of a folder")) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            self.paths.insert(path.clone());
            if entry.path().is_dir() {
                if ![".git", "target", "wip"].contains(&name.as_str()) {
                    self.visit(&entry.path(), &format!("{path}/"));
                }
                continue;
            }
            if has_extension(&path, "rs") || has_extension(&path, "md") {
                let text = fs::read_to_string(entry.path()).expect("a readable file");
                self.add(&path, &text);
            }
        }
    }

    pub(crate) fn add(&mut self, path: &str, text: &str) {
        let ends = path.match_indices('/').map(|(end, _)| end);
        let folders = ends.chain([path.len()]).map(|end| path[..end].to_owned());
        self.paths.extend(folders);
        let (path, text) = (path.to_owned(), text.to_owned());
        if has_extension(&path, "rs") {
            let tokens = tokens(&text);
            self.sources.push(Source { path, text, tokens });
        } else {
            self.pages.push(Page { path, text });
        }
    }

    /// The sources under `src/`.
    pub(crate) fn product(&self) -> impl Iterator<Item = &Source> {
        self.sources
            .iter()
            .filter(|file| file.path.starts_with("src/"))
    }
}

impl Source {
    /// The module at the root that the file belongs to; `lib` for the root itself.
    pub(crate) fn module(&self) -> &str {
        let path = self.path.trim_start_matches("src/");
        path.split('/')
            .next()
            .unwrap_or(path)
            .trim_end_matches(".rs")
    }

    pub(crate) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.trim_end_matches(".rs")
    }

    /// Whether its name or that of a folder above says that it is compiled for tests alone.
    pub(crate) fn is_in_a_room_of_tests(&self) -> bool {
        let rooms = self.path.trim_end_matches(".rs").split('/');
        rooms.skip(1).any(|room| room.ends_with("tests"))
    }

    /// The tokens without the tests at the end of the file; none in a room of tests.
    pub(crate) fn untested(&self) -> &[Token] {
        if self.stem().ends_with("tests") {
            return &[];
        }
        let end = (0..self.tokens.len())
            .find(|&at| follows(&self.tokens[at..], "# [ cfg ( test ) ] mod"))
            .unwrap_or(self.tokens.len());
        &self.tokens[..end]
    }

    /// The documentation of the module, without its markers.
    pub(crate) fn doc(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().zip(1..).map(|(text, line)| (line, text));
        lines.filter_map(|(line, text)| Some((line, text.trim().strip_prefix("//!")?)))
    }
}

impl Token {
    pub(crate) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            Kind::Text(_) | Kind::Mark(_) => None,
        }
    }

    pub(crate) fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// Whether `tokens` begin with `pattern`: words and marks, set apart by blanks.
pub(crate) fn follows(tokens: &[Token], pattern: &str) -> bool {
    let mut tokens = tokens.iter();
    pattern.split(' ').all(|part| {
        tokens.next().is_some_and(|token| match &token.kind {
            Kind::Word(word) => word == part,
            Kind::Mark(mark) => part.chars().eq([*mark]),
            Kind::Text(_) => false,
        })
    })
}

/// How many tokens a group takes that begins at the first one, closing bracket included.
pub(crate) fn group(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|is| is == extension)
}

fn tokens(text: &str) -> Vec<Token> {
    let mut cutter = Cutter {
        rest: text,
        line: 1,
    };
    std::iter::from_fn(|| cutter.next()).collect()
}

struct Cutter<'a> {
    rest: &'a str,
    line: usize,
}

impl Cutter<'_> {
    fn next(&mut self) -> Option<Token> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.take(blank);
            if self.rest.starts_with("//") {
                self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                self.take(self.rest.find("*/").map_or(self.rest.len(), |at| at + 2));
            } else {
                break;
            }
        }
        let line = self.line;
        let kind = self.kind()?;
        Some(Token { line, kind })
    }

    fn kind(&mut self) -> Option<Kind> {
        let first = self.rest.chars().next()?;
        let hashes = self.rest.trim_start_matches(['r', 'b', 'c']);
        let raw = hashes.trim_start_matches('#');
        if raw.starts_with('"') && self.rest.len() - hashes.len() <= 2 {
            let is_raw = self.rest.starts_with(['r']) || self.rest.starts_with("br");
            let depth = hashes.len() - raw.len();
            self.take(self.rest.len() - raw.len() + 1);
            return Some(Kind::Text(self.string(is_raw, depth)));
        }
        if first == '\'' {
            let mut letters = self.rest.chars().skip(1);
            let (second, third) = (letters.next()?, letters.next());
            if second == '\\' || third == Some('\'') {
                // Past the quote and what may be an escaped quote.
                let from = 1 + second.len_utf8() + usize::from(second == '\\');
                let end = self.rest[from..].find('\'').map_or(1, |at| from + at + 1);
                return Some(Kind::Text(self.take(end)));
            }
        }
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let start = usize::from(first == '\'');
        let word = self.rest[start..].find(|letter| !is_part(letter));
        let end = word.map_or(self.rest.len(), |at| at + start);
        if end > start {
            return Some(Kind::Word(self.take(end)));
        }
        self.take(first.len_utf8());
        Some(Kind::Mark(first))
    }

    /// The rest of a string, whose quote has been taken.
    fn string(&mut self, is_raw: bool, depth: usize) -> String {
        let close = format!("\"{}", "#".repeat(depth));
        let mut end = 0;
        while end < self.rest.len() && !self.rest[end..].starts_with(&close) {
            let escape = !is_raw && self.rest[end..].starts_with('\\');
            let step = self.rest[end..].chars().take(1 + usize::from(escape));
            end += step.map(char::len_utf8).sum::<usize>();
        }
        let text = self.take(end);
        self.take(close.len().min(self.rest.len()));
        text
    }

    fn take(&mut self, length: usize) -> String {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken.to_owned()
    }
}

#[test]
fn comments_are_no_tokens_and_what_stands_in_strings_is_none_either() {
    let code = "a /* b\n */ 'x' '\\'' &'life \"c // \\\" d\" r#\"e\"f\"# // g\nbr\"h\" r#i";
    let seen: Vec<_> = tokens(code)
        .into_iter()
        .map(|token| match token.kind {
            Kind::Word(word) => format!("{}w{word}", token.line),
            Kind::Text(text) => format!("{}t{text}", token.line),
            Kind::Mark(mark) => format!("{}{mark}", token.line),
        })
        .collect();
    assert_eq!(
        seen,
        [
            "1wa",
            "2t'x'",
            "2t'\\''",
            "2&",
            "2w'life",
            "2tc // \\\" d",
            "2te\"f",
            "3th",
            "3wr",
            "3#",
            "3wi"
        ]
    );
}
