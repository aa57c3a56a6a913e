//! A transform as it is registered, and how a batch goes through it.

use std::fmt;
use std::sync::atomic::Ordering;

use crate::batch::Batch;
use crate::config::Config;
use crate::host::{NONE, RECORD};
use crate::output::Output;
use crate::record::Record;
use crate::refusal::Result;

/// A registered transform: [`transform!`](crate::transform) and [`transform_batch!`](crate::transform_batch) make a function
/// `wasmflow_guest` that returns it, for the module's exports and for [`testing::Host`](crate::testing::Host).
pub struct Guest {
    run: Box<dyn Run>,
}

trait Run {
    fn init(&mut self, config: &Config) -> Result;
    /// An error is one of the whole batch.
    fn batch(&mut self, batch: Batch<'_>, out: &mut Output) -> Result;
}

/// A function, what it needs, and what init made of the configuration.
struct Each<S, I, F> {
    init: I,
    state: Option<S>,
    f: F,
}

/// The same for whole batches.
struct Whole<S, I, F>(Each<S, I, F>);

impl Guest {
    /// A transform of records. The function is generic over the record's lifetime, so it cannot keep one:
    ///
    /// ```compile_fail
    /// let mut kept: Vec<wasmflow::Record<'static>> = Vec::new();
    /// wasmflow::Guest::each(move |r, _| {
    ///     kept.push(r);
    ///     Ok(())
    /// });
    /// ```
    pub fn each<F>(mut f: F) -> Guest
    where
        F: FnMut(Record<'_>, &mut Output) -> Result + 'static,
    {
        Guest::each_with(|_| Ok(()), move |(), r, out| f(r, out))
    }

    /// A transform of records with a state, which `init` makes of the configuration once an instance.
    pub fn each_with<S, I, F>(init: I, f: F) -> Guest
    where
        S: 'static,
        I: FnMut(&Config) -> Result<S> + 'static,
        F: FnMut(&mut S, Record<'_>, &mut Output) -> Result + 'static,
    {
        Guest { run: Box::new(Each { init, state: None, f }) }
    }

    /// A transform of whole batches. Its error is a trap of the whole batch; [`Output::refuse`] refuses one record.
    pub fn batch<F>(mut f: F) -> Guest
    where
        F: FnMut(Batch<'_>, &mut Output) -> Result + 'static,
    {
        Guest::batch_with(|_| Ok(()), move |(), b, out| f(b, out))
    }

    /// A transform of whole batches with a state, which `init` makes of the configuration once an instance.
    pub fn batch_with<S, I, F>(init: I, f: F) -> Guest
    where
        S: 'static,
        I: FnMut(&Config) -> Result<S> + 'static,
        F: FnMut(&mut S, Batch<'_>, &mut Output) -> Result + 'static,
    {
        Guest { run: Box::new(Whole(Each { init, state: None, f })) }
    }

    pub(crate) fn init(&mut self, config: &Config) -> Result {
        self.run.init(config)
    }

    /// Runs a batch; what it sends is in `out` afterwards. An error is one of the whole batch.
    pub(crate) fn transform(&mut self, batch: Batch<'_>, out: &mut Output) -> Result {
        out.begin(batch.len());
        self.run.batch(batch, out)?;
        out.sort_refusals();
        Ok(())
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guest")
    }
}

impl<S, I: FnMut(&Config) -> Result<S>, F> Each<S, I, F> {
    fn start(&mut self, config: &Config) -> Result {
        self.state = Some((self.init)(config)?);
        Ok(())
    }

    #[inline]
    fn parts(&mut self) -> (&mut S, &mut F) {
        (self.state.as_mut().expect("transform is called before init"), &mut self.f)
    }
}

impl<S, I, F> Run for Each<S, I, F>
where
    I: FnMut(&Config) -> Result<S>,
    F: FnMut(&mut S, Record<'_>, &mut Output) -> Result,
{
    fn init(&mut self, config: &Config) -> Result {
        self.start(config)
    }

    fn batch(&mut self, batch: Batch<'_>, out: &mut Output) -> Result {
        let (state, f) = self.parts();
        for r in batch {
            RECORD.store(r.index() as u32, Ordering::Relaxed);
            let (mark, refused) = (out.mark(), out.refused());
            let answer = f(state, r, out);
            if out.refused() > refused {
                continue; // by the function itself: the first refusal stands, and its text lies behind the mark
            }
            if let Err(refusal) = answer {
                out.undo(mark);
                out.refuse(r, refusal);
            }
        }
        RECORD.store(NONE, Ordering::Relaxed);
        Ok(())
    }
}

impl<S, I, F> Run for Whole<S, I, F>
where
    I: FnMut(&Config) -> Result<S>,
    F: FnMut(&mut S, Batch<'_>, &mut Output) -> Result,
{
    fn init(&mut self, config: &Config) -> Result {
        self.0.start(config)
    }

    fn batch(&mut self, batch: Batch<'_>, out: &mut Output) -> Result {
        let (state, f) = self.0.parts();
        f(state, batch, out)
    }
}
