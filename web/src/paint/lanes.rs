//! The cluster over time: a lane per client and replica, messages as arrows, slots as bands.
//!
//! What lies after the clock is drawn faintly: a recording knows its future.

use conclave_core::ids::Principal;

use super::{Palette, Pen, pen::Align};
use crate::model::{
    chronicle::{Arrow, Band, Condition, Ending, Sign},
    lanes::{Rows, Window, time_words},
    ring::Point,
    scene::{NodeState, Scene, Selection},
    words,
};

/// Room for the lanes' names.
pub(crate) const LEFT: f64 = 58.0;
/// The smallest size that a name is written in. Where lanes are lower than that, not every one has a
/// name.
const LEAST_NAME: f64 = 8.0;
/// Room for the axis.
pub(crate) const TOP: f64 = 26.0;
/// Above this many arrows in sight, only their lines are drawn.
const MAX_LETTERED: usize = 220;
/// Above this many arrows in sight, votes are left out.
const MAX_ARROWS: usize = 4_000;
/// Pixels over which pipelined slots share a lane.
const SUB_ROWS: u64 = 3;

/// The lanes of a scene on a canvas of this height.
pub(crate) fn rows(scene: &Scene<'_>, height: f64) -> Rows {
    Rows::layout(scene.clients.len(), scene.faces.len(), TOP, height - 2.0)
}

/// The visible time of a scene on a canvas of this width.
pub(crate) fn window(scene: &Scene<'_>, span_us: f64, width: f64) -> Window {
    let span_us = span_us * share(width);
    Window::around(scene.now_us, span_us, scene.extent_us, (LEFT, width - 8.0))
}

/// A narrow canvas shows less time rather than everything smaller.
pub(crate) fn share(width: f64) -> f64 {
    (width / 820.0).clamp(0.42, 1.6)
}

/// Paints one frame.
pub(crate) fn paint(
    pen: &Pen<'_>,
    palette: &Palette,
    scene: &Scene<'_>,
    span_us: f64,
    (width, height): (f64, f64),
    pointer: Option<Point>,
) {
    pen.clear(width, height);
    pen.alpha(1.0);
    pen.dash(0.0, 0.0);
    let rows = rows(scene, height);
    let window = window(scene, span_us, width);
    axis(pen, palette, scene, &window, height);
    pen.0.save();
    pen.0.begin_path();
    pen.0.rect(LEFT, 0.0, width - LEFT, height);
    pen.0.clip();
    lines(pen, palette, scene, &window, &rows);
    spans(pen, palette, scene, &window, &rows);
    arrows(pen, palette, scene, &window, &rows);
    bands(pen, palette, scene, &window, &rows);
    asks(pen, palette, scene, &window, &rows);
    marks(pen, palette, scene, &window, &rows, height);
    // The future, veiled.
    let now = window.x(scene.now_us);
    if now < width {
        pen.alpha(0.62);
        pen.fill(&palette.panel);
        pen.rect(now + 1.0, TOP - 2.0, width - now, height);
        pen.alpha(1.0);
    }
    pen.stroke(&palette.accent, 1.5);
    pen.line(Point { x: now, y: 8.0 }, Point { x: now, y: height });
    pen.fill(&palette.accent);
    pen.polygon(Point { x: now, y: 9.0 }, 6.0, 3, 0.5);
    pen.fill_path();
    pen.0.restore();
    names(pen, palette, scene, &rows);
    if let Some(pointer) = pointer {
        hover(pen, palette, scene, &window, &rows, pointer, width);
    }
}

fn axis(pen: &Pen<'_>, palette: &Palette, scene: &Scene<'_>, window: &Window, height: f64) {
    let (step, ticks) = window.ticks(92.0);
    // Real nodes count from 1970: their axis counts back from the clock.
    let origin = if scene.steps.is_none() { scene.now_us } else { 0.0 };
    let ticks = if scene.steps.is_none() {
        let first = ((window.from_us - origin) / step).ceil() as i64;
        let last = ((window.to_us - origin) / step).floor() as i64;
        (first..=last).take(100).map(|k| k as f64 * step + origin).collect()
    } else {
        ticks
    };
    pen.font(400, 11.0);
    for tick in ticks {
        let x = window.x(tick);
        if x < LEFT || tick < scene.extent_us.0 - 1.0 {
            continue;
        }
        pen.stroke(&palette.line, 1.0);
        pen.line(Point { x, y: TOP - 5.0 }, Point { x, y: height });
        pen.fill(&palette.ink2);
        pen.text(&time_words(tick - origin, step), Point { x, y: 11.0 }, Align::Centre);
    }
}

