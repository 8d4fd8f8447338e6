//! Text with roles: laid out first, coloured last, so that escapes never count as columns.

use anstyle::AnsiColor;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Style;
use crate::render::clean::clean;

/// What a piece of text is; decides its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Plain,
    Headline,
    Verdict,
    Class,
    Place,
    Label,
}

impl Role {
    fn style(self) -> anstyle::Style {
        let style = anstyle::Style::new();
        match self {
            Self::Plain => style,
            Self::Headline => style.bold().fg_color(Some(AnsiColor::Red.into())),
            Self::Verdict => style.bold().fg_color(Some(AnsiColor::Yellow.into())),
            Self::Class => style.fg_color(Some(AnsiColor::Cyan.into())),
            Self::Place => style.dimmed(),
            Self::Label => style.bold(),
        }
    }
}

#[derive(Clone, Debug)]
struct Span {
    role: Role,
    text: String,
}

/// A run of text in several roles. Spaces are where it may be broken into lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Phrase(Vec<Span>);

impl Phrase {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Appends ordinary text.
    pub(super) fn plain(self, text: &str) -> Self {
        self.with(Role::Plain, text)
    }

    /// Appends part of the headline.
    pub(super) fn headline(self, text: &str) -> Self {
        self.with(Role::Headline, text)
    }

    /// Appends a verdict.
    pub(super) fn verdict(self, text: &str) -> Self {
        self.with(Role::Verdict, text)
    }

    /// Appends the name of a class or lock.
    pub(super) fn class(self, text: &str) -> Self {
        self.with(Role::Class, text)
    }

    /// Appends a place in the code.
    pub(super) fn place(self, text: &str) -> Self {
        self.with(Role::Place, text)
    }

    /// Appends a label, such as a context's number.
    pub(super) fn label(self, text: &str) -> Self {
        self.with(Role::Label, text)
    }

    /// Appends all of another phrase.
    pub(super) fn then(self, other: Self) -> Self {
        other.0.into_iter().fold(self, |phrase, span| phrase.with(span.role, &span.text))
    }

    /// Columns on a terminal.
    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|span| span.text.width()).sum()
    }

    /// Pads with spaces up to `width` columns.
    pub(super) fn pad(self, width: usize) -> Self {
        let missing = width.saturating_sub(self.width());
        self.plain(&" ".repeat(missing))
    }

    /// Breaks into lines of at most `width` columns, all but the first indented by `hanging`. Words
    /// that are too long for a line are cut, not lost.
    pub(super) fn wrap(&self, width: usize, hanging: usize) -> Vec<Self> {
        let mut lines = vec![Self::new()];
        for word in self.words() {
            for piece in word.cut(width.saturating_sub(hanging).max(1)) {
                let line = lines.last_mut().expect("engine bug: there is always a line");
                let space = usize::from(line.0.iter().any(|span| !span.text.trim().is_empty()));
                if line.width() + space + piece.width() <= width {
                    *line = std::mem::take(line).space(space, &piece).then(piece);
                } else {
                    lines.push(Self::new().plain(&" ".repeat(hanging)).then(piece));
                }
            }
        }
        lines
    }

    /// As [`wrap`](Self::wrap), but words too long for a line lose their middle.
    pub(super) fn fit(&self, width: usize) -> Vec<Self> {
        let mut shortened = Self::new();
        for word in self.words() {
            let word = if word.width() > width { word.shortened(width) } else { word };
            shortened = shortened.space(1, &word).then(word);
        }
        shortened.wrap(width, 0)
    }

    /// The text, with escape sequences if there is to be colour, without trailing spaces.
    pub(super) fn paint(&self, style: Style) -> String {
        let last = self.0.iter().rposition(|span| !span.text.trim().is_empty()).map_or(0, |last| last + 1);
        let spans = self.0[..last].iter().enumerate().map(|(i, span)| {
            let text = if i + 1 == last { span.text.trim_end() } else { &span.text };
            let colour = span.role.style();
            if style == Style::Plain || colour.is_plain() {
                text.to_owned()
            } else {
                format!("{}{text}{}", colour.render(), colour.render_reset())
            }
        });
        spans.collect()
    }

    fn with(mut self, role: Role, text: &str) -> Self {
        let text = clean(text);
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(span) if span.role == role => span.text.push_str(&text),
            _ => self.0.push(Span { role, text: text.into_owned() }),
        }
        self
    }

    /// Appends spaces, in the role of what stands around them if that is the same on both sides.
    fn space(self, count: usize, next: &Self) -> Self {
        let role = match (self.0.last(), next.0.first()) {
            (Some(before), Some(after)) if before.role == after.role => before.role,
            _ => Role::Plain,
        };
        self.with(role, &" ".repeat(count))
    }

    /// What stands between spaces; a word may consist of several roles.
    fn words(&self) -> Vec<Self> {
        let mut words = Vec::new();
        let mut word = Self::new();
        for span in &self.0 {
            for (i, part) in span.text.split(' ').enumerate() {
                if i > 0 {
                    words.push(std::mem::take(&mut word));
                }
                word = word.with(span.role, part);
            }
        }
        words.push(word);
        words.retain(|word| !word.0.is_empty());
        words
    }

    /// The word in pieces of at most `width` columns.
    fn cut(self, width: usize) -> Vec<Self> {
        if self.width() <= width {
            return vec![self];
        }
        let mut pieces = vec![Self::new()];
        for span in &self.0 {
            for c in span.text.chars() {
                if pieces.last().is_none_or(|piece| piece.width() + c.width().unwrap_or(0) > width) {
                    pieces.push(Self::new());
                }
                let piece = pieces.last_mut().expect("engine bug: there is always a piece");
                piece.push(span.role, c);
            }
        }
        pieces
    }

    /// The word without its middle, at most `width` columns wide.
    fn shortened(&self, width: usize) -> Self {
        const GAP: &str = "...";
        let letters: Vec<(Role, char)> =
            self.0.iter().flat_map(|span| span.text.chars().map(|c| (span.role, c))).collect();
        let room = width.saturating_sub(GAP.len());
        let head = fitting(letters.iter(), room - room / 2);
        let tail = fitting(letters.iter().rev(), room / 2);
        let role = letters.first().map_or(Role::Plain, |letter| letter.0);
        let mut word = Self::new();
        letters[..head].iter().for_each(|&(role, c)| word.push(role, c));
        GAP.chars().for_each(|c| word.push(role, c));
        letters[letters.len() - tail..].iter().for_each(|&(role, c)| word.push(role, c));
        word
    }

    fn push(&mut self, role: Role, c: char) {
        match self.0.last_mut() {
            Some(span) if span.role == role => span.text.push(c),
            _ => self.0.push(Span { role, text: c.to_string() }),
        }
    }
}

/// How many of the letters fit into `width` columns.
fn fitting<'a>(letters: impl Iterator<Item = &'a (Role, char)>, width: usize) -> usize {
    let mut used = 0;
    letters
        .take_while(|(_, c)| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .count()
}
