//! What init is told: the settings image.

use crate::json::Json;
use crate::output::Out;
use crate::refusal::{Refusal, Result};
use crate::wire;

/// The settings of a transform: its name, the outputs that the pipeline declares, and `config:` of the pipeline's file.
#[derive(Clone, Debug)]
pub struct Config {
    transform: String,
    outputs: Vec<String>,
    json: Json,
}

impl Config {
    /// Reads a settings image.
    pub(crate) fn parse(image: &[u8]) -> Result<Config> {
        let text = std::str::from_utf8(image)?;
        let settings = Json::parse(text)?;
        match settings.get("abi").and_then(Json::as_i64) {
            Some(wire::VERSION) => {}
            _ => return Err(Refusal::new(0, "settings: abi is not 1")),
        }
        let outputs = settings.get("outputs").and_then(Json::as_array).unwrap_or_default();
        Ok(Config {
            transform: settings.get("transform").and_then(Json::as_str).unwrap_or_default().to_owned(),
            outputs: outputs.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
            json: match settings.get("config") {
                Some(config @ Json::Object(_)) => config.clone(),
                None | Some(Json::Null) => Json::Object(Vec::new()),
                Some(other) => return Err(Refusal::new(0, format!("config: want an object, got {}", other.kind()))),
            },
        })
    }

    /// The name that the pipeline gives to the transform.
    pub fn transform(&self) -> &str {
        &self.transform
    }

    /// The names of the pipeline's outputs, the default one first.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(String::as_str)
    }

    /// The output of that name. An error, which init returns, where the pipeline does not declare it.
    pub fn out(&self, name: &str) -> Result<Out> {
        match self.outputs.iter().position(|o| o == name) {
            Some(i) => Ok(Out(i as u16)),
            None => {
                Err(Refusal::new(0, format!("output {name:?} is not declared: the pipeline has {:?}", self.outputs)))
            }
        }
    }

    /// All of `config:`, an object.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// The value of a key of `config:`, where it is there.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.json.get(key)
    }

    /// The string at a key; an error that names the key where there is none.
    pub fn str(&self, key: &str) -> Result<&str> {
        self.want(key, "a string", Json::as_str)
    }

    /// The whole number at a key; an error that names the key where there is none.
    pub fn i64(&self, key: &str) -> Result<i64> {
        self.want(key, "a whole number", Json::as_i64)
    }

    /// The number at a key; an error that names the key where there is none.
    pub fn f64(&self, key: &str) -> Result<f64> {
        self.want(key, "a number", Json::as_f64)
    }

    /// True or false at a key; an error that names the key where there is neither.
    pub fn bool(&self, key: &str) -> Result<bool> {
        self.want(key, "true or false", Json::as_bool)
    }

    /// The list at a key; an error that names the key where there is none.
    pub fn array(&self, key: &str) -> Result<&[Json]> {
        self.want(key, "a list", Json::as_array)
    }

    fn want<'a, T>(&'a self, key: &str, what: &str, as_it: impl Fn(&'a Json) -> Option<T>) -> Result<T> {
        match self.get(key) {
            None => Err(Refusal::new(0, format!("config.{key}: missing, want {what}"))),
            Some(v) => as_it(v).ok_or_else(|| Refusal::new(0, format!("config.{key}: want {what}, got {}", v.kind()))),
        }
    }
}