fn lines(pen: &Pen<'_>, palette: &Palette, scene: &Scene<'_>, window: &Window, rows: &Rows) {
    for lane in 0..rows.clients + rows.nodes {
        let y = rows.middle(lane);
        pen.stroke(&palette.ink3, if lane < rows.clients { 0.8 } else { 1.2 });
        let from = window.x(scene.extent_us.0).max(window.left);
        let to = window.x(scene.extent_us.1).min(window.right + 8.0);
        pen.line(Point { x: from, y }, Point { x: to.max(from), y });
    }
}

/// One of how many lanes of this height has a name.
fn named(height: f64) -> usize {
    (LEAST_NAME / height.max(1.0)).ceil().max(1.0) as usize
}

fn names(pen: &Pen<'_>, palette: &Palette, scene: &Scene<'_>, rows: &Rows) {
    pen.fill(&palette.panel);
    pen.rect(0.0, TOP - 4.0, LEFT - 2.0, 4_000.0);
    for (lane, client) in scene.clients.iter().enumerate().step_by(named(rows.client_height)) {
        let chosen = scene.selected == Some(Selection::Client(*client));
        pen.fill(if chosen { &palette.accent } else { &palette.ink2 });
        pen.font(if chosen { 700 } else { 500 }, rows.client_height.clamp(LEAST_NAME, 11.0));
        let y = rows.middle(lane);
        pen.text(&words::client(*client), Point { x: LEFT - 8.0, y }, Align::Right);
    }
    for (index, face) in scene.faces.iter().enumerate() {
        let y = rows.middle(scene.clients.len() + index);
        let chosen = scene.selected == Some(Selection::Node(face.id));
        let colour = match face.state {
            _ if chosen => &palette.accent,
            NodeState::Byzantine => &palette.lie,
            NodeState::Down | NodeState::Unknown | NodeState::Spare | NodeState::Retired => {
                &palette.ink3
            }
            NodeState::Recovering => &palette.accent,
            NodeState::CutOff => &palette.cut,
            NodeState::Up => &palette.ink,
        };
        pen.fill(colour);
        if index % named(rows.node_height) == 0 {
            pen.font(650, rows.node_height.clamp(LEAST_NAME, 14.0));
            pen.text(&face.id.to_string(), Point { x: LEFT - 8.0, y }, Align::Right);
        }
        if face.primary && face.active && face.state != NodeState::Down {
            pen.fill(&palette.crown);
            pen.crown(Point { x: LEFT - 30.0, y }, 6.0);
        }
        let (size, at) = match face.state {
            NodeState::Up => continue,
            _ if rows.node_height >= 44.0 => (10.0, Point { x: LEFT - 6.0, y: y + 14.0 }),
            // Where the crown of a member would be. What befalls members shows on their lanes too.
            NodeState::Spare | NodeState::Retired => (9.0, Point { x: LEFT - 20.0, y: y + 0.5 }),
            _ => continue,
        };
        pen.fill(colour);
        pen.font(500, size);
        pen.text(face.state.words(), at, Align::Right);
    }
}

