//! The figures: a table to read and a file to compare.

use serde::Serialize;

#[derive(Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    limit: Option<f64>,
    holds: bool,
}

#[derive(Default, Serialize)]
pub struct Figures {
    figures: Vec<Figure>,
}

impl Figures {
    /// A figure that may not be more than that.
    pub fn at_most(&mut self, name: &str, value: f64, unit: &'static str, limit: f64) {
        self.take(name, value, unit, Some(limit));
    }

    /// A figure that is told and not judged.
    pub fn told(&mut self, name: &str, value: f64, unit: &'static str) {
        self.take(name, value, unit, None);
    }

    fn take(&mut self, name: &str, value: f64, unit: &'static str, limit: Option<f64>) {
        let value = (value * 10_000.0).round() / 10_000.0;
        let holds = limit.is_none_or(|limit| value <= limit);
        println!("  {name}: {value} {unit}");
        self.figures.push(Figure { name: name.to_owned(), value, unit, limit, holds });
    }

    /// Prints the table, writes the file, and ends the program with 1 if a limit is passed.
    pub fn conclude(&self, file: Option<&str>) {
        let width = self.figures.iter().map(|figure| figure.name.len()).max().unwrap_or_default();
        println!();
        for Figure { name, value, unit, limit, holds } in &self.figures {
            let limit = limit.map(|limit| format!("at most {limit}")).unwrap_or_default();
            let mark = if *holds { "" } else { "  ← does not hold" };
            println!("{name:width$}  {value:>10} {unit:<12} {limit}{mark}");
        }
        if let Some(file) = file {
            std::fs::write(file, serde_json::to_string_pretty(self).unwrap() + "\n").unwrap();
            println!("\n{file}");
        }
        if self.figures.iter().any(|figure| !figure.holds) {
            std::process::exit(1);
        }
    }
}
