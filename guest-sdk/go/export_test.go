package wasmflow

// PanicText is what the host is told about a panic: on Wasm the exports call it, here only tests do.
var PanicText = panicText