fn spans(pen: &Pen<'_>, palette: &Palette, scene: &Scene<'_>, window: &Window, rows: &Rows) {
    for span in scene.chronicle.spans() {
        let to_us = span.to_us.map_or(scene.extent_us.1, |us| us as f64);
        if !window.shows(span.from_us as f64, to_us) {
            continue;
        }
        let Some(lane) = scene.lane_of(Principal::Node(span.node)) else { continue };
        let x = window.x(span.from_us as f64).max(LEFT - 4.0);
        let width = (window.x(to_us).min(window.right + 12.0) - x).max(2.0);
        let half = (rows.node_height * 0.40).min(30.0);
        let y = rows.middle(lane);
        let (colour, label) = match span.condition {
            Condition::Down => (&palette.ink3, "crashed".to_owned()),
            Condition::CutOff => (&palette.cut, "cut off".to_owned()),
            Condition::Byzantine => (&palette.lie, "Byzantine".to_owned()),
            Condition::Recovering => (&palette.accent, "recovers".to_owned()),
            Condition::Fetching => (&palette.checkpoint, "fetches state".to_owned()),
            Condition::ViewChange(view) => (&palette.view_change, format!("wants view {view}")),
        };
        match span.condition {
            Condition::Down => {
                pen.fill(&palette.sunken);
                pen.rect(x, y - half, width, 2.0 * half);
                pen.alpha(0.5);
                pen.stroke(colour, 1.0);
                pen.hatch(x, y - half, width, 2.0 * half, 7.0);
                pen.alpha(1.0);
            }
            Condition::Byzantine => {
                pen.alpha(0.10);
                pen.fill(colour);
                pen.rect(x, y - half, width, 2.0 * half);
                pen.alpha(1.0);
                pen.stroke(colour, 1.5);
                pen.line(Point { x, y: y - half }, Point { x: x + width, y: y - half });
                pen.line(Point { x, y: y + half }, Point { x: x + width, y: y + half });
            }
            Condition::CutOff => {
                pen.stroke(colour, 1.5);
                pen.dash(6.0, 4.0);
                pen.frame(x, y - half, width, 2.0 * half);
                pen.dash(0.0, 0.0);
            }
            Condition::Recovering | Condition::Fetching => {
                pen.stroke(colour, 1.5);
                pen.dash(1.5, 3.0);
                pen.frame(x, y - half, width, 2.0 * half);
                pen.dash(0.0, 0.0);
            }
            Condition::ViewChange(_) => {
                pen.alpha(0.14);
                pen.fill(colour);
                pen.rect(x, y - half * 0.8, width, half * 1.6);
                pen.alpha(0.6);
                pen.stroke(colour, 1.0);
                pen.hatch(x, y - half * 0.8, width, half * 1.6, 9.0);
                pen.alpha(1.0);
            }
        }
        pen.font(600, 10.5);
        if width > pen.text_width(&label) + 12.0 && rows.node_height >= 30.0 {
            let at = Point { x: x.max(LEFT) + 5.0, y: y - half + 8.0 };
            let back = pen.text_width(&label) + 6.0;
            pen.alpha(0.85);
            pen.fill(&palette.panel);
            pen.rect(at.x - 3.0, at.y - 7.0, back, 14.0);
            pen.alpha(1.0);
            pen.fill(colour);
            pen.text(&label, at, Align::Left);
        }
    }
}

fn ends(scene: &Scene<'_>, window: &Window, rows: &Rows, arrow: &Arrow) -> Option<(Point, Point)> {
    let (from, to) = (scene.lane_of(arrow.from)?, scene.lane_of(arrow.to)?);
    let (a, b) = (rows.middle(from), rows.middle(to));
    let start = Point { x: window.x(arrow.sent_us as f64), y: a };
    let typical = scene.chronicle.typical_flight_us() as f64;
    let (us, part) = match arrow.end {
        Some((us, _, Ending::Delivered)) => (us as f64, 1.0),
        Some((us, _, Ending::Lost(_))) => {
            let sent = arrow.sent_us as f64;
            if us > arrow.sent_us { (us as f64, 0.8) } else { (sent + typical * 0.5, 0.5) }
        }
        // A real message whose receiver doesn't tell us (a client, a dead node): a stub.
        None if scene.steps.is_none() => {
            let now = scene.now_us.max(arrow.sent_us as f64);
            ((arrow.sent_us as f64 + typical).min(now), 0.9)
        }
        // Still under way: towards the clock.
        None => (scene.now_us.max(arrow.sent_us as f64), 0.35),
    };
    let whole = Point { x: window.x(us), y: a + (b - a) * part };
    Some((start, whole))
}

