//! The cluster now: replicas on a ring, clients beside it, messages between them.

use conclave_core::{
    event::LossCause,
    ids::{ClientId, NodeId},
};

use super::{Palette, Pen, pen::Align};
use crate::model::{
    belief::{Agreed, Standing},
    chronicle::{Arrow, Ending},
    ring::{Point, Ring},
    scene::{Face, NodeState, Scene, Selection},
    words,
};

/// Above this size every pair has no line of its own any more.
const MAX_MESHED: usize = 13;
/// More messages than this are drawn as small dots without letters.
const MAX_LETTERED: usize = 90;

/// Paints one frame.
pub(crate) fn paint(
    pen: &Pen<'_>,
    palette: &Palette,
    ring: &Ring,
    scene: &Scene<'_>,
    size: (f64, f64),
) {
    pen.clear(size.0, size.1);
    pen.alpha(1.0);
    pen.dash(0.0, 0.0);
    links(pen, palette, ring, scene);
    messages(pen, palette, ring, scene);
    pen.alpha(1.0);
    for (client, at) in &ring.clients {
        let chosen = scene.selected == Some(Selection::Client(*client));
        pen.fill(&palette.panel);
        pen.stroke(
            if chosen { &palette.accent } else { &palette.client },
            if chosen { 3.0 } else { 1.5 },
        );
        let r = ring.client_radius;
        pen.rect(at.x - r, at.y - r, 2.0 * r, 2.0 * r);
        pen.frame(at.x - r, at.y - r, 2.0 * r, 2.0 * r);
        pen.fill(&palette.ink);
        let (name, size) = if *client == ClientId::ADMINISTRATOR {
            (words::client(*client), 10.0)
        } else {
            (format!("c{client}"), 13.0)
        };
        pen.font(600, r.min(size));
        pen.text(&name, Point { x: at.x, y: at.y + 0.5 }, Align::Centre);
        let waits = scene
            .chronicle
            .asks()
            .rev()
            .take(400)
            .find(|ask| ask.request.client == *client && ask.from_us as f64 <= scene.now_us);
        if let Some(ask) = waits
            && r >= 8.0
        {
            let done = ask.done_us.is_some_and(|us| us as f64 <= scene.now_us);
            let text = format!(
                "#{} {}",
                words::number(ask.request.timestamp),
                if done { "done" } else { "waits" }
            );
            pen.fill(&palette.ink2);
            pen.font(400, 11.0);
            pen.text(&text, Point { x: at.x, y: at.y + r + 10.0 }, Align::Centre);
        }
    }
    for (face, at) in scene.faces.iter().zip(&ring.nodes) {
        node(pen, palette, ring, face, *at, scene.selected == Some(Selection::Node(face.id)));
    }
}

fn links(pen: &Pen<'_>, palette: &Palette, ring: &Ring, scene: &Scene<'_>) {
    let n = ring.nodes.len();
    if n > MAX_MESHED {
        pen.stroke(&palette.line, 1.0);
        pen.circle(ring.middle, ring.radius);
        pen.stroke_path();
    }
    let is_cut = |a: usize, b: usize| scene.cuts.contains(&(NodeId(a as u16), NodeId(b as u16)));
    for a in 0..n {
        for b in a + 1..n {
            let (there, back) = (is_cut(a, b), is_cut(b, a));
            if !there && !back {
                if n <= MAX_MESHED {
                    pen.stroke(&palette.line, 1.0);
                    pen.line(ring.nodes[a], ring.nodes[b]);
                }
                continue;
            }
            if n > MAX_MESHED {
                continue;
            }
            pen.stroke(&palette.cut, 1.2);
            pen.dash(3.0, 5.0);
            pen.line(ring.nodes[a], ring.nodes[b]);
            pen.dash(0.0, 0.0);
            // A bar across the link: in the middle if cut both ways, else before the deaf end.
            let part = match (there, back) {
                (true, true) => 0.5,
                (true, false) => 0.68,
                _ => 0.32,
            };
            let at = ring.nodes[a].towards(ring.nodes[b], part);
            let length = ring.nodes[a].distance(ring.nodes[b]).max(1.0);
            let across = Point {
                x: -(ring.nodes[b].y - ring.nodes[a].y) / length * 7.0,
                y: (ring.nodes[b].x - ring.nodes[a].x) / length * 7.0,
            };
            pen.stroke(&palette.cut, 2.5);
            pen.line(
                Point { x: at.x - across.x, y: at.y - across.y },
                Point { x: at.x + across.x, y: at.y + across.y },
            );
        }
    }
}

