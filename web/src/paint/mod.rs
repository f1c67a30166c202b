//! Painters: a scene onto a canvas. They keep nothing between two frames.
//!
//! | file | holds |
//! |---|---|
//! | `palette` | the colours, read from the style sheet |
//! | `pen` | the few strokes that both pictures are made of |
//! | `ring` | the cluster now |
//! | `lanes` | the cluster over time |

pub(crate) mod lanes;
mod palette;
mod pen;
pub(crate) mod ring;

pub(crate) use palette::Palette;
pub(crate) use pen::Pen;