fn arrows(pen: &Pen<'_>, palette: &Palette, scene: &Scene<'_>, window: &Window, rows: &Rows) {
    let from = window.from_us.max(0.0) as u64;
    let to = window.to_us.max(0.0) as u64;
    let count = scene.chronicle.arrows_between(from, to).take(MAX_ARROWS + 1).count();
    let glyph: f64 = if count > 90 { 6.0 } else { 7.5 };
    let glyph = glyph.min(rows.node_height * 0.17).max(3.5);
    let (lettered, thinned) = (count <= MAX_LETTERED, count > MAX_ARROWS);
    for (index, arrow) in scene.chronicle.arrows_between(from, to).enumerate() {
        let chosen = scene.selected == Some(Selection::Message(arrow.id));
        if thinned && !chosen && !index.is_multiple_of(1 + count / MAX_ARROWS * 4) {
            continue;
        }
        let Some((start, end)) = ends(scene, window, rows, arrow) else { continue };
        let colour = if arrow.alt { palette.lie.as_str() } else { palette.of(arrow.what.kind) };
        pen.alpha(match (chosen, lettered) {
            (true, _) => 1.0,
            (false, true) => 0.8,
            (false, false) => 0.4,
        });
        pen.stroke(colour, if chosen { 2.5 } else { 1.0 });
        if arrow.alt {
            pen.dash(5.0, 3.0);
        }
        pen.line(start, end);
        pen.dash(0.0, 0.0);
        match arrow.end {
            Some((_, _, Ending::Lost(_))) => {
                pen.stroke(colour, 1.6);
                pen.cross(end, 3.5);
            }
            Some(_) if lettered => {
                pen.fill(colour);
                pen.arrow_head(start, end, 6.0);
            }
            _ => {}
        }
        if lettered && start.distance(end) > 46.0 {
            pen.alpha(1.0);
            let at = start.towards(end, 0.5);
            pen.message(at, arrow.what.kind, glyph, colour, &palette.panel);
        }
    }
    pen.alpha(1.0);
}

fn bands(pen: &Pen<'_>, palette: &Palette, scene: &Scene<'_>, window: &Window, rows: &Rows) {
    for face in scene.faces {
        let Some(lane) = scene.lane_of(Principal::Node(face.id)) else { continue };
        let thick = (rows.node_height * 0.2).clamp(5.0, 15.0);
        for band in scene.chronicle.bands(face.id) {
            let end = band_end(band, scene);
            if !window.shows(band.from_us as f64, end) {
                continue;
            }
            let above = (band.seq.0 % SUB_ROWS) as f64 - 1.0;
            let pitch = if rows.node_height > 60.0 { thick + 2.0 } else { thick * 0.5 };
            let y = rows.middle(lane) + above * pitch - thick / 2.0;
            one_band(pen, palette, window, band, end, (y, thick));
        }
    }
}

fn band_end(band: &Band, scene: &Scene<'_>) -> f64 {
    band.executed_us
        .or(band.closed_us)
        .map_or(scene.extent_us.1.min(scene.now_us.max(band.from_us as f64)), |us| us as f64)
}

fn one_band(
    pen: &Pen<'_>,
    palette: &Palette,
    window: &Window,
    band: &Band,
    end: f64,
    (y, thick): (f64, f64),
) {
    let moments = [
        Some(band.from_us as f64),
        band.prepared_us.map(|us| us as f64),
        band.committed_us.map(|us| us as f64),
    ];
    let first = window.x(moments[0].unwrap_or(0.0));
    let last = window.x(end).max(first + 3.0);
    for (phase, start) in moments.iter().enumerate() {
        let Some(start) = start else { continue };
        let until = moments[phase + 1..].iter().flatten().next().copied().unwrap_or(end);
        let x = window.x(*start);
        let width = (window.x(until) - x).max(1.0);
        pen.fill(&palette.phases[phase]);
        pen.rect(x, y, width, thick);
    }
    if band.executed_us.is_some() {
        pen.fill(&palette.phases[3]);
        pen.rect(last, y - 1.0, 4.0, thick + 2.0);
    } else if band.closed_us.is_some() {
        pen.stroke(&palette.view_change, 1.5);
        pen.cross(Point { x: last, y: y + thick / 2.0 }, 3.0);
    }
    if band.alt {
        pen.stroke(&palette.lie, 1.5);
        pen.hatch(first, y, last - first, thick, 5.0);
    }
    pen.stroke(if band.alt { &palette.lie } else { &palette.phases[3] }, 1.0);
    pen.frame(first, y, last - first, thick);
    // Quorums form here.
    for us in [band.prepared_us, band.committed_us].into_iter().flatten() {
        let at = Point { x: window.x(us as f64), y: y + thick / 2.0 };
        pen.fill(&palette.panel);
        pen.stroke(&palette.phases[3], 1.5);
        pen.circle(at, (thick * 0.28).max(2.0));
        pen.fill_path();
        pen.stroke_path();
    }
    if last - first > 74.0 && thick >= 11.0 {
        let phase = usize::from(band.prepared_us.is_some());
        pen.mono(600, 10.0);
        let text = format!("{} {}", band.seq, band.digest.short());
        let room = band.prepared_us.map_or(last, |us| window.x(us as f64)) - first;
        if room > pen.text_width(&text) + 10.0 {
            pen.fill(if band.alt { &palette.lie } else { &palette.on_phases[0] });
            if band.alt {
                let width = pen.text_width(&text) + 6.0;
                pen.fill(&palette.panel);
                pen.rect(first + 2.0, y + 1.0, width, thick - 2.0);
                pen.fill(&palette.lie);
            }
            pen.text(&text, Point { x: first + 5.0, y: y + thick / 2.0 + 0.5 }, Align::Left);
        } else if phase == 1 && last - first > pen.text_width(&text) + 16.0 {
            pen.fill(&palette.panel);
            let width = pen.text_width(&text) + 6.0;
            pen.alpha(0.85);
            pen.rect(first + 2.0, y + 1.5, width, thick - 3.0);
            pen.alpha(1.0);
            pen.fill(if band.alt { &palette.lie } else { &palette.ink });
            pen.text(&text, Point { x: first + 5.0, y: y + thick / 2.0 + 0.5 }, Align::Left);
        }
    }
}