fn messages(pen: &Pen<'_>, palette: &Palette, ring: &Ring, scene: &Scene<'_>) {
    let now = scene.now_us as u64;
    let typical = scene.chronicle.typical_flight_us();
    let least = least_us(scene);
    // A message that is lost at once would never be seen: its cross stays for a typical flight.
    let visible: Vec<&Arrow> = scene
        .chronicle
        .arrows_between(now.saturating_sub(typical.max(least)), now)
        .filter(|arrow| scene.steps.is_none_or(|steps| arrow.sent_step < steps))
        .filter(|arrow| match arrow.end {
            None => {
                scene.steps.is_some() || now.saturating_sub(arrow.sent_us) < least.max(20 * typical)
            }
            Some((us, step, Ending::Delivered)) => {
                us.max(arrow.sent_us + least) > now
                    || scene.steps.is_some_and(|steps| step >= steps)
            }
            Some((us, _, Ending::Lost(_))) => us + typical.max(least) > now,
        })
        .collect();
    let size = if visible.len() > MAX_LETTERED || ring.node_radius < 12.0 { 3.5 } else { 8.0 };
    for arrow in visible {
        let Some((start, end)) = ring.way(arrow.from, arrow.to) else { continue };
        let chosen = scene.selected == Some(Selection::Message(arrow.id));
        let colour = if arrow.alt { palette.lie.as_str() } else { palette.of(arrow.what.kind) };
        let part = progress(arrow, scene, typical);
        let lost = matches!(arrow.end, Some((us, _, Ending::Lost(_))) if us <= now);
        pen.stroke(colour, if chosen { 2.5 } else { 1.0 });
        if scene.still && !lost {
            pen.alpha(0.85);
            pen.line(start, end);
            pen.fill(colour);
            pen.arrow_head(start, end, 8.0);
            if size > 6.0 {
                pen.message(start.towards(end, 0.42), arrow.what.kind, 7.0, colour, &palette.panel);
            }
            continue;
        }
        let at = start.towards(end, part);
        pen.alpha(if chosen { 0.9 } else { 0.28 });
        pen.line(start.towards(end, (part - 0.3).max(0.0)), at);
        pen.alpha(1.0);
        if lost {
            pen.stroke(colour, 2.0);
            pen.cross(at, 4.5);
        } else {
            pen.message(at, arrow.what.kind, size, colour, &palette.panel);
            if chosen {
                pen.stroke(&palette.accent, 2.0);
                pen.circle(at, size * 1.9);
                pen.stroke_path();
            }
        }
    }
}

/// Between real nodes a message takes a fraction of a frame: it is shown for this long, in µs.
fn least_us(scene: &Scene<'_>) -> u64 {
    if scene.steps.is_none() { 450_000 } else { 0 }
}

/// How far a message is on its way.
pub(crate) fn progress(arrow: &Arrow, scene: &Scene<'_>, typical_us: u64) -> f64 {
    let sent = arrow.sent_us as f64;
    let least = (least_us(scene) as f64).max(1.0);
    let part = |end: f64| ((scene.now_us - sent) / (end - sent).max(least)).clamp(0.0, 1.0);
    match arrow.end {
        Some((us, _, Ending::Delivered)) => part(us as f64),
        Some((us, _, Ending::Lost(why))) => {
            let until = if us > arrow.sent_us { us } else { arrow.sent_us + typical_us };
            let stop = if why == LossCause::Down { 1.0 } else { 0.5 };
            part(until as f64) * stop
        }
        None => part(sent + typical_us as f64 * 3.0) * 0.9,
    }
}

