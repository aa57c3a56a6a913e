//! Checks payments: accepted ones leave in one normal form, rejected ones unchanged with a reason, and what is no payment is
//! refused. The rules are in the README beside this crate.

mod amount;
mod json;
mod payment;

#[cfg(test)]
mod fixtures;

use wasmflow::{refuse, Config, Json, Out, Output, Record, Result};

use payment::{Payment, Verdict};

struct Payments {
    currencies: Vec<String>,
    /// In cents.
    limit: i64,
    accepted: Out,
    rejected: Out,
}

impl Payments {
    fn new(config: &Config) -> Result<Self> {
        for (key, _) in config.json().as_object().unwrap_or_default() {
            if key != "currencies" && key != "limit" {
                refuse!("config.{key}: unknown key");
            }
        }
        let Some(currencies) = config.get("currencies").and_then(currencies) else {
            refuse!(r#"config.currencies: want a list of codes of three capital letters, like ["EUR", "USD"]"#);
        };
        let limit = config.get("limit").and_then(Json::as_str).and_then(|l| amount::cents(l.as_bytes()).ok());
        let Some(limit) = limit else {
            refuse!(r#"config.limit: want an amount above 0 in a string, like "10000.00""#);
        };
        Ok(Payments { currencies, limit, accepted: config.out("accepted")?, rejected: config.out("rejected")? })
    }

    fn record(&mut self, r: Record<'_>, out: &mut Output) -> Result {
        let Some(value) = r.value() else { refuse!(code = 1, "payment without a body") };
        match Payment::read(value)?.check(&self.currencies, self.limit) {
            Verdict::Accepted(accepted) => out.from(r).to(self.accepted).value_with(|w| accepted.write(w)).send(),
            Verdict::Rejected(reason) => out.from(r).to(self.rejected).add_header("reason", reason.as_bytes()).send(),
        }
    }
}

fn currencies(list: &Json) -> Option<Vec<String>> {
    let code = |c: &&str| c.len() == 3 && c.bytes().all(|b| b.is_ascii_uppercase());
    let codes = list.as_array()?.iter().map(|c| c.as_str().filter(code).map(str::to_owned));
    codes.collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
}

wasmflow::transform!(Payments::record, init = Payments::new, outputs = ["accepted", "rejected"]);
