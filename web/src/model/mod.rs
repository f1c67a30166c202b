//! What is drawn, as plain values: no canvas, no browser, all of it tested natively.
//!
//! | file | holds |
//! |---|---|
//! | `belief` | what replicas think of each other |
//! | `chronicle` | events, indexed for drawing |
//! | `scene` | one moment: the replicas' faces, links, selection |
//! | `direction` | directions on a circle |
//! | `ring` | where things stand on the ring |
//! | `lanes` | time to pixels, lane by lane |
//! | `pace` | wall-clock time to virtual time |
//! | `decimals` | numbers with decimals |
//! | `words` | events, conditions and lies in sentences |

pub(crate) mod belief;
pub(crate) mod chronicle;
pub(crate) mod decimals;
pub(crate) mod direction;
pub(crate) mod lanes;
pub(crate) mod pace;
pub(crate) mod ring;
pub(crate) mod scene;
pub(crate) mod words;
