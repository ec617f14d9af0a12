//! What a world is made of, and how it begins.

use std::sync::Arc;

use super::WorldState;
use super::clock::Clock;
use super::room::{Part, Room};
use crate::fault::{ActiveFault, Fault};
use crate::journal::secrets::Known;

/// Neighbouring faults must not draw neighbouring sequences.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The beginning of a world. What all worlds of a server have in common is made once.
#[derive(Clone, Debug)]
pub(crate) struct Beginning {
    pub(crate) world: WorldState,
    known: Arc<Known>,
    pub(crate) room: Room,
}

impl Beginning {
    pub(crate) fn new(world: WorldState, room: Room) -> Beginning {
        let known = Known::shared(world.secrets());
        Beginning { world, known, room }
    }
}

#[derive(Debug)]
pub(crate) struct State {
    /// The state in which it began.
    pub(crate) initial: Beginning,
    pub(crate) current: WorldState,
    pub(crate) clock: Clock,
    pub(crate) faults: Vec<ActiveFault>,
    /// The number of faults and credentials that were made, for the names of the next ones.
    pub(crate) made: u64,
    /// The number of faults that were registered since it began, so that the same ones draw the same again.
    armed: u64,
    /// The texts that give its credentials away.
    pub(crate) known: Arc<Known>,
    /// The memory that it takes.
    pub(crate) part: Part,
}

impl State {
    pub(super) fn new(initial: Beginning) -> State {
        let (current, known, part) = (initial.world.clone(), initial.known.clone(), initial.room.part());
        let (clock, faults) = (Clock::new(None), Vec::new());
        let mut state = State { initial, current, clock, faults, made: 0, armed: 0, known, part };
        state.begin(state.initial.clone(), 0);
        state
    }

    /// Brings everything to what the document says, which takes so much memory. What was there before comes back, to be
    /// dropped where nobody waits.
    pub(super) fn begin(&mut self, Beginning { mut world, known, .. }: Beginning, size: usize) -> impl Sized + use<> {
        self.part.set(size);
        let faults = std::mem::take(&mut world.faults);
        self.clock = Clock::new(world.clock);
        let before = (
            std::mem::replace(&mut self.current, world),
            std::mem::replace(&mut self.known, known),
            std::mem::take(&mut self.faults),
        );
        self.armed = 0;
        for fault in faults {
            self.arm(fault);
        }
        before
    }

    pub(super) fn arm(&mut self, fault: Arc<Fault>) -> u64 {
        (self.made, self.armed) = (self.made + 1, self.armed + 1);
        self.faults.push(ActiveFault::new(self.made, fault, self.current.seed ^ self.armed.wrapping_mul(SPREAD)));
        self.made
    }
}
