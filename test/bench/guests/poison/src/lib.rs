//! Forwards every record but each `every`-th by its offset, on which it traps or which it refuses: a guest for benchmarks.

use wasmflow::{Config, Output, Record, Refusal, Result};

struct Poison {
    every: i64,
    traps: bool,
}

impl Poison {
    fn new(config: &Config) -> Result<Poison> {
        Ok(Poison { every: config.i64("every")?, traps: config.bool("traps")? })
    }

    fn record(&mut self, r: Record<'_>, out: &mut Output) -> Result {
        if self.every > 0 && r.offset() % self.every == self.every / 2 {
            assert!(!self.traps, "poison");
            return Err(Refusal::new(0, "poison"));
        }
        out.forward(r)
    }
}

wasmflow::transform!(Poison::record, init = Poison::new);
