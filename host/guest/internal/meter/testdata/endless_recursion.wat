(module (func $f (export "f") call $f))
