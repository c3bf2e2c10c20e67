//! Lines in a picture: a small writer of SVG.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The size of the picture and what is kept free around the lines, in pixels.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 60.0;
/// One for each line, easy to tell apart also for who sees less of them.
const COLORS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// Several lines over the same axes. Both axes are logarithmic, so that all numbers must be above zero.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    /// What goes to the right and what goes up, with units.
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    /// A name and points for each line.
    pub(crate) lines: Vec<(&'static str, Vec<(f64, f64)>)>,
}

/// How numbers become pixels, between two powers.
#[derive(Clone, Copy, Debug)]
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Plot {
    /// Writes the picture to `target/bench/`, and says where.
    pub(crate) fn write(&self, name: &str) -> io::Result<()> {
        let folder = target().join("bench");
        fs::create_dir_all(&folder)?;
        let path = folder.join(name).with_extension("svg");
        fs::write(&path, self.svg())?;
        eprintln!("ipc-bench: drawn {}", path.display());
        Ok(())
    }

    fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let x = Axis::around(points().map(|&(x, _)| x), 2.0, (LEFT, WIDTH - RIGHT));
        let y = Axis::around(points().map(|&(_, y)| y), 10.0, (HEIGHT - BOTTOM, TOP));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        let middle = (x.from + x.to) / 2.0;
        text(&mut svg, (middle, TOP - 16.0), "middle", self.title);
        text(&mut svg, (middle, HEIGHT - 14.0), "middle", self.x);
        text(&mut svg, (10.0, TOP - 16.0), "start", self.y);
        for at in x.marks(2.0) {
            line(&mut svg, &[(x.place(at), y.from), (x.place(at), y.to)], "#ddd");
            text(&mut svg, (x.place(at), y.from + 18.0), "middle", &short(at));
        }
        for at in y.marks(10.0) {
            line(&mut svg, &[(x.from, y.place(at)), (x.to, y.place(at))], "#ddd");
            text(&mut svg, (x.from - 8.0, y.place(at) + 4.0), "end", &short(at));
        }
        for (index, (name, points)) in self.lines.iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            let places: Vec<_> = points.iter().map(|&(right, up)| (x.place(right), y.place(up))).collect();
            line(&mut svg, &places, color);
            let legend = TOP + 12.0 + 20.0 * index as f64;
            line(&mut svg, &[(x.to + 14.0, legend), (x.to + 34.0, legend)], color);
            text(&mut svg, (x.to + 40.0, legend + 4.0), "start", name);
        }
        svg + "</svg>\n"
    }
}

impl Axis {
    /// From the power below the least to the one above the most.
    fn around(values: impl Iterator<Item = f64> + Clone, base: f64, (from, to): (f64, f64)) -> Axis {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(0.0, f64::max);
        let low = base.powf(least.log(base).floor());
        let high = base.powf(most.log(base).ceil());
        Axis { low, high: if high > low { high } else { low * base }, from, to }
    }

    fn place(self, value: f64) -> f64 {
        self.from + (self.to - self.from) * (value / self.low).ln() / (self.high / self.low).ln()
    }

    /// The powers on it, at most about a dozen.
    fn marks(self, base: f64) -> impl Iterator<Item = f64> {
        let n_powers = (self.high / self.low).log(base).round() as i32;
        let step = n_powers / 12 + 1;
        (0..=n_powers).step_by(step as usize).map(move |power| self.low * base.powi(power))
    }
}

/// Where cargo builds: the folder above that of this program.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.ancestors().nth(2).map_or_else(|| PathBuf::from("target"), Path::to_path_buf)
}

fn line(svg: &mut String, points: &[(f64, f64)], color: &str) {
    let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let points = points.join(" ");
    // Writing to a string does not fail.
    let _ = writeln!(
        svg,
        "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"/>"
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
}

/// A number with the letter for thousands, as sizes of memory are said.
fn short(number: f64) -> String {
    match number {
        n if n >= 1_048_576.0 && n % 1_048_576.0 == 0.0 => format!("{}Mi", n / 1_048_576.0),
        n if n >= 1024.0 && n % 1024.0 == 0.0 => format!("{}Ki", n / 1024.0),
        n => n.to_string(),
    }
}