fn asks(pen: &Pen<'_>, palette: &Palette, scene: &Scene<'_>, window: &Window, rows: &Rows) {
    for ask in scene.chronicle.asks() {
        let end = ask.done_us.map_or(scene.extent_us.1, |us| us as f64);
        if !window.shows(ask.from_us as f64, end) {
            continue;
        }
        let Some(lane) = scene.lane_of(Principal::Client(ask.request.client)) else { continue };
        let thick = (rows.client_height * 0.36).clamp(4.0, 13.0);
        let y = rows.middle(lane) - thick / 2.0;
        let x = window.x(ask.from_us as f64);
        let width = (window.x(end) - x).max(2.0);
        pen.fill(&palette.sunken);
        pen.rect(x, y, width, thick);
        pen.stroke(&palette.client, 1.0);
        pen.frame(x, y, width, thick);
        for us in &ask.again_us {
            pen.stroke(&palette.view_change, 2.0);
            let x = window.x(*us as f64);
            pen.line(Point { x, y: y - 3.0 }, Point { x, y: y + thick + 3.0 });
        }
        let text = format!("#{} {}", words::number(ask.request.timestamp), ask.operation);
        pen.font(500, 10.0);
        if thick >= 10.0 && width > pen.text_width(&text) + 8.0 {
            pen.fill(&palette.ink);
            let at = Point { x: x.max(LEFT) + 4.0, y: y + thick / 2.0 + 0.5 };
            pen.text(&text, at, Align::Left);
        }
    }
}

fn marks(
    pen: &Pen<'_>,
    palette: &Palette,
    scene: &Scene<'_>,
    window: &Window,
    rows: &Rows,
    height: f64,
) {
    for mark in scene.chronicle.marks() {
        let us = mark.us as f64;
        if !window.shows(us, us) {
            continue;
        }
        let x = window.x(us);
        let lane = match mark.place {
            conclave_core::event::Place::Node(node) => scene.lane_of(Principal::Node(node)),
            _ => None,
        };
        let half = rows.node_height * 0.42;
        match (&mark.sign, lane) {
            (Sign::Entered(view), Some(lane)) => {
                let y = rows.middle(lane);
                pen.stroke(&palette.view_change, 2.0);
                pen.line(Point { x, y: y - half }, Point { x, y: y + half });
                pen.fill(&palette.view_change);
                pen.font(650, 10.5);
                let at = Point { x: x + 4.0, y: y + half - 5.0 };
                pen.text(&format!("view {view}"), at, Align::Left);
            }
            (Sign::Violated(invariant), _) => {
                pen.stroke(&palette.bad, 2.0);
                pen.line(Point { x, y: TOP - 4.0 }, Point { x, y: height });
                pen.fill(&palette.bad);
                pen.font(700, 11.0);
                let text = format!("✗ {}", invariant.name());
                pen.text(&text, Point { x: x + 5.0, y: TOP + 5.0 }, Align::Left);
            }
            (Sign::Fault(_), _) => {
                pen.stroke(&palette.ink2, 1.2);
                pen.dash(2.0, 3.0);
                pen.line(Point { x, y: TOP - 4.0 }, Point { x, y: height });
                pen.dash(0.0, 0.0);
                pen.fill(&palette.ink2);
                pen.polygon(Point { x, y: TOP - 3.0 }, 4.5, 4, 0.0);
                pen.fill_path();
            }
            (Sign::Marker(_), _) => {
                pen.fill(&palette.accent);
                pen.polygon(Point { x, y: TOP - 3.0 }, 5.0, 3, 0.5);
                pen.fill_path();
            }
            (Sign::Equivocation(_), Some(lane)) => {
                pen.fill(&palette.lie);
                pen.font(800, 14.0);
                pen.text("!", Point { x, y: rows.middle(lane) - half + 6.0 }, Align::Centre);
            }
            (Sign::Proven(who), Some(lane)) => {
                flag(
                    pen,
                    &palette.lie,
                    &palette.panel,
                    x,
                    rows.middle(lane) - half,
                    &format!("! {who}"),
                );
            }
            (Sign::Suspected(who), Some(lane)) => {
                flag(
                    pen,
                    &palette.cut,
                    &palette.panel,
                    x,
                    rows.middle(lane) - half,
                    &format!("? {who}"),
                );
            }
            (Sign::Stable(_), Some(lane)) => {
                pen.fill(&palette.checkpoint);
                let y = rows.middle(lane) + half - 6.0;
                pen.polygon(Point { x, y }, 4.5, 5, 0.0);
                pen.fill_path();
            }
            _ => {}
        }
    }
}