/// Where a message is on the ring: what finds it under the pointer.
pub(crate) fn place_of(
    ring: &Ring,
    arrow: &Arrow,
    scene: &Scene<'_>,
    typical_us: u64,
) -> Option<Point> {
    let (start, end) = ring.way(arrow.from, arrow.to)?;
    Some(start.towards(end, progress(arrow, scene, typical_us)))
}

fn node(pen: &Pen<'_>, palette: &Palette, ring: &Ring, face: &Face, at: Point, chosen: bool) {
    let r = ring.node_radius;
    let roomy = r >= 15.0;
    if chosen {
        pen.stroke(&palette.accent, 3.0);
        pen.circle(at, r + 9.0);
        pen.stroke_path();
    }
    body(pen, palette, face, at, r);
    phase_arcs(pen, palette, face, at, r);
    pen.fill(match face.state {
        NodeState::Down | NodeState::Unknown | NodeState::Spare | NodeState::Retired => {
            &palette.ink2
        }
        _ => &palette.ink,
    });
    pen.font(650, (r * 0.78).max(7.0));
    pen.text(&face.id.to_string(), Point { x: at.x, y: at.y + 0.5 }, Align::Centre);
    if face.primary && face.active && face.state != NodeState::Down {
        pen.fill(&palette.crown);
        pen.crown(
            Point { x: at.x, y: at.y - r - if roomy { 13.0 } else { 7.0 } },
            if roomy { 8.0 } else { 4.0 },
        );
    }
    badge(pen, palette, face, at, r);
    // Where there are many it stands closer, or it would cross those of its neighbours.
    fence(pen, palette, face.standing.agreed, at, r + if roomy { 5.0 } else { 2.0 });
    if !roomy {
        return;
    }
    let view = if face.active { format!("v{}", face.view) } else { format!("→ v{}", face.view) };
    let line = match face.state {
        NodeState::Up => format!("{view} · {}", face.executed),
        NodeState::Byzantine => format!("{view} · {} · lies", face.executed),
        NodeState::CutOff => format!("{view} · {} · cut off", face.executed),
        NodeState::Down => "crashed".to_owned(),
        NodeState::Unknown => "no answer".to_owned(),
        NodeState::Recovering => format!("{} · recovering", face.executed),
        NodeState::Spare | NodeState::Retired => face.state.words().to_owned(),
    };
    let line = match face.standing.agreed {
        Agreed::Nothing => line,
        agreed if face.state == NodeState::Byzantine => format!("lies · {}", agreed.words()),
        agreed => format!("{view} · {}", agreed.words()),
    };
    pen.font(500, 12.0);
    let width = pen.text_width(&line) + 8.0;
    // Those that are no members are smaller.
    let apart = matches!(face.state, NodeState::Spare | NodeState::Retired);
    let y = at.y + if apart { r * 0.74 + 12.0 } else { r + 15.0 };
    pen.alpha(0.85);
    pen.fill(&palette.panel);
    pen.rect(at.x - width / 2.0, y - 8.0, width, 16.0);
    pen.alpha(1.0);
    pen.fill(match face.state {
        NodeState::Byzantine => &palette.lie,
        NodeState::CutOff => &palette.cut,
        NodeState::Up if !face.active => &palette.view_change,
        _ => &palette.ink2,
    });
    pen.text(&line, Point { x: at.x, y }, Align::Centre);
}

/// What others hold of it: how many have proof, else how many suspect it.
fn badge(pen: &Pen<'_>, palette: &Palette, face: &Face, at: Point, r: f64) {
    let (colour, sign, count) = match face.standing {
        Standing { proven, .. } if proven > 0 => (&palette.lie, "!", proven),
        Standing { suspected, .. } if suspected > 0 => (&palette.cut, "?", suspected),
        Standing { .. } => return,
    };
    let at = Point { x: at.x + r * 1.04, y: at.y + r * 0.3 };
    let size = (r * 0.42).clamp(6.0, 11.0);
    pen.fill(&palette.panel);
    pen.circle(at, size + 1.5);
    pen.fill_path();
    pen.fill(colour);
    pen.circle(at, size);
    pen.fill_path();
    pen.fill(&palette.panel);
    pen.font(750, size * 1.15);
    let text = if size > 8.0 { format!("{sign}{count}") } else { sign.to_owned() };
    pen.text(&text, Point { x: at.x, y: at.y + 0.5 }, Align::Centre);
}

