//! What is seen.
//!
//! | file | holds |
//! |---|---|
//! | `page` | header, list of playgrounds, everything around |
//! | `controls` | presets and knobs |
//! | `chart` | one panel of one side |
//! | `scale` | from numbers to pixels |
//! | `summary` | the few numbers that sum it up, and tables |

mod chart;
mod controls;
pub(crate) mod page;
mod scale;
mod summary;