/// A little flag: what a replica came to think of another.
fn flag(pen: &Pen<'_>, colour: &str, ink: &str, x: f64, y: f64, text: &str) {
    pen.font(700, 10.5);
    let width = pen.text_width(text) + 8.0;
    pen.stroke(colour, 1.5);
    pen.line(Point { x, y }, Point { x, y: y + 22.0 });
    pen.fill(colour);
    pen.rect(x, y, width, 13.0);
    pen.fill(ink);
    pen.text(text, Point { x: x + 4.0, y: y + 7.0 }, Align::Left);
}

/// The message under the pointer, if any is near.
pub(crate) fn arrow_at<'a>(
    scene: &'a Scene<'_>,
    window: &Window,
    rows: &Rows,
    pointer: Point,
) -> Option<&'a Arrow> {
    let reach_us = window.us_per_pixel() * 12.0;
    let at = window.us(pointer.x);
    scene
        .chronicle
        .arrows_between((at - reach_us).max(0.0) as u64, (at + reach_us).max(0.0) as u64)
        .filter_map(|arrow| {
            let (start, end) = ends(scene, window, rows, arrow)?;
            let distance = crate::model::lanes::distance_to_line(
                (pointer.x, pointer.y),
                (start.x, start.y),
                (end.x, end.y),
            );
            (distance < 7.0).then_some((distance, arrow))
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, arrow)| arrow)
}

fn hover(
    pen: &Pen<'_>,
    palette: &Palette,
    scene: &Scene<'_>,
    window: &Window,
    rows: &Rows,
    pointer: Point,
    width: f64,
) {
    if pointer.x < LEFT || pointer.y < TOP {
        return;
    }
    let us = window.us(pointer.x);
    let mut text = arrow_at(scene, window, rows, pointer).map(|arrow| {
        let fate = match arrow.end {
            Some((_, _, Ending::Lost(why))) => format!(", {}", words::loss(why)),
            _ => String::new(),
        };
        format!("{} → {}: {}{fate}", arrow.from, arrow.to, words::message(&arrow.what))
    });
    if text.is_none()
        && let Some(lane) = rows.lane_at(pointer.y)
        && let Some(face) = lane.checked_sub(scene.clients.len()).and_then(|i| scene.faces.get(i))
    {
        text = scene
            .chronicle
            .bands(face.id)
            .rev()
            .find(|band| band.from_us as f64 <= us && us <= band_end(band, scene) + 1.0)
            .map(|band| {
                let phase = match () {
                    () if band.committed_us.is_some_and(|at| at as f64 <= us) => "committed",
                    () if band.prepared_us.is_some_and(|at| at as f64 <= us) => "prepared",
                    () => "pre-prepared",
                };
                format!("position {} is {phase} here: {}", band.seq, band.digest.short())
            });
    }
    let Some(text) = text else { return };
    pen.font(500, 12.0);
    let wide = pen.text_width(&text) + 16.0;
    let x = (pointer.x + 12.0).min(width - wide - 4.0).max(2.0);
    let y = if pointer.y > 60.0 { pointer.y - 30.0 } else { pointer.y + 16.0 };
    pen.fill(&palette.ink);
    pen.rect(x, y, wide, 22.0);
    pen.fill(&palette.panel);
    pen.text(&text, Point { x: x + 8.0, y: y + 11.5 }, Align::Left);
}
