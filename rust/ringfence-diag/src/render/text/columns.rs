//! Contexts side by side; in several bands if they don't fit beside each other.

use super::phrase::Phrase;

/// Columns narrower than this are hard to read; better to start another band.
const NARROWEST: usize = 24;
const GAP: usize = 3;

/// The lines of one cell.
pub(super) type Cell = Vec<Phrase>;

/// One context: what it is and what it does in each row.
pub(super) struct Column {
    pub(super) title: Phrase,
    pub(super) cells: Vec<Cell>,
}

/// Columns under each other's rows. Time runs down.
pub(super) struct Table {
    /// What each row is; as many as each column has cells.
    pub(super) rows: Vec<&'static str>,
    pub(super) columns: Vec<Column>,
}

impl Table {
    /// The table in at most `width` columns of the terminal.
    pub(super) fn lines(&self, width: usize) -> Vec<Phrase> {
        let gutter = self.rows.iter().map(|row| row.len()).max().unwrap_or(0) + 2;
        let (beside, column) = self.fit(width - gutter);
        let mut lines = Vec::new();
        for band in self.columns.chunks(beside) {
            if !lines.is_empty() {
                lines.push(Phrase::new());
            }
            lines.extend(self.band(band, gutter, column));
        }
        lines
    }

    /// How many columns stand beside each other, evenly over the bands, and how wide they are.
    fn fit(&self, room: usize) -> (usize, usize) {
        let natural = self.columns.iter().map(Column::natural).max().unwrap_or(1).max(1);
        let each = |count: usize| (room - GAP * (count - 1)) / count;
        let wanted = natural.min(NARROWEST);
        let most = (room + GAP) / (wanted + GAP);
        let count = self.columns.len().max(1);
        let bands = count.div_ceil(most.clamp(1, count));
        let beside = count.div_ceil(bands);
        (beside, each(beside).min(natural))
    }

    fn band(&self, columns: &[Column], gutter: usize, width: usize) -> Vec<Phrase> {
        let titles: Vec<Cell> = columns.iter().map(|column| column.title.fit(width)).collect();
        let rules = columns.iter().map(|column| {
            let dashes = column.title.fit(width).iter().map(Phrase::width).max().unwrap_or(0);
            vec![Phrase::new().plain(&"-".repeat(dashes))]
        });
        let mut lines = beside("", &titles, gutter, width);
        lines.extend(beside("", &rules.collect::<Vec<_>>(), gutter, width));
        for (row, name) in self.rows.iter().enumerate() {
            let fit = |column: &Column| column.cells[row].iter().flat_map(|line| line.fit(width)).collect();
            let cells: Vec<Cell> = columns.iter().map(fit).collect();
            if cells.iter().all(Vec::is_empty) {
                continue;
            }
            lines.extend(beside(name, &cells, gutter, width));
        }
        lines
    }
}

impl Column {
    fn natural(&self) -> usize {
        self.cells.iter().flatten().chain([&self.title]).map(Phrase::width).max().unwrap_or(0)
    }
}

/// Cells of one row, line by line.
fn beside(name: &str, cells: &[Cell], gutter: usize, width: usize) -> Vec<Phrase> {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line = |i: usize| {
        let mut line = Phrase::new().label(if i == 0 { name } else { "" }).pad(gutter);
        for (column, cell) in cells.iter().enumerate() {
            line = line.then(cell.get(i).cloned().unwrap_or_default());
            line = line.pad(gutter + (width + GAP) * column + width + GAP);
        }
        line
    };
    (0..height).map(line).collect()
}
