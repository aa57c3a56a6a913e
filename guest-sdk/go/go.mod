module github.com/wasmflow/wasmflow/guest-sdk/go

go 1.24