/// What all agree on: a dashed fence around one in quarantine, a closed one around one that is
/// convicted.
fn fence(pen: &Pen<'_>, palette: &Palette, agreed: Agreed, at: Point, half: f64) {
    if agreed == Agreed::Nothing {
        return;
    }
    pen.stroke(&palette.ink, 2.0);
    if agreed == Agreed::Quarantined {
        pen.dash(6.0, 4.0);
    }
    pen.frame(at.x - half, at.y - half, 2.0 * half, 2.0 * half);
    pen.dash(0.0, 0.0);
}

/// Each condition has its own outline: circle, dashed circle with a cross, broken circle, star; a
/// double circle with a gap for one that recovers; a small one for one that is no member, dashed if
/// it was one.
fn body(pen: &Pen<'_>, palette: &Palette, face: &Face, at: Point, r: f64) {
    pen.fill(&palette.panel);
    match face.state {
        NodeState::Up => {
            pen.circle(at, r);
            pen.fill_path();
            pen.stroke(&palette.ink2, 1.5);
            pen.stroke_path();
        }
        NodeState::Down | NodeState::Unknown => {
            pen.fill(&palette.sunken);
            pen.circle(at, r);
            pen.fill_path();
            pen.dash(3.0, 4.0);
            pen.stroke(&palette.ink3, 1.5);
            pen.stroke_path();
            pen.dash(0.0, 0.0);
            if face.state == NodeState::Down {
                pen.stroke(&palette.ink3, 2.0);
                pen.cross(Point { x: at.x + r * 0.72, y: at.y - r * 0.72 }, (r * 0.22).max(3.0));
            }
        }
        NodeState::CutOff => {
            pen.circle(at, r);
            pen.fill_path();
            pen.stroke(&palette.cut, 2.5);
            for quarter in 0..4 {
                let from = f64::from(quarter) / 4.0 + 0.045;
                pen.arc(at, r, from, from + 0.16);
            }
        }
        NodeState::Recovering => {
            pen.circle(at, r);
            pen.fill_path();
            pen.dash(1.5, 3.0);
            pen.stroke(&palette.ink2, 1.5);
            pen.stroke_path();
            pen.dash(0.0, 0.0);
            pen.stroke(&palette.accent, 2.0);
            pen.arc(at, r + 4.0, 0.08, 0.92);
        }
        NodeState::Spare | NodeState::Retired => {
            pen.circle(at, r * 0.74);
            pen.fill_path();
            if face.state == NodeState::Retired {
                pen.dash(3.0, 4.0);
            }
            pen.stroke(&palette.ink3, 1.2);
            pen.stroke_path();
            pen.dash(0.0, 0.0);
        }
        NodeState::Byzantine => {
            pen.polygon(at, r * 1.12, 8, 1.0 / 16.0);
            pen.fill_path();
            pen.stroke(&palette.lie, 2.5);
            pen.stroke_path();
            // Horns.
            for side in [-1.0, 1.0] {
                pen.fill(&palette.lie);
                pen.horn(Point { x: at.x + side * r * 0.66, y: at.y - r * 0.84 }, side, r * 0.36);
            }
        }
    }
}

/// Four quarters around the replica: pre-prepared, prepared, committed, executed.
fn phase_arcs(pen: &Pen<'_>, palette: &Palette, face: &Face, at: Point, r: f64) {
    let Some(current) = face.current else { return };
    if !matches!(face.state, NodeState::Up | NodeState::CutOff | NodeState::Byzantine) {
        return;
    }
    let inner = r - (r * 0.16).clamp(2.0, 5.0);
    for quarter in 0..usize::from(current.phase.min(4)) {
        let colour = if current.alt { &palette.lie } else { &palette.phases[quarter] };
        pen.stroke(colour, (r * 0.16).clamp(2.0, 4.5));
        if current.alt {
            pen.dash(3.0, 2.5);
        }
        let from = quarter as f64 / 4.0;
        pen.arc(at, inner, from + 0.012, from + 0.238);
        pen.dash(0.0, 0.0);
    }
}
