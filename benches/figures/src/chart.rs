//! Line charts side by side, each with its own legend below, as SVG.

use std::ops::Range;
use std::path::Path;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use crate::sim::Done;
use crate::stat::Stat;

/// Okabe and Ito's colours, which are told apart by the colour-blind too; yellow is left out, since
/// it is hard to see on white.
pub const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
];

const PANEL: (u32, u32) = (620, 430);
const KEY_LINE: u32 = 20;

type Point = (f64, Stat);

pub struct Series {
    pub name: &'static str,
    pub points: Vec<Point>,
    /// Of what was not measured.
    pub dashed: bool,
}

impl Series {
    /// Leaves out the places for which there is no value.
    pub fn new(name: &'static str, points: impl IntoIterator<Item = (f64, Option<Stat>)>) -> Self {
        let points = points.into_iter();
        let points = points.filter_map(|(x, stat)| Some((x, stat?))).collect();
        Self {
            name,
            points,
            dashed: false,
        }
    }

    /// What a run must not exceed.
    pub fn bound(name: &'static str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().map(|(x, y)| (x, Stat::of([y])));
        Self {
            dashed: true,
            ..Self::new(name, points)
        }
    }
}

#[derive(Default)]
pub struct Panel {
    pub title: &'static str,
    pub x: &'static str,
    pub y: &'static str,
    pub y_range: Range<f64>,
    pub logarithmic: bool,
    pub x_logarithmic: bool,
    /// Marks the points, where they are few.
    pub dots: bool,
    /// Shows the spread over the seeds, where bands do not hide each other.
    pub bands: bool,
    pub series: Vec<Series>,
    /// Stretches of `x` that are shaded.
    pub shaded: Vec<Range<f64>>,
}

impl Panel {
    /// What was not measured is black.
    fn coloured(&self) -> impl Iterator<Item = (&Series, RGBColor)> {
        let (bounds, measured): (Vec<_>, Vec<_>) =
            self.series.iter().partition(|series| series.dashed);
        let measured = measured.into_iter().zip(COLOURS);
        measured.chain(bounds.into_iter().map(|bound| (bound, BLACK)))
    }

    /// From the first point to the last.
    fn places(&self) -> Range<f64> {
        let ends = |end: fn(&[Point]) -> Option<&Point>| {
            let series = self.series.iter();
            series.filter_map(move |series| end(&series.points).map(|point| point.0))
        };
        let from = ends(<[_]>::first).fold(f64::MAX, f64::min);
        from..ends(<[_]>::last).fold(f64::MIN, f64::max)
    }
}

/// Draws `panels` beside each other into `folder/name.svg`.
pub fn write(folder: &Path, name: &str, panels: &[Panel]) -> Done {
    let keys = panels.iter().map(|panel| panel.series.len()).max();
    let keys = u32::try_from(keys.unwrap_or(0))?;
    let count = u32::try_from(panels.len())?;
    let size = (PANEL.0 * count, PANEL.1 + KEY_LINE * keys + 10);
    let path = folder.join(format!("{name}.svg"));
    let root = SVGBackend::new(&path, size).into_drawing_area();
    root.fill(&WHITE)?;
    for (panel, area) in panels.iter().zip(root.split_evenly((1, panels.len()))) {
        let (plot, key) = area.split_vertically(PANEL.1);
        let (x, y) = (panel.places(), panel.y_range.clone());
        match (panel.x_logarithmic, panel.logarithmic) {
            (true, true) => draw(&plot, panel, x.log_scale(), y.log_scale())?,
            (true, false) => draw(&plot, panel, x.log_scale(), y)?,
            (false, true) => draw(&plot, panel, x, y.log_scale())?,
            (false, false) => draw(&plot, panel, x, y)?,
        }
        legend(&key, panel)?;
    }
    root.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw<X, Y>(area: &Area<'_>, panel: &Panel, x: X, y: Y) -> Done
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let Range { start, end } = panel.places();
    let (bottom, top) = (panel.y_range.start, panel.y_range.end);

    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(46)
        .y_label_area_size(72)
        .build_cartesian_2d(x, y)?;
    let shades = panel.shaded.iter().map(|stretch| {
        let corners = [(stretch.start, bottom), (stretch.end, top)];
        Rectangle::new(corners, RGBColor(232, 232, 232).filled())
    });
    chart.draw_series(shades)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE.mix(0.0))
        .bold_line_style(BLACK.mix(0.12))
        .x_desc(panel.x)
        .y_desc(panel.y)
        .axis_desc_style(("sans-serif", 15))
        .label_style(("sans-serif", 13))
        .x_labels(if end - start <= 5.0 { 5 } else { 11 })
        .x_label_formatter(&|x| label(*x, panel.x_logarithmic))
        .y_label_formatter(&|y| label(*y, panel.logarithmic))
        .draw()?;
    let inside = |y: f64| y.clamp(bottom, top);
    let banded = panel.series.iter().filter(|_| panel.bands);
    for (series, colour) in banded.zip(COLOURS) {
        let points = &series.points;
        let over = points.iter().map(|(x, stat)| (*x, inside(stat.high)));
        let under = points.iter().rev().map(|(x, stat)| (*x, inside(stat.low)));
        let band: Vec<_> = over.chain(under).collect();
        chart.draw_series([Polygon::new(band, colour.mix(0.16))])?;
    }
    for (series, colour) in panel.coloured() {
        let line: Vec<_> = series
            .points
            .iter()
            .map(|(x, stat)| (*x, inside(stat.mean)))
            .collect();
        let style = colour.stroke_width(2);
        if series.dashed {
            chart.draw_series(DashedLineSeries::new(line.iter().copied(), 8, 5, style))?;
            continue;
        }
        chart.draw_series(LineSeries::new(line.iter().copied(), style))?;
        if panel.dots {
            let dots = line
                .iter()
                .map(|point| Circle::new(*point, 3, colour.filled()));
            chart.draw_series(dots)?;
        }
    }
    Ok(())
}

fn legend(area: &Area<'_>, panel: &Panel) -> Done {
    let mut y = 8;
    for (series, colour) in panel.coloured() {
        let dashes: &[_] = if series.dashed {
            &[(86, 94), (97, 105), (108, 116)]
        } else {
            &[(86, 116)]
        };
        for (from, to) in dashes {
            let line = PathElement::new([(*from, y), (*to, y)], colour.stroke_width(3));
            area.draw(&line)?;
        }
        let style = ("sans-serif", 14).into_font().color(&BLACK);
        area.draw(&Text::new(series.name, (126, y - 7), style))?;
        y += i32::try_from(KEY_LINE)?;
    }
    Ok(())
}

/// Of a logarithmic axis, which has a line at each digit, those that leave each other room.
fn label(at: f64, logarithmic: bool) -> String {
    let text = plain(at);
    let digit = text.trim_start_matches(['0', '.']).chars().next();
    if logarithmic && digit.is_some_and(|digit| !"1235".contains(digit)) {
        return String::new();
    }
    text
}

/// No more digits than it takes.
fn plain(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
