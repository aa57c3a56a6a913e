(module (func $e (param i32) local.get 0 if local.get 0 i32.const 1 i32.sub call $e local.get 0 i32.const 1 i32.sub call $e end)
  (func (export "f") i32.const 60 call $e))
