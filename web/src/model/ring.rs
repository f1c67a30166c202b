//! Where replicas and clients stand on the ring, and where a message is between them.

use conclave_core::ids::{ClientId, NodeId, Principal};

use super::direction::direction;

/// A place on the picture, in CSS pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Point {
    /// From the left.
    pub(crate) x: f64,
    /// From the top.
    pub(crate) y: f64,
}

impl Point {
    /// On the way from here to `to`.
    pub(crate) fn towards(self, to: Self, part: f64) -> Self {
        Self { x: self.x + (to.x - self.x) * part, y: self.y + (to.y - self.y) * part }
    }

    /// How far apart.
    pub(crate) fn distance(self, to: Self) -> f64 {
        let (dx, dy) = (self.x - to.x, self.y - to.y);
        (dx * dx + dy * dy).sqrt()
    }
}

/// Where everything stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ring {
    /// The replicas' centres, by number.
    pub(crate) nodes: Vec<Point>,
    /// The clients' centres.
    pub(crate) clients: Vec<(ClientId, Point)>,
    /// A replica's radius.
    pub(crate) node_radius: f64,
    /// A client's half side.
    pub(crate) client_radius: f64,
    /// The ring's middle.
    pub(crate) middle: Point,
    /// The ring's radius.
    pub(crate) radius: f64,
}

/// The most clients that are drawn one by one.
const MAX_CLIENTS: usize = 12;

impl Ring {
    /// Fits `n` replicas and these clients into a canvas.
    pub(crate) fn layout(n: usize, clients: &[ClientId], width: f64, height: f64) -> Self {
        let shown = clients.len().min(MAX_CLIENTS);
        let column = if shown == 0 { 0.0 } else { (width * 0.16).clamp(52.0, 110.0) };
        let room = (width - column).max(40.0);
        let outer = (room.min(height) / 2.0).max(20.0);
        // Neighbours on the circle must not touch, and there is text above and below each.
        let (sine, _) = direction(0.5 / n.max(2) as f64);
        let mut node_radius = (outer * 0.2).clamp(5.0, 30.0);
        let margin = |r: f64| r + 26.0_f64.min(outer * 0.2);
        let mut radius = outer - margin(node_radius);
        let fits = 2.0 * radius * sine / 2.7;
        if node_radius > fits {
            node_radius = fits.max(3.5);
            radius = outer - margin(node_radius);
        }
        let middle = Point { x: column + room / 2.0, y: height / 2.0 };
        let nodes = (0..n)
            .map(|index| {
                let turn = index as f64 / n.max(1) as f64;
                // Node 0 at the top; with four, a square on its tip reads as "everyone to all".
                let (x, y) = direction(turn);
                Point { x: middle.x + radius * x, y: middle.y + radius * y }
            })
            .collect();
        let client_radius = (node_radius * 0.62).clamp(6.0, 16.0);
        let gap = (height / (shown as f64 + 1.0)).min(client_radius * 5.2);
        let first = height / 2.0 - gap * (shown as f64 - 1.0) / 2.0;
        let clients = clients
            .iter()
            .take(MAX_CLIENTS)
            .enumerate()
            .map(|(index, client)| {
                let x = (column * 0.5).max(client_radius + 8.0);
                (*client, Point { x, y: first + gap * index as f64 })
            })
            .collect();
        Self { nodes, clients, node_radius, client_radius, middle, radius }
    }

    /// Where somebody stands, and how large.
    pub(crate) fn place(&self, who: Principal) -> Option<(Point, f64)> {
        match who {
            Principal::Node(node) => {
                self.nodes.get(usize::from(node.0)).map(|point| (*point, self.node_radius))
            }
            Principal::Client(client) => self
                .clients
                .iter()
                .find(|(id, _)| *id == client)
                .map(|(_, point)| (*point, self.client_radius)),
        }
    }

    /// The ends of a message's way: from rim to rim, a little to the right of the straight line,
    /// so that both directions can be told apart.
    pub(crate) fn way(&self, from: Principal, to: Principal) -> Option<(Point, Point)> {
        let ((a, ra), (b, rb)) = (self.place(from)?, self.place(to)?);
        let length = a.distance(b);
        if length < ra + rb {
            return None;
        }
        let aside = (self.node_radius * 0.18).min(5.0);
        let (nx, ny) = (-(b.y - a.y) / length * aside, (b.x - a.x) / length * aside);
        let start = a.towards(b, (ra + 4.0) / length);
        let end = a.towards(b, 1.0 - (rb + 4.0) / length);
        Some((Point { x: start.x + nx, y: start.y + ny }, Point { x: end.x + nx, y: end.y + ny }))
    }

    /// The replica at a point.
    pub(crate) fn node_at(&self, point: Point) -> Option<NodeId> {
        let reach = self.node_radius.max(12.0) + 2.0;
        self.nodes
            .iter()
            .position(|centre| centre.distance(point) <= reach)
            .map(|index| NodeId(index as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cluster_size_fits_the_canvas_and_no_two_nodes_touch() {
        for n in 4..=64 {
            for (width, height) in [(360.0, 300.0), (880.0, 380.0), (320.0, 320.0)] {
                let ring = Ring::layout(n, &[ClientId(1), ClientId(2)], width, height);
                for (index, point) in ring.nodes.iter().enumerate() {
                    let r = ring.node_radius;
                    assert!(point.x - r >= 0.0 && point.x + r <= width, "n = {n}, {width}");
                    assert!(point.y - r >= 0.0 && point.y + r <= height, "n = {n}, {height}");
                    let next = ring.nodes[(index + 1) % n];
                    assert!(point.distance(next) > 2.0 * r, "n = {n}: {index} touches");
                }
            }
        }
    }

    #[test]
    fn both_directions_of_a_link_are_apart_and_end_at_the_rims() {
        let ring = Ring::layout(4, &[], 400.0, 400.0);
        let (a, b) = (Principal::Node(NodeId(0)), Principal::Node(NodeId(2)));
        let (there, back) = (ring.way(a, b).unwrap(), ring.way(b, a).unwrap());
        assert!(there.0.distance(back.1) > 1.0);
        assert!(there.0.distance(ring.nodes[0]) > ring.node_radius);
    }

    #[test]
    fn a_point_on_a_node_finds_it_and_the_middle_finds_none() {
        let ring = Ring::layout(4, &[], 400.0, 400.0);
        assert_eq!(ring.node_at(ring.nodes[3]), Some(NodeId(3)));
        assert_eq!(ring.node_at(ring.middle), None);
    }
}
