(module (func $f loop $l i32.const 1 br_if $l end) (start $f))
