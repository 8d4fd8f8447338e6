//! Tables in plain text, in the form of Markdown.

use std::fmt::{self, Display};

/// A table: its first row is the head.
pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows yet.
    pub fn new(title: &str, head: &[&str]) -> Self {
        Self { title: title.into(), rows: vec![head.iter().map(|cell| String::from(*cell)).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        writeln!(f, "\n## {}\n", self.title)?;
        for (number, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                if column == 0 { write!(f, "| {cell:<width$} ")? } else { write!(f, "| {cell:>width$} ")? }
            }
            writeln!(f, "|")?;
            if number == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(*width);
                    if column == 0 { write!(f, "|-{dashes}-")? } else { write!(f, "|-{dashes}:")? }
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// Whether a figure meets its requirement, as a cell.
pub fn at_most(figure: f64, limit: f64, unit: &str) -> String {
    format!("≤ {limit} {unit}: {}", if figure <= limit { "met" } else { "MISSED" })
}

/// The same the other way round.
pub fn at_least(figure: f64, limit: f64, unit: &str) -> String {
    format!("≥ {limit} {unit}: {}", if figure >= limit { "met" } else { "MISSED" })
}

/// The middle one of some figures, which must not be empty.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
