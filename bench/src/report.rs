//! Figures of both makers in one table.

use crate::daemon::Maker;

/// A row: what was measured, and each maker's figure.
struct Row {
    what: String,
    figures: Vec<(Maker, f64)>,
}

/// Rows in the order in which they were first measured.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub(crate) fn add(&mut self, what: &str, maker: Maker, figure: f64) {
        match self.rows.iter_mut().find(|r| r.what == what) {
            Some(row) => row.figures.push((maker, figure)),
            None => {
                self.rows.push(Row { what: what.into(), figures: vec![(maker, figure)] });
            }
        }
    }

    /// Prints a Markdown table; the ratio is Java's figure over ours, or ours over Java's where more is better.
    pub(crate) fn print(&self, unit: &str, more_is_better: bool) {
        println!("\n| {unit} | Java 3.5.0 | Loxodon | ratio |\n| --- | --- | --- | --- |");
        for row in &self.rows {
            let of = |maker| row.figures.iter().find(|(m, _)| *m == maker).map(|(_, f)| *f);
            let (java, ours) = (of(Maker::Java), of(Maker::Loxodon));
            let ratio = java.zip(ours).map(|(j, o)| if more_is_better { o / j } else { j / o });
            let show = |f: Option<f64>| f.map_or_else(|| "-".into(), figure);
            let ratio = ratio.map_or_else(|| "-".into(), |r| format!("{r:.1} ×"));
            println!("| {} | {} | {} | {ratio} |", row.what, show(java), show(ours));
        }
    }
}

fn figure(value: f64) -> String {
    match value {
        v if v >= 1000.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}
