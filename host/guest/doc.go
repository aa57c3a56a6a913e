// Package guest runs a transform that was compiled to WebAssembly: it loads a module, checks it before anything of it runs,
// instantiates it within limits, hands it batches, and turns whatever goes wrong into an error that can be read.
//
// It knows no Kafka. A Module may be shared; an Instance is one memory and serves one goroutine at a time.
package guest
