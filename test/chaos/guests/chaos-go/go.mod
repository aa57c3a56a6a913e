module github.com/wasmflow/wasmflow/test/chaos/guests/chaos-go

go 1.24

require github.com/wasmflow/wasmflow/guest-sdk/go v0.0.0

replace github.com/wasmflow/wasmflow/guest-sdk/go => ../../../../guest-sdk/go
