//! Charts of a simulation, as SVG.

use super::Simulation;
use crate::cost::GB;
use cistern_storage_core::StorageClass;
use plotters::prelude::*;

/// The size of a chart, in pixels.
const SIZE: (u32, u32) = (960, 480);

impl Simulation {
    /// What each class holds over the days, stacked.
    #[must_use]
    pub fn bytes_chart(&self) -> String {
        let gb = |day: usize, class| self.days[day].class(class).bytes / GB;
        self.chart("GB kept by storage class", gb)
    }

    /// What each class has cost since the beginning, stacked.
    #[must_use]
    pub fn cost_chart(&self) -> String {
        let mut sums = vec![[0.0; StorageClass::ALL.len()]; self.days.len()];
        let mut so_far = [0.0; StorageClass::ALL.len()];
        for (sum, day) in sums.iter_mut().zip(&self.days) {
            for (total, class) in so_far.iter_mut().zip(StorageClass::ALL) {
                *total += day.bill.of_class(class).0;
            }
            *sum = so_far;
        }
        let usd = |day: usize, class: StorageClass| sums[day][usize::from(class.code())];
        self.chart("USD since the beginning, by storage class", usd)
    }

    fn chart(&self, title: &str, height: impl Fn(usize, StorageClass) -> f64) -> String {
        let mut svg = String::new();
        self.draw(&mut svg, title, height).expect("drawing into a string cannot fail");
        svg
    }

    fn draw(
        &self,
        svg: &mut String,
        title: &str,
        height: impl Fn(usize, StorageClass) -> f64,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>> {
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let stacked = |day| StorageClass::ALL.into_iter().map(|class| height(day, class)).sum();
        let top = (0..self.days.len()).map(stacked).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let mut chart = ChartBuilder::on(&root)
            .caption(title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(32)
            .y_label_area_size(80)
            .build_cartesian_2d(0..self.days.len().max(1), 0.0..top * 1.05)?;
        let date = |day: &usize| {
            self.days.get(*day).map_or_else(String::new, |day| day.day.to_iso8601()[..10].into())
        };
        chart.configure_mesh().disable_x_mesh().x_label_formatter(&date).draw()?;
        // The topmost sum first: each area that follows covers it up to its own.
        for (at, class) in StorageClass::ALL.into_iter().enumerate().rev() {
            let below = |day| StorageClass::ALL[..=at].iter().map(|one| height(day, *one)).sum();
            if (0..self.days.len()).all(|day| height(day, class) == 0.0) {
                continue;
            }
            let color = Palette99::pick(at).to_rgba();
            let points = (0..self.days.len()).map(|day| (day, below(day)));
            chart
                .draw_series(AreaSeries::new(points, 0.0, color.filled()))?
                .label(class.as_str())
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 5), (x + 10, y + 5)], color.filled())
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
        root.present()
    }
}
